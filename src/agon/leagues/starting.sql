-- The start: who has checked in takes part, rosters stand, and chance is published.

create or replace function agon.take_start(competition_id uuid) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  competition constant public.competitions := agon.hold_competition(take_start.competition_id);
  checks_in constant boolean := competition.settings ? 'check_in';
  least constant integer := case competition.type when 'bracket' then 2 else 1 end;
begin
  perform agon.require_org(competition.org_id, 'admin', 'competitions:write');
  if competition.status = 'active' then
    return null;
  elsif competition.status <> 'open' then
    perform agon.refuse(409, 'competition_not_open', format('The competition is %s.', competition.status),
      'Only an open one starts.');
  elsif agon.now() < (competition.settings #>> '{check_in,closes_at}')::timestamptz then
    perform agon.refuse(409, 'check_in_not_over', 'Participants are still checking in.',
      format('Start it from %s on.', competition.settings #>> '{check_in,closes_at}'));
  end if;
  -- Rosters change behind these locks.
  perform from public.teams t where t.id in (
    select r.team_id from public.competition_registrations r where r.competition_id = competition.id)
  order by t.id for no key update;
  update public.competition_registrations r set status = 'dropped'
  where r.competition_id = competition.id and r.status = 'registered'
    and (checks_in and not r.checked_in or r.team_id is not null and not exists (
      select from public.team_roster t where t.team_id = r.team_id));
  perform agon.fill_places(competition, checks_in);
  update public.competition_registrations r set status = 'dropped'
  where r.competition_id = competition.id and r.status = 'waiting';
  if (select count(*) from public.competition_registrations r
    where r.competition_id = competition.id and r.status = 'registered') < least
  then
    perform agon.refuse(409, 'entrants_few', format('It takes at least %s who take part.', least),
      'Who did not check in takes no part.');
  end if;
  return jsonb_build_object(
    'type', competition.type, 'format', competition.settings -> 'format',
    'method', coalesce(competition.settings #>> '{seeding,method}', 'manual'),
    'seed', (select s.seed from agon.competition_seeds s where s.competition_id = competition.id),
    'entrants', (
      select jsonb_agg(jsonb_build_object('participant', r.participant, 'seed', r.seed, 'rating', r.rating)
        order by r.turn)
      from public.competition_registrations r
      where r.competition_id = competition.id and r.status = 'registered'));
end
$$;
comment on function agon.take_start(uuid) is
  'Settles who takes part, by an admin, a key with competitions:write or the worker, and answers with what the seeding is made of: {type, format, method, seed, entrants: [{participant, seed, rating}] in the order of registration}; null where it is active already.';

create or replace function agon.begin_competition(competition_id uuid, entrants text[])
returns public.competitions
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  competition public.competitions;
begin
  -- A wallet on two rosters plays for the team that registered first.
  with players as (
    select distinct on (t.wallet) t.wallet, r.participant
    from public.competition_registrations r join public.team_roster t on t.team_id = r.team_id
    where r.competition_id = begin_competition.competition_id and r.status = 'registered'
    order by t.wallet, r.turn
  ), rosters as (
    select p.participant, array_agg(p.wallet order by p.wallet) as wallets
    from players p group by p.participant
  )
  update public.competition_registrations r
  set seed = e.seed, roster = coalesce(s.wallets, array_remove(array[r.wallet], null))
  from unnest(entrants) with ordinality e (participant, seed)
  left join rosters s on s.participant = e.participant
  where r.competition_id = begin_competition.competition_id and r.participant = e.participant;
  update public.competitions c set status = 'active', started_at = agon.now(), seed = (
    select s.seed from agon.competition_seeds s where s.competition_id = c.id)
  where c.id = begin_competition.competition_id returning * into competition;
  perform agon.emit_competition('started', competition);
  return competition;
end
$$;
comment on function agon.begin_competition(uuid, text[]) is
  'The competition is active: entrants have their seeds in this order and their rosters, and the seed of chance is public.';

grant execute on function agon.take_start(uuid), agon.begin_competition(uuid, text[]) to agon_worker;
