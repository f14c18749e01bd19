-- Results of seasons: all that standings follow from, their ratings, and the end.

create or replace function agon.load_competition(
  competition public.competitions, weight numeric
) returns jsonb
language sql stable security definer set search_path = ''
as $$
  with entrants as (
    select r.participant, r.roster, r.place_from, r.place_to, (row_number() over (order by r.seed) - 1)::integer as n
    from public.competition_registrations r
    where r.competition_id = competition.id and r.roster is not null
  ), results as (
    select jsonb_build_array(a.n, b.n, case m.winner when m.participant_a then 0 when m.participant_b then 1 end,
      m.result_kind) as result, array[array_position(array['group', 'swiss', 'winners', 'losers', 'third_place',
      'grand_final'], m.bracket_type), m.round, m.group_number, m.match_number] as turn
    from public.bracket_matches m
    join entrants a on a.participant = m.participant_a join entrants b on b.participant = m.participant_b
    where m.competition_id = competition.id and m.status = 'completed' and m.result_kind is not null
    union all
    select jsonb_build_array(e.n, null, case when s.pass then 0 end, 'verdict'),
      array[e.n, array_position(competition.challenge_ids, s.challenge_id)]
    from entrants e
    join agon.competition_players k on k.competition_id = competition.id and k.participant = e.participant
    join public.leaderboard_scores s on s.competition_id = k.competition_id and s.wallet = k.wallet
    where s.challenge_id is not null and competition.type = 'challenge'
  )
  select jsonb_build_object('id', competition.id, 'of', competition.result_cid,
    'weight', trim_scale(weight)::text, 'completed', competition.status = 'completed',
    'entrants', coalesce((select jsonb_agg(jsonb_build_object('participant', e.participant,
      'wallets', e.roster, 'from', e.place_from, 'to', e.place_to) order by e.n) from entrants e), '[]'),
    'results', coalesce((select jsonb_agg(r.result order by r.turn, r.result) from results r), '[]'))
$$;
comment on function agon.load_competition(public.competitions, numeric) is
  'A competition as scoring.py takes it. Called by other functions only.';

create or replace function agon.load_season(season_id uuid) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object('scoring_config', s.scoring_config, 'inputs', jsonb_build_object(
    'season', s.id, 'competitions', coalesce((
      select jsonb_agg(agon.load_competition(c, p.weight) order by c.ended_at nulls last, c.id)
      from public.season_competitions p join public.competitions c on c.id = p.competition_id
      where p.season_id = s.id and c.status in ('active', 'completed')), '[]')))
  from public.seasons s where s.id = load_season.season_id
$$;
comment on function agon.load_season(uuid) is
  'All that standings follow from: {scoring_config, inputs}, as scoring.py takes them, in one statement, so that it is of one moment.';

create or replace function agon.show_rows(season_id uuid) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object('wallet', s.wallet,
    'points', trim_scale(s.points)::text, 'wins', s.wins, 'draws', s.draws, 'losses', s.losses,
    'entered', s.competitions_entered, 'titles', s.titles, 'podiums', s.podiums,
    'rating', agon.rating_of(s), 'key', encode(r.key, 'hex'))), '[]')
  from public.season_standings s
  left join agon.ranks r on r.board_id = s.season_id and r.subject = s.wallet
  where s.season_id = show_rows.season_id
$$;
comment on function agon.show_rows(uuid) is
  'Standings as they are kept, to be compared with what follows from the results.';

create or replace function agon.take_snapshot(season_id uuid, anew boolean) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  apart constant interval := interval '1 minute';
  season public.seasons := agon.hold_season(take_snapshot.season_id);
begin
  if season.status = 'completed' or agon.now() < season.result_at + apart
    and not (anew and agon.is_service())
  then
    return null;
  end if;
  return agon.load_season(season.id);
end
$$;
comment on function agon.take_snapshot(uuid, boolean) is
  'As agon.load_season, for an admin, a key with seasons:write or the worker; null where the newest bundle is the last, or younger than a minute, unless the worker has to make it anew.';

create or replace function agon.keep_standings(season_id uuid, result_cid text, result bytea)
returns public.seasons
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  season public.seasons;
begin
  perform agon.keep_result(keep_standings.result_cid, 'leagues.standings', 1, result, null);
  update public.seasons s set result_cid = keep_standings.result_cid, result_at = agon.now()
  where s.id = keep_standings.season_id returning * into season;
  return season;
end
$$;
comment on function agon.keep_standings(uuid, text, bytea) is
  'The newest bundle of a season''s standings. Behind agon.take_snapshot or agon.take_season_end.';

create or replace function agon.take_ratings(season_id uuid) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  season public.seasons;
  missing uuid[];
  again boolean;
begin
  select * into season from public.seasons s where s.id = take_ratings.season_id for no key update;
  with ordered as (
    select p.competition_id, p.rated, row_number() over (order by c.ended_at, c.id) as n
    from public.season_competitions p join public.competitions c on c.id = p.competition_id
    where p.season_id = season.id and c.status = 'completed'
  )
  select array_agg(o.competition_id) filter (where not o.rated),
    min(o.n) filter (where not o.rated) < max(o.n) filter (where o.rated)
  into missing, again from ordered o;
  if season.status <> 'active' or not season.scoring_config @> '{"ratings": true}'
    or missing is null
  then
    return null;
  end if;
  -- One that ended before another that is rated already: from the start, in order.
  again := coalesce(again, true);
  return jsonb_build_object('again', again,
    'begun', case when not again then (
      select jsonb_object_agg(s.wallet, agon.rating_of(s)) from public.season_standings s
      where s.season_id = season.id and s.rating_mu is not null) end,
    'competitions', (
      select jsonb_agg(agon.load_competition(c, p.weight) order by c.ended_at, c.id)
      from public.season_competitions p join public.competitions c on c.id = p.competition_id
      where p.season_id = season.id and c.status = 'completed'
        and (again or c.id = any (missing))));
end
$$;
comment on function agon.take_ratings(uuid) is
  'What ratings are computed on with: {again: from the start, begun: wallet -> rating, competitions}; null where they hold, or the season keeps none. agon.write_ratings follows in the same transaction.';

create or replace function agon.write_ratings(season_id uuid, rows jsonb, again boolean, competitions uuid[])
returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  orders boolean;
begin
  update public.season_standings s set rating_mu = null, rating_sigma = null, rated_matches = 0
  where s.season_id = write_ratings.season_id and again and s.rating_mu is not null
    and s.wallet not in (select r ->> 'wallet' from jsonb_array_elements(rows) r);
  insert into public.season_standings as s
    (season_id, wallet, rating_mu, rating_sigma, rated_matches, updated_at)
  select write_ratings.season_id, r.wallet, r.mu::numeric, r.sigma::numeric, r.matches, agon.now()
  from jsonb_to_recordset(rows) as r (wallet text, mu text, sigma text, matches integer)
  on conflict (season_id, wallet) do update set rating_mu = excluded.rating_mu,
    rating_sigma = excluded.rating_sigma, rated_matches = excluded.rated_matches;
  update public.season_competitions c set rated = true
  where c.season_id = write_ratings.season_id and c.competition_id = any (competitions);
  select s.scoring_config -> 'tie_breakers' ? 'rating' into orders from public.seasons s
  where s.id = write_ratings.season_id;
  insert into agon.stale_standings (season_id, wallet)
  select s.season_id, s.wallet from public.season_standings s
  where s.season_id = write_ratings.season_id and (again and orders
    or s.wallet in (select r ->> 'wallet' from jsonb_array_elements(rows) r));
  perform agon.note_standings(write_ratings.season_id);
end
$$;
comment on function agon.write_ratings(uuid, jsonb, boolean, uuid[]) is
  'Ratings that were computed: [{wallet, mu, sigma, matches}], which contain these competitions. Behind agon.take_ratings.';

create or replace function agon.take_season_end(season_id uuid) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  season constant public.seasons := agon.hold_season(take_season_end.season_id);
begin
  if season.status = 'completed' then
    return null;
  elsif exists (
    select from public.season_competitions p join public.competitions c on c.id = p.competition_id
    where p.season_id = season.id and c.status in ('open', 'active'))
  then
    perform agon.refuse(409, 'season_not_over', 'Competitions of the season are not over.',
      'Complete or cancel them, or take them out of the season.');
  end if;
  return agon.load_season(season.id) || jsonb_build_object('counted', not exists (
      select from agon.stale_standings t where t.season_id = season.id)
    and not exists (select from agon.stale_records r
      join public.season_competitions p on p.competition_id = r.competition_id
      where p.season_id = season.id)
    and not (season.scoring_config @> '{"ratings": true}' and exists (
      select from public.season_competitions p
      join public.competitions c on c.id = p.competition_id and c.status = 'completed'
      where p.season_id = season.id and not p.rated)));
end
$$;
comment on function agon.take_season_end(uuid) is
  'What a season ends with, by an admin, a key with seasons:write or the worker: as agon.load_season, and counted: whether all standings hold; null where it is completed.';

create or replace function agon.end_season(season_id uuid, result_cid text, result bytea)
returns public.seasons
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  season public.seasons;
begin
  perform agon.keep_standings(end_season.season_id, end_season.result_cid, result);
  update public.seasons s set status = 'completed', completed_at = agon.now()
  where s.id = end_season.season_id returning * into season;
  perform agon.note_standings(season.id);
  return season;
end
$$;
comment on function agon.end_season(uuid, text, bytea) is
  'A season is completed, and its standings stand. Behind agon.take_season_end.';

create or replace function agon.note_competition_end(competition_id uuid) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
begin
  perform agon.enqueue('leagues.settle_season', jsonb_build_object('season_id', p.season_id))
  from public.season_competitions p where p.competition_id = note_competition_end.competition_id;
  perform agon.emit('prizes.awarded', c.id::text, jsonb_build_object('org_id', c.org_id,
    'competition_id', c.id, 'title', c.title, 'result_cid', c.result_cid, 'prizes_cid', c.prizes_cid))
  from public.competitions c
  where c.id = note_competition_end.competition_id and c.prizes_cid is not null;
end
$$;
comment on function agon.note_competition_end(uuid) is
  'A competition is completed: its seasons take it in, and its prizes are told.';

create or replace function agon.recount_season(season_id uuid) returns void
language sql security definer set search_path = ''
as $$
  select agon.require_admin();
  select agon.forget_ratings(recount_season.season_id);
  select agon.stale_competition(p.competition_id, null) from public.season_competitions p
  where p.season_id = recount_season.season_id;
  select agon.stale_season(recount_season.season_id, null);
$$;
comment on function agon.recount_season(uuid) is
  'Has all of a season counted anew, by an admin or the worker.';

create or replace function agon.season_work(season_id uuid) returns setof uuid
language sql stable security definer set search_path = ''
as $$
  select p.competition_id from public.season_competitions p
  where p.season_id = season_work.season_id and exists (
    select from agon.stale_records r where r.competition_id = p.competition_id)
$$;
comment on function agon.season_work(uuid) is 'Competitions of a season with records to be counted.';

grant execute on function agon.load_season(uuid), agon.show_rows(uuid), agon.take_snapshot(uuid, boolean),
  agon.keep_standings(uuid, text, bytea), agon.take_ratings(uuid),
  agon.write_ratings(uuid, jsonb, boolean, uuid[]), agon.take_season_end(uuid),
  agon.end_season(uuid, text, bytea), agon.note_competition_end(uuid),
  agon.recount_season(uuid), agon.season_work(uuid)
  to agon_worker;
