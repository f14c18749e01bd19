-- Messages that a wallet has signed and that were taken once (EIP-4361).

create table agon.used_messages (
  hash bytea primary key,
  until timestamptz not null,
  constraint used_messages_hash_is_sha256 check (octet_length(hash) = 32)
);
comment on table agon.used_messages is
  'Signed messages that have done their work, by SHA-256, for as long as their own times hold.';
create index used_messages_by_until on agon.used_messages (until);
alter table agon.used_messages enable row level security;
