-- Pins: queued where a place is configured, tried, and answered for.

create or replace trigger pins_guard_move
  before insert or update on agon.pins
  for each row execute function agon.guard_move('status');

create or replace function agon.want_pins(cid text, targets text[]) returns integer
language sql security definer set search_path = ''
as $$
  with wanted as (
    insert into agon.pins as p (cid, target, created_at)
    select f.cid, t, agon.now()
    from agon.files f cross join unnest(targets) t
    where f.cid = want_pins.cid and f.published_at is not null
    on conflict (cid, target) do update set status = 'queued', attempts = 0
      where p.status = 'failed'
    returning p.cid, p.target
  ),
  queued as (
    select agon.enqueue('content.pin_at', jsonb_build_object('cid', w.cid, 'target', w.target),
      'content.pin_at ' || w.cid || ' ' || w.target)
    from wanted w
  )
  select count(*)::integer from queued
$$;
comment on function agon.want_pins(text, text[]) is
  'Queues the pinning of a published file at each of these places where it is not pinned or queued yet; how many.';
grant execute on function agon.want_pins(text, text[]) to agon_worker;

create or replace function agon.begin_pin(cid text, target text) returns agon.files
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  file agon.files;
begin
  update agon.pins p set attempts = p.attempts + 1
  where p.cid = begin_pin.cid and p.target = begin_pin.target and p.status = 'queued';
  if found then
    select * into file from agon.files f where f.cid = begin_pin.cid;
  end if;
  return file;
end
$$;
comment on function agon.begin_pin(text, text) is
  'The file to pin, its attempt counted; null when it is pinned or given up. Places take the same file twice without harm.';
grant execute on function agon.begin_pin(text, text) to agon_worker;

create or replace function agon.note_pinned(cid text, target text) returns agon.pins
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  pin agon.pins;
begin
  update agon.pins p set status = 'pinned', pinned_at = agon.now(), last_error = null
  where p.cid = note_pinned.cid and p.target = note_pinned.target and p.status = 'queued';
  select * into pin from agon.pins p where p.cid = note_pinned.cid and p.target = note_pinned.target;
  return pin;
end
$$;
comment on function agon.note_pinned(text, text) is
  'The receipt of a pin. Answers with the row, moved or already there.';
grant execute on function agon.note_pinned(text, text) to agon_worker;

create or replace function agon.note_pin_trouble(
  cid text, target text, error text, is_final boolean, attempts_max integer
) returns agon.pins
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  pin agon.pins;
begin
  update agon.pins p set
    last_error = left(note_pin_trouble.error, 500),
    status = case when is_final or p.attempts >= attempts_max then 'failed' else p.status end
  where p.cid = note_pin_trouble.cid and p.target = note_pin_trouble.target
    and p.status = 'queued';
  select * into pin from agon.pins p
  where p.cid = note_pin_trouble.cid and p.target = note_pin_trouble.target;
  return pin;
end
$$;
comment on function agon.note_pin_trouble(text, text, text, boolean, integer) is
  'A file is not pinned yet: it fails if that is final or was the last attempt, else it waits for the next.';
grant execute on function agon.note_pin_trouble(text, text, text, boolean, integer) to agon_worker;
