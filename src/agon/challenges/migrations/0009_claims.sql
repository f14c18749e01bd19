-- What was claimed on the chain, by its events, and before them by the wallet's own word.

create table public.claims (
  id bigint generated always as identity primary key,
  challenge_id bigint not null,
  subject text not null,
  claim_type text not null,
  amount_wei agon.wei not null default 0,
  bucket_id bigint,
  tx_hash text,
  block_number bigint,
  log_index integer,
  source text not null,
  metadata jsonb,
  reported jsonb,
  claimed_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint claims_subject_is_lower_case_hex check (subject ~ '^0x[0-9a-f]{40}$'),
  constraint claims_type_is_known check (claim_type in ('principal', 'cashback', 'validator_reward',
    'validator_reject', 'reject_creator', 'reject_contribution', 'treasury_eth')),
  constraint claims_hash_is_hex check (tx_hash ~ '^0x[0-9a-f]{64}$'),
  constraint claims_source_is_known check (source in ('ui', 'indexer')),
  constraint claims_of_the_indexer_have_a_log check (
    (source = 'indexer') = (block_number is not null)
    and (block_number is null) = (log_index is null)
    and (block_number is null or tx_hash is not null)),
  constraint claims_of_the_ui_are_reported check (source <> 'ui' or reported is not null),
  constraint claims_of_the_treasury_name_a_transaction check (claim_type <> 'treasury_eth' or tx_hash is not null)
);
comment on table public.claims is
  'What wallets took out, one row a type; of the Treasury one row a log. The indexer''s word stands above the wallet''s, which is kept in reported and comes back if a reorganisation undoes the log. amount_wei 0 means unknown.';
create unique index claims_challenge_subject_type_uq on public.claims (challenge_id, lower(subject), claim_type)
  where claim_type <> 'treasury_eth';
create unique index claims_treasury_one_per_log on public.claims (block_number, log_index)
  where claim_type = 'treasury_eth';
create unique index claims_treasury_one_per_report on public.claims (challenge_id, lower(subject), tx_hash)
  where claim_type = 'treasury_eth' and reported is not null;
create index claims_subject_idx on public.claims (lower(subject));
create index claims_challenge_id_idx on public.claims (challenge_id);
create index claims_tx_hash_idx on public.claims (tx_hash) where tx_hash is not null;
create index claims_by_block on public.claims (block_number) where block_number is not null;
alter table public.claims enable row level security;

create table agon.claim_events (
  event text primary key,
  contract text not null,
  claim_type text not null unique,
  who text not null,
  call text not null
);
comment on table agon.claim_events is
  'Which event tells of which claim: who names the argument with the wallet, call the function that makes it.';
alter table agon.claim_events enable row level security;
insert into agon.claim_events (contract, event, claim_type, who, call) values
  ('ChallengePay', 'PrincipalClaimed', 'principal', 'who', 'claimPrincipal'),
  ('ChallengePay', 'CashbackClaimed', 'cashback', 'who', 'claimCashback'),
  ('ChallengePay', 'ValidatorClaimed', 'validator_reward', 'who', 'claimValidator'),
  ('ChallengePay', 'ValidatorRejectClaimed', 'validator_reject', 'who', 'claimValidatorReject'),
  ('ChallengePay', 'RejectCreatorClaimed', 'reject_creator', 'who', 'claimRejectCreator'),
  ('ChallengePay', 'RejectContributionClaimed', 'reject_contribution', 'who', 'claimRejectContribution'),
  ('Treasury', 'ClaimedETH', 'treasury_eth', 'to', 'claimETH');
