-- What an attempt is made of beyond its bytes, whom a Safe's proposals come from, and proposals.

alter table agon.chain_transactions
  add column nonce bigint not null,
  add column is_empty boolean not null default false,
  add column refusals integer not null default 0,
  add column refusal text,
  add column created_address text,
  add constraint chain_transactions_nonce_is_natural check (nonce >= 0),
  add constraint chain_transactions_created_address_is_lower_case_hex
    check (created_address ~ '^0x[0-9a-f]{40}$'),
  add constraint chain_transactions_block_hash_is_hex check (block_hash ~ '^0x[0-9a-f]{64}$'),
  add constraint chain_transactions_are_mined_whole
    check ((block_number is null) = (block_hash is null) and (block_number is null) = (succeeded is null));
create index chain_transactions_by_block on agon.chain_transactions (block_number)
  where block_number is not null;

alter table agon.chain_intents
  add column created_address text,
  add constraint chain_intents_created_address_is_lower_case_hex
    check (created_address ~ '^0x[0-9a-f]{40}$'),
  add constraint chain_intents_settled_hash_is_hex check (settled_hash ~ '^0x[0-9a-f]{64}$');

alter table agon.chain_signers
  add column proposer text,
  add constraint chain_signers_propose_by_a_key
    foreign key (chain_id, proposer) references agon.chain_signers (chain_id, address),
  add constraint chain_signers_name_a_proposer_if_safe check ((kind = 'safe') = (proposer is not null));
create index chain_signers_by_proposer on agon.chain_signers (chain_id, proposer);

create table agon.chain_proposals (
  safe_tx_hash text primary key,
  intent_id bigint not null unique references agon.chain_intents (id),
  body jsonb not null,
  posted_at timestamptz,
  created_at timestamptz not null default now(),
  constraint chain_proposals_hash_is_hex check (safe_tx_hash ~ '^0x[0-9a-f]{64}$')
);
comment on table agon.chain_proposals is
  'What was put before the owners of a Safe, signed and stored before it is posted; one an intent.';
alter table agon.chain_proposals enable row level security;

insert into agon.moves (machine, from_state, to_state, by, comment) values
  ('agon.chain_intents.status', 'signed', 'queued', 'sender', 'its nonce was used by another holder of the key, for good'),
  ('agon.chain_intents.status', 'sent', 'queued', 'sender', 'its nonce was used by another holder of the key, for good');
