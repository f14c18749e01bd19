-- Claims as the chain tells of them: six events of ChallengePay, and one of the Treasury.

create or replace function agon.stop_reports() returns void
language sql
as $$ select pg_advisory_xact_lock(hashtextextended('agon claims', 0)) $$;
comment on function agon.stop_reports() is
  'No wallet reports a claim until the transaction ends, so that log and report find each other. Called by effects only.';

create or replace function agon.claim_logs(chain_id bigint, from_block bigint, to_block bigint)
returns table (
  challenge_id bigint, subject text, claim_type text, amount_wei numeric, tx_hash text,
  block_number bigint, log_index integer, mined_at timestamptz
)
language sql stable security definer set search_path = ''
as $$
  select told.id, l.args ->> e.who, e.claim_type, (l.args ->> 'amount')::numeric, l.tx_hash, l.block_number,
    l.log_index, l.mined_at
  from agon.claim_events e
  join agon.chain_logs l on l.chain_id = claim_logs.chain_id and l.contract = e.contract and l.event = e.event
    and l.block_number between claim_logs.from_block and claim_logs.to_block
  cross join lateral agon.chain_challenge(coalesce(l.args ->> 'bucketId', l.args ->> 'id')) told (id)
  where told.id is not null and (e.contract = 'Treasury' or exists (
    select from public.challenges c where c.id = told.id and c.contract_address = l.address))
$$;
comment on function agon.claim_logs(bigint, bigint, bigint) is
  'The logs of these blocks that tell of claims. Called by effects only.';

create or replace function agon.apply_claims(chain_id bigint, from_block bigint, to_block bigint)
returns void
language sql security definer set search_path = ''
as $$
  select agon.stop_reports();

  -- The contract pays each type once, so there is one log; were there more, the first counts.
  insert into public.claims as c
    (challenge_id, subject, claim_type, amount_wei, bucket_id, tx_hash, block_number, log_index, source,
     claimed_at, created_at)
  select distinct on (l.challenge_id, l.subject, l.claim_type)
    l.challenge_id, l.subject, l.claim_type, l.amount_wei, l.challenge_id, l.tx_hash, l.block_number,
    l.log_index, 'indexer', l.mined_at, agon.now()
  from agon.claim_logs(apply_claims.chain_id, apply_claims.from_block, apply_claims.to_block) l
  where l.claim_type <> 'treasury_eth'
  order by l.challenge_id, l.subject, l.claim_type, l.block_number, l.log_index
  on conflict (challenge_id, lower(subject), claim_type) where claim_type <> 'treasury_eth' do update set
    amount_wei = excluded.amount_wei, bucket_id = excluded.bucket_id, tx_hash = excluded.tx_hash,
    block_number = excluded.block_number, log_index = excluded.log_index, source = excluded.source,
    claimed_at = excluded.claimed_at
    where c.source = 'ui'
$$;
comment on function agon.apply_claims(bigint, bigint, bigint) is
  'Effect of the six claims of ChallengePay: the indexer''s row takes the place of what a wallet reported.';

create or replace function agon.apply_treasury_claims(chain_id bigint, from_block bigint, to_block bigint)
returns void
language sql security definer set search_path = ''
as $$
  select agon.stop_reports();

  -- What a wallet reported is the first claim of its transaction.
  update public.claims c set
    amount_wei = l.amount_wei, bucket_id = l.challenge_id, block_number = l.block_number,
    log_index = l.log_index, source = 'indexer', claimed_at = l.mined_at
  from (
    select distinct on (l.tx_hash, l.subject, l.challenge_id) l.*
    from agon.claim_logs(apply_treasury_claims.chain_id, apply_treasury_claims.from_block,
      apply_treasury_claims.to_block) l
    where l.claim_type = 'treasury_eth'
    order by l.tx_hash, l.subject, l.challenge_id, l.log_index
  ) l
  where c.claim_type = 'treasury_eth' and c.source = 'ui' and c.tx_hash = l.tx_hash
    and lower(c.subject) = l.subject and c.challenge_id = l.challenge_id;

  insert into public.claims
    (challenge_id, subject, claim_type, amount_wei, bucket_id, tx_hash, block_number, log_index, source,
     claimed_at, created_at)
  select l.challenge_id, l.subject, l.claim_type, l.amount_wei, l.challenge_id, l.tx_hash, l.block_number,
    l.log_index, 'indexer', l.mined_at, agon.now()
  from agon.claim_logs(apply_treasury_claims.chain_id, apply_treasury_claims.from_block,
    apply_treasury_claims.to_block) l
  where l.claim_type = 'treasury_eth'
  order by l.block_number, l.log_index
  on conflict (block_number, log_index) where claim_type = 'treasury_eth' do nothing;
$$;
comment on function agon.apply_treasury_claims(bigint, bigint, bigint) is
  'Effect of ClaimedETH: one row a log, and the row that a wallet reported for its transaction is the first of them.';

create or replace function agon.undo_claims(chain_id bigint, first_undone bigint) returns void
language sql security definer set search_path = ''
as $$
  select agon.stop_reports();

  delete from public.claims c where c.block_number >= undo_claims.first_undone and c.reported is null;
  update public.claims c set
    source = 'ui', block_number = null, log_index = null,
    amount_wei = (c.reported ->> 'amount_wei')::numeric, tx_hash = c.reported ->> 'tx_hash',
    metadata = nullif(c.reported -> 'metadata', 'null'),
    claimed_at = (c.reported ->> 'claimed_at')::timestamptz
  where c.block_number >= undo_claims.first_undone;
$$;
comment on function agon.undo_claims(bigint, bigint) is
  'Takes back both effects: what a wallet had reported comes back, other rows go.';

select agon.register_chain_effect(e.contract, e.event, 140,
  case e.contract when 'Treasury' then 'agon.apply_treasury_claims' else 'agon.apply_claims' end,
  'agon.undo_claims')
from agon.claim_events e;
