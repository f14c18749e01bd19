-- From an inference that is done to an outcome on the chain: proof, winners batch by batch, outcome.

create or replace trigger challenge_settlements_stamp_updated_at
  before update on agon.challenge_settlements
  for each row execute function agon.stamp_updated_at();

create or replace function agon.next_settlement(challenge_id bigint) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  batch_max constant integer := 100;
  settlement agon.challenge_settlements;
  job public.aivm_jobs;
  batches integer;
  step integer;
  act jsonb;
begin
  select s.* into settlement
  from agon.challenge_settlements s
  join public.challenges c on c.id = s.challenge_id and c.status = 'approved'
  where s.challenge_id = next_settlement.challenge_id for no key update of s;
  select * into job from public.aivm_jobs j where j.challenge_id = settlement.challenge_id;
  batches := ceil(cardinality(settlement.winners)::numeric / batch_max);
  -- The contract takes one proof: whoever gave it, it is given.
  step := greatest(settlement.step, (settlement.proof_tx_hash is not null)::integer);
  if job.status is distinct from 'done' or settlement.intent_id is not null or step > batches + 1 then
    return null;
  end if;
  act := case
    when step = 0 then jsonb_build_object('call', 'submitProof', 'result_hash', job.result_hash)
    when step <= batches then jsonb_build_object('call', 'markWinners', 'winners',
      settlement.winners[(step - 1) * batch_max + 1 : step * batch_max])
    else jsonb_build_object('call', 'finalize', 'outcome', settlement.outcome)
  end;
  return act || jsonb_build_object(
    'chain_id', agon.the_chain(), 'to', (
      select c.contract_address from public.challenges c where c.id = settlement.challenge_id), 'step', step,
    'key', format('challenges.settle:%s:%s:%s:%s', settlement.challenge_id,
      right(settlement.result_cid, 16), step, settlement.attempts));
end
$$;
comment on function agon.next_settlement(bigint) is
  'The next call of ChallengePay for a challenge; null while one is on its way, and when there is none.';
grant execute on function agon.next_settlement(bigint) to agon_worker;

create or replace function agon.enqueue_settlements() returns bigint
language sql security definer set search_path = ''
as $$
  select count(agon.enqueue('challenges.settle', jsonb_build_object('challenge_id', s.challenge_id),
    'challenges.settle:' || s.challenge_id))
  from public.challenges c
  join agon.challenge_settlements s on s.challenge_id = c.id and s.intent_id is null
  join public.aivm_jobs j on j.challenge_id = c.id and j.status = 'done'
  where c.content_hash is not null and c.status = 'approved' and s.attempts < 5
    and s.updated_at + greatest(1, s.attempts) * interval '1 minute' <= agon.now()
$$;
comment on function agon.enqueue_settlements() is
  'Queues what is to be settled and waits for no call on its way: the job that it had was lost.';
grant execute on function agon.enqueue_settlements() to agon_worker;

create or replace function agon.note_settlement_meant(challenge_id bigint, intent_id bigint) returns void
language sql security definer set search_path = ''
as $$
  update agon.challenge_settlements s set intent_id = note_settlement_meant.intent_id
  where s.challenge_id = note_settlement_meant.challenge_id
$$;
comment on function agon.note_settlement_meant(bigint, bigint) is 'The call stands in the outbox.';
grant execute on function agon.note_settlement_meant(bigint, bigint) to agon_worker;

create or replace function agon.note_settlement(intent agon.chain_intents) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  settlement agon.challenge_settlements;
begin
  if intent.status not in ('confirmed', 'failed') then
    return;
  end if;
  -- A call that moves again after its step is over changes nothing: the next ones follow by nonce.
  update agon.challenge_settlements s set
    intent_id = null, last_error = intent.error,
    step = case intent.status when 'confirmed' then (intent.payload ->> 'step')::integer + 1 else s.step end,
    attempts = case intent.status when 'confirmed' then 0 else s.attempts + 1 end
  where s.intent_id = intent.id returning s.* into settlement;
  if settlement.attempts < 5 then
    perform agon.enqueue('challenges.settle', jsonb_build_object('challenge_id', settlement.challenge_id),
      run_at => pg_catalog.now() + settlement.attempts * interval '1 minute');
  end if;
end
$$;
comment on function agon.note_settlement(agon.chain_intents) is
  'Note of challenges.settle: a confirmed call makes way for the next, a failed one is tried again, five times at most.';
select agon.register_purpose('challenges.settle', 'agon.note_settlement');

create or replace function agon.recompute_proofs(
  chain_id bigint, from_block bigint, to_block bigint, below bigint
) returns void
language sql security definer set search_path = ''
as $$
  update agon.challenge_settlements s set proof_tx_hash = proof.tx_hash
  from (
    select distinct c.id, c.contract_address from agon.chain_logs l
    join public.challenges c
      on c.id = agon.chain_challenge(l.args ->> 'id') and c.contract_address = l.address
    where l.chain_id = recompute_proofs.chain_id and l.contract = 'ChallengePay'
      and l.event = 'ProofSubmitted'
      and l.block_number between recompute_proofs.from_block and recompute_proofs.to_block
  ) seen
  left join lateral (
    select l.tx_hash from agon.chain_logs l
    where l.chain_id = recompute_proofs.chain_id and l.contract = 'ChallengePay'
      and l.event = 'ProofSubmitted' and l.args ->> 'id' = seen.id::text
      and l.address = seen.contract_address
      and l.block_number < recompute_proofs.below
    order by l.block_number desc, l.log_index desc limit 1
  ) proof on true
  where s.challenge_id = seen.id
$$;
comment on function agon.recompute_proofs(bigint, bigint, bigint, bigint) is
  'Which transaction proved a result, by the logs of blocks below one. Called by effects only.';

create or replace function agon.apply_proofs(chain_id bigint, from_block bigint, to_block bigint)
returns void
language sql security definer set search_path = ''
as $$ select agon.recompute_proofs(chain_id, from_block, to_block, to_block + 1) $$;
comment on function agon.apply_proofs(bigint, bigint, bigint) is 'Effect of ProofSubmitted.';

create or replace function agon.undo_proofs(chain_id bigint, first_undone bigint) returns void
language sql security definer set search_path = ''
as $$ select agon.recompute_proofs(chain_id, first_undone, 9223372036854775807, first_undone) $$;
comment on function agon.undo_proofs(bigint, bigint) is 'Takes back agon.apply_proofs.';

select agon.register_chain_effect('ChallengePay', 'ProofSubmitted', 130, 'agon.apply_proofs', 'agon.undo_proofs');
