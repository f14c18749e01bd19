-- Results: reported by one side and confirmed by the other, decided by organisers, taken back.

create or replace function agon.require_judge(competition public.competitions, match public.bracket_matches)
returns void
language plpgsql stable security definer set search_path = ''
as $$
begin
  perform agon.require_org(competition.org_id, 'admin', 'results:write');
  if agon.plays_as(match.participant_a) or agon.plays_as(match.participant_b) then
    perform agon.refuse(403, 'own_match', 'Nobody decides as an organiser in a match of their own.',
      'Another admin, or a key of the organisation, does.');
  end if;
end
$$;
comment on function agon.require_judge(public.competitions, public.bracket_matches) is
  'Refuses everyone but admins who do not play in the match, keys with results:write, and the service. Called by other functions only.';

create or replace function agon.require_playable(match public.bracket_matches) returns void
language plpgsql stable security definer set search_path = ''
as $$
declare
  before text;
begin
  if match.status <> 'in_progress' then
    perform agon.refuse(409, case match.status when 'pending' then 'match_not_ready'
        when 'completed' then 'match_decided' when 'disputed' then 'match_disputed'
        else 'match_canceled' end,
      format('The match is %s.', replace(match.status, '_', ' ')),
      case match.status when 'pending' then 'Report the matches before it first.'
        when 'completed' then 'Dispute its result, or have it undone.'
        when 'disputed' then 'An organiser resolves the dispute first.' else 'Nobody plays it.' end);
  end if;
  if not exists (select from public.bracket_matches d
    where d.competition_id = match.competition_id and d.status = 'disputed')
  then
    return;
  end if;
  with recursive held as (
    select d.key, d.bracket_type, d.round, d.winner_to, d.loser_to from public.bracket_matches d
    where d.competition_id = match.competition_id and d.status = 'disputed'
    union
    select n.key, n.bracket_type, n.round, n.winner_to, n.loser_to
    from held h join public.bracket_matches n on n.competition_id = match.competition_id
      and (n.key in (h.winner_to, h.loser_to)
        or h.bracket_type = 'group' and n.bracket_type <> 'group'
        or h.bracket_type = 'swiss' and n.round > h.round)
  )
  select string_agg(m.key, ', ' order by m.key) into before
  from public.bracket_matches m
  where m.competition_id = match.competition_id and m.status = 'disputed'
    and exists (select from held h where h.key = match.key);
  if before is not null then
    perform agon.refuse(409, 'match_blocked', 'A result that this match depends on is disputed.',
      format('Disputed: %s.', before));
  end if;
end
$$;
comment on function agon.require_playable(public.bracket_matches) is
  'Refuses a match that cannot be decided now, also because what it depends on is disputed. Called by other functions only.';

create or replace function agon.decide_match(
  competition public.competitions, match public.bracket_matches, report jsonb, by text, source text
) returns void
language sql security definer set search_path = ''
as $$
  insert into public.match_events
    (competition_id, match_key, event, by, by_wallet, report, data, created_at)
  values (competition.id, match.key, 'decided', decide_match.by,
    case decide_match.by when 'engine' then null
      when 'organiser' then agon.org_wallet(competition.org_id)
      else agon.acting_wallet(competition,
        case when agon.plays_as(match.participant_a) then match.participant_a
          else match.participant_b end) end,
    report, jsonb_build_object('source', source), agon.now())
$$;
comment on function agon.decide_match(public.competitions, public.bracket_matches, jsonb, text, text) is
  'Records a result that stands from now on. Called by other functions only.';

create or replace function agon.take_report(competition_id uuid, key text, report jsonb) returns boolean
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  competition constant public.competitions := agon.find_competition(take_report.competition_id);
  match constant public.bracket_matches := agon.find_match(competition.id, take_report.key);
  kind constant text := report ->> 'kind';
  own text;
  named text;
begin
  own := case when agon.plays_as(match.participant_a) and match.reported_by is distinct from match.participant_a
      then match.participant_a
    when agon.plays_as(match.participant_b) then match.participant_b
    when agon.plays_as(match.participant_a) then match.participant_a end;
  if own is null then
    perform agon.require_speaker(competition, match.participant_a, 'results:write');
    perform agon.require_playable(match);
    perform agon.decide_match(competition, match, report, 'organiser', 'organiser');
    return true;
  end if;
  perform agon.require_playable(match);
  named := lower(coalesce(report ->> 'by', report ->> 'winner', own));
  if kind not in ('score', 'forfeit', 'walkover') or named <> own then
    perform agon.refuse(403, 'not_yours_to_say', 'Participants report scores, that they give up, or that the other did not come.',
      'For anything else ask an organiser.');
  end if;
  -- Who gives up needs nobody's word for it.
  if kind = 'forfeit' or competition.settings #>> '{results,confirm}' = 'false'
    or match.reported_by <> own and match.reported = report
  then
    perform agon.decide_match(competition, match, report, 'participant',
      case when match.reported_by <> own and match.reported = report then 'confirmed' else 'participant' end);
    return true;
  end if;
  if match.reported_by <> own then
    perform agon.refuse(409, 'reported_otherwise', 'The other side has reported another result.',
      'Confirm that, or dispute it.');
  elsif match.reported is distinct from report then
    perform agon.keep_report(competition, match, own, report);
  end if;
  return false;
end
$$;
comment on function agon.take_report(uuid, text, jsonb) is
  'A result by a participant, or by an organiser who does not play in the match: true where it stands at once, false where it waits for the other side. Behind agon.hold_bracket.';

create or replace function agon.keep_report(
  competition public.competitions, match public.bracket_matches, own text, report jsonb
) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  other constant text := case own when match.participant_a then match.participant_b else match.participant_a end;
  told constant text := agon.wallet_to_tell(other);
  entry bigint;
begin
  update public.bracket_matches m set reported = report, reported_by = own, reported_at = agon.now(),
    confirm_by = agon.now()
      + make_interval(secs => (competition.settings #>> '{results,auto_confirm_s}')::integer)
  where m.id = match.id returning * into match;
  insert into public.match_events (competition_id, match_key, event, by, by_wallet, report, created_at)
  values (competition.id, match.key, 'reported', 'participant', agon.acting_wallet(competition, own),
    report, agon.now())
  returning id into entry;
  perform agon.emit_match('reported', competition, match);
  if told is not null then
    perform agon.notify(told, 'match_reported', format('A result was reported in %s.', competition.title),
      'Confirm or dispute it.', jsonb_build_object('competitionId', competition.id, 'match', match.key,
        'confirmBy', match.confirm_by), entry::text);
  end if;
  if match.confirm_by is not null then
    perform agon.enqueue('leagues.advance', jsonb_build_object('competition_id', competition.id), null,
      pg_catalog.now() + (match.confirm_by - agon.now()));
  end if;
end
$$;
comment on function agon.keep_report(public.competitions, public.bracket_matches, text, jsonb) is
  'A result waits for the other side, which is told, and for confirm_by. Called by other functions only.';

create or replace function agon.take_confirmation(competition_id uuid, key text) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  competition constant public.competitions := agon.find_competition(take_confirmation.competition_id);
  match constant public.bracket_matches := agon.find_match(competition.id, take_confirmation.key);
  other constant text := case match.reported_by when match.participant_a then match.participant_b
    else match.participant_a end;
  role text := 'participant';
begin
  if match.reported is null then
    perform agon.require_playable(match);
    perform agon.refuse(409, 'nothing_reported', 'No result waits to be confirmed.', 'Report one.');
  end if;
  if not agon.plays_as(other) then
    if agon.plays_as(match.reported_by) then
      perform agon.refuse(403, 'own_report', 'The other side confirms what you have reported.',
        'Wait for it.');
    end if;
    perform agon.require_speaker(competition, other, 'results:write');
    role := case when agon.is_service() and match.confirm_by <= agon.now() then 'engine' else 'organiser' end;
  end if;
  perform agon.require_playable(match);
  perform agon.decide_match(competition, match, match.reported, role, 'confirmed');
  return match.reported;
end
$$;
comment on function agon.take_confirmation(uuid, text) is
  'What one side reported stands: by the other side, an organiser, or the worker once confirm_by has come: the report. Behind agon.hold_bracket.';

create or replace function agon.due_confirmations(competition_id uuid) returns setof text
language sql stable security definer set search_path = ''
as $$
  select m.key from public.bracket_matches m
  where m.competition_id = due_confirmations.competition_id and m.confirm_by <= agon.now()
    and m.status = 'in_progress'
  order by m.confirm_by, m.key
$$;
comment on function agon.due_confirmations(uuid) is
  'Matches whose reported result nobody answered in time, by their keys.';

create or replace function agon.take_undo(competition_id uuid, key text) returns void
language plpgsql stable security definer set search_path = ''
as $$
declare
  competition constant public.competitions := agon.find_competition(take_undo.competition_id);
begin
  perform agon.require_judge(competition, agon.find_match(competition.id, take_undo.key));
end
$$;
comment on function agon.take_undo(uuid, text) is
  'Refuses who may not take a result back. Behind agon.hold_bracket.';

create or replace function agon.note_undone(competition_id uuid, reverted jsonb, reason text) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  competition constant public.competitions := agon.find_competition(note_undone.competition_id);
  told bigint;
begin
  perform agon.require_reason(reason);
  with standing as (
    select e.id, e.match_key, e.event, e.report from jsonb_array_elements(reverted) r
    cross join lateral (
      select e.* from public.match_events e
      where e.competition_id = competition.id and e.event in ('decided', 'disqualified')
        and case when r ->> 'kind' = 'disqualified'
          then e.match_key is null and e.report ->> 'by' = r ->> 'by' else e.match_key = r ->> 'match' end
        and not exists (select from public.match_events x where x.reverts = e.id)
      order by e.id desc limit 1
    ) e
  ), noted as (
    insert into public.match_events
      (competition_id, match_key, event, by, by_wallet, data, reverts, created_at)
    select competition.id, s.match_key, 'reverted', 'organiser', agon.org_wallet(competition.org_id),
      jsonb_build_object('reason', reason), s.id, agon.now()
    from standing s order by s.id
  ), back as (
    update public.competition_registrations r set status = 'registered'
    from standing s
    where s.event = 'disqualified' and r.competition_id = competition.id
      and r.participant = s.report ->> 'by'
  )
  select count(agon.emit_match('reverted', competition, m)) into told
  from standing s join public.bracket_matches m
    on m.competition_id = competition.id and m.key = s.match_key;
end
$$;
comment on function agon.note_undone(uuid, jsonb, text) is
  'Results no longer stand, for a reason: an event for each, and who was disqualified plays again. Behind agon.take_undo or agon.take_resolution.';

create or replace function agon.ask_challenge(match public.bracket_matches) returns bigint
language sql security definer set search_path = ''
as $$
  select agon.enqueue('leagues.decide_by_challenge', jsonb_build_object(
    'competition_id', match.competition_id, 'match', match.key),
    'leagues.decide_by_challenge:' || match.id)
  where exists (select from agon.events e
    where e.topic = 'challenge.finalized' and e.key = match.challenge_id::text)
$$;
comment on function agon.ask_challenge(public.bracket_matches) is
  'Has a match decided by its challenge, where that is over. Called by other functions only.';

create or replace function agon.note_challenge_end(challenge_id bigint) returns bigint
language sql security definer set search_path = ''
as $$
  select count(agon.ask_challenge(m)) from public.bracket_matches m
  where m.challenge_id = note_challenge_end.challenge_id and m.status = 'in_progress'
$$;
comment on function agon.note_challenge_end(bigint) is
  'A challenge is over: the matches that it decides are queued. Returns how many.';

create or replace function agon.take_challenge_outcome(competition_id uuid, key text) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  competition constant public.competitions := agon.find_competition(take_challenge_outcome.competition_id);
  match constant public.bracket_matches := agon.find_match(competition.id, take_challenge_outcome.key);
  verdict record;
  report jsonb;
begin
  perform agon.require_admin();
  if match.status <> 'in_progress' then
    return null;
  end if;
  perform agon.require_playable(match);
  -- The newest word on each wallet; those of a team count together.
  with newest as (
    select distinct on (e.payload ->> 'subject') e.payload ->> 'subject' as wallet,
      (e.payload ->> 'pass')::boolean as pass, coalesce((e.payload ->> 'score')::numeric, 0) as score
    from agon.events e
    where e.topic = 'verdict.recorded' and e.key = match.challenge_id::text
    order by e.payload ->> 'subject', e.id desc
  ), sides as (
    select r.participant, row(count(*), coalesce(sum(n.score), 0)) as record, count(*) as passed
    from public.competition_registrations r
    join newest n on n.wallet = any (r.roster) and n.pass
    where r.competition_id = competition.id and r.participant in (match.participant_a, match.participant_b)
    group by r.participant
  )
  select a.record as a, b.record as b into verdict
  from (values (1)) one (n)
  left join sides a on a.participant = match.participant_a
  left join sides b on b.participant = match.participant_b;
  if verdict.a is not distinct from verdict.b then
    insert into public.match_events (competition_id, match_key, event, by, data, created_at)
    values (competition.id, match.key, 'undecided', 'engine',
      jsonb_build_object('challenge_id', match.challenge_id), agon.now());
    return null;
  end if;
  report := jsonb_build_object('match', match.key, 'kind', 'score', 'scores', (
    select jsonb_agg(case when verdict.b is null or verdict.a > verdict.b then '[1, 0]'::jsonb
      else '[0, 1]' end)
    from generate_series(1, match.best_of / 2 + 1)));
  perform agon.decide_match(competition, match, report, 'engine', 'challenge');
  return report;
end
$$;
comment on function agon.take_challenge_outcome(uuid, text) is
  'The result that a finished challenge gives a match: more of a side''s wallets that passed, then their higher scores, win all games; null where that does not tell them apart. Behind agon.hold_bracket.';

grant execute on function agon.take_report(uuid, text, jsonb), agon.take_confirmation(uuid, text),
  agon.due_confirmations(uuid), agon.take_undo(uuid, text), agon.note_undone(uuid, jsonb, text),
  agon.note_challenge_end(bigint), agon.take_challenge_outcome(uuid, text) to agon_worker;
