-- What was given up of a challenge on a chain, and goes on because an operator says so.

create or replace function agon.retry_inference(challenge public.challenges) returns boolean
language plpgsql security definer set search_path = ''
as $$
begin
  update public.aivm_jobs j set status = 'queued', intent_id = null
  where j.challenge_id = challenge.id and challenge.status = 'approved'
    and (j.status = 'dead' or (
      j.status in ('submitted', 'committed', 'revealed')
      and j.updated_at + interval '1 hour' <= agon.now()
      -- A request that is not mined yet is the sender's to bring on.
      and exists (
        select from agon.chain_intents i where i.id = j.intent_id and i.status = 'confirmed')));
  if found then
    perform agon.enqueue('challenges.infer', jsonb_build_object('challenge_id', challenge.id),
      'challenges.infer:' || challenge.id);
  end if;
  return found;
end
$$;
comment on function agon.retry_inference(public.challenges) is
  'Another request, where the job is dead, or the AIVM has been silent on the last for an hour. Called by agon.retry_challenge only.';

create or replace function agon.retry_challenge(challenge_id bigint) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  challenge public.challenges := agon.find_challenge(challenge_id);
begin
  perform agon.show_chain_challenge(challenge.id);
  return jsonb_build_object(
    'inference', agon.retry_inference(challenge),
    -- Its next attempt, and none after it unless it succeeds.
    'settlement', (
      select agon.enqueue('challenges.settle', jsonb_build_object('challenge_id', s.challenge_id),
        'challenges.settle:' || s.challenge_id)
      from agon.challenge_settlements s
      join public.aivm_jobs j on j.challenge_id = s.challenge_id and j.status = 'done'
      where s.challenge_id = challenge.id and challenge.status = 'approved'
        and s.intent_id is null and s.attempts >= 5) is not null,
    'transactions', (
      select count(*) filter (where agon.mean_again(i.id)) from agon.chain_intents i
      where i.chain_id = agon.the_chain() and i.status = 'failed'
        and (i.key = agon.registry_key(challenge)
          or i.key like 'challenges.mint:' || challenge.id || ':%')));
end
$$;
comment on function agon.retry_challenge(bigint) is
  'Lets go on what was given up: a dead or silent inference, a settlement after its fifth failure, failed transactions of registry and achievements. Says what did; a second time nothing does.';
grant execute on function agon.retry_challenge(bigint) to agon_worker;
