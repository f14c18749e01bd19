-- The bracket in the database: what it is made of, and its matches as the pure code has them.

create or replace trigger bracket_matches_guard_status
  before insert or update on public.bracket_matches
  for each row execute function agon.guard_move('status');
create or replace trigger match_events_guard_append_only
  before update or delete or truncate on public.match_events
  for each statement execute function agon.guard_append_only();

create or replace function agon.bracket_version(competition_id uuid) returns bigint
language sql stable security definer set search_path = ''
as $$
  select coalesce(max(e.id), 0) from public.match_events e
  where e.competition_id = bracket_version.competition_id
    and e.event in ('decided', 'disqualified', 'reverted')
$$;
comment on function agon.bracket_version(uuid) is
  'Grows with each result, and each that is taken back. Called by other functions only.';

create or replace function agon.hold_bracket(competition_id uuid, or_before boolean default false)
returns bigint
language plpgsql security definer set search_path = ''
as $$
declare
  competition constant public.competitions := agon.hold_competition(hold_bracket.competition_id);
begin
  if competition.type <> 'bracket' or competition.started_at is null then
    if or_before then
      return null;
    end if;
    perform agon.refuse(409, 'bracket_missing', 'The competition has no bracket.',
      'One of type bracket has it from its start on.');
  elsif competition.status <> 'active' then
    perform agon.refuse(409, 'competition_not_active', format('The competition is %s.', competition.status),
      'Its results stand.');
  end if;
  return agon.bracket_version(competition.id);
end
$$;
comment on function agon.hold_bracket(uuid, boolean) is
  'The version of a bracket in which nothing else is done until the transaction ends; where none is being played it refuses, or, with or_before, is null if none was made yet.';

create or replace function agon.load_bracket(competition_id uuid, since bigint default null)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  competition constant public.competitions := agon.find_competition(load_bracket.competition_id);
begin
  if competition.type <> 'bracket' or competition.started_at is null then
    perform agon.refuse(409, 'bracket_missing', 'The competition has no bracket.',
      'One of type bracket has it from its start on.');
  end if;
  return jsonb_build_object(
    'version', agon.bracket_version(competition.id),
    'reverted', exists (select from public.match_events e
      where e.competition_id = competition.id and e.event = 'reverted' and e.id > since),
    'reports', coalesce((select jsonb_agg(e.report order by e.id) from public.match_events e
      where e.competition_id = competition.id and e.event in ('decided', 'disqualified')
        and e.id > coalesce(since, 0)
        and not exists (select from public.match_events r where r.reverts = e.id)), '[]'),
    'format', case when since is null then competition.settings -> 'format' end,
    'entrants', case when since is null then (
      select jsonb_agg(r.participant order by r.seed) from public.competition_registrations r
      where r.competition_id = competition.id and r.roster is not null) end);
end
$$;
comment on function agon.load_bracket(uuid, bigint) is
  'What a bracket is made of: {version, format, entrants, reports that stand, in order}; since a version only what came after it, and whether anything was reverted.';

create or replace function agon.write_matches(competition_id uuid, matches jsonb, played boolean)
returns bigint
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  competition constant public.competitions := agon.find_competition(write_matches.competition_id);
  upset uuid[];
  told bigint;
  asked bigint;
begin
  with given as (
    select * from jsonb_to_recordset(matches) as g (key text, round integer, match_number integer,
      bracket_type text, group_number integer, best_of integer, participant_a text, participant_b text,
      score_a integer, score_b integer, winner text, status text, games jsonb, result_kind text,
      winner_to text, winner_slot text, loser_to text, loser_slot text)
  ), was as (
    -- By array, and so by index: however large the bracket, a few of its rows are touched.
    select m.* from public.bracket_matches m
    where m.competition_id = competition.id and m.key = any (array(select g.key from given g))
  ), written as (
    insert into public.bracket_matches as m (competition_id, key, round, match_number, bracket_type,
      group_number, best_of, participant_a, participant_b, score_a, score_b, winner, status, games,
      result_kind, winner_to, winner_slot, loser_to, loser_slot, ready_at, completed_at, created_at)
    select competition.id, g.key, g.round, g.match_number, g.bracket_type, g.group_number, g.best_of,
      g.participant_a, g.participant_b, g.score_a, g.score_b, g.winner, g.status, g.games, g.result_kind,
      g.winner_to, g.winner_slot, g.loser_to, g.loser_slot,
      case when g.status = 'in_progress' then agon.now() end,
      case when g.status = 'completed' then agon.now() end, agon.now()
    from given g
    on conflict (competition_id, key) do update set
      participant_a = excluded.participant_a, participant_b = excluded.participant_b,
      score_a = excluded.score_a, score_b = excluded.score_b, winner = excluded.winner,
      games = excluded.games, result_kind = excluded.result_kind,
      status = case when agon.is_same_match(m, excluded) then m.status else excluded.status end,
      ready_at = case when agon.is_same_match(m, excluded) then m.ready_at
        when excluded.status = 'completed' then coalesce(m.ready_at, agon.now())
        else excluded.ready_at end,
      completed_at = case when agon.is_same_match(m, excluded) then m.completed_at
        else excluded.completed_at end,
      reported = case when agon.is_same_match(m, excluded) then m.reported end,
      reported_by = case when agon.is_same_match(m, excluded) then m.reported_by end,
      reported_at = case when agon.is_same_match(m, excluded) then m.reported_at end,
      confirm_by = case when agon.is_same_match(m, excluded) then m.confirm_by end
    returning m.*
  )
  select array_agg(w.id) filter (where was.status = 'disputed' and w.status <> 'disputed'),
    count(agon.emit_match(case w.status when 'completed' then 'completed' else 'ready' end, competition, w))
      filter (where (w.status = 'in_progress' or w.status = 'completed' and w.result_kind is not null)
        and (was.id is null or was.status not in ('disputed', w.status)
          or was.ready_at is distinct from w.ready_at or was.completed_at is distinct from w.completed_at)),
    count(agon.ask_challenge(w)) filter (where w.challenge_id is not null and w.status = 'in_progress')
  into upset, told, asked
  from written w left join was on was.id = w.id;
  perform agon.moot_disputes(competition.id, upset, 'The match changed by what came before it.');
  if played then
    perform agon.enqueue('leagues.advance', jsonb_build_object('competition_id', competition.id), null,
      pg_catalog.now() + make_interval(secs => agon.dispute_window_s(competition)));
  end if;
  return agon.bracket_version(competition.id);
end
$$;
comment on function agon.write_matches(uuid, jsonb, boolean) is
  'Writes matches as the pure code has them, tells which are ready or completed now, and closes disputes that have lost their match. played: nothing is left to play, so the end comes with the window for disputes. Returns the version of the bracket.';

create or replace function agon.is_same_match(one public.bracket_matches, other public.bracket_matches)
returns boolean
language sql immutable set search_path = ''
as $$
  select (one.participant_a, one.participant_b, one.winner, one.score_a, one.score_b, one.result_kind,
      one.games, case one.status when 'disputed' then
        case when one.completed_at is null then 'in_progress' else 'completed' end else one.status end)
    is not distinct from (other.participant_a, other.participant_b, other.winner, other.score_a,
      other.score_b, other.result_kind, other.games, other.status)
$$;
comment on function agon.is_same_match(public.bracket_matches, public.bracket_matches) is
  'Whether the pure code has the same of both; what it does not know of (reports, disputes) aside. Called by other functions only.';

create or replace function agon.emit_match(
  act text, competition public.competitions, match public.bracket_matches
) returns bigint
language sql security definer set search_path = ''
as $$
  select agon.emit('match.' || act, match.id::text, jsonb_build_object(
    'org_id', competition.org_id, 'competition_id', competition.id, 'match_id', match.id,
    'match', match.key, 'participant_a', match.participant_a, 'participant_b', match.participant_b,
    'score_a', match.score_a, 'score_b', match.score_b, 'winner', match.winner, 'status', match.status,
    'result_kind', match.result_kind))
$$;
comment on function agon.emit_match(text, public.competitions, public.bracket_matches) is
  'The event match.<act>. Called by other functions only.';

create or replace function agon.find_match(competition_id uuid, key text) returns public.bracket_matches
language plpgsql stable security definer set search_path = ''
as $$
declare
  match public.bracket_matches;
begin
  select * into match from public.bracket_matches m
  where m.competition_id = find_match.competition_id and m.key = find_match.key;
  if not found then
    perform agon.refuse(404, 'match_unknown', 'The bracket has no such match.',
      'Matches are named by their key, such as w.1.3.');
  end if;
  return match;
end
$$;
comment on function agon.find_match(uuid, text) is
  'A match by its key. Called by other functions only.';

create or replace function agon.show_match(competition_id uuid, key text) returns jsonb
language sql stable security definer set search_path = ''
as $$ select to_jsonb(agon.find_match(show_match.competition_id, show_match.key)) $$;
comment on function agon.show_match(uuid, text) is 'A match by its key, after what was done to it.';

create or replace function public.schedule_match(competition_id uuid, key text, changes jsonb)
returns public.bracket_matches
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  competition constant public.competitions := agon.hold_competition(schedule_match.competition_id);
  match public.bracket_matches;
begin
  perform agon.require_org(competition.org_id, 'admin', 'competitions:write');
  match := agon.find_match(competition.id, schedule_match.key);
  perform agon.require_fields(changes, array['scheduled_at', 'challenge_id']);
  if competition.status <> 'active' then
    perform agon.refuse(409, 'competition_not_active', format('The competition is %s.', competition.status));
  end if;
  match := jsonb_populate_record(match, changes);
  update public.bracket_matches m
  set scheduled_at = match.scheduled_at, challenge_id = match.challenge_id
  where m.id = match.id returning * into match;
  insert into public.match_events (competition_id, match_key, event, by, by_wallet, data, created_at)
  values (competition.id, match.key, 'scheduled', 'organiser', agon.org_wallet(competition.org_id),
    changes, agon.now());
  if match.challenge_id is not null and match.status = 'in_progress' then
    perform agon.ask_challenge(match);
  end if;
  return match;
end
$$;
comment on function public.schedule_match(uuid, text, jsonb) is
  'When a match is played, and which challenge decides it: of scheduled_at and challenge_id what is given; by an admin or a key with competitions:write.';

create or replace function agon.list_matches(
  competition_id uuid, status text, participant text, after text, most integer
) returns setof public.bracket_matches
language sql stable set search_path = ''
as $$
  select m.* from public.bracket_matches m
  where m.competition_id = list_matches.competition_id
    and (list_matches.status is null or m.status = list_matches.status)
    and (list_matches.participant is null
      or lower(list_matches.participant) in (m.participant_a, m.participant_b))
    and (after is null or (m.round, m.match_number, m.key) > (
      select a.round, a.match_number, a.key from public.bracket_matches a
      where a.competition_id = list_matches.competition_id and a.key = after))
  order by m.round, m.match_number, m.key limit most
$$;
comment on function agon.list_matches(uuid, text, text, text, integer) is
  'Matches by round and number; after: the key of the last one seen.';

create or replace function agon.list_match_events(
  competition_id uuid, match_key text, after bigint, most integer
) returns setof public.match_events
language sql stable set search_path = ''
as $$
  select e.* from public.match_events e
  where e.competition_id = list_match_events.competition_id
    and (list_match_events.match_key is null or e.match_key = list_match_events.match_key)
    and e.id > coalesce(after, 0)
  order by e.id limit most
$$;
comment on function agon.list_match_events(uuid, text, bigint, integer) is
  'What was done in a bracket, in order; after: the id of the last one seen.';

grant execute on function agon.hold_bracket(uuid, boolean), agon.show_match(uuid, text),
  agon.write_matches(uuid, jsonb, boolean)
  to agon_worker;
grant execute on function agon.load_bracket(uuid, bigint) to anon, authenticated, service_role, agon_worker;
grant execute on function agon.list_matches(uuid, text, text, text, integer),
  agon.list_match_events(uuid, text, bigint, integer) to anon, authenticated, service_role;
revoke all on function public.schedule_match(uuid, text, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function public.schedule_match(uuid, text, jsonb) to authenticated, service_role;

-- Brackets are there from the start on, so no draft has any of these.
revoke all on public.bracket_matches, public.match_events from anon, authenticated, service_role;
grant select on public.bracket_matches, public.match_events to anon, authenticated, service_role;
drop policy if exists bracket_matches_select_everyone on public.bracket_matches;
create policy bracket_matches_select_everyone on public.bracket_matches
  for select to anon, authenticated
  using ((select agon.host_org()) is null or competition_id in (
    select c.id from public.competitions c where c.org_id = (select agon.host_org())));
drop policy if exists bracket_matches_select_service on public.bracket_matches;
create policy bracket_matches_select_service on public.bracket_matches
  for select to service_role using (true);
drop policy if exists match_events_select_everyone on public.match_events;
create policy match_events_select_everyone on public.match_events
  for select to anon, authenticated
  using ((select agon.host_org()) is null or competition_id in (
    select c.id from public.competitions c where c.org_id = (select agon.host_org())));
drop policy if exists match_events_select_service on public.match_events;
create policy match_events_select_service on public.match_events
  for select to service_role using (true);
