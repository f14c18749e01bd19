-- Mail that is to be sent, and what came of it.

create table agon.mails (
  id uuid primary key,
  idempotency_key text,
  to_address text not null,
  template text not null,
  subject text not null,
  sealed_body agon.sealed,
  state text not null default 'queued',
  error text,
  sent_at timestamptz,
  created_at timestamptz not null default now(),
  constraint mails_one_per_key unique (idempotency_key),
  constraint mails_key_is_short check (length(idempotency_key) between 1 and 200),
  constraint mails_address_is_one_plain_address check (
    to_address ~ '^[^[:space:][:cntrl:]@<>(),:;"\\\[\]]{1,64}@[^[:space:][:cntrl:]@<>(),:;"\\\[\]]{1,255}$'),
  constraint mails_template_is_a_name check (template ~ '^[a-z_]{1,40}$'),
  constraint mails_subject_is_one_line check (subject ~ '^[^[:cntrl:]]{1,200}$'),
  constraint mails_state_is_known check (state in ('queued', 'sent', 'failed')),
  constraint mails_body_stays_no_longer_than_needed
    check ((state = 'queued') = (sealed_body is not null)),
  constraint mails_sent_says_when check ((state = 'sent') = (sent_at is not null)),
  constraint mails_failed_says_why check (state <> 'failed' or error is not null),
  constraint mails_error_is_short check (length(error) <= 500)
);
comment on table agon.mails is
  'Mail, from the intent to the receipt. The body holds codes that sign people in: sealed while it waits, gone afterwards.';
create index mails_by_age on agon.mails (created_at);
alter table agon.mails enable row level security;

insert into agon.moves (machine, from_state, to_state, by, comment) values
  ('agon.mails.state', null, 'queued', 'engine', 'to be sent'),
  ('agon.mails.state', 'queued', 'sent', 'worker', 'the mail server took it, or its file is written'),
  ('agon.mails.state', 'queued', 'failed', 'worker', 'refused for good, or tried too often');
