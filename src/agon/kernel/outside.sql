-- Work outside: meant with what made it necessary, taken in hand by one worker, answered for.

create or replace function agon.mean_outside(job text, key text) returns void
language sql security definer set search_path = ''
as $$
  insert into agon.outside_work as w (job, key, created_at)
  values (mean_outside.job, mean_outside.key, agon.now())
  on conflict (job, key) do nothing;
  select agon.enqueue(mean_outside.job, jsonb_build_object('key', mean_outside.key),
    mean_outside.job || ' ' || mean_outside.key);
$$;
comment on function agon.mean_outside(text, text) is
  'Means one piece of work outside and queues its job, together; the same again is the same. Called by other functions only.';

create or replace function agon.hold_outside(job text, key text, hold interval)
returns table (attempt integer, free_in interval)
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  work agon.outside_work;
begin
  select * into work from agon.outside_work w
  where w.job = hold_outside.job and w.key = hold_outside.key for no key update;
  if not found then
    return;
  end if;
  if work.held_until > agon.now() then
    return query select null::integer, work.held_until - agon.now();
    return;
  end if;
  return query
    update agon.outside_work w set attempts = w.attempts + 1, held_until = agon.now() + hold
    where w.job = hold_outside.job and w.key = hold_outside.key
    returning w.attempts, null::interval;
end
$$;
comment on function agon.hold_outside(text, text, interval) is
  'Takes work in hand for so long and counts the attempt. Where another has it, attempt is null and free_in says for how long; nothing where there is nothing to do.';
grant execute on function agon.hold_outside(text, text, interval) to agon_worker;

create or replace function agon.end_outside(job text, key text) returns void
language sql security definer set search_path = ''
as $$
  delete from agon.outside_work w where w.job = end_outside.job and w.key = end_outside.key
$$;
comment on function agon.end_outside(text, text) is
  'The end of work outside, in the transaction of its receipt.';
grant execute on function agon.end_outside(text, text) to agon_worker;

create or replace function agon.put_off_outside(
  job text, key text, attempt integer, trouble text, is_final boolean, attempts_max integer
) returns text
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_variable
begin
  if is_final or attempt >= attempts_max then
    delete from agon.outside_work w
    where w.job = put_off_outside.job and w.key = put_off_outside.key and w.attempts = attempt;
    return case when found then 'given up' else 'overtaken' end;
  end if;
  update agon.outside_work w set held_until = null, trouble = left(put_off_outside.trouble, 500)
  where w.job = put_off_outside.job and w.key = put_off_outside.key and w.attempts = attempt;
  return case when found then 'put off' else 'overtaken' end;
end
$$;
comment on function agon.put_off_outside(text, text, integer, text, boolean, integer) is
  'An attempt that did not do it: given up if that is final or was the last, else put off; overtaken where another worker has begun since.';
grant execute on function agon.put_off_outside(text, text, integer, text, boolean, integer)
  to agon_worker;

create or replace function agon.outside_trouble(job text, key text) returns text
language sql stable security definer set search_path = ''
as $$
  select w.trouble from agon.outside_work w
  where w.job = outside_trouble.job and w.key = outside_trouble.key
$$;
comment on function agon.outside_trouble(text, text) is
  'What the last attempt at work that waits failed of. Called by other functions only.';
