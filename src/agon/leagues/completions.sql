-- The end: all is played, no dispute can come any more, and the result is kept.

create or replace function agon.is_played(competition public.competitions) returns boolean
language sql stable security definer set search_path = ''
as $$
  select competition.type = 'bracket' and competition.status = 'active'
    and not exists (select from public.bracket_matches m
      where m.competition_id = competition.id and m.status in ('pending', 'in_progress', 'disputed'))
    and not exists (select from public.bracket_matches m
      where m.competition_id = competition.id and m.result_kind is not null
        and m.completed_at + make_interval(secs => agon.dispute_window_s(competition)) > agon.now())
$$;
comment on function agon.is_played(public.competitions) is
  'Whether a bracket can be completed: nothing is open in it, and nothing can be disputed any more. Called by other functions only.';

create or replace function agon.take_completion(competition_id uuid) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  competition constant public.competitions := agon.hold_competition(take_completion.competition_id);
begin
  perform agon.require_admin();
  return case when agon.is_played(competition)
    then jsonb_build_object('prize_config', nullif(competition.prize_config, '{}')) end;
end
$$;
comment on function agon.take_completion(uuid) is
  'What the worker completes a competition with: {prize_config}; null where it is not the time.';

create or replace function agon.complete_competition(
  competition_id uuid, result_cid text, result bytea, placements jsonb, prizes_cid text, prizes bytea
) returns public.competitions
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  competition public.competitions;
begin
  perform agon.keep_result(complete_competition.result_cid, 'leagues.bracket', 1, result, null);
  perform agon.keep_result(complete_competition.prizes_cid, 'leagues.prizes', 1, prizes, null)
  where complete_competition.prizes_cid is not null;
  update public.competition_registrations r set place_from = p."from", place_to = p."to"
  from jsonb_to_recordset(placements) as p (entrant text, "from" integer, "to" integer)
  where r.competition_id = complete_competition.competition_id and r.participant = p.entrant;
  update public.competitions c
  set status = 'completed', ended_at = agon.now(), result_cid = complete_competition.result_cid,
    prizes_cid = complete_competition.prizes_cid
  where c.id = complete_competition.competition_id returning * into competition;
  perform agon.emit_competition('completed', competition);
  return competition;
end
$$;
comment on function agon.complete_competition(uuid, text, bytea, jsonb, text, bytea) is
  'A competition is completed: its result, prizes and places are kept. Behind agon.take_completion.';

create or replace function agon.due_competitions() returns setof uuid
language sql stable security definer set search_path = ''
as $$
  select c.id from public.competitions c
  where c.status = 'open' and c.starts_at <= agon.now() and c.settings ->> 'auto_start' = 'true'
  union
  select m.competition_id from public.bracket_matches m
  join public.competitions c on c.id = m.competition_id and c.status = 'active'
  where m.confirm_by <= agon.now() and m.status = 'in_progress'
  union
  select c.id from public.competitions c where c.status = 'active' and agon.is_played(c)
$$;
comment on function agon.due_competitions() is
  'Competitions in which the worker has something to do: a start, a confirmation, or the end.';

create or replace function agon.starts_by_itself(competition_id uuid) returns boolean
language sql stable security definer set search_path = ''
as $$
  select exists (
    select from public.competitions c where c.id = starts_by_itself.competition_id
      and c.status = 'open' and c.starts_at <= agon.now() and c.settings ->> 'auto_start' = 'true')
$$;
comment on function agon.starts_by_itself(uuid) is 'Whether the worker should start it now.';

grant execute on function agon.due_competitions(), agon.starts_by_itself(uuid),
  agon.take_completion(uuid),
  agon.complete_competition(uuid, text, bytea, jsonb, text, bytea) to agon_worker;
