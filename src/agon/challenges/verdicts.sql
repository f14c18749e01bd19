-- Verdicts: what there is to judge, and what was judged.

create or replace trigger verdicts_stamp_updated_at
  before update on public.verdicts
  for each row execute function agon.stamp_updated_at();

create or replace function agon.enrolled_ms(challenge_id bigint, subject text) returns bigint
language sql stable security definer set search_path = ''
as $$
  select floor(extract(epoch from p.joined_at) * 1000)::bigint
  from public.participants p
  where p.challenge_id = enrolled_ms.challenge_id and lower(p.subject) = lower(enrolled_ms.subject)
$$;
comment on function agon.enrolled_ms(bigint, text) is
  'When a participant joined, in Unix milliseconds; null for who only submitted evidence.';

create or replace function agon.load_case(challenge_id bigint, subject text) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object(
    'challenge', jsonb_build_object(
      'id', c.id, 'status', c.status, 'params', c.params, 'proof', c.proof, 'timeline', c.timeline),
    'judge', m.judge,
    'model_id', m.id,
    'enrolled_ms', agon.enrolled_ms(c.id, load_case.subject),
    'evidence', coalesce((
      select jsonb_agg(jsonb_build_object(
        'id', e.id, 'provider', e.provider, 'raw_ref', e.raw_ref, 'hash', e.evidence_hash,
        'data', e.data) order by e.provider)
      from agon.newest_evidence(c.id, load_case.subject) e), '[]'))
  from public.challenges c
  join public.models m on m.id = c.model_id
  where c.id = load_case.challenge_id
$$;
comment on function agon.load_case(bigint, text) is
  'All that a verdict is made of: the challenge, its judge, when the participant enrolled, the newest evidence of each provider.';
grant execute on function agon.load_case(bigint, text) to agon_worker;

create or replace function agon.record_verdict(
  challenge_id bigint, subject text, basis bigint[], verdict jsonb, bundle bytea
) returns text
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  challenge public.challenges;
  stored public.verdicts;
begin
  -- The participant's turn, as a submission takes it: a slow judgement never overwrites a newer.
  perform agon.take_turn(record_verdict.challenge_id, record_verdict.subject);
  select * into challenge from public.challenges c
  where c.id = record_verdict.challenge_id for share;
  if challenge.status <> 'approved' or exists (
    select from agon.challenge_settlements s where s.challenge_id = challenge.id)
  then
    return 'closed';
  end if;
  if basis is distinct from (
    select array_agg(e.id order by e.provider)
    from agon.newest_evidence(record_verdict.challenge_id, record_verdict.subject) e)
    or (verdict ->> 'enrolled_ms')::bigint is distinct from
      agon.enrolled_ms(record_verdict.challenge_id, record_verdict.subject)
  then
    return 'stale';
  end if;
  select * into stored from public.verdicts v
  where v.challenge_id = record_verdict.challenge_id and v.subject = lower(record_verdict.subject);
  if stored.result_cid = verdict ->> 'result_cid' then
    update public.verdicts v set basis = record_verdict.basis
    where v.id = stored.id and v.basis <> record_verdict.basis;
    return 'unchanged';
  end if;
  perform agon.keep_result(verdict ->> 'result_cid', 'challenges.verdict', 1, bundle,
    record_verdict.subject);
  insert into public.verdicts as v
    (challenge_id, subject, pass, reasons, evidence_hash, evaluator, score, metadata, result_cid, basis,
     enrolled_ms, created_at)
  values (
    challenge.id, lower(record_verdict.subject), (verdict ->> 'pass')::boolean,
    array(select jsonb_array_elements_text(verdict -> 'reasons')),
    verdict ->> 'evidence_hash', verdict ->> 'evaluator', (verdict ->> 'score')::numeric,
    verdict -> 'metadata', verdict ->> 'result_cid', record_verdict.basis,
    (verdict ->> 'enrolled_ms')::bigint, agon.now())
  on conflict (challenge_id, subject) do update set
    pass = excluded.pass, reasons = excluded.reasons, evidence_hash = excluded.evidence_hash,
    evaluator = excluded.evaluator, score = excluded.score, metadata = excluded.metadata,
    result_cid = excluded.result_cid, basis = excluded.basis, enrolled_ms = excluded.enrolled_ms
  returning * into stored;
  perform agon.emit('verdict.recorded', challenge.id::text, jsonb_build_object(
    'challenge_id', challenge.id, 'subject', stored.subject, 'pass', stored.pass,
    'score', stored.score, 'result_cid', stored.result_cid));
  return 'recorded';
end
$$;
comment on function agon.record_verdict(bigint, text, bigint[], jsonb, bytea) is
  'Upserts the verdict with its bundle: recorded | unchanged | stale (newer evidence or an enrolment came, and its own job) | closed.';
grant execute on function agon.record_verdict(bigint, text, bigint[], jsonb, bytea) to agon_worker;

create or replace function public.challenge_progress(challenge_id bigint, subject text) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  challenge public.challenges := agon.show_challenge(challenge_id);
  wallet constant text := lower(challenge_progress.subject);
  is_own constant boolean := agon.is_service()
    or wallet in (select agon.wallets());
begin
  return jsonb_build_object(
    'challenge_id', challenge.id, 'status', challenge.status, 'outcome', challenge.outcome,
    'chain_outcome', challenge.chain_outcome,
    'participant', (
      select to_jsonb(p) from public.participants p
      where is_own and p.challenge_id = challenge.id and lower(p.subject) = wallet),
    'evidence', coalesce((
      select jsonb_agg(jsonb_build_object('id', e.id, 'provider', e.provider,
        'evidence_hash', e.evidence_hash, 'created_at', e.created_at) order by e.id)
      from public.evidence e
      where is_own and e.challenge_id = challenge.id and lower(e.subject) = wallet), '[]'),
    'verdict', (
      select jsonb_build_object('pass', v.pass, 'reasons', v.reasons, 'score', v.score,
        'evaluator', v.evaluator, 'evidence_hash', v.evidence_hash, 'result_cid', v.result_cid,
        'updated_at', v.updated_at)
      from public.verdicts v
      where v.challenge_id = challenge.id and v.subject = wallet));
end
$$;
comment on function public.challenge_progress(bigint, text) is
  'How far a participant is: their own wallet sees enrolment and evidence, everyone the verdict.';

create or replace function public.my_challenges() returns setof jsonb
language sql stable set search_path = ''
as $$
  select public.challenge_progress(p.challenge_id, p.subject)
    || jsonb_build_object('title', c.title, 'subject', p.subject)
  from public.participants p
  join public.challenges c on c.id = p.challenge_id
  where lower(p.subject) in (select agon.wallets())
  order by p.id desc
$$;
comment on function public.my_challenges() is 'The challenges that the caller''s wallets take part in, newest first.';

create or replace function public.verdict_metadata(challenge_id bigint, subject text) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
begin
  perform agon.require_wallet(verdict_metadata.subject);
  return (
    select v.metadata from public.verdicts v
    where v.challenge_id = verdict_metadata.challenge_id
      and v.subject = lower(verdict_metadata.subject));
end
$$;
comment on function public.verdict_metadata(bigint, text) is
  'The breakdown of a verdict, for the participant''s own wallet.';

revoke all on function
  public.challenge_progress(bigint, text), public.my_challenges(), public.verdict_metadata(bigint, text)
  from public, anon, authenticated, service_role;
grant execute on function public.challenge_progress(bigint, text) to anon, authenticated, service_role;
grant execute on function public.my_challenges(), public.verdict_metadata(bigint, text)
  to authenticated, service_role;

-- The breakdown says when and how far somebody ran, so it is not for everyone.
revoke all on public.verdicts from anon, authenticated, service_role;
grant select (id, challenge_id, subject, pass, reasons, evidence_hash, evaluator, score, result_cid,
  created_at, updated_at) on public.verdicts to anon, authenticated;
grant select on public.verdicts to service_role;

drop policy if exists verdicts_select_everyone on public.verdicts;
create policy verdicts_select_everyone on public.verdicts
  for select to anon, authenticated, service_role using (true);
