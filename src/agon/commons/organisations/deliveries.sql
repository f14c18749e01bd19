-- What webhooks were told, as their organisation sees it and asks for it again.

create or replace function agon.show_delivery(delivery public.webhook_deliveries) returns jsonb
language sql stable set search_path = ''
as $$
  select to_jsonb(delivery) || jsonb_build_object('state', case
    when delivery.asked_at is not null or delivery.next_retry_at is not null then 'waiting'
    when delivery.delivered_at is not null then 'delivered'
    else 'failed' end)
$$;
comment on function agon.show_delivery(public.webhook_deliveries) is
  'A delivery with its state: waiting, delivered or failed. Called by other functions only.';

create or replace function agon.list_deliveries(slug text, webhook uuid, before bigint, most integer)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  hook constant public.webhooks := agon.find_webhook(slug, webhook, 'webhooks:read');
  page jsonb;
begin
  select coalesce(jsonb_agg(agon.show_delivery(d) order by d.seq desc), '[]') into page
  from (
    select d.* from public.webhook_deliveries d
    where d.webhook_id = hook.id and d.seq < coalesce(list_deliveries.before, 9223372036854775807)
    order by d.seq desc limit most) d;
  return jsonb_build_object('deliveries', page,
    'next', case when jsonb_array_length(page) = most then page -> -1 -> 'seq' end);
end
$$;
comment on function agon.list_deliveries(text, uuid, bigint, integer) is
  'Deliveries of a webhook, the newest first: {deliveries, next}. before: the next of an earlier answer. For its admins and keys with webhooks:read.';

create or replace function agon.wake_webhook(id uuid) returns void
language sql security definer set search_path = ''
as $$
  update agon.webhook_turns t set due_at = least(t.due_at, agon.now()) where t.webhook_id = wake_webhook.id
$$;
comment on function agon.wake_webhook(uuid) is
  'Has a webhook looked at now, or as soon as it is in nobody''s hand. Called by other functions only.';

create or replace function agon.require_room(webhook uuid) returns void
language plpgsql stable security definer set search_path = ''
as $$
declare
  asked_max constant integer := 100;
begin
  if (select count(*) from public.webhook_deliveries d
      where d.webhook_id = require_room.webhook and d.asked_at is not null) >= asked_max then
    perform agon.refuse(409, 'too_many_redeliveries',
      format('At most %s deliveries of a webhook wait to be sent once more.', asked_max),
      'Wait until some are sent.');
  end if;
end
$$;
comment on function agon.require_room(uuid) is
  'Refuses where too many deliveries wait that somebody asked for. Called by other functions only.';

create or replace function agon.redeliver(slug text, webhook uuid, delivery uuid) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  hook constant public.webhooks := agon.hold_webhook(redeliver.slug, redeliver.webhook);
  row_now public.webhook_deliveries;
begin
  select * into row_now from public.webhook_deliveries d
  where d.id = redeliver.delivery and d.webhook_id = hook.id;
  if row_now.id is null then
    perform agon.refuse(404, 'delivery_unknown', 'The webhook has no such delivery.', 'Check its id.');
  end if;
  if row_now.next_retry_at is not null and hook.active then
    -- Its turn it is: it need not wait for its next attempt.
    update public.webhook_deliveries d set next_retry_at = agon.now()
    where d.id = row_now.id
    returning * into row_now;
  elsif row_now.next_retry_at is not null then
    perform agon.refuse(409, 'webhook_paused', 'This delivery is the next one of a paused webhook.',
      'Resume the webhook; the delivery goes first.');
  elsif row_now.asked_at is null then
    perform agon.require_room(hook.id);
    update public.webhook_deliveries d set asked_at = agon.now()
    where d.id = row_now.id
    returning * into row_now;
  end if;
  perform agon.wake_webhook(hook.id);
  return agon.show_delivery(row_now);
end
$$;
comment on function agon.redeliver(text, uuid, uuid) is
  'Sends a delivery once more, with the same id, also to a paused webhook; the one whose turn it is, at once. By an admin or a key with webhooks:write.';

create or replace function agon.ping_webhook(slug text, id uuid) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  hook constant public.webhooks := agon.hold_webhook(ping_webhook.slug, ping_webhook.id);
  ping public.webhook_deliveries;
begin
  perform agon.require_room(hook.id);
  insert into public.webhook_deliveries (webhook_id, event, payload, attempt, asked_at, created_at)
  values (hook.id, 'webhook.ping',
    agon.webhook_message('webhook.ping', agon.now(),
      jsonb_build_object('org_id', hook.org_id, 'webhook_id', hook.id)),
    0, agon.now(), agon.now())
  returning * into ping;
  perform agon.wake_webhook(hook.id);
  return agon.show_delivery(ping);
end
$$;
comment on function agon.ping_webhook(text, uuid) is
  'Sends a webhook.ping to a webhook once, paused or not; by an admin or a key with webhooks:write.';

create or replace function agon.forget_deliveries(age interval) returns bigint
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  forgotten bigint;
begin
  update public.webhooks w set previous_secret = null, previous_secret_until = null
  where w.previous_secret_until <= agon.now();
  delete from public.webhook_deliveries d
  where d.created_at < agon.now() - age and d.next_retry_at is null and d.asked_at is null;
  get diagnostics forgotten = row_count;
  return forgotten;
end
$$;
comment on function agon.forget_deliveries(interval) is
  'Deletes deliveries of that age that wait for nothing, and secrets whose time is over; returns how many deliveries.';

grant execute on function
  agon.list_deliveries(text, uuid, bigint, integer), agon.redeliver(text, uuid, uuid),
  agon.ping_webhook(text, uuid), agon.forget_deliveries(interval) to agon_worker;

revoke all on public.webhook_deliveries from anon, authenticated, service_role;
grant select on public.webhook_deliveries to authenticated, service_role;
drop policy if exists webhook_deliveries_select_admins on public.webhook_deliveries;
create policy webhook_deliveries_select_admins on public.webhook_deliveries
  for select to authenticated using (webhook_id in (select w.id from public.webhooks w
    where w.org_id in (select agon.my_orgs('admin')) or w.org_id = (select agon.org_scope('webhooks:read'))));
drop policy if exists webhook_deliveries_select_service on public.webhook_deliveries;
create policy webhook_deliveries_select_service on public.webhook_deliveries
  for select to service_role using (true);
