-- What is read from a chain: our contracts, blocks, decoded logs, and how far we are.

create table agon.chains (
  chain_id bigint primary key,
  next_block bigint not null,
  finalized_block bigint not null default -1,
  head_block bigint,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint chains_id_is_positive check (chain_id > 0),
  constraint chains_start_at_a_block check (next_block >= 0)
);
comment on table agon.chains is
  'One row a chain: the next block to index, and the last that is never undone. Indexers take turns on it.';
alter table agon.chains enable row level security;

create table agon.chain_contracts (
  chain_id bigint not null references agon.chains (chain_id),
  address text not null,
  from_block bigint not null,
  to_block bigint,
  name text not null,
  abi_version integer not null default 1,
  created_at timestamptz not null default now(),
  primary key (chain_id, address, from_block),
  constraint chain_contracts_address_is_lower_case_hex check (address ~ '^0x[0-9a-f]{40}$'),
  constraint chain_contracts_last_a_while check (from_block >= 0 and to_block > from_block)
);
comment on table agon.chain_contracts is
  'Whose logs are read, from a block up to, but not including, another; name and version tell the ABI.';
create index chain_contracts_by_name on agon.chain_contracts (chain_id, name);
alter table agon.chain_contracts enable row level security;

create table agon.chain_blocks (
  chain_id bigint not null references agon.chains (chain_id),
  number bigint not null,
  hash text not null,
  parent_hash text,
  mined_at timestamptz not null,
  primary key (chain_id, number),
  constraint chain_blocks_hash_is_hex check (hash ~ '^0x[0-9a-f]{64}$'),
  constraint chain_blocks_parent_hash_is_hex check (parent_hash ~ '^0x[0-9a-f]{64}$')
);
comment on table agon.chain_blocks is
  'Blocks that hold logs of ours, and every block that may still be undone; parents are known of those.';
alter table agon.chain_blocks enable row level security;

-- No foreign key to the block: it would be looked up for each of 100,000 rows that one statement
-- writes together with their blocks, and one function takes both back together.
create table agon.chain_logs (
  chain_id bigint not null,
  block_number bigint not null,
  log_index integer not null,
  tx_hash text not null,
  address text not null,
  contract text not null,
  event text not null,
  args jsonb not null,
  mined_at timestamptz not null,
  primary key (chain_id, block_number, log_index)
);
comment on table agon.chain_logs is
  'Logs of our contracts, decoded: args by name, integers as decimal strings, addresses and bytes as lower-case hex.';
create index chain_logs_by_event on agon.chain_logs (chain_id, contract, event, block_number, log_index);
alter table agon.chain_logs enable row level security;

create table agon.chain_effects (
  contract text not null,
  event text not null,
  position integer not null default 100,
  apply text not null,
  undo text not null,
  primary key (contract, event, apply)
);
comment on table agon.chain_effects is
  'What systems do with logs: functions (chain, first block, last block), and those that take it back (chain, first undone block).';
alter table agon.chain_effects enable row level security;

create table public.indexer_state (
  key text primary key,
  value text not null
);
comment on table public.indexer_state is
  'How far indexers are, under the names that dashboards know; it mirrors agon.chains.';
alter table public.indexer_state enable row level security;
