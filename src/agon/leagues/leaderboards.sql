-- Leaderboards: scores from verdicts and from organisers, entries, and the end of a competition of
-- type challenge or leaderboard.

create or replace trigger leaderboard_entries_stamp_updated_at
  before update on public.leaderboard_entries
  for each row execute function agon.stamp_updated_at();

create or replace function agon.gather_verdicts(competition_id uuid, event_id bigint) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  changed text[];
begin
  -- One event is found by its id, however many verdicts its challenge has.
  with heard as (
    select e.* from agon.events e where e.id = gather_verdicts.event_id
    union all
    select e.* from public.competitions c
    cross join unnest(c.challenge_ids) counted
    join agon.events e on e.topic = 'verdict.recorded' and e.key = counted::text
    where gather_verdicts.event_id is null and c.id = gather_verdicts.competition_id
  ), newest as (
    select distinct on (h.key, k.wallet) h.id, h.key::bigint as challenge_id, k.wallet, h.payload
    from heard h join agon.competition_players k
      on k.competition_id = gather_verdicts.competition_id and k.wallet = h.payload ->> 'subject'
    order by h.key, k.wallet, h.id desc
  ), kept as (
    insert into public.leaderboard_scores as s
      (competition_id, wallet, challenge_id, event_id, pass, score, result_cid, created_at)
    select gather_verdicts.competition_id, n.wallet, n.challenge_id, n.id,
      (n.payload ->> 'pass')::boolean, agon.as_score(n.payload ->> 'score'),
      n.payload ->> 'result_cid', agon.now()
    from newest n
    on conflict (competition_id, wallet, challenge_id) do update
    set event_id = excluded.event_id, pass = excluded.pass, score = excluded.score,
      result_cid = excluded.result_cid, turn = excluded.turn, created_at = excluded.created_at
    where s.event_id < excluded.event_id
    returning s.wallet
  )
  select array_agg(k.wallet) into changed from kept k;
  perform agon.stale_players(gather_verdicts.competition_id, changed);
end
$$;
comment on function agon.gather_verdicts(uuid, bigint) is
  'Takes a verdict, by its event, or null for all that there are, on those who take part; a newer one counts in place of an older. Called by other functions only.';

create or replace function agon.as_score(given text) returns numeric
language sql immutable set search_path = ''
as $$
  -- What lies beyond counts nothing, and stops nobody else's.
  select case when abs(given::numeric) < 1e12 - 1 then round(given::numeric, 6) end
$$;
comment on function agon.as_score(text) is
  'A score to 6 places; null beyond a million million. Called by other functions only.';

create or replace function agon.note_verdict(event_id bigint) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  challenge constant bigint := (select e.key from agon.events e where e.id = note_verdict.event_id);
  competition record;
begin
  -- The lock waits for a start that goes on, which may have looked before this verdict was there.
  for competition in
    select c.id, c.status from public.competitions c
    where c.challenge_ids @> array[challenge] and c.type <> 'bracket' and c.status in ('open', 'active')
    order by c.id for share
  loop
    perform agon.gather_verdicts(competition.id, note_verdict.event_id)
    where competition.status = 'active';
  end loop;
end
$$;
comment on function agon.note_verdict(bigint) is
  'A verdict was recorded, as this event says: it counts in the active competitions that have its challenge.';

create or replace function agon.write_entries(competition_id uuid, rows jsonb) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
begin
  insert into public.leaderboard_entries as e
    (competition_id, participant, score, passed, failed, scores, updated_at)
  select write_entries.competition_id, r.participant, (r.entry ->> 'score')::numeric,
    (r.entry ->> 'passed')::integer, (r.entry ->> 'failed')::integer, (r.entry ->> 'scores')::integer,
    agon.now()
  from jsonb_to_recordset(rows) as r (participant text, entry jsonb)
  where jsonb_typeof(r.entry) = 'object'
  on conflict (competition_id, participant) do update
  set score = excluded.score, passed = excluded.passed, failed = excluded.failed, scores = excluded.scores
  where (e.score, e.passed, e.failed, e.scores)
    is distinct from (excluded.score, excluded.passed, excluded.failed, excluded.scores);
  delete from public.leaderboard_entries e
  using jsonb_to_recordset(rows) as r (participant text, entry jsonb)
  where e.competition_id = write_entries.competition_id and e.participant = r.participant
    and coalesce(jsonb_typeof(r.entry), 'null') = 'null';
  perform agon.set_ranks(write_entries.competition_id, (
    select jsonb_agg(jsonb_build_object('subject', r ->> 'participant', 'key', r #>> '{entry,key}'))
    from jsonb_array_elements(rows) r))
  where exists (select from public.competitions c
    where c.id = write_entries.competition_id and c.type <> 'bracket');
end
$$;
comment on function agon.write_entries(uuid, jsonb) is
  'Entries of a leaderboard, with their ranks; whoever has none is taken off. Called by other functions only.';

create or replace function public.post_scores(competition_id uuid, scores jsonb)
returns setof public.leaderboard_scores
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  scores_max constant integer := 1000;
  competition constant public.competitions := agon.hold_competition(post_scores.competition_id);
  item jsonb;
  posted public.leaderboard_scores;
begin
  perform agon.require_org(competition.org_id, 'admin', 'results:write');
  perform agon.require_scored(competition, array['leaderboard']);
  if coalesce(jsonb_typeof(scores), '') <> 'array' or jsonb_array_length(scores) not between 1 and scores_max
  then
    perform agon.refuse(422, 'scores_malformed', format('This takes a list of 1 to %s scores.', scores_max),
      'Each is {wallet, score, key}.');
  end if;
  for item in select jsonb_array_elements(scores) loop
    posted := agon.post_score(competition, item);
    return next posted;
  end loop;
  perform agon.stale_players(competition.id, (
    select array_agg(lower(s ->> 'wallet')) from jsonb_array_elements(scores) s));
end
$$;
comment on function public.post_scores(uuid, jsonb) is
  'Scores of a leaderboard: [{wallet, score: a decimal of 6 places at most, key: the poster''s own name for it}], by an admin or a key with results:write. The same key again is the same score.';

create or replace function agon.post_score(competition public.competitions, item jsonb)
returns public.leaderboard_scores
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  owned text;
  posted public.leaderboard_scores;
begin
  perform agon.require_fields(item, array['wallet', 'score', 'key']);
  owned := agon.wallet_of(item ->> 'wallet');
  if not coalesce(item ->> 'score' ~ '^-?\d{1,9}(\.\d{1,6})?$', false) then
    perform agon.refuse(422, 'score_malformed', 'This is no score.',
      'A decimal with at most 9 digits before the point and 6 behind it.');
  elsif not exists (select from agon.competition_players k join public.competition_registrations r
      on r.competition_id = k.competition_id and r.participant = k.participant
    where k.competition_id = competition.id and k.wallet = owned and r.status = 'registered')
  then
    perform agon.refuse(404, 'not_registered', format('%s takes no part here.', owned),
      'Scores are of wallets on a roster that plays.');
  elsif owned in (select agon.wallets()) then
    perform agon.refuse(403, 'own_score', 'Nobody posts scores of their own.',
      'Another admin, or a key of the organisation, does.');
  end if;
  insert into public.leaderboard_scores (competition_id, wallet, pass, score, key, posted_by, created_at)
  values (competition.id, owned, true, (item ->> 'score')::numeric, item ->> 'key',
    agon.poster(competition), agon.now())
  on conflict (competition_id, key) do nothing returning * into posted;
  if posted.id is null then
    select * into strict posted from public.leaderboard_scores s
    where s.competition_id = competition.id and s.key = item ->> 'key';
    if (posted.wallet, posted.score) is distinct from (owned, (item ->> 'score')::numeric) then
      perform agon.refuse(409, 'key_taken', format('%s is another score.', item ->> 'key'),
        'Take that back, and post this one under a key of its own.');
    end if;
  end if;
  return posted;
end
$$;
comment on function agon.post_score(public.competitions, jsonb) is
  'One score of a leaderboard. Called by other functions only.';

create or replace function agon.poster(competition public.competitions) returns text
language sql stable security definer set search_path = ''
as $$
  select coalesce(agon.org_wallet(competition.org_id), 'key:' || ((select auth.jwt()) ->> 'api_key'), 'service')
$$;
comment on function agon.poster(public.competitions) is
  'Who acts for the organiser: a wallet, key:<id> or service. Called by other functions only.';

create or replace function agon.require_scored(competition public.competitions, types text[]) returns void
language plpgsql immutable set search_path = ''
as $$
begin
  if not competition.type = any (types) then
    perform agon.refuse(409, 'not_scored', format('A competition of type %s has no such scores.', competition.type));
  elsif competition.status <> 'active' then
    perform agon.refuse(409, 'competition_not_active', format('The competition is %s.', competition.status));
  end if;
end
$$;
comment on function agon.require_scored(public.competitions, text[]) is
  'Refuses competitions that are not active, or not of these types. Called by other functions only.';

create or replace function public.revert_score(competition_id uuid, score_id uuid, reason text)
returns public.leaderboard_scores
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  competition constant public.competitions := agon.hold_competition(revert_score.competition_id);
  score public.leaderboard_scores;
begin
  perform agon.require_org(competition.org_id, 'admin', 'results:write');
  select * into score from public.leaderboard_scores s
  where s.id = score_id and s.competition_id = competition.id and s.key is not null;
  if not found then
    perform agon.refuse(404, 'score_unknown', 'There is no such score.',
      'What a verdict says changes with the verdict alone.');
  elsif score.reverted_at is not null then
    return score;
  end if;
  perform agon.require_scored(competition, array['leaderboard']);
  perform agon.require_reason(revert_score.reason);
  if score.wallet in (select agon.wallets()) then
    perform agon.refuse(403, 'own_score', 'Nobody takes scores of their own back.',
      'Another admin, or a key of the organisation, does.');
  end if;
  update public.leaderboard_scores s set reverted_at = agon.now(), reverted_by = agon.poster(competition),
    reason = revert_score.reason
  where s.id = score.id returning * into score;
  perform agon.stale_players(competition.id, array[score.wallet]);
  return score;
end
$$;
comment on function public.revert_score(uuid, uuid, text) is
  'A posted score no longer counts, for a reason; by an admin or a key with results:write. Once it does not, again changes nothing.';

create or replace function agon.list_leaderboard(competition_id uuid, first_rank bigint, most integer)
returns setof jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object('rank', p.rank, 'place', p.place, 'participant', e.participant,
    'score', trim_scale(e.score)::text, 'passed', e.passed, 'failed', e.failed, 'scores', e.scores,
    'updated_at', e.updated_at)
  from agon.page_ranks(list_leaderboard.competition_id, first_rank, most) p
  join public.leaderboard_entries e
    on e.competition_id = list_leaderboard.competition_id and e.participant = p.subject
  order by p.rank
$$;
comment on function agon.list_leaderboard(uuid, bigint, integer) is
  'A leaderboard from this rank on, as far as the caller may see it.';

create or replace function agon.list_scores(
  competition_id uuid, wallet text, after bigint, most integer
) returns setof jsonb
language sql stable set search_path = ''
as $$
  select to_jsonb(s) || jsonb_build_object('score', trim_scale(s.score)::text)
  from public.leaderboard_scores s
  where s.competition_id = list_scores.competition_id and s.turn > coalesce(after, 0)
    and (list_scores.wallet is null or s.wallet = lower(list_scores.wallet))
  order by s.turn limit most
$$;
comment on function agon.list_scores(uuid, text, bigint, integer) is
  'What counts in a competition, in turn, and what was taken back; after: the turn of the last one seen.';

grant execute on function agon.note_verdict(bigint) to agon_worker;
grant execute on function agon.list_leaderboard(uuid, bigint, integer),
  agon.list_scores(uuid, text, bigint, integer) to anon, authenticated, service_role;
revoke all on function public.post_scores(uuid, jsonb), public.revert_score(uuid, uuid, text)
  from public, anon, authenticated, service_role;
grant execute on function public.post_scores(uuid, jsonb), public.revert_score(uuid, uuid, text)
  to authenticated, service_role;

revoke all on public.leaderboard_entries, public.leaderboard_scores from anon, authenticated, service_role;
grant select on public.leaderboard_entries, public.leaderboard_scores to anon, authenticated, service_role;
-- There are none before the start, so none of a draft.
drop policy if exists leaderboard_entries_select_everyone on public.leaderboard_entries;
create policy leaderboard_entries_select_everyone on public.leaderboard_entries
  for select to anon, authenticated
  using ((select agon.host_org()) is null or competition_id in (
    select c.id from public.competitions c where c.org_id = (select agon.host_org())));
drop policy if exists leaderboard_entries_select_service on public.leaderboard_entries;
create policy leaderboard_entries_select_service on public.leaderboard_entries
  for select to service_role using (true);
drop policy if exists leaderboard_scores_select_everyone on public.leaderboard_scores;
create policy leaderboard_scores_select_everyone on public.leaderboard_scores
  for select to anon, authenticated
  using ((select agon.host_org()) is null or competition_id in (
    select c.id from public.competitions c where c.org_id = (select agon.host_org())));
drop policy if exists leaderboard_scores_select_service on public.leaderboard_scores;
create policy leaderboard_scores_select_service on public.leaderboard_scores
  for select to service_role using (true);
