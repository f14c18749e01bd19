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
    on conflict (cid, target) do update set status = 'queued' where p.status = 'failed'
    returning p.cid, p.target
  )
  select count(*)::integer
  from wanted w cross join lateral agon.mean_outside('content.pin_at', w.cid || ' ' || w.target)
$$;
comment on function agon.want_pins(text, text[]) is
  'Queues the pinning of a published file at each of these places where it is not pinned or queued yet; how many.';
grant execute on function agon.want_pins(text, text[]) to agon_worker;

create or replace function agon.waiting_pin(key text)
returns table (cid text, target text, profile text)
language sql stable security definer set search_path = ''
as $$
  select p.cid, p.target, f.profile
  from agon.pins p join agon.files f on f.cid = p.cid
  where p.cid = split_part(key, ' ', 1) and p.target = split_part(key, ' ', 2)
    and p.status = 'queued'
$$;
comment on function agon.waiting_pin(text) is
  'A file that is to be pinned at a place; key: both, with a space between.';
grant execute on function agon.waiting_pin(text) to agon_worker;

create or replace function agon.note_pinned(cid text, target text) returns void
language sql security definer set search_path = ''
as $$
  update agon.pins p set status = 'pinned', pinned_at = agon.now(), last_error = null
  where p.cid = note_pinned.cid and p.target = note_pinned.target and p.status = 'queued'
$$;
comment on function agon.note_pinned(text, text) is 'The receipt of a pin.';
grant execute on function agon.note_pinned(text, text) to agon_worker;

create or replace function agon.note_pin_failed(key text, error text) returns void
language sql security definer set search_path = ''
as $$
  update agon.pins p set status = 'failed', last_error = left(error, 500)
  where p.cid = split_part(key, ' ', 1) and p.target = split_part(key, ' ', 2)
    and p.status = 'queued'
$$;
comment on function agon.note_pin_failed(text, text) is
  'A pin that is given up, and why; it is queued again when its file is published again.';
grant execute on function agon.note_pin_failed(text, text) to agon_worker;
