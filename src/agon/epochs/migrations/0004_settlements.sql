-- What a day came to: contributions, who is paid how much of the pool, and the edition of it.

alter table public.epochs
  add column number integer not null generated always as (
    (extract(year from day_date) * 10000 + extract(month from day_date) * 100
      + extract(day from day_date))::integer) stored,
  add column result_cid text,
  add column outcome text,
  -- The bundle is kept before the day names it.
  add constraint epochs_result_is_kept foreign key (result_cid) references agon.results (cid),
  add constraint epochs_own_their_result unique (result_cid),
  add constraint epochs_outcome_is_known
    check (outcome in ('paid', 'no_contribution', 'no_recipient')),
  add constraint epochs_summary_is_content check (summary_uri ~ '^ipfs://b[a-z2-7]{50,}$'),
  add constraint epochs_are_settled_in_all_columns check (
    (result_cid is null) = (outcome is null) and (result_cid is null) = (summary_uri is null));
comment on column public.epochs.number is
  'The day on a chain, yyyymmdd: the token id of its edition, the epoch of its payouts.';

create table public.epoch_contributions (
  id uuid primary key default gen_random_uuid(),
  epoch_id uuid not null references public.epochs (id) on delete cascade,
  bot_identity_id uuid not null references public.bot_identities (id) on delete cascade,
  owner_address text,
  occupied_seconds integer not null default 0,
  successful_claims integer not null default 0,
  defense_seconds integer not null default 0,
  vote_quality numeric(12,6) not null default 0,
  raw_score numeric(18,8) not null default 0,
  normalized_share numeric(18,12) not null default 0,
  computed_at timestamptz not null default now(),
  constraint epoch_contributions_one_per_bot unique (epoch_id, bot_identity_id),
  constraint epoch_contributions_owner_is_lower_case_hex check (owner_address ~ '^0x[0-9a-f]{40}$'),
  constraint epoch_contributions_counts_are_natural
    check (occupied_seconds >= 0 and successful_claims >= 0 and defense_seconds >= 0),
  constraint epoch_contributions_defend_what_they_occupy check (defense_seconds <= occupied_seconds),
  constraint epoch_contributions_are_parts_of_one check (
    vote_quality >= 0 and vote_quality <= 1 and raw_score >= 0 and raw_score <= 1
    and normalized_share >= 0 and normalized_share <= 1)
);
comment on table public.epoch_contributions is
  'What each bot did in a day, by the day''s result: seconds are its milliseconds, rounded down; the shares of a day add up to 1, or to 0. owner_address: who is paid for the bot, or nobody.';
create index epoch_contributions_by_bot on public.epoch_contributions (bot_identity_id);
alter table public.epoch_contributions enable row level security;

create table public.epoch_payouts (
  id uuid primary key default gen_random_uuid(),
  epoch_id uuid not null references public.epochs (id) on delete cascade,
  bot_identity_id uuid not null references public.bot_identities (id) on delete cascade,
  recipient_address text not null,
  bps integer not null,
  amount_wei agon.wei not null,
  batch integer,
  chain_id bigint,
  payout_tx_hash text,
  status text not null default 'pending',
  credited boolean not null default false,
  error text,
  created_at timestamptz not null default now(),
  settled_at timestamptz,
  constraint epoch_payouts_one_per_bot unique (epoch_id, bot_identity_id),
  constraint epoch_payouts_recipient_is_lower_case_hex check (recipient_address ~ '^0x[0-9a-f]{40}$'),
  constraint epoch_payouts_share_is_basis_points check (bps >= 0 and bps <= 10000),
  constraint epoch_payouts_pay_something check (amount_wei > 0),
  constraint epoch_payouts_batch_is_natural check (batch >= 0),
  constraint epoch_payouts_in_a_batch_name_their_chain check ((batch is null) = (chain_id is null)),
  constraint epoch_payouts_hash_is_hex check (payout_tx_hash ~ '^0x[0-9a-f]{64}$'),
  constraint epoch_payouts_status_is_known
    check (status in ('pending', 'submitted', 'confirmed', 'failed')),
  constraint epoch_payouts_confirmed_name_a_transaction
    check (status <> 'confirmed' or payout_tx_hash is not null),
  constraint epoch_payouts_failed_say_why check (status <> 'failed' or error is not null),
  constraint epoch_payouts_ended_say_when
    check ((status in ('confirmed', 'failed')) = (settled_at is not null))
);
comment on table public.epoch_payouts is
  'Who is paid how much for a day. A bot without a recipient, or whose share is not one wei, has no row. credited: the receiver refused the payment, and may withdraw it from the contract.';
create index epoch_payouts_by_bot on public.epoch_payouts (bot_identity_id);
create index epoch_payouts_by_batch on public.epoch_payouts (epoch_id, batch);
create index epoch_payouts_by_recipient on public.epoch_payouts (recipient_address);
alter table public.epoch_payouts enable row level security;

create table public.epoch_editions (
  id uuid primary key default gen_random_uuid(),
  epoch_id uuid not null references public.epochs (id) on delete cascade,
  chain_id bigint,
  contract_address text,
  token_id numeric(78,0) not null,
  metadata_uri text not null,
  recipient_address text,
  status text not null default 'pending',
  tx_hash text,
  error text,
  created_at timestamptz not null default now(),
  minted_at timestamptz,
  constraint epoch_editions_one_per_epoch unique (epoch_id),
  constraint epoch_editions_contract_is_lower_case_hex check (contract_address ~ '^0x[0-9a-f]{40}$'),
  constraint epoch_editions_token_is_natural check (token_id >= 0),
  constraint epoch_editions_metadata_is_content check (metadata_uri ~ '^ipfs://b[a-z2-7]{50,}$'),
  constraint epoch_editions_recipient_is_lower_case_hex check (recipient_address ~ '^0x[0-9a-f]{40}$'),
  constraint epoch_editions_hash_is_hex check (tx_hash ~ '^0x[0-9a-f]{64}$'),
  constraint epoch_editions_status_is_known
    check (status in ('pending', 'submitted', 'confirmed', 'failed')),
  constraint epoch_editions_failed_say_why check (status <> 'failed' or error is not null),
  constraint epoch_editions_minted_say_when_and_where check (
    (status = 'confirmed') = (minted_at is not null)
    and (status <> 'confirmed' or (tx_hash is not null and recipient_address is not null
      and contract_address is not null and chain_id is not null)))
);
comment on table public.epoch_editions is
  'The one token of a settled day; token_id is the day''s number. A pending one that waits says for what in error.';
alter table public.epoch_editions enable row level security;

insert into agon.moves (machine, from_state, to_state, by, comment)
select m.machine, v.from_state, v.to_state, v.by, v.comment
from unnest('{public.epoch_payouts.status, public.epoch_editions.status}'::text[]) m (machine),
  (values
    (null, 'pending', 'engine', 'the day is settled'),
    ('pending', 'submitted', 'engine', 'a node took the transaction'),
    ('pending', 'confirmed', 'engine', 'mined before the node''s answer was noted'),
    ('pending', 'failed', 'engine', 'the chain would refuse it'),
    ('submitted', 'confirmed', 'engine', 'mined, and deep enough'),
    ('submitted', 'failed', 'engine', 'mined and reverted'),
    ('submitted', 'pending', 'engine', 'its transaction is put together again'),
    ('confirmed', 'submitted', 'engine', 'a reorganisation took it back'),
    ('failed', 'submitted', 'engine', 'a reorganisation took the failure back'),
    ('failed', 'confirmed', 'engine', 'a log says that an earlier attempt did it'),
    ('confirmed', 'failed', 'engine', 'a reorganisation took that log back'),
    ('failed', 'pending', 'operator', 'tried again')
  ) v (from_state, to_state, by, comment);
