-- Saying no, keeping time, and the guards that every table may wear.

create or replace function agon.refuse(status integer, code text, message text, hint text default null)
returns void
language plpgsql
as $$
begin
  raise exception using
    errcode = 'PT' || status, message = message, detail = code, hint = coalesce(hint, '');
end
$$;
comment on function agon.refuse(integer, text, text, text) is
  'Raises PT<status> with a sentence, its stable code in detail, and a hint.';
grant execute on function agon.refuse(integer, text, text, text)
  to anon, authenticated, service_role, agon_worker;

create or replace function agon.now() returns timestamptz
language sql stable security definer set search_path = ''
as $$ select coalesce((select reads_at from agon.clock), pg_catalog.now()) $$;
comment on function agon.now() is 'The transaction''s time, or what a test has set.';
grant execute on function agon.now() to anon, authenticated, service_role, agon_worker;

create or replace function agon.stamp_updated_at() returns trigger
language plpgsql set search_path = ''
as $$
begin
  new.updated_at := agon.now();
  return new;
end
$$;
comment on function agon.stamp_updated_at() is 'Keeps updated_at, on every table that has it.';

create or replace function agon.guard_append_only() returns trigger
language plpgsql set search_path = ''
as $$
begin
  -- With what they belong to, rows go: a cascade is a delete within a delete.
  if tg_op = 'DELETE' and pg_trigger_depth() > 1 then
    return null;
  end if;
  perform agon.refuse(403, 'append_only',
    format('%I.%I only grows: rows are neither changed nor removed.', tg_table_schema, tg_table_name),
    'Write a new row that says what changed.');
  return null;
end
$$;
comment on function agon.guard_append_only() is 'Refuses update, delete and truncate, for everyone; rows go only with the row that they belong to.';

create or replace trigger events_guard_append_only
  before update or delete or truncate on agon.events
  for each statement execute function agon.guard_append_only();
create or replace trigger results_guard_append_only
  before update or delete or truncate on agon.results
  for each statement execute function agon.guard_append_only();
