-- What we send to a chain: signers, what is meant to happen once, and each attempt at it.

create table agon.chain_signers (
  chain_id bigint not null,
  address text not null,
  kind text not null,
  sealed_key agon.sealed,
  next_nonce bigint,
  active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (chain_id, address),
  constraint chain_signers_address_is_lower_case_hex check (address ~ '^0x[0-9a-f]{40}$'),
  constraint chain_signers_kind_is_known check (kind in ('key', 'safe')),
  constraint chain_signers_hold_a_key_unless_safe check ((kind = 'key') = (sealed_key is not null)),
  constraint chain_signers_nonce_is_natural check (next_nonce >= 0)
);
comment on table agon.chain_signers is
  'Who signs for us: a sealed key, or a Safe that we propose to. next_nonce is handed out under a lock on the row; null until first asked for.';
create unique index chain_signers_one_active on agon.chain_signers (chain_id) where active;
alter table agon.chain_signers enable row level security;

create table agon.chain_intents (
  id bigint generated always as identity primary key,
  chain_id bigint not null,
  key text not null,
  purpose text not null,
  payload jsonb not null default '{}',
  signer text,
  to_address text,
  data bytea not null,
  value_wei numeric(78,0) not null default 0,
  status text not null default 'queued',
  nonce bigint,
  settled_hash text,
  settled_block bigint,
  error text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint chain_intents_happen_once unique (chain_id, key),
  constraint chain_intents_own_their_nonce unique (chain_id, signer, nonce),
  foreign key (chain_id, signer) references agon.chain_signers (chain_id, address),
  constraint chain_intents_to_is_lower_case_hex check (to_address ~ '^0x[0-9a-f]{40}$'),
  constraint chain_intents_value_is_uint256
    check (value_wei >= 0 and value_wei < 115792089237316195423570985008687907853269984665640564039457584007913129639936),
  constraint chain_intents_status_is_known
    check (status in ('queued', 'signed', 'sent', 'proposed', 'confirmed', 'failed')),
  constraint chain_intents_nonce_is_natural check (nonce >= 0),
  constraint chain_intents_are_bounded check (octet_length(data) <= 131072 and length(key) <= 200)
);
comment on table agon.chain_intents is
  'What is meant to happen on a chain, once: the key says what, the nonce makes it so. No to_address: a deployment.';
create index chain_intents_open on agon.chain_intents (chain_id, id)
  where status in ('queued', 'signed', 'sent', 'proposed');
alter table agon.chain_intents enable row level security;

create table agon.chain_transactions (
  hash text primary key,
  intent_id bigint not null references agon.chain_intents (id),
  raw bytea not null,
  max_fee_wei numeric(78,0) not null,
  priority_fee_wei numeric(78,0) not null,
  gas_limit bigint not null,
  replaces text references agon.chain_transactions (hash),
  sent_at timestamptz,
  block_number bigint,
  block_hash text,
  succeeded boolean,
  created_at timestamptz not null default now(),
  constraint chain_transactions_hash_is_hex check (hash ~ '^0x[0-9a-f]{64}$'),
  constraint chain_transactions_fees_are_natural check (max_fee_wei >= priority_fee_wei and priority_fee_wei >= 0)
);
comment on table agon.chain_transactions is
  'Signed bytes, one row an attempt; attempts of an intent share its nonce, so one of them is mined at most.';
create index chain_transactions_by_intent on agon.chain_transactions (intent_id);
create index chain_transactions_by_replaced on agon.chain_transactions (replaces);
alter table agon.chain_transactions enable row level security;

create table agon.chain_purposes (
  purpose text primary key,
  note text not null
);
comment on table agon.chain_purposes is
  'What systems do when an intent of theirs moves on: a function of the intent, called in the same transaction.';
alter table agon.chain_purposes enable row level security;

insert into agon.moves (machine, from_state, to_state, by, comment) values
  ('agon.chain_intents.status', null, 'queued', 'a system', 'meant'),
  ('agon.chain_intents.status', 'queued', 'signed', 'signer', 'nonce given, bytes stored'),
  ('agon.chain_intents.status', 'queued', 'proposed', 'signer', 'put before the owners of a Safe'),
  ('agon.chain_intents.status', 'queued', 'failed', 'signer', 'the chain would refuse it'),
  ('agon.chain_intents.status', 'signed', 'sent', 'sender', 'a node took it'),
  ('agon.chain_intents.status', 'signed', 'confirmed', 'sender', 'mined before the node''s answer was noted'),
  ('agon.chain_intents.status', 'signed', 'failed', 'sender', 'mined and reverted'),
  ('agon.chain_intents.status', 'sent', 'confirmed', 'sender', 'mined, and deep enough'),
  ('agon.chain_intents.status', 'sent', 'failed', 'sender', 'mined and reverted, or given up with an empty transaction'),
  ('agon.chain_intents.status', 'proposed', 'confirmed', 'sender', 'the owners executed it'),
  ('agon.chain_intents.status', 'proposed', 'failed', 'sender', 'another took its place in the Safe, or it reverted'),
  ('agon.chain_intents.status', 'confirmed', 'sent', 'sender', 'a reorganisation took it back'),
  ('agon.chain_intents.status', 'failed', 'sent', 'sender', 'a reorganisation took the failure back'),
  ('agon.chain_intents.status', 'failed', 'queued', 'operator', 'meant again, as the chain does it once at most');
