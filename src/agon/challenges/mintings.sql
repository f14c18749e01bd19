-- Minting achievements of finalized challenges, once their finalisation can no longer be undone.

create or replace function agon.enqueue_mintings() returns bigint
language sql security definer set search_path = ''
as $$
  select count(agon.enqueue('challenges.mint', jsonb_build_object('challenge_id', c.id),
    'challenges.mint:' || c.id))
  from public.challenges c
  join agon.chains k on k.chain_id = agon.the_chain()
  where c.content_hash is not null and c.status = 'finalized'
    and not exists (select from agon.challenge_mintings m where m.challenge_id = c.id)
    and agon.contract_address(k.chain_id, 'ChallengeAchievement') is not null
    and exists (
      select from agon.chain_logs l
      where l.chain_id = k.chain_id and l.contract = 'ChallengePay' and l.event = 'Finalized'
        and l.args ->> 'id' = c.id::text and l.address = c.contract_address
        and l.block_number <= k.finalized_block)
$$;
comment on function agon.enqueue_mintings() is
  'Queues the minting of challenges whose outcome is final on the chain; says how many.';
grant execute on function agon.enqueue_mintings() to agon_worker;

create or replace function agon.next_mints(challenge_id bigint, most integer) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  chain constant bigint := agon.the_chain();
  minter constant text := agon.contract_address(chain, 'ChallengeAchievement');
  challenge public.challenges := agon.find_challenge(challenge_id);
  settlement agon.challenge_settlements;
  mints jsonb;
begin
  if challenge.status <> 'finalized' or minter is null then
    return '[]';
  end if;
  select * into settlement from agon.challenge_settlements s where s.challenge_id = challenge.id;
  select coalesce(jsonb_agg(to_jsonb(due)), '[]') into mints from (
    select chain as chain_id, p.challenge_id, lower(p.subject) as recipient, t.number,
      format('challenges.mint:%s:%s:%s', p.challenge_id, lower(p.subject), t.achievement_type) as key,
      minter as "to"
    from public.participants p
    cross join agon.achievement_types t
    left join public.verdicts v on v.challenge_id = p.challenge_id and v.subject = lower(p.subject)
    where p.challenge_id = challenge.id and p.source = 'onchain_join'
      and (t.achievement_type = 'completion' or (
        challenge.chain_outcome = 1
        and coalesce(lower(p.subject) = any (settlement.winners), v.pass, false)))
      and not exists (
        select from agon.chain_intents i
        where i.chain_id = chain
          and i.key = format('challenges.mint:%s:%s:%s', p.challenge_id, lower(p.subject), t.achievement_type))
    order by p.id, t.number limit most
  ) due;
  if mints = '[]' then
    insert into agon.challenge_mintings (challenge_id, meant_at)
    values (challenge.id, agon.now()) on conflict do nothing;
  end if;
  return mints;
end
$$;
comment on function agon.next_mints(bigint, integer) is
  'Achievements of a finalized challenge that are not meant yet: completion for who joined, victory for who won. None left: the challenge is through.';
grant execute on function agon.next_mints(bigint, integer) to agon_worker;
