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
  if not found then
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
  set xid = advance_cursor.xid::xid8, id = advance_cursor.id, updated_at = agon.now()
  where c.reader = advance_cursor.reader
    and (c.xid, c.id) < (advance_cursor.xid::xid8, advance_cursor.id)
$$;
comment on function agon.advance_cursor(text, text, bigint) is
  'Moves a reader past an event; never backwards.';
grant execute on function agon.advance_cursor(text, text, bigint) to agon_worker;
