-- The end of a competition of type challenge or leaderboard: its places, its result, its prizes.

create or replace function agon.is_over(competition public.competitions) returns boolean
language sql stable security definer set search_path = ''
as $$
  select competition.status = 'active' and case competition.type
    when 'leaderboard' then coalesce(competition.ends_at <= agon.now(), false)
    when 'challenge' then coalesce(competition.ends_at <= agon.now(), true)
      and cardinality(competition.challenge_ids) > 0
      and not exists (select from unnest(competition.challenge_ids) c
        where not exists (select from agon.events e
          where e.topic in ('challenge.finalized', 'challenge.canceled', 'challenge.rejected')
            and e.key = c::text))
    else false end
$$;
comment on function agon.is_over(public.competitions) is
  'Whether it ends by itself now: at ends_at, and one of type challenge not before all its challenges are over. Called by other functions only.';

create or replace function agon.due_leaderboards() returns setof uuid
language sql stable security definer set search_path = ''
as $$
  select c.id from public.competitions c
  where c.status = 'active' and c.type <> 'bracket' and agon.is_over(c)
$$;
comment on function agon.due_leaderboards() is 'Competitions of type challenge and leaderboard that end now.';

create or replace function agon.take_leaderboard_end(competition_id uuid, by_itself boolean) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  competition constant public.competitions := agon.hold_competition(take_leaderboard_end.competition_id);
begin
  perform agon.require_org(competition.org_id, 'admin', 'results:write');
  if competition.status = 'completed' or by_itself and not agon.is_over(competition) then
    return null;
  end if;
  perform agon.require_scored(competition, array['challenge', 'leaderboard']);
  if agon.now() < competition.ends_at then
    perform agon.refuse(409, 'competition_not_over', format('The competition ends at %s.', competition.ends_at),
      'Change ends_at, or wait.');
  end if;
  -- What was recorded a moment ago counts, also if nobody was told of it yet.
  perform agon.gather_verdicts(competition.id, null);
  return jsonb_build_object('prize_config', nullif(competition.prize_config, '{}'),
    'rules', coalesce(competition.rules -> 'scoring', '{}'),
    'inputs', jsonb_build_object('competition', competition.id, 'type', competition.type,
      'entrants', (select coalesce(jsonb_agg(e - 'registered' order by n), '[]')
        from jsonb_array_elements(agon.scored_entrants(competition.id, null))
          with ordinality s (e, n)
        where (e ->> 'registered')::boolean)));
end
$$;
comment on function agon.take_leaderboard_end(uuid, boolean) is
  'What a competition is completed with, by the worker when it is over by itself, or by an admin or a key with results:write once ends_at has passed: {inputs, rules, prize_config}; null where it is completed, or not the time.';

create or replace function agon.end_leaderboard(
  competition_id uuid, result_cid text, result bytea, placements jsonb, prizes_cid text, prizes bytea
) returns public.competitions
language sql security definer set search_path = ''
as $$
  select agon.keep_result(result_cid, 'leagues.leaderboard', 1, result, null);
  select agon.complete_competition(competition_id, result_cid, result, placements, prizes_cid, prizes);
$$;
comment on function agon.end_leaderboard(uuid, text, bytea, jsonb, text, bytea) is
  'A competition is completed with the places of its leaderboard. Behind agon.take_leaderboard_end.';

grant execute on function agon.due_leaderboards(), agon.take_leaderboard_end(uuid, boolean),
  agon.end_leaderboard(uuid, text, bytea, jsonb, text, bytea) to agon_worker;
