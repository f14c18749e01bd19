-- Jobs of the AIVM: who gets one, who works on it, and what becomes of a request that we send.

create or replace trigger aivm_jobs_guard_status
  before insert or update on public.aivm_jobs
  for each row execute function agon.guard_move('status');
create or replace trigger aivm_jobs_stamp_updated_at
  before update on public.aivm_jobs
  for each row execute function agon.stamp_updated_at();

create or replace function agon.is_judged(challenge_id bigint) returns boolean
language sql stable security definer set search_path = '' cost 10000
as $$
  select not exists (
    select from public.participants p
    cross join lateral (
      select array_agg(e.id order by e.provider) as basis
      from agon.newest_evidence(p.challenge_id, p.subject) e
    ) newest
    left join public.verdicts v on v.challenge_id = p.challenge_id and v.subject = lower(p.subject)
    -- Who has no stake cannot win, and need not be waited for.
    where p.challenge_id = is_judged.challenge_id and p.source = 'onchain_join'
      and newest.basis is not null
      and (v.basis is distinct from newest.basis
        or v.enrolled_ms is distinct from agon.enrolled_ms(p.challenge_id, p.subject)))
$$;
comment on function agon.is_judged(bigint) is
  'Whether everybody who joined on the chain and has evidence has a verdict that stands on the newest of it.';

create or replace function agon.cancel_terminal_jobs() returns bigint
language sql security definer set search_path = ''
as $$
  with canceled as (
    update public.aivm_jobs j set status = 'canceled'
    where j.status in ('queued', 'failed', 'processing')
      and not exists (
        select from public.challenges c
        where c.id = j.challenge_id and c.status in ('pending', 'approved'))
    returning j.id
  )
  select count(*) from canceled
$$;
comment on function agon.cancel_terminal_jobs() is
  'Cancels jobs that wait, or are not submitted yet, of challenges that are over or no longer there; says how many.';
grant execute on function agon.cancel_terminal_jobs() to agon_worker;

create or replace function agon.open_aivm_jobs(challenge_id bigint default null, grace_s integer default 0)
returns bigint
language sql security definer set search_path = ''
as $$
  -- First those that have none: to see whether all is judged takes longer.
  with over as materialized (
    select c.id
    from public.challenges c
    where (open_aivm_jobs.challenge_id is null or c.id = open_aivm_jobs.challenge_id)
      and c.content_hash is not null and c.status = 'approved' and c.model_id is not null
      -- By the chain's clock, not ours: who joined at the last moment is known by then.
      and (c.timeline ->> 'end')::numeric + grace_s
        <= (select extract(epoch from agon.chain_time(agon.the_chain())))
      and not exists (
        select from public.aivm_jobs j
        where j.challenge_id = c.id and j.status not in ('canceled', 'skipped'))
  ), opened as (
    insert into public.aivm_jobs as j (challenge_id, created_at)
    select over.id, agon.now() from over where agon.is_judged(over.id)
    -- Only a reorganisation makes an approved challenge of one that was over.
    on conflict on constraint aivm_jobs_one_per_challenge do update
      set status = 'queued', intent_id = null, last_error = null
      where j.status in ('canceled', 'skipped')
    returning j.id
  )
  select count(*) from opened
$$;
comment on function agon.open_aivm_jobs(bigint, integer) is
  'A job for each challenge, or for one, on a chain that is approved, described, judged, and ended so many seconds before a block that is final and read, once; says how many are new.';

create or replace function agon.dispatch_challenges(grace_s integer default 0) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  canceled constant bigint := agon.cancel_terminal_jobs();
  opened constant bigint := agon.open_aivm_jobs(null, grace_s);
begin
  perform agon.enqueue('challenges.infer', jsonb_build_object('challenge_id', j.challenge_id),
    'challenges.infer:' || j.challenge_id)
  from public.aivm_jobs j
  where j.status = 'queued' or (j.status = 'processing' and j.intent_id is null)
    or (j.status = 'failed' and j.updated_at + j.attempts * interval '1 minute' <= agon.now());
  return jsonb_build_object('opened', opened, 'canceled', canceled);
end
$$;
comment on function agon.dispatch_challenges(integer) is
  'One cycle of the dispatcher: jobs of challenges that are over are canceled, new ones opened (grace_s after the end at the earliest), and what is to be worked on is queued.';
grant execute on function agon.dispatch_challenges(integer) to agon_worker;

create or replace function agon.dispatch_after_verdict(challenge_id bigint, grace_s integer) returns void
language sql security definer set search_path = ''
as $$
  select agon.enqueue('challenges.infer',
    jsonb_build_object('challenge_id', dispatch_after_verdict.challenge_id),
    'challenges.infer:' || dispatch_after_verdict.challenge_id)
  where agon.open_aivm_jobs(dispatch_after_verdict.challenge_id, grace_s) > 0
$$;
comment on function agon.dispatch_after_verdict(bigint, integer) is
  'A job at once, where the challenge on a chain waits for no other verdict, and is over so long.';
grant execute on function agon.dispatch_after_verdict(bigint, integer) to agon_worker;

create or replace function agon.claim_aivm_job(challenge_id bigint) returns public.aivm_jobs
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  status_now text;
  job public.aivm_jobs;
begin
  select c.status into status_now from public.challenges c
  where c.id = claim_aivm_job.challenge_id for no key update;
  select * into job from public.aivm_jobs j
  where j.challenge_id = claim_aivm_job.challenge_id for no key update;
  if job.status not in ('queued', 'failed', 'processing') or job.intent_id is not null
    and job.status = 'processing'
  then
    return null;
  end if;
  if status_now is distinct from 'approved' then
    update public.aivm_jobs j set status = 'skipped' where j.id = job.id;
    return null;
  end if;
  if job.status <> 'processing' then
    update public.aivm_jobs j
    set status = 'processing', attempts = j.attempts + 1, intent_id = null, last_error = null
    where j.id = job.id returning j.* into job;
  end if;
  return job;
end
$$;
comment on function agon.claim_aivm_job(bigint) is
  'Takes a job for the next attempt, or again after a worker died; null where there is nothing to do, skipped where the challenge is over.';
grant execute on function agon.claim_aivm_job(bigint) to agon_worker;

create or replace function agon.load_outcome(challenge_id bigint) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  challenge public.challenges := agon.find_challenge(challenge_id);
begin
  return jsonb_build_object(
    'chain_id', agon.the_chain(), 'aivm', agon.contract_address(agon.the_chain(), 'AIVM'),
    'model_id', challenge.model_id, 'model_hash', challenge.model_hash,
    'content_hash', challenge.content_hash,
    'verdicts', coalesce((
      select jsonb_agg(jsonb_build_object('subject', v.subject, 'pass', v.pass,
        'result_cid', v.result_cid, 'joined', p.source = 'onchain_join') order by v.subject)
      from public.verdicts v
      join public.participants p
        on p.challenge_id = v.challenge_id and lower(p.subject) = v.subject
      where v.challenge_id = challenge.id), '[]'));
end
$$;
comment on function agon.load_outcome(bigint) is
  'What an outcome is made of: the verdicts, held until the transaction ends, and where it is asked for.';
grant execute on function agon.load_outcome(bigint) to agon_worker;

create or replace function agon.note_inference_meant(
  challenge_id bigint, intent_id bigint, prompt_hash text, result_cid text, bundle bytea,
  outcome smallint, winners text[]
) returns public.aivm_jobs
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  job public.aivm_jobs;
begin
  perform agon.keep_result(note_inference_meant.result_cid, 'challenges.outcome', 1, bundle, null);
  insert into agon.challenge_settlements as s (challenge_id, result_cid, outcome, winners, created_at)
  values (note_inference_meant.challenge_id, note_inference_meant.result_cid,
    note_inference_meant.outcome, note_inference_meant.winners, agon.now())
  on conflict (challenge_id) do update set
    result_cid = excluded.result_cid, outcome = excluded.outcome, winners = excluded.winners
    where s.step = 0 and s.intent_id is null;
  update public.aivm_jobs j set
    intent_id = note_inference_meant.intent_id, prompt_hash = note_inference_meant.prompt_hash
  where j.challenge_id = note_inference_meant.challenge_id and j.status = 'processing'
  returning j.* into job;
  return job;
end
$$;
comment on function agon.note_inference_meant(bigint, bigint, text, text, bytea, smallint, text[]) is
  'The request stands in the outbox, and with it are fixed the outcome and the winners by the verdicts.';
grant execute on function agon.note_inference_meant(bigint, bigint, text, text, bytea, smallint, text[])
  to agon_worker;

create or replace function agon.fail_aivm_job(challenge_id bigint, error text) returns void
language sql security definer set search_path = ''
as $$
  update public.aivm_jobs j set
    -- Attempts are never counted anew: each names the request that it means.
    status = case when j.attempts % 5 = 0 then 'dead' else 'failed' end,
    last_error = left(fail_aivm_job.error, 1000)
  where j.challenge_id = fail_aivm_job.challenge_id and j.status in ('processing', 'submitted')
$$;
comment on function agon.fail_aivm_job(bigint, text) is
  'An attempt failed: the job is tried again after as many minutes as there were attempts, and is dead after the fifth, of each time that an operator lets it go on.';
grant execute on function agon.fail_aivm_job(bigint, text) to agon_worker;

create or replace function agon.note_inference(intent agon.chain_intents) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  job public.aivm_jobs;
begin
  select * into job from public.aivm_jobs j where j.intent_id = intent.id for no key update;
  if intent.status in ('sent', 'confirmed') then
    update public.aivm_jobs j set
      status = case when j.status in ('processing', 'failed') then 'submitted' else j.status end,
      worker_address = intent.signer, last_error = null
    where j.id = job.id;
  elsif intent.status = 'failed' then
    perform agon.fail_aivm_job(job.challenge_id, intent.error);
  end if;
end
$$;
comment on function agon.note_inference(agon.chain_intents) is
  'Note of challenges.request_inference. Only the indexer moves a job beyond submitted.';
select agon.register_purpose('challenges.request_inference', 'agon.note_inference');

revoke all on public.aivm_jobs from anon, authenticated, service_role;
grant select on public.aivm_jobs to service_role;
drop policy if exists aivm_jobs_select_service on public.aivm_jobs;
create policy aivm_jobs_select_service on public.aivm_jobs
  for select to service_role using (true);
