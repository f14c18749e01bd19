-- At which stage a wallet is with a challenge, by the rules of truth.

create or replace function agon.resolve_lifecycle(challenge_id bigint, subject text, claimable jsonb)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  challenge constant public.challenges := agon.show_challenge(challenge_id);
  own constant text := lower(resolve_lifecycle.subject);
  -- 0 is what the contract says of a challenge without an outcome.
  outcome constant smallint := nullif(challenge.chain_outcome, 0);
  passed boolean;
  takes_part boolean;
  has_evidence boolean;
  claimed jsonb;
  rewards boolean;
  reached text;
begin
  perform agon.require_wallet(own);
  select v.pass into passed from public.verdicts v
  where v.challenge_id = challenge.id and v.subject = own;
  takes_part := exists (
    select from public.participants p where p.challenge_id = challenge.id and lower(p.subject) = own);
  has_evidence := exists (
    select from public.evidence e where e.challenge_id = challenge.id and lower(e.subject) = own);
  select coalesce(jsonb_agg(agon.show_claim(c) order by c.id), '[]') into claimed from public.claims c
  where c.challenge_id = challenge.id and lower(c.subject) = own;
  -- The chain's outcome comes first: a failure rewards nobody, whatever the verdict. Where it is not
  -- known, verdict and eligibility decide.
  rewards := outcome is distinct from 2 and coalesce(passed, false)
    and coalesce(claimable @> '[{"claim_type": "principal"}]', false);
  reached := case
    when claimed <> '[]' then 'CLAIMED'
    when rewards then 'CLAIMABLE'
    when jsonb_array_length(claimable) > 0 then 'PAYABLE'
    when challenge.status in ('rejected', 'canceled') then upper(challenge.status)
    when challenge.status = 'finalized' and coalesce(outcome, challenge.outcome, 1) = 1 and passed then 'WON'
    when challenge.status = 'finalized' then 'LOST'
    when passed then 'PASSED'
    when not passed then 'MISSED'
    when has_evidence then 'SUBMITTED'
    when takes_part then 'JOINED'
    when challenge.status = 'pending' then 'PENDING'
    else 'OPEN'
  end;
  return jsonb_build_object(
    'challenge_id', challenge.id, 'subject', own, 'stage', reached,
    'sentence', (select s.sentence from agon.lifecycle_stages s where s.stage = reached),
    'status', challenge.status, 'chain_outcome', challenge.chain_outcome, 'outcome', challenge.outcome,
    'verdict_pass', passed, 'takes_part', takes_part, 'on_chain', agon.is_on_chain(challenge),
    'claim_eligible', case when claimable is not null then jsonb_array_length(claimable) > 0 else false end,
    'reward', rewards, 'claimable', coalesce(claimable, '[]'), 'claimed', claimed,
    'simulated', claimable is not null);
end
$$;
comment on function agon.resolve_lifecycle(bigint, text, jsonb) is
  'The stage of one of the caller''s wallets, by the rules of truth. claimable: [{claim_type, amount_wei}] by simulation on the chain; null where there was none, so nothing is eligible.';
grant execute on function agon.resolve_lifecycle(bigint, text, jsonb) to agon_worker;

create or replace function agon.claim_calls(challenge_id bigint, subject text) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  challenge constant public.challenges := agon.show_challenge(challenge_id);
begin
  perform agon.require_wallet(claim_calls.subject);
  if not agon.is_on_chain(challenge) then
    return null;
  end if;
  return (
    select jsonb_agg(jsonb_build_object('claim_type', e.claim_type, 'contract', e.contract, 'call', e.call,
      'to', a.address) order by e.claim_type)
    from agon.claim_events e
    cross join lateral (
      select case e.contract when 'ChallengePay' then challenge.contract_address
        else agon.contract_address(agon.the_chain(), e.contract) end as address) a
    where a.address is not null);
end
$$;
comment on function agon.claim_calls(bigint, text) is
  'The calls whose simulation tells what one of the caller''s wallets can claim; null where nothing is on a chain.';
grant execute on function agon.claim_calls(bigint, text) to agon_worker;
