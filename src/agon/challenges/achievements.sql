-- Achievements: who is to get which, what the chain minted, and the reputation that it makes.

create or replace trigger reputation_stamp_updated_at
  before update on public.reputation
  for each row execute function agon.stamp_updated_at();

create or replace function agon.recompute_reputation(subjects text[]) returns void
language sql security definer set search_path = ''
as $$
  delete from public.reputation r
  where r.subject = any (subjects)
    and not exists (select from public.achievement_mints m where lower(m.recipient) = r.subject);

  insert into public.reputation (subject, points, level, completions, victories, updated_at)
  select earned.subject, earned.points,
    (select l.level from agon.reputation_levels l where l.points_min <= earned.points
     order by l.points_min desc limit 1),
    earned.completions, earned.victories, agon.now()
  from (
    select lower(m.recipient) as subject, sum(t.points)::integer as points,
      count(*) filter (where m.achievement_type = 'completion') as completions,
      count(*) filter (where m.achievement_type = 'victory') as victories
    from public.achievement_mints m join agon.achievement_types t using (achievement_type)
    where lower(m.recipient) = any (subjects)
    group by 1
  ) earned
  on conflict (subject) do update set
    points = excluded.points, level = excluded.level, completions = excluded.completions,
    victories = excluded.victories;
$$;
comment on function agon.recompute_reputation(text[]) is
  'Points, level and counts of wallets from their achievements, as they are now. Called by effects only.';

create or replace function agon.apply_achievements(chain_id bigint, from_block bigint, to_block bigint)
returns void
language sql security definer set search_path = ''
as $$
  with minted as (
    insert into public.achievement_mints
      (token_id, challenge_id, recipient, achievement_type, tx_hash, block_number, minted_at, created_at)
    select token, challenge, l.args ->> 'recipient', t.achievement_type, l.tx_hash, l.block_number,
      l.mined_at, agon.now()
    from agon.chain_logs l
    join agon.achievement_types t on t.number::text = l.args ->> 'aType'
    cross join lateral agon.chain_challenge(l.args ->> 'tokenId') token
    cross join lateral agon.chain_challenge(l.args ->> 'challengeId') challenge
    where l.chain_id = apply_achievements.chain_id and l.contract = 'ChallengeAchievement'
      and l.event = 'AchievementMinted' and token is not null and challenge is not null
      and l.block_number between apply_achievements.from_block and apply_achievements.to_block
    on conflict (token_id) do nothing
    returning recipient, challenge_id, achievement_type
  )
  select agon.emit('achievement.minted', recipient, jsonb_build_object(
    'recipient', recipient, 'challenge_id', challenge_id, 'achievement_type', achievement_type))
  from minted;

  select agon.recompute_reputation(array(
    select distinct m.recipient from public.achievement_mints m
    where m.block_number between apply_achievements.from_block and apply_achievements.to_block));
$$;
comment on function agon.apply_achievements(bigint, bigint, bigint) is
  'Effect of AchievementMinted. AdminMinted has no type, so it is neither kept nor worth points.';

create or replace function agon.undo_achievements(chain_id bigint, first_undone bigint) returns void
language plpgsql security definer set search_path = ''
as $$
declare
  subjects constant text[] := array(
    select distinct m.recipient from public.achievement_mints m
    where m.block_number >= undo_achievements.first_undone);
begin
  delete from public.achievement_mints m where m.block_number >= undo_achievements.first_undone;
  perform agon.recompute_reputation(subjects);
end
$$;
comment on function agon.undo_achievements(bigint, bigint) is 'Takes back agon.apply_achievements.';

select agon.register_chain_effect('ChallengeAchievement', 'AchievementMinted', 150,
  'agon.apply_achievements', 'agon.undo_achievements');

create or replace function public.my_achievements() returns setof public.achievement_mints
language sql stable set search_path = ''
as $$
  select * from public.achievement_mints m
  where lower(m.recipient) in (select agon.wallets())
  order by m.token_id desc
$$;
comment on function public.my_achievements() is 'Achievements of the caller''s wallets, newest first.';

create or replace function public.my_reputation() returns setof jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object('subject', w.address, 'points', coalesce(r.points, 0),
    'completions', coalesce(r.completions, 0), 'victories', coalesce(r.victories, 0),
    'level', l.level, 'level_name', l.name, 'next_level', next.name, 'next_level_points', next.points_min,
    'updated_at', r.updated_at)
  from agon.wallets() as w (address)
  left join public.reputation r on r.subject = w.address
  join agon.reputation_levels l on l.level = coalesce(r.level, 1)
  left join agon.reputation_levels next on next.level = l.level + 1
  order by w.address
$$;
comment on function public.my_reputation() is
  'Reputation of each of the caller''s wallets, with the level''s name and the points of the next.';

revoke all on function public.my_achievements(), public.my_reputation()
  from public, anon, authenticated, service_role;
grant execute on function public.my_achievements(), public.my_reputation()
  to authenticated, service_role;

revoke all on public.achievement_mints, public.reputation from anon, authenticated, service_role;
grant select on public.achievement_mints, public.reputation to anon, authenticated, service_role;
drop policy if exists achievement_mints_select_everyone on public.achievement_mints;
create policy achievement_mints_select_everyone on public.achievement_mints
  for select to anon, authenticated, service_role using (true);
drop policy if exists reputation_select_everyone on public.reputation;
create policy reputation_select_everyone on public.reputation
  for select to anon, authenticated, service_role using (true);
