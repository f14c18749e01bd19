-- Bots are tokens of a BotIdentity contract. Who owned one, from where to where in the chain.

create table public.bot_identities (
  id uuid primary key default gen_random_uuid(),
  slug text not null,
  created_at timestamptz not null default now(),
  created_by_user_id uuid,
  chain_id bigint not null,
  contract_address text not null,
  token_id numeric(78,0) not null,
  metadata_uri text,
  active_avatar_id uuid,
  status text not null default 'active',
  constraint bot_identities_own_their_slug unique (slug),
  constraint bot_identities_one_per_token unique (chain_id, contract_address, token_id),
  constraint bot_identities_contract_is_lower_case_hex check (contract_address ~ '^0x[0-9a-f]{40}$'),
  constraint bot_identities_token_is_uint256
    check (token_id >= 0 and token_id < 115792089237316195423570985008687907853269984665640564039457584007913129639936),
  -- Another state comes with the act that leads to it.
  constraint bot_identities_status_is_known check (status = 'active')
);
comment on table public.bot_identities is
  'A bot, one row a token. Its id and slug follow from the token, so a mint that is undone and mined again is the same bot.';
alter table public.bot_identities enable row level security;

create table public.bot_identity_owners (
  id uuid primary key default gen_random_uuid(),
  bot_identity_id uuid not null references public.bot_identities (id) on delete cascade,
  owner_address text not null,
  source text not null default 'onchain',
  effective_from timestamptz not null default now(),
  effective_to timestamptz,
  from_block bigint not null,
  from_log integer not null,
  to_block bigint,
  to_log integer,
  constraint bot_identity_owners_begin_once unique (bot_identity_id, from_block, from_log),
  -- `{40}` is five times as slow, and transfers come by the hundred thousand.
  constraint bot_identity_owners_address_is_lower_case_hex
    check (owner_address ~ '^0x[0-9a-f]*$' and length(owner_address) = 42),
  constraint bot_identity_owners_are_somebody
    check (owner_address <> '0x0000000000000000000000000000000000000000'),
  constraint bot_identity_owners_source_is_known check (source in ('onchain', 'admin_correction')),
  constraint bot_identity_owners_end_in_all_columns
    check ((to_block is null) = (to_log is null) and (to_block is null) = (effective_to is null)),
  constraint bot_identity_owners_run_forward
    check ((to_block, to_log) > (from_block, from_log) and effective_to >= effective_from)
);
comment on table public.bot_identity_owners is
  'Half-open intervals from (from_block, from_log) to (to_block, to_log): the log order, since two transfers in a block share their time. Without an end, the owner of now.';
create unique index bot_identity_owners_one_current on public.bot_identity_owners (bot_identity_id)
  where effective_to is null;
create index bot_identity_owners_by_owner on public.bot_identity_owners (owner_address)
  where effective_to is null;
-- What a reorganisation takes back is found from the end: by the block of a row's last change.
create index bot_identity_owners_by_last_block
  on public.bot_identity_owners (coalesce(to_block, from_block));
alter table public.bot_identity_owners enable row level security;
