-- With what a program acts as a bot: a secret of which only the SHA-256 is kept.

create table agon.agent_credentials (
  id uuid primary key default gen_random_uuid(),
  bot_identity_id uuid not null,
  issued_for text not null,
  secret_sha256 bytea not null,
  prefix text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  constraint agent_credentials_secrets_differ unique (secret_sha256),
  constraint agent_credentials_secret_is_a_sha256 check (octet_length(secret_sha256) = 32),
  constraint agent_credentials_owner_is_lower_case_hex check (issued_for ~ '^0x[0-9a-f]{40}$'),
  constraint agent_credentials_prefix_is_short check (prefix ~ '^agon_bot_[A-Za-z0-9_-]{6}$'),
  constraint agent_credentials_end check (expires_at > created_at)
);
comment on table agon.agent_credentials is
  'Credentials of bots. issued_for is who owned the bot then: with another owner it is worth nothing. Bots stand on the floor above, so no foreign key leads there.';
create index agent_credentials_by_bot on agon.agent_credentials (bot_identity_id);
alter table agon.agent_credentials enable row level security;
