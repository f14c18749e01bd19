-- Who is asked to take part, who wants to be reminded, and what was told of each challenge.

create table public.challenge_invites (
  id text primary key default gen_random_uuid()::text,
  challenge_id bigint not null,
  method text not null,
  value text not null,
  status text not null default 'queued',
  inviter_wallet text not null,
  accepted_by_wallet text,
  joined_at timestamptz,
  error text,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint challenge_invites_method_is_known check (method in ('email', 'wallet', 'steam')),
  constraint challenge_invites_value_has_its_form check (length(value) <= 255 and value ~ case method
    when 'wallet' then '^0x[0-9a-f]{40}$'
    when 'steam' then '^7656119[0-9]{10}$'
    else '^[^[:space:][:cntrl:]@<>(),:;"\\\[\]A-Z]{1,64}@[a-z0-9.-]{1,190}$' end),
  constraint challenge_invites_status_is_known check (status in ('queued', 'sent', 'accepted', 'failed')),
  constraint challenge_invites_inviter_is_lower_case_hex check (inviter_wallet ~ '^0x[0-9a-f]{40}$'),
  constraint challenge_invites_accepted_by_is_lower_case_hex
    check (accepted_by_wallet ~ '^0x[0-9a-f]{40}$'),
  constraint challenge_invites_accepted_say_by_whom
    check ((status = 'accepted') = (accepted_by_wallet is not null)),
  constraint challenge_invites_of_wallets_are_theirs
    check (method <> 'wallet' or accepted_by_wallet is null or accepted_by_wallet = value),
  constraint challenge_invites_joined_were_accepted check (joined_at is null or status = 'accepted'),
  constraint challenge_invites_failed_say_why check ((status = 'failed') = (error is not null))
);
comment on table public.challenge_invites is
  'Who is asked by whom to take part: by wallet, address of mail, or Steam64 id. joined_at: when who accepted joined the challenge.';
create unique index challenge_invites_one_that_stands
  on public.challenge_invites (challenge_id, method, value, inviter_wallet) where status <> 'failed';
create index challenge_invites_by_challenge on public.challenge_invites (challenge_id);
create index challenge_invites_by_status on public.challenge_invites (status);
create index challenge_invites_by_expiry on public.challenge_invites (expires_at)
  where status in ('queued', 'sent');
create index challenge_invites_by_value on public.challenge_invites (value, method);
create index challenge_invites_by_inviter on public.challenge_invites (inviter_wallet, created_at);
create index challenge_invites_by_accepter on public.challenge_invites (accepted_by_wallet);
alter table public.challenge_invites enable row level security;

create table agon.invite_letters (
  invite_id text primary key references public.challenge_invites (id) on delete cascade,
  token_hash bytea not null,
  mail_id uuid references agon.mails (id) on delete set null,
  constraint invite_letters_hash_is_sha256 check (octet_length(token_hash) = 32)
);
comment on table agon.invite_letters is
  'Invites that went out by mail: the token of the link, by SHA-256, and the mail.';
create index invite_letters_by_mail on agon.invite_letters (mail_id);
alter table agon.invite_letters enable row level security;

insert into agon.moves (machine, from_state, to_state, by, comment) values
  ('public.challenge_invites.status', null, 'queued', 'inviter', 'asked'),
  ('public.challenge_invites.status', 'queued', 'sent', 'engine', 'the wallet is told, or the mail is queued'),
  ('public.challenge_invites.status', 'queued', 'accepted', 'invitee', 'accepted before it was told'),
  ('public.challenge_invites.status', 'queued', 'failed', 'engine', 'expired: nobody could be told'),
  ('public.challenge_invites.status', 'sent', 'accepted', 'invitee', 'accepted, or joined by themselves'),
  ('public.challenge_invites.status', 'sent', 'failed', 'engine', 'expired, or the mail did not arrive');

create table public.reminders (
  id bigint generated always as identity primary key,
  email text not null,
  challenge_id bigint not null,
  type text not null,
  sent boolean not null default false,
  token_hash bytea,
  confirmed_at timestamptz,
  created_at timestamptz not null default now(),
  sent_at timestamptz,
  constraint reminders_one_per_address_and_type unique (email, challenge_id, type),
  constraint reminders_type_is_known check (type in ('proof_deadline', 'finalization')),
  constraint reminders_email_is_one_plain_address check (length(email) <= 255 and email ~
    '^[^[:space:][:cntrl:]@<>(),:;"\\\[\]A-Z]{1,64}@[a-z0-9.-]{1,190}$'),
  constraint reminders_sent_say_when check (sent = (sent_at is not null)),
  constraint reminders_sent_were_confirmed check (not sent or confirmed_at is not null),
  constraint reminders_hash_is_sha256 check (octet_length(token_hash) = 32)
);
comment on table public.reminders is
  'Who wants mail before proofs are due, or once the outcome is final. confirmed_at: the address is known to want it; token_hash: of the link in the newest mail to it, by which it confirms or unsubscribes.';
create index reminders_pending on public.reminders (sent, created_at);
create index reminders_by_challenge on public.reminders (challenge_id);
create unique index reminders_by_token on public.reminders (token_hash);
alter table public.reminders enable row level security;

create table agon.challenge_prompts (
  challenge_id bigint not null,
  type text not null,
  told bigint not null,
  created_at timestamptz not null default now(),
  primary key (challenge_id, type)
);
comment on table agon.challenge_prompts is
  'What the participants of a challenge were told, once each, and how many they were.';
alter table agon.challenge_prompts enable row level security;

create table agon.claim_prompts (
  challenge_id bigint not null,
  subject text not null,
  type text not null default 'claim_available',
  ended_at timestamptz not null,
  due_at timestamptz not null,
  primary key (challenge_id, subject),
  constraint claim_prompts_type_is_known check (type in ('claim_available', 'claim_reminder'))
);
comment on table agon.claim_prompts is
  'Wallets of which the chain is still to be asked whether they can claim, and what to tell them then.';
create index claim_prompts_due on agon.claim_prompts (due_at);
alter table agon.claim_prompts enable row level security;

create index challenges_approved_by_end on public.challenges (((timeline ->> 'end')::numeric))
  where status = 'approved';
