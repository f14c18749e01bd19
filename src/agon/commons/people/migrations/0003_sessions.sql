-- Sessions and what opens them. Of every secret only a hash stands here.

create table agon.sessions (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  aal text not null default 'aal1',
  amr jsonb not null,
  generation integer not null default 0,
  address text,
  user_agent text,
  refreshed_at timestamptz,
  created_at timestamptz not null default now(),
  constraint sessions_amr_is_a_list check (jsonb_typeof(amr) = 'array')
);
comment on table agon.sessions is
  'Signed-in devices. generation is that of the one refresh token that is active.';
create index sessions_by_user on agon.sessions (user_id);
alter table agon.sessions enable row level security;

create table agon.refresh_tokens (
  token_hash bytea primary key,
  session_id uuid not null references agon.sessions (id) on delete cascade,
  generation integer not null,
  salt bytea,
  used_at timestamptz,
  created_at timestamptz not null default now(),
  constraint refresh_tokens_hash_is_sha256 check (length(token_hash) = 32),
  constraint refresh_tokens_salt_is_long check (length(salt) = 32),
  constraint refresh_tokens_one_per_generation unique (session_id, generation)
);
comment on table agon.refresh_tokens is
  'The family of a session''s refresh tokens, by SHA-256. A child is made of its parent and its salt.';
alter table agon.refresh_tokens enable row level security;

create table agon.flow_states (
  id uuid primary key default gen_random_uuid(),
  user_id uuid references auth.users (id) on delete cascade,
  provider text not null,
  state_hash bytea unique,
  binder_hash bytea,
  code_challenge text,
  code_challenge_method text,
  redirect_to text,
  links_to uuid references auth.users (id) on delete cascade,
  session_id uuid references agon.sessions (id) on delete cascade,
  code_hash bytea unique,
  method text,
  provider_tokens agon.sealed,
  issued_at timestamptz,
  created_at timestamptz not null default now(),
  constraint flow_states_method_is_known check (code_challenge_method in ('s256', 'plain')),
  constraint flow_states_challenge_is_whole
    check ((code_challenge is null) = (code_challenge_method is null))
);
comment on table agon.flow_states is
  'Sign-ins under way: who went where, and the code that is exchanged for a session, once. What a session began ends with it.';
create index flow_states_by_user on agon.flow_states (user_id);
create index flow_states_by_link on agon.flow_states (links_to);
create index flow_states_by_session on agon.flow_states (session_id);
create index flow_states_by_age on agon.flow_states (created_at);
alter table agon.flow_states enable row level security;

create table agon.one_time_tokens (
  token_hash bytea primary key,
  code_hash bytea not null,
  user_id uuid not null references auth.users (id) on delete cascade,
  kind text not null,
  email text not null,
  flow_id uuid references agon.flow_states (id) on delete set null,
  attempts integer not null default 0,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  constraint one_time_tokens_kind_is_known check (kind in (
    'signup', 'invite', 'magiclink', 'recovery', 'email_change_new', 'email_change_current',
    'reauthentication')),
  constraint one_time_tokens_hash_is_sha256 check (length(token_hash) = 32 and length(code_hash) = 32),
  constraint one_time_tokens_email_is_lower_case check (email = lower(email)),
  constraint one_time_tokens_one_per_kind unique (user_id, kind)
);
comment on table agon.one_time_tokens is
  'What was mailed: a link''s token by SHA-256, its six digits by HMAC. Gone once used.';
create index one_time_tokens_by_email on agon.one_time_tokens (email, kind);
create index one_time_tokens_by_flow on agon.one_time_tokens (flow_id);
create index one_time_tokens_by_age on agon.one_time_tokens (expires_at);
alter table agon.one_time_tokens enable row level security;
