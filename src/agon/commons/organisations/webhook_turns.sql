-- How webhooks are worked on: what is new is spread, turns are taken, and what came of them is noted.

create or replace function agon.webhook_message(event text, at timestamptz, data jsonb) returns jsonb
language sql immutable set search_path = ''
as $$
  select jsonb_build_object('type', event, 'data', data,
    'timestamp', to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
$$;
comment on function agon.webhook_message(text, timestamptz, jsonb) is
  'What a webhook is sent (Standard Webhooks): {type, timestamp, data}. Called by other functions only.';

create or replace function agon.spread_webhook_events(most integer) returns integer
language plpgsql security definer set search_path = ''
as $$
declare
  reader constant text := 'organisations.webhooks';
  uuid_form constant text := '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$';
  seen agon.events[];
  last agon.events;
begin
  select array_agg(e order by r.xid::xid8, r.id) into seen
  from agon.read_events(reader, (select array_agg(w.event) from agon.webhook_events w), most) r
  join agon.events e on e.id = r.id;
  if seen is null then
    return 0;
  end if;
  -- In the order of ids: two that lock several turns never wait for each other.
  with news as (
    select distinct on (w.id) w.id as webhook_id, e.xid, e.id
    from unnest(seen) e
    join public.webhooks w
      on w.org_id = case when e.payload ->> 'org_id' ~ uuid_form then (e.payload ->> 'org_id')::uuid end
      and w.events && array[e.topic, '*']
    order by w.id, e.xid desc, e.id desc
  ), held as (
    select t.webhook_id from agon.webhook_turns t join news n using (webhook_id)
    order by t.webhook_id for no key update of t
  )
  update agon.webhook_turns t
  set news_xid = n.xid, news_id = n.id, due_at = coalesce(t.due_at, agon.now())
  from news n join held using (webhook_id)
  where t.webhook_id = n.webhook_id and (t.news_xid, t.news_id) < (n.xid, n.id);
  last := seen[cardinality(seen)];
  perform agon.advance_cursor(reader, last.xid::text, last.id);
  return cardinality(seen);
end
$$;
comment on function agon.spread_webhook_events(integer) is
  'Reads the outbox on, and lets each webhook know up to where there is something for it; returns how many events. One worker at a time does; another finds nothing.';

create or replace function agon.next_delivery(turn agon.webhook_turns) returns public.webhook_deliveries
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  webhook public.webhooks;
  event agon.events;
  chosen public.webhook_deliveries;
begin
  select * into chosen from public.webhook_deliveries d
  where d.webhook_id = turn.webhook_id and d.asked_at is not null order by d.asked_at, d.seq limit 1;
  select * into webhook from public.webhooks w where w.id = turn.webhook_id;
  if chosen.id is not null or not webhook.active then
    return chosen;
  end if;
  select * into chosen from public.webhook_deliveries d
  where d.webhook_id = turn.webhook_id and d.next_retry_at is not null;
  if chosen.next_retry_at > agon.now() then
    return null;
  elsif chosen.id is not null then
    return chosen;
  end if;
  select * into event from agon.events e
  where e.payload ->> 'org_id' = webhook.org_id::text
    and (e.xid, e.id) > (turn.read_xid, turn.read_id) and (e.xid, e.id) <= (turn.news_xid, turn.news_id)
    and webhook.events && array[e.topic, '*']
    and exists (select from agon.webhook_events known where known.event = e.topic)
  order by e.xid, e.id limit 1;
  update agon.webhook_turns t
  set read_xid = coalesce(event.xid, turn.news_xid), read_id = coalesce(event.id, turn.news_id)
  where t.webhook_id = turn.webhook_id and (turn.read_xid, turn.read_id) < (turn.news_xid, turn.news_id);
  if event.id is null then
    return null;
  end if;
  insert into public.webhook_deliveries
    (id, webhook_id, event, payload, attempt, next_retry_at, created_at)
  values (
    -- sha256 of what it is about, its first half: the same event has the same id at each attempt.
    substr(encode(sha256(convert_to(webhook.id || ':' || event.id, 'UTF8')), 'hex'), 1, 32)::uuid,
    webhook.id, event.topic, agon.webhook_message(event.topic, event.created_at, event.payload),
    0, agon.now(), agon.now())
  returning * into chosen;
  return chosen;
end
$$;
comment on function agon.next_delivery(agon.webhook_turns) is
  'What a webhook is to be sent now: what somebody asked for, else the one whose turn it is, else the next event of its organisation; null when there is nothing yet. Called by other functions only.';

create or replace function agon.next_look(webhook_id uuid) returns timestamptz
language sql stable security definer set search_path = ''
as $$
  select case
    when exists (select from public.webhook_deliveries d
      where d.webhook_id = t.webhook_id and d.asked_at is not null) then agon.now()
    when not w.active then null
    else coalesce(
      (select d.next_retry_at from public.webhook_deliveries d
        where d.webhook_id = t.webhook_id and d.next_retry_at is not null),
      case when (t.read_xid, t.read_id) < (t.news_xid, t.news_id) then agon.now() end)
    end
  from agon.webhook_turns t join public.webhooks w on w.id = t.webhook_id
  where t.webhook_id = next_look.webhook_id
$$;
comment on function agon.next_look(uuid) is
  'When to look at a webhook again; null when it waits for nothing. Called by other functions only.';

create or replace function agon.take_deliveries(
  holder uuid, hold interval, prompt_most integer, slow_most integer
)
returns table (
  delivery_id uuid, event text, payload text, failures integer, webhook_id uuid, url text, secret text,
  previous_secret text, is_slow boolean
)
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  turn agon.webhook_turns;
  chosen public.webhook_deliveries;
begin
  -- Endpoints that were slow or failed have room of their own, so they take none from the others.
  for turn in
    select * from (
      select t.* from agon.webhook_turns t
      where not t.is_slow and t.due_at <= agon.now() and coalesce(t.held_until <= agon.now(), true)
      order by t.due_at limit prompt_most for no key update skip locked) prompt
    union all
    select * from (
      select t.* from agon.webhook_turns t
      where t.is_slow and t.due_at <= agon.now() and coalesce(t.held_until <= agon.now(), true)
      order by t.due_at limit slow_most for no key update skip locked) slow
  loop
    chosen := agon.next_delivery(turn);
    if chosen.id is null then
      update agon.webhook_turns t
      set due_at = agon.next_look(t.webhook_id), holder = null, held_until = null
      where t.webhook_id = turn.webhook_id;
      continue;
    end if;
    update public.webhook_deliveries d
    set attempt = least(d.attempt, 1000000) + 1, attempted_at = agon.now()
    where d.id = chosen.id;
    update agon.webhook_turns t
    set holder = take_deliveries.holder, held_until = agon.now() + hold, due_at = agon.now() + hold
    where t.webhook_id = turn.webhook_id;
    return query
      select chosen.id, chosen.event, chosen.payload::text, turn.failures, w.id, w.url, w.secret::text,
        case when w.previous_secret_until > agon.now() then w.previous_secret::text end, turn.is_slow
      from public.webhooks w where w.id = turn.webhook_id;
  end loop;
end
$$;
comment on function agon.take_deliveries(uuid, interval, integer, integer) is
  'Gives a worker what is to be sent now, one delivery a webhook, and holds these webhooks for so long: nobody else sends to them until it is noted, or that time is over. Counts the attempt before it is made.';

create or replace function agon.note_delivery(
  holder uuid, delivery_id uuid, outcome text, status integer, body text, error text,
  took_ms integer, wait interval
) returns text
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  patience constant interval := '1 day';
  slow_ms constant integer := 2000;
  delivery public.webhook_deliveries;
  turn agon.webhook_turns;
  is_good constant boolean := outcome = 'delivered';
  in_turn boolean;
begin
  select * into delivery from public.webhook_deliveries d where d.id = note_delivery.delivery_id;
  select * into turn from agon.webhook_turns t
  where t.webhook_id = delivery.webhook_id and t.holder = note_delivery.holder for no key update;
  if turn.webhook_id is null then
    return 'late';
  end if;
  select * into delivery from public.webhook_deliveries d where d.id = note_delivery.delivery_id;
  in_turn := delivery.next_retry_at is not null;
  if in_turn then
    turn.failures := case when is_good then 0 else least(turn.failures, 1000000) + 1 end;
    turn.failing_since := case when not is_good then coalesce(turn.failing_since, agon.now()) end;
    if outcome = 'gone' or agon.now() >= turn.failing_since + patience then
      perform agon.pause_webhook(turn.webhook_id, case outcome when 'gone' then outcome else 'failing' end);
    end if;
  end if;
  update public.webhook_deliveries d set
    response_status = status, response_body = body, error = note_delivery.error, response_ms = took_ms,
    asked_at = null,
    delivered_at = case when is_good then agon.now() else d.delivered_at end,
    next_retry_at = case when in_turn and not is_good
      then least(agon.now() + wait, turn.failing_since + patience) end
  where d.id = delivery.id;
  update agon.webhook_turns t set
    failures = turn.failures, failing_since = turn.failing_since,
    is_slow = not is_good or took_ms > slow_ms, holder = null, held_until = null
  where t.webhook_id = turn.webhook_id;
  update agon.webhook_turns t set due_at = agon.next_look(t.webhook_id)
  where t.webhook_id = turn.webhook_id;
  return case when is_good then 'delivered' when in_turn then 'waiting' else 'failed' end;
end
$$;
comment on function agon.note_delivery(uuid, uuid, text, integer, text, text, integer, interval) is
  'What came of an attempt (delivered, failed, gone), by who holds its webhook; from anybody else it is late, and changes nothing. A failed one waits so long and is sent again, for a day; then, or when gone, the webhook is paused. What somebody asked for is sent once.';

grant execute on function
  agon.spread_webhook_events(integer), agon.take_deliveries(uuid, interval, integer, integer),
  agon.note_delivery(uuid, uuid, text, integer, text, text, integer, interval) to agon_worker;
