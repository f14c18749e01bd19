-- The live board: what the process that keeps it in Redis asks of Postgres.

create or replace function agon.live_boards()
returns table (
  epoch_id text, freeze_ms bigint, hold_ms bigint, at_ms bigint, clock_is_true boolean, seqs jsonb
)
language sql stable security definer set search_path = ''
as $$
  select e.id::text,
    floor(extract(epoch from e.freeze_at) * 1000)::bigint,
    (p.config ->> 'minimum_hold_ms')::bigint,
    -- A claim comes after what was done to its slot, also where the clock was set back since.
    floor(extract(epoch from greatest(agon.now(), max(s.last_event_at))) * 1000)::bigint,
    agon.now() = pg_catalog.now(),
    jsonb_object_agg(s.slot_index, coalesce(s.held_seq, 0))
  from public.epochs e
  join public.epoch_profiles p on p.id = e.profile_id
  join public.epoch_slot_states s on s.epoch_id = e.id
  where e.phase = 'live'
  group by e.id, p.id
$$;
comment on function agon.live_boards() is
  'Each epoch that is live: when it freezes and how long a claim binds, in ms; an instant that no claim made until now is after, in ms since 1970; whether the clock is not a test''s; and by slot the seq of the claim that holds it, 0 for none.';
grant execute on function agon.live_boards() to agon_worker;

create or replace function agon.board_slots(epoch_id uuid, slots integer[]) returns setof jsonb
language sql stable security definer set search_path = ''
as $$
  select agon.show_slot(s) from public.epoch_slot_states s
  where s.epoch_id = board_slots.epoch_id and s.slot_index = any (board_slots.slots)
$$;
comment on function agon.board_slots(uuid, integer[]) is 'These slots of an epoch, as everyone may see them.';
grant execute on function agon.board_slots(uuid, integer[]) to agon_worker;
