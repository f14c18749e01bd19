-- Enqueuing in the transaction that made the work necessary, and the worker's rights on the queue.

create or replace function agon.enqueue(
  job text,
  payload jsonb default '{}',
  dedupe_key text default null,
  run_at timestamptz default null,
  priority integer default 0
) returns bigint
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  free_key text := enqueue.dedupe_key;
  job_id bigint;
  held agon.pgqueuer_status;
begin
  loop
    insert into agon.pgqueuer as q (priority, status, entrypoint, payload, dedupe_key, execute_after)
    values (
      enqueue.priority, 'queued', enqueue.job, convert_to(enqueue.payload::text, 'UTF8'), free_key,
      coalesce(enqueue.run_at, pg_catalog.now())
    )
    on conflict (dedupe_key)
      where status = any (array['queued'::agon.pgqueuer_status, 'picked'::agon.pgqueuer_status])
        and dedupe_key is not null
      do nothing
    returning q.id into job_id;
    exit when job_id is not null;
    -- One that waits is locked, so that no worker takes it before it can see what we wrote.
    select q.status into held from agon.pgqueuer q
    where q.dedupe_key = free_key and q.status in ('queued', 'picked') for key share;
    exit when held = 'queued';
    -- One that runs may have read what was there before us: another follows it.
    if held = 'picked' then
      free_key := free_key || ' again';
    end if;
  end loop;
  return job_id;
end
$$;
comment on function agon.enqueue(text, jsonb, text, timestamptz, integer) is
  'Queues a job; null when one with the same dedupe key waits. Behind one that runs another is queued, as `KEY again`. Called by other functions only.';

create or replace function agon.enqueue_scheduled(job text) returns void
language sql security definer set search_path = ''
as $$
  -- Of those that failed the last one says enough.
  delete from agon.pgqueuer q using agon.pgqueuer later
  where q.dedupe_key = enqueue_scheduled.job and q.status = 'failed'
    and later.dedupe_key = q.dedupe_key and later.status = 'failed' and later.id > q.id;
  select agon.enqueue(enqueue_scheduled.job, '{}', enqueue_scheduled.job);
$$;
comment on function agon.enqueue_scheduled(text) is
  'Queues a job whose time has come, unless it waits; forgets all but the last of its failures.';
grant execute on function agon.enqueue_scheduled(text) to agon_worker;

-- Only new work wakes a worker: a NOTIFY takes a lock that every committing transaction shares.
create or replace function agon.note_new_jobs() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  perform pg_notify('ch_pgqueuer', json_build_object(
    'channel', 'ch_pgqueuer', 'operation', 'insert', 'sent_at', pg_catalog.now(),
    'table', tg_table_name, 'type', 'table_changed_event')::text);
  return null;
end
$$;
comment on function agon.note_new_jobs() is 'Wakes waiting workers, in the form that pgqueuer understands.';

create or replace trigger pgqueuer_note_new_jobs
  after insert on agon.pgqueuer
  for each statement execute function agon.note_new_jobs();

grant select, insert, update, delete on
  agon.pgqueuer, agon.pgqueuer_log, agon.pgqueuer_schedules, agon.pgqueuer_statistics to agon_worker;
grant usage on sequence
  agon.pgqueuer_id_seq, agon.pgqueuer_log_id_seq, agon.pgqueuer_schedules_id_seq,
  agon.pgqueuer_statistics_id_seq to agon_worker;

-- The queue is the worker's own: pgqueuer writes it with plain statements, so one policy a table.
drop policy if exists pgqueuer_all_worker on agon.pgqueuer;
create policy pgqueuer_all_worker on agon.pgqueuer
  for all to agon_worker using (true) with check (true);
drop policy if exists pgqueuer_log_all_worker on agon.pgqueuer_log;
create policy pgqueuer_log_all_worker on agon.pgqueuer_log
  for all to agon_worker using (true) with check (true);
drop policy if exists pgqueuer_schedules_all_worker on agon.pgqueuer_schedules;
create policy pgqueuer_schedules_all_worker on agon.pgqueuer_schedules
  for all to agon_worker using (true) with check (true);
drop policy if exists pgqueuer_statistics_all_worker on agon.pgqueuer_statistics;
create policy pgqueuer_statistics_all_worker on agon.pgqueuer_statistics
  for all to agon_worker using (true) with check (true);

create or replace function agon.job_counts() returns table (job text, status text, jobs bigint, oldest timestamptz)
language sql stable security definer set search_path = ''
as $$
  select q.entrypoint, q.status::text, count(*), min(q.execute_after)
  from agon.pgqueuer q
  group by 1, 2
$$;
comment on function agon.job_counts() is 'Waiting and running jobs, for metrics and the doctor.';
grant execute on function agon.job_counts() to agon_worker;

create or replace function agon.list_failed_jobs(most integer default 100)
returns table (id bigint, job text, payload text, failed_at timestamptz, trouble text)
language sql stable security definer set search_path = ''
as $$
  select q.id, q.entrypoint, convert_from(q.payload, 'UTF8'), q.updated, (
    select left((l.traceback #>> '{}')::jsonb ->> 'exception_message', 500) from agon.pgqueuer_log l
    where l.job_id = q.id and l.traceback is not null order by l.created desc, l.id desc limit 1)
  from agon.pgqueuer q
  where q.status = 'failed'
  order by q.id desc
  limit most
$$;
comment on function agon.list_failed_jobs(integer) is
  'Jobs that were given up, the newest first, and what they failed of.';
grant execute on function agon.list_failed_jobs(integer) to agon_worker;

create or replace function agon.retry_job(id bigint) returns boolean
language sql security definer set search_path = ''
as $$
  with taken as (
    delete from agon.pgqueuer q where q.id = retry_job.id and q.status = 'failed' returning q.*
  )
  select count(agon.enqueue(t.entrypoint, convert_from(t.payload, 'UTF8')::jsonb, t.dedupe_key,
    priority => t.priority)) >= 0 and count(*) > 0
  from taken t
$$;
comment on function agon.retry_job(bigint) is
  'Queues a failed job anew, as a job of its own, unless one with its key waits; false where there is none.';
grant execute on function agon.retry_job(bigint) to agon_worker;

create or replace function agon.drop_job(id bigint) returns boolean
language sql security definer set search_path = ''
as $$
  with dropped as (
    delete from agon.pgqueuer q where q.id = drop_job.id and q.status = 'failed' returning 1
  )
  select exists (select from dropped)
$$;
comment on function agon.drop_job(bigint) is
  'Forgets a failed job, whose log stays; false where there is none.';
grant execute on function agon.drop_job(bigint) to agon_worker;

create or replace function agon.forget_job_log(kept_days integer default 30) returns bigint
language sql security definer set search_path = ''
as $$
  with old as (select agon.now() - make_interval(days => kept_days) as ends),
  counted as (delete from agon.pgqueuer_statistics s using old where s.created < old.ends),
  forgotten as (
    delete from agon.pgqueuer_log l using old
    where l.created < old.ends and not exists (select from agon.pgqueuer q where q.id = l.job_id)
    returning 1
  )
  select count(*) from forgotten
$$;
comment on function agon.forget_job_log(integer) is
  'Deletes what the queue wrote of jobs that ended so many days ago; answers how many lines.';
grant execute on function agon.forget_job_log(integer) to agon_worker;
