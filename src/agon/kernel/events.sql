-- Writing to the outbox, and reading it in order.

create or replace function agon.emit(topic text, key text, payload jsonb default '{}') returns bigint
language sql security definer set search_path = ''
as $$
  insert into agon.events (topic, key, payload, actor, created_at)
  values (topic, key, payload, (select auth.uid()), agon.now())
  returning id
$$;
comment on function agon.emit(text, text, jsonb) is
  'Records an event in the caller''s transaction. Called by other functions only.';

create or replace trigger event_cursors_stamp_updated_at
  before update on agon.event_cursors
  for each row execute function agon.stamp_updated_at();

create or replace function agon.read_events(reader text, topics text[], most integer)
returns table (id bigint, xid text, topic text, key text, payload jsonb, actor uuid, created_at timestamptz)
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  cursor_row agon.event_cursors;
begin
  insert into agon.event_cursors as c (reader) values (read_events.reader)
  on conflict do nothing;
  -- One process reads for a reader at a time; another finds nothing and comes back.
  select * into cursor_row from agon.event_cursors c
  where c.reader = read_events.reader for no key update skip locked;
  if not found or cursor_row.retry_at > agon.now() then
    return;
  end if;
  return query
    select e.id, e.xid::text, e.topic, e.key, e.payload, e.actor, e.created_at
    from agon.events e
    where (e.xid, e.id) > (cursor_row.xid, cursor_row.id)
      and e.xid < pg_snapshot_xmin(pg_current_snapshot())
      and e.topic = any (topics)
    order by e.xid, e.id
    limit most;
end
$$;
comment on function agon.read_events(text, text[], integer) is
  'The next events of a reader, oldest first; holds the reader''s cursor until the transaction ends.';
grant execute on function agon.read_events(text, text[], integer) to agon_worker;

create or replace function agon.advance_cursor(reader text, xid text, id bigint) returns void
language sql security definer set search_path = ''
as $$
  update agon.event_cursors c
  set xid = advance_cursor.xid::xid8, id = advance_cursor.id, tries = 0, retry_at = null
  where c.reader = advance_cursor.reader
    and (c.xid, c.id) < (advance_cursor.xid::xid8, advance_cursor.id)
$$;
comment on function agon.advance_cursor(text, text, bigint) is
  'Moves a reader past an event; never backwards.';
grant execute on function agon.advance_cursor(text, text, bigint) to agon_worker;

create or replace function agon.note_event_trouble(
  reader text, xid text, id bigint, trouble text, tries_max integer, pause_longest interval
) returns boolean
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  tries integer;
begin
  update agon.event_cursors c set tries = c.tries + 1,
    retry_at = agon.now() + least(interval '1 s' * power(2, least(c.tries, 30)), pause_longest)
  where c.reader = note_event_trouble.reader
  returning c.tries into strict tries;
  if tries < tries_max then
    return false;
  end if;
  insert into agon.parked_events (reader, event_id, trouble, parked_at)
  values (note_event_trouble.reader, note_event_trouble.id, left(note_event_trouble.trouble, 500),
    agon.now());
  perform agon.advance_cursor(note_event_trouble.reader, note_event_trouble.xid,
    note_event_trouble.id);
  return true;
end
$$;
comment on function agon.note_event_trouble(text, text, bigint, text, integer, interval) is
  'A reader could not take its next event: it comes again after 1, 2, 4 … s, and is parked after the last try. Answers whether it is parked.';
grant execute on function agon.note_event_trouble(text, text, bigint, text, integer, interval)
  to agon_worker;

create or replace function agon.list_parked_events()
returns table (reader text, id bigint, topic text, key text, trouble text, parked_at timestamptz)
language sql stable security definer set search_path = ''
as $$
  select p.reader, e.id, e.topic, e.key, p.trouble, p.parked_at
  from agon.parked_events p join agon.events e on e.id = p.event_id
  order by e.xid, e.id, p.reader
$$;
comment on function agon.list_parked_events() is 'Events that were set aside, the oldest first.';
grant execute on function agon.list_parked_events() to agon_worker;

create or replace function agon.take_parked_event(reader text, event_id bigint) returns setof agon.events
language sql security definer set search_path = ''
as $$
  with taken as (
    delete from agon.parked_events p
    where p.reader = take_parked_event.reader and p.event_id = take_parked_event.event_id
    returning p.event_id
  )
  select e.* from agon.events e join taken t on t.event_id = e.id
$$;
comment on function agon.take_parked_event(text, bigint) is
  'An event that was set aside, to be handed over in this transaction; nothing where another has it.';
grant execute on function agon.take_parked_event(text, bigint) to agon_worker;

create or replace function agon.event_lag(reader text, topic text) returns interval
language sql stable security definer set search_path = ''
as $$
  select coalesce(agon.now() - min(e.created_at), '0 s')
  from agon.events e
  left join agon.event_cursors c on c.reader = event_lag.reader
  where e.topic = event_lag.topic and (e.xid, e.id) > (coalesce(c.xid, '0'), coalesce(c.id, 0))
$$;
comment on function agon.event_lag(text, text) is
  'How long the oldest event that a reader has not read yet waits.';
grant execute on function agon.event_lag(text, text) to agon_worker;
