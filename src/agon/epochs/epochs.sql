-- A day: opened once, moved through its phases by the clock, each move once.

create or replace trigger epochs_guard_phase
  before insert or update on public.epochs
  for each row execute function agon.guard_move('phase');
create or replace trigger epoch_slot_states_stamp_updated_at
  before update on public.epoch_slot_states
  for each row execute function agon.stamp_updated_at();

create or replace function agon.show_epoch(day date) returns public.epochs
language plpgsql stable security definer set search_path = ''
as $$
declare
  epoch public.epochs;
begin
  select * into epoch from public.epochs e where e.day_date = show_epoch.day;
  if not found then
    perform agon.refuse(404, 'epoch_unknown', format('No epoch was opened for %s.', show_epoch.day),
      '`agon epoch open` opens one.');
  end if;
  return epoch;
end
$$;
comment on function agon.show_epoch(date) is 'The epoch of a day; refuses days without one.';
grant execute on function agon.show_epoch(date) to anon, authenticated, service_role, agon_worker;

create or replace function agon.epoch_lock(epoch_id uuid) returns bigint
language sql immutable set search_path = ''
as $$ select hashtextextended('phase of ' || epoch_id, 0) $$;
comment on function agon.epoch_lock(uuid) is
  'The lock that acts share and a move of the phase takes alone. Called by other functions only.';

create or replace function agon.enter_epoch(day date) returns public.epochs
language plpgsql security definer set search_path = ''
as $$
declare
  epoch public.epochs;
begin
  if day is null then
    select * into epoch from public.epochs e where e.phase = 'live' order by e.day_date desc limit 1;
    if not found then
      perform agon.refuse(409, 'epoch_not_live', 'No epoch is live.', 'Wait until one is, or name its day.');
    end if;
  else
    epoch := agon.show_epoch(day);
  end if;
  -- The phase is read under the lock, and stays until this act is committed. A lock of the row would
  -- be written to it by each act, and let moves wait as long as acts keep coming; this one queues.
  perform pg_advisory_xact_lock_shared(agon.epoch_lock(epoch.id));
  return agon.show_epoch(epoch.day_date);
end
$$;
comment on function agon.enter_epoch(date) is
  'The epoch of a day (null: the one that is live), in whose phase the act then stays. Called by other functions only.';

create or replace function agon.enter_live_epoch(day date, at timestamptz) returns public.epochs
language plpgsql security definer set search_path = ''
as $$
declare
  epoch constant public.epochs := agon.enter_epoch(day);
begin
  -- The phase can lag behind the clock by a minute; the times decide, too.
  if epoch.phase <> 'live' or at < epoch.starts_at or at >= epoch.freeze_at then
    perform agon.refuse(409, 'epoch_not_live',
      format('%s is not live (%s).', epoch.day_date, epoch.phase),
      format('It is from %s to %s.', epoch.starts_at, epoch.freeze_at));
  end if;
  return epoch;
end
$$;
comment on function agon.enter_live_epoch(date, timestamptz) is
  'As agon.enter_epoch, and refuses acts of an instant at which it is not live. Called by other functions only.';

create or replace function agon.open_epoch(day date, profile_id uuid, times timestamptz[]) returns public.epochs
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  epoch public.epochs;
begin
  perform agon.require_admin();
  insert into public.epochs
    (day_date, profile_id, opens_at, starts_at, freeze_at, ends_at, settle_at, archive_at, created_at)
  values (day, profile_id, times[1], times[2], times[3], times[4], times[5], times[6], agon.now())
  on conflict (day_date) do nothing
  returning * into epoch;
  if epoch.id is null then
    return agon.show_epoch(day);
  end if;
  if epoch.freeze_at <= agon.now() then
    perform agon.refuse(409, 'day_over', format('%s cannot be played any more.', day),
      format('It froze at %s.', epoch.freeze_at));
  end if;
  insert into public.epoch_slot_states (epoch_id, slot_index, slot_type, slot_label)
  select epoch.id, s.index, s.type, s.label
  from public.epoch_profiles p,
    jsonb_to_recordset(p.config -> 'slots') as s (index integer, type text, label text)
  where p.id = epoch.profile_id;
  perform agon.emit('epoch.opened', day::text, jsonb_build_object('day', day, 'epoch_id', epoch.id));
  perform agon.enqueue_epoch_move(epoch);
  return epoch;
end
$$;
comment on function agon.open_epoch(date, uuid, timestamptz[]) is
  'Opens a day, in prep, with free slots; one that is open already is answered with as it is. times: opens, starts, freezes, ends, is settled, is archived at.';
grant execute on function agon.open_epoch(date, uuid, timestamptz[]) to agon_worker;

create or replace function agon.next_epoch_move(
  epoch public.epochs, out to_phase text, out due_at timestamptz
)
language sql stable security definer set search_path = ''
as $$
  select m.to_phase, m.due_at
  from (values
    ('prep', 'live', epoch.starts_at), ('live', 'freeze', epoch.freeze_at),
    ('freeze', 'snapshot', epoch.ends_at), ('snapshot', 'settle', epoch.settle_at),
    ('settle', 'archive', epoch.archive_at)
  ) m (from_phase, to_phase, due_at)
  where m.from_phase = epoch.phase
    -- A day goes into the archive with its settlement, however late that comes.
    and (m.to_phase <> 'archive' or exists (
      select from public.epoch_events e
      where e.epoch_id = epoch.id and e.event_type = 'epoch_settled'))
$$;
comment on function agon.next_epoch_move(public.epochs) is
  'Where an epoch goes next, and when; null where nothing is due by the clock. Called by other functions only.';

create or replace function agon.enqueue_epoch_move(epoch public.epochs) returns bigint
language sql security definer set search_path = ''
as $$
  select agon.enqueue('epochs.advance', '{}', format('epochs.advance:%s:%s', epoch.day_date, m.to_phase), m.due_at)
  from agon.next_epoch_move(epoch) m
  where m.to_phase is not null
$$;
comment on function agon.enqueue_epoch_move(public.epochs) is
  'Queues the next move for its moment; the schedule catches up with what was missed. Called by other functions only.';

create or replace function agon.advance_epochs(at timestamptz default agon.now())
returns table (day date, from_phase text, to_phase text)
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_variable
declare
  epoch public.epochs;
  candidate uuid;
  due_at timestamptz;
begin
  for candidate in
    select e.id from public.epochs e
    where e.phase <> 'archive' and (agon.next_epoch_move(e)).due_at <= at
    order by e.day_date
  loop
    -- Waits for the acts under way, and for another worker, after whom nothing is left to do.
    perform pg_advisory_xact_lock(agon.epoch_lock(candidate));
    loop
      select e.* into epoch from public.epochs e where e.id = candidate for no key update;
      select m.to_phase, m.due_at into to_phase, due_at from agon.next_epoch_move(epoch) m;
      exit when to_phase is null or due_at > at;
      day := epoch.day_date;
      from_phase := epoch.phase;
      update public.epochs e
      set phase = to_phase, archived_at = case when to_phase = 'archive' then at end
      where e.id = candidate;
      perform agon.record_epoch_event(candidate, 'phase_moved', at,
        jsonb_build_object('from', from_phase, 'to', to_phase));
      perform agon.emit('epoch.phase_moved', day::text,
        jsonb_build_object('day', day, 'epoch_id', candidate, 'from', from_phase, 'to', to_phase));
      perform agon.enqueue_settlement(epoch) where to_phase = 'settle';
      -- Nobody asks for them any more: else bots times slots would stay of each day.
      delete from agon.epoch_cooldowns c where to_phase = 'archive' and c.epoch_id = candidate;
      return next;
    end loop;
    perform agon.enqueue_epoch_move(epoch);
  end loop;
end
$$;
comment on function agon.advance_epochs(timestamptz) is
  'Makes every move that is due, day by day and phase by phase, and answers with those that it made; a second time there are none.';
grant execute on function agon.advance_epochs(timestamptz) to agon_worker;

revoke all on public.epochs, public.epoch_slot_states from anon, authenticated, service_role;
grant select on public.epochs, public.epoch_slot_states to anon, authenticated, service_role;
drop policy if exists epochs_select_everyone on public.epochs;
create policy epochs_select_everyone on public.epochs
  for select to anon, authenticated, service_role using (true);
drop policy if exists epoch_slot_states_select_everyone on public.epoch_slot_states;
create policy epoch_slot_states_select_everyone on public.epoch_slot_states
  for select to anon, authenticated, service_role using (true);
