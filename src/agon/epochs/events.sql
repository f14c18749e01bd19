-- What happened in a day: a log that only grows, and who may read what of it.

create or replace trigger epoch_events_guard_append_only
  before update or delete or truncate on public.epoch_events
  for each statement execute function agon.guard_append_only();

create or replace function agon.record_epoch_event(
  epoch_id uuid, event_type text, at timestamptz, data jsonb, bot uuid default null,
  slot_index integer default null, wallet text default null
) returns bigint
language sql security definer set search_path = ''
as $$
  insert into public.epoch_events
    (epoch_id, event_type, occurred_at, actor_bot_identity_id, actor_wallet_address, slot_index, payload)
  values (epoch_id, event_type, date_trunc('milliseconds', at), bot, wallet, slot_index, data)
  returning seq
$$;
comment on function agon.record_epoch_event(uuid, text, timestamptz, jsonb, uuid, integer, text) is
  'Appends an event of a day and answers with its seq. Called by other functions only.';

create or replace function agon.show_epoch_event(event public.epoch_events) returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object('seq', event.seq, 'type', event.event_type,
    'at_ms', (extract(epoch from event.occurred_at) * 1000)::bigint,
    'bot', event.actor_bot_identity_id, 'slot', event.slot_index,
    'wallet', event.actor_wallet_address, 'data', event.payload)
$$;
comment on function agon.show_epoch_event(public.epoch_events) is
  'An event as bundles and replay files carry it.';
grant execute on function agon.show_epoch_event(public.epoch_events)
  to anon, authenticated, service_role, agon_worker;

create or replace function public.record_epoch_events(day date, events jsonb) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  events_max constant integer := 1000;
  event_bytes_max constant integer := 8192;
  ahead_max constant interval := '1 minute';
  epoch constant public.epochs := agon.enter_epoch(day);
  wrong bigint;
  recorded bigint;
begin
  if epoch.phase = 'archive' then
    perform agon.refuse(409, 'epoch_archived', format('%s is in the archive.', day),
      'Nothing is added to it any more.');
  end if;
  if jsonb_typeof(events) is distinct from 'array' or jsonb_array_length(events) > events_max then
    perform agon.refuse(422, 'events_malformed', format('events is no list of at most %s.', events_max),
      'Send each event as {id, kind, at_ms, bot, slot, data}.');
  end if;
  select min(e.place) into wrong from jsonb_array_elements(events) with ordinality e (event, place)
  where agon.is_host_event(e.event, epoch, agon.now() + ahead_max) is not true
    or octet_length(e.event::text) > event_bytes_max;
  if wrong is not null then
    perform agon.refuse(422, 'events_malformed', format('Event %s of the batch does not fit.', wrong),
      format('It needs an id (uuid), kind slot_update or activity, at_ms within the day and not ahead of us, a bot and a slot that exist or none, data as an object, and at most %s bytes.', event_bytes_max));
  end if;
  with added as (
    insert into public.epoch_events
      (id, epoch_id, event_type, occurred_at, actor_bot_identity_id, slot_index, payload)
    select (e.event ->> 'id')::uuid, epoch.id, e.event ->> 'kind',
      to_timestamp(0) + (e.event ->> 'at_ms')::bigint * interval '1 millisecond',
      (e.event ->> 'bot')::uuid, (e.event ->> 'slot')::integer, coalesce(e.event -> 'data', '{}')
    from jsonb_array_elements(events) with ordinality e (event, place)
    order by e.place
    on conflict (id) do nothing
    returning 1
  )
  select count(*) into recorded from added;
  return jsonb_build_object('recorded', recorded, 'known', jsonb_array_length(events) - recorded);
end
$$;
comment on function public.record_epoch_events(date, jsonb) is
  'Keeps what an in-memory host tells of a day, each event once by its id: history, which the settlement does not count. All or none are taken.';
revoke execute on function public.record_epoch_events(date, jsonb) from public, anon, authenticated;
grant execute on function public.record_epoch_events(date, jsonb) to service_role, agon_worker;

create or replace function agon.is_host_event(event jsonb, epoch public.epochs, latest timestamptz)
returns boolean
language plpgsql stable security definer set search_path = ''
as $$
declare
  said record;
  at timestamptz;
begin
  select * into said from jsonb_to_record(event)
    as e (id uuid, kind text, at_ms bigint, bot uuid, slot integer, data jsonb);
  at := to_timestamp(0) + said.at_ms * interval '1 millisecond';
  return said.id is not null and said.kind in ('slot_update', 'activity')
    and at >= epoch.opens_at and at <= latest
    and jsonb_typeof(coalesce(said.data, '{}')) = 'object'
    and (said.bot is null or exists (select from public.bot_identities i where i.id = said.bot))
    and (said.slot is null or exists (
      select from public.epoch_slot_states s where s.epoch_id = epoch.id and s.slot_index = said.slot));
exception
  -- A text that is no uuid, a number that is none, or no object at all.
  when data_exception then
    return false;
end
$$;
comment on function agon.is_host_event(jsonb, public.epochs, timestamptz) is
  'Whether this is an event that a host may tell of the day. Called by other functions only.';

revoke all on public.epoch_events from anon, authenticated, service_role;
grant select on public.epoch_events to anon, authenticated, service_role;

-- Votes are shown when nobody can vote any more: else the last to vote would agree with everybody.
drop policy if exists epoch_events_select_everyone on public.epoch_events;
create policy epoch_events_select_everyone on public.epoch_events
  for select to anon, authenticated
  using (event_type <> 'vote_cast'
    or epoch_id in (select e.id from public.epochs e where e.phase not in ('prep', 'live')));
drop policy if exists epoch_events_select_service on public.epoch_events;
create policy epoch_events_select_service on public.epoch_events
  for select to service_role using (true);
