-- Accounts at providers, whose new activities the collector fetches.

create table public.linked_accounts (
  id bigint generated always as identity primary key,
  subject text not null,
  provider text not null,
  external_id text,
  handle text,
  access_token agon.sealed,
  refresh_token agon.sealed,
  token_expires_at timestamptz,
  verified_at timestamptz,
  next_poll_at timestamptz not null default now(),
  polled_at timestamptz,
  last_error text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint linked_accounts_subject_is_lower_case_hex check (subject ~ '^0x[0-9a-f]{40}$'),
  constraint linked_accounts_provider_is_known check (provider in ('strava', 'opendota', 'riot', 'apple')),
  constraint linked_accounts_games_need_an_id check
    (provider not in ('opendota', 'riot') or external_id is not null),
  constraint linked_accounts_external_id_is_short check (external_id ~ '^\S{1,128}$')
);
comment on table public.linked_accounts is
  'Provider accounts by wallet. Tokens are sealed; verified_at says that the provider itself confirmed the owner.';
create unique index linked_accounts_one_per_provider on public.linked_accounts (lower(subject), provider);
create unique index linked_accounts_one_wallet_per_account on public.linked_accounts (provider, external_id)
  where external_id is not null;
create index linked_accounts_due on public.linked_accounts (next_poll_at);
alter table public.linked_accounts enable row level security;

create table agon.collected_documents (
  account_id bigint not null references public.linked_accounts (id) on delete cascade,
  challenge_id bigint not null,
  document_id text not null,
  collected_at timestamptz not null default now(),
  primary key (account_id, challenge_id, document_id)
);
comment on table agon.collected_documents is
  'What was fetched for a challenge already, whatever came of it; it is not fetched again.';
alter table agon.collected_documents enable row level security;

create table agon.oauth_states (
  state_hash text primary key,
  subject text not null,
  provider text not null,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  constraint oauth_states_hash_is_hex check (state_hash ~ '^[0-9a-f]{64}$')
);
comment on table agon.oauth_states is 'Linkings under way: each state works once, until it expires.';
create index oauth_states_by_age on agon.oauth_states (expires_at);
alter table agon.oauth_states enable row level security;
