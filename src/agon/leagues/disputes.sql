-- Disputes: filed by who plays in the match, resolved or dismissed by organisers who do not.

create or replace trigger match_disputes_guard_status
  before insert or update on public.match_disputes
  for each row execute function agon.guard_move('status');

create or replace function agon.dispute_window_s(competition public.competitions) returns integer
language sql immutable set search_path = ''
as $$ select coalesce((competition.settings #>> '{disputes,window_s}')::integer, 3600) $$;
comment on function agon.dispute_window_s(public.competitions) is
  'For how long a result can be disputed; an hour unless the settings say otherwise. Called by other functions only.';

create or replace function agon.emit_dispute(
  act text, competition public.competitions, dispute public.match_disputes
) returns void
language sql security definer set search_path = ''
as $$
  select agon.emit('dispute.' || act, dispute.id::text, jsonb_build_object(
    'org_id', competition.org_id, 'competition_id', competition.id, 'dispute_id', dispute.id,
    'match_id', dispute.match_id, 'status', dispute.status, 'resolution', dispute.resolution))
$$;
comment on function agon.emit_dispute(text, public.competitions, public.match_disputes) is
  'The event dispute.<act>. Called by other functions only.';

create or replace function public.file_dispute(
  competition_id uuid, match text, reason text, evidence_url text default null
) returns public.match_disputes
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  competition constant public.competitions := agon.hold_competition(file_dispute.competition_id);
  found_match public.bracket_matches := agon.find_match(competition.id, file_dispute.match);
  own constant text := case when agon.plays_as(found_match.participant_a) then found_match.participant_a
    when agon.plays_as(found_match.participant_b) then found_match.participant_b end;
  filer constant text := agon.acting_wallet(competition, own);
  dispute public.match_disputes;
begin
  if own is null then
    perform agon.refuse(403, 'not_in_match', 'Only who plays in a match disputes its result.',
      'For a team its captain does.');
  end if;
  perform agon.require_reason(reason);
  select * into dispute from public.match_disputes d
  where d.match_id = found_match.id and d.status = 'open';
  if dispute.filed_by = filer then
    return dispute;
  end if;
  if competition.status <> 'active' or found_match.status not in ('in_progress', 'completed')
    or found_match.result_kind is null and found_match.reported is null
    or found_match.completed_at + make_interval(secs => agon.dispute_window_s(competition)) <= agon.now()
  then
    perform agon.refuse(409, 'not_disputable', 'There is no result that could be disputed now.',
      format('A result can be disputed for %s s; this match is %s.',
        agon.dispute_window_s(competition), found_match.status));
  end if;
  if exists (
    select from public.match_events e
    join public.match_disputes d on d.id = (e.data ->> 'dispute_id')::uuid and d.filed_by = filer
    where e.competition_id = competition.id and e.match_key = found_match.key and e.event = 'disputed'
      and e.id > (select max(r.id) from public.match_events r
        where r.competition_id = competition.id and r.match_key = found_match.key
          and r.event in ('reported', 'decided')))
  then
    perform agon.refuse(409, 'disputed_before', 'You have disputed this result already.',
      'It was decided on.');
  end if;
  insert into public.match_disputes
    (match_id, competition_id, filed_by, reason, evidence_url, created_at)
  values (found_match.id, competition.id, filer, file_dispute.reason, file_dispute.evidence_url, agon.now())
  returning * into dispute;
  update public.bracket_matches m set status = 'disputed' where m.id = found_match.id
  returning * into found_match;
  perform agon.note_dispute_act(competition, found_match, dispute, 'disputed', 'participant', filer);
  perform agon.emit_match('disputed', competition, found_match);
  perform agon.emit_dispute('filed', competition, dispute);
  return dispute;
end
$$;
comment on function public.file_dispute(uuid, text, text, text) is
  'Disputes the result of a match (by its key), one that is reported or one that stands, by who plays in it: the match, and what depends on it, waits for an organiser. Again changes nothing.';

create or replace function agon.note_dispute_act(
  competition public.competitions, match public.bracket_matches, dispute public.match_disputes,
  act text, by text, wallet text
) returns void
language sql security definer set search_path = ''
as $$
  insert into public.match_events (competition_id, match_key, event, by, by_wallet, data, created_at)
  values (competition.id, match.key, act, note_dispute_act.by, wallet,
    jsonb_build_object('dispute_id', dispute.id), agon.now())
$$;
comment on function agon.note_dispute_act(
  public.competitions, public.bracket_matches, public.match_disputes, text, text, text) is
  'What was done about a dispute, without what was said in it. Called by other functions only.';

create or replace function agon.find_dispute(competition_id uuid, dispute_id uuid)
returns public.match_disputes
language plpgsql stable security definer set search_path = ''
as $$
declare
  dispute public.match_disputes;
begin
  select * into dispute from public.match_disputes d
  where d.id = find_dispute.dispute_id and d.competition_id = find_dispute.competition_id;
  if not found then
    perform agon.refuse(404, 'dispute_unknown', 'There is no such dispute.', 'Check its id.');
  end if;
  return dispute;
end
$$;
comment on function agon.find_dispute(uuid, uuid) is
  'A dispute of a competition. Called by other functions only.';

create or replace function agon.match_of_dispute(competition_id uuid, dispute_id uuid) returns text
language sql stable security definer set search_path = ''
as $$
  select m.key from public.bracket_matches m
  where m.id = (agon.find_dispute(match_of_dispute.competition_id, match_of_dispute.dispute_id)).match_id
$$;
comment on function agon.match_of_dispute(uuid, uuid) is 'The key of the match that a dispute is about.';

create or replace function agon.take_resolution(
  competition_id uuid, dispute_id uuid, resolution text, note text, report jsonb
) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  competition constant public.competitions := agon.find_competition(take_resolution.competition_id);
  dispute public.match_disputes := agon.find_dispute(competition.id, take_resolution.dispute_id);
  match public.bracket_matches;
  stands boolean;
  result jsonb;
begin
  perform agon.require_org(competition.org_id, 'admin', 'disputes:write');
  select * into strict match from public.bracket_matches m where m.id = dispute.match_id;
  if agon.plays_as(match.participant_a) or agon.plays_as(match.participant_b) then
    perform agon.refuse(403, 'own_match', 'Nobody decides as an organiser in a match of their own.',
      'Another admin, or a key of the organisation, does.');
  elsif dispute.status <> 'open' then
    if dispute.resolution = take_resolution.resolution then
      return jsonb_build_object('dispute', to_jsonb(dispute), 'undo', false);
    end if;
    perform agon.refuse(409, 'dispute_over', format('The dispute was %s.', dispute.resolution));
  elsif not coalesce(resolution in ('upheld', 'replayed', 'overturned', 'dismissed'), false) then
    perform agon.refuse(422, 'resolution_unknown', 'There is no such resolution.',
      'upheld, replayed, overturned or dismissed.');
  elsif (resolution = 'overturned') <> (report is not null) then
    perform agon.refuse(422, 'resolution_result', 'Overturned comes with the result that stands instead, and nothing else does.',
      'Send it as result.');
  end if;
  perform agon.require_reason(note);
  stands := match.completed_at is not null;
  update public.match_disputes d
  set status = case when take_resolution.resolution = 'dismissed' then 'dismissed' else 'resolved' end,
    resolution = take_resolution.resolution, resolution_note = note, resolved_at = agon.now(),
    resolved_by = agon.org_wallet(competition.org_id)
  where d.id = dispute.id returning * into dispute;
  -- A report that was disputed waits again, unless it is decided on below.
  update public.bracket_matches m
  set status = case when stands then 'completed' else 'in_progress' end,
    reported = case when stands or dispute.resolution = 'dismissed' then m.reported end,
    reported_by = case when stands or dispute.resolution = 'dismissed' then m.reported_by end,
    reported_at = case when stands or dispute.resolution = 'dismissed' then m.reported_at end,
    confirm_by = case when stands or dispute.resolution = 'dismissed' then m.confirm_by end
  where m.id = match.id;
  perform agon.note_dispute_act(competition, match, dispute, dispute.resolution, 'organiser',
    dispute.resolved_by);
  perform agon.emit_dispute(dispute.status, competition, dispute);
  perform agon.notify(dispute.filed_by, 'dispute_' || dispute.status,
    format('Your dispute in %s was %s.', competition.title, dispute.resolution), note,
    jsonb_build_object('competitionId', competition.id, 'match', match.key, 'disputeId', dispute.id),
    dispute.id::text);
  result := case when dispute.resolution = 'upheld' and not stands then match.reported
    when dispute.resolution = 'overturned' then report end;
  return jsonb_build_object('dispute', to_jsonb(dispute), 'match', match.key,
    'undo', stands and dispute.resolution in ('replayed', 'overturned'), 'report', result);
end
$$;
comment on function agon.take_resolution(uuid, uuid, text, text, jsonb) is
  'An organiser who does not play in the match decides on a dispute: {dispute, match, undo, report}: whether its result is taken back, and which stands then. Behind agon.hold_bracket.';

create or replace function agon.decide_by_resolution(competition_id uuid, key text, report jsonb)
returns void
language plpgsql security definer set search_path = ''
as $$
declare
  competition constant public.competitions := agon.find_competition(decide_by_resolution.competition_id);
begin
  perform agon.decide_match(competition, agon.find_match(competition.id, decide_by_resolution.key),
    report, 'organiser', 'dispute');
end
$$;
comment on function agon.decide_by_resolution(uuid, text, jsonb) is
  'The result that stands after a dispute. Behind agon.take_resolution.';

create or replace function agon.moot_disputes(competition_id uuid, matches uuid[], note text)
returns bigint
language sql security definer set search_path = ''
as $$
  with ended as (
    update public.match_disputes d
    set status = 'resolved', resolution = 'moot', resolution_note = note, resolved_at = agon.now()
    where d.competition_id = moot_disputes.competition_id and d.status = 'open'
      and (matches is null or d.match_id = any (matches))
    returning d.*
  )
  select count(*) from ended e
  join public.competitions c on c.id = e.competition_id
  cross join lateral agon.emit_dispute('resolved', c, e) told
$$;
comment on function agon.moot_disputes(uuid, uuid[], text) is
  'Ends disputes that have nothing left to decide on: of these matches, or of all. Called by other functions only.';

create or replace function agon.list_disputes(competition_id uuid, status text, most integer)
returns setof jsonb
language sql stable set search_path = ''
as $$
  select to_jsonb(d) || jsonb_build_object('match', m.key)
  from public.match_disputes d join public.bracket_matches m on m.id = d.match_id
  where d.competition_id = list_disputes.competition_id
    and (list_disputes.status is null or d.status = list_disputes.status)
  order by d.created_at, d.id limit most
$$;
comment on function agon.list_disputes(uuid, text, integer) is
  'Disputes that the caller may see, the oldest first.';

grant execute on function agon.take_resolution(uuid, uuid, text, text, jsonb),
  agon.decide_by_resolution(uuid, text, jsonb), agon.match_of_dispute(uuid, uuid) to agon_worker;
grant execute on function agon.list_disputes(uuid, text, integer) to authenticated, service_role;
revoke all on function public.file_dispute(uuid, text, text, text)
  from public, anon, authenticated, service_role;
grant execute on function public.file_dispute(uuid, text, text, text) to authenticated, service_role;

revoke all on public.match_disputes from anon, authenticated, service_role;
grant select on public.match_disputes to authenticated, service_role;
drop policy if exists match_disputes_select_own on public.match_disputes;
create policy match_disputes_select_own on public.match_disputes
  for select to authenticated using (filed_by in (select agon.wallets()));
drop policy if exists match_disputes_select_admins on public.match_disputes;
create policy match_disputes_select_admins on public.match_disputes
  for select to authenticated using (competition_id in (
    select c.id from public.competitions c where c.org_id in (select agon.my_orgs('admin'))));
drop policy if exists match_disputes_select_keys on public.match_disputes;
create policy match_disputes_select_keys on public.match_disputes
  for select to authenticated using (competition_id in (
    select c.id from public.competitions c where c.org_id = (select agon.org_scope('disputes:read'))));
drop policy if exists match_disputes_select_service on public.match_disputes;
create policy match_disputes_select_service on public.match_disputes
  for select to service_role using (true);
