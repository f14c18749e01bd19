-- Webhooks as their organisation sees and changes them.

create or replace function agon.show_webhook(webhook public.webhooks) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select to_jsonb(webhook) - 'secret' - 'previous_secret'
    || jsonb_build_object('failures', t.failures, 'failing_since', t.failing_since,
      'next_retry_at', case when webhook.active then d.next_retry_at end)
  from agon.webhook_turns t
  left join public.webhook_deliveries d
    on d.webhook_id = t.webhook_id and d.next_retry_at is not null
  where t.webhook_id = webhook.id
$$;
comment on function agon.show_webhook(public.webhooks) is
  'A webhook without its secrets, and how its endpoint does. Called by other functions only.';

create or replace function agon.find_webhook(slug text, id uuid, scope text) returns public.webhooks
language plpgsql stable security definer set search_path = ''
as $$
declare
  org constant public.organizations := agon.find_org(slug);
  webhook public.webhooks;
begin
  perform agon.require_org(org.id, 'admin', scope);
  select * into webhook from public.webhooks w where w.org_id = org.id and w.id = find_webhook.id;
  if not found then
    perform agon.refuse(404, 'webhook_unknown', 'The organisation has no such webhook.', 'Check its id.');
  end if;
  return webhook;
end
$$;
comment on function agon.find_webhook(text, uuid, text) is
  'A webhook of an organisation, for its admins and keys with the scope. Called by other functions only.';

create or replace function agon.hold_webhook(slug text, id uuid) returns public.webhooks
language plpgsql security definer set search_path = ''
as $$
declare
  webhook public.webhooks := agon.find_webhook(slug, id, 'webhooks:write');
begin
  -- Whoever changes a webhook, or what became of it, holds its turn first.
  perform from agon.webhook_turns t where t.webhook_id = webhook.id for no key update;
  select * into webhook from public.webhooks w where w.id = webhook.id;
  if not found then
    perform agon.refuse(404, 'webhook_unknown', 'The organisation has no such webhook.', 'Check its id.');
  end if;
  return webhook;
end
$$;
comment on function agon.hold_webhook(text, uuid) is
  'A webhook to be changed, which stays as it is until the transaction ends. Called by other functions only.';

create or replace function agon.known_events(events text[]) returns text[]
language plpgsql stable security definer set search_path = ''
as $$
declare
  unknown text;
begin
  select string_agg(coalesce(left(e, 60), 'null'), ', ') into unknown from unnest(events) e
  where not exists (select from agon.webhook_events known where known.event = e);
  if coalesce(cardinality(events), 0) = 0 or unknown is not null then
    perform agon.refuse(422, 'event_unknown', format(
      'A webhook has one event type or more, and there is none called %s.',
      coalesce(left(unknown, 200), '(nothing)')), 'GET /api/webhook-events lists them.');
  end if;
  return array(select distinct e collate "C" from unnest(events) e order by 1);
end
$$;
comment on function agon.known_events(text[]) is
  'Event types, sorted, each once; refuses unknown ones, and none at all. Called by other functions only.';

create or replace function agon.create_webhook(slug text, id uuid, url text, events text[], secret text)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  webhooks_max constant integer := 16;
  org constant public.organizations := agon.hold_org(create_webhook.slug);
  -- From here on: what was under way when the webhook was made counts as after it.
  since constant xid8 := pg_snapshot_xmin(pg_current_snapshot());
  webhook public.webhooks;
begin
  perform agon.require_org(org.id, 'admin', 'webhooks:write');
  if (select count(*) from public.webhooks w where w.org_id = org.id) >= webhooks_max then
    perform agon.refuse(409, 'too_many_webhooks',
      format('An organisation has at most %s webhooks.', webhooks_max), 'Delete one first.');
  end if;
  insert into public.webhooks (id, org_id, url, secret, events, created_at)
  values (create_webhook.id, org.id, create_webhook.url, create_webhook.secret,
    agon.known_events(create_webhook.events), agon.now())
  returning * into webhook;
  insert into agon.webhook_turns (webhook_id, read_xid, read_id, news_xid, news_id)
  values (webhook.id, since, 0, since, 0);
  return agon.show_webhook(webhook);
end
$$;
comment on function agon.create_webhook(text, uuid, text, text[], text) is
  'A new webhook of an organisation, for events from now on, by an admin or a key with webhooks:write. secret: sealed for this id.';

create or replace function agon.list_webhooks(slug text) returns setof jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  org constant public.organizations := agon.find_org(slug);
begin
  perform agon.require_org(org.id, 'admin', 'webhooks:read');
  return query
    select agon.show_webhook(w) from public.webhooks w where w.org_id = org.id
    order by w.created_at, w.id;
end
$$;
comment on function agon.list_webhooks(text) is
  'The webhooks of an organisation, the oldest first; for its admins and keys with webhooks:read.';

create or replace function agon.pause_webhook(id uuid, reason text) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  webhook public.webhooks;
  admin text;
begin
  update public.webhooks w
  set active = false, paused_at = agon.now(), paused_reason = pause_webhook.reason
  where w.id = pause_webhook.id and w.active
  returning * into webhook;
  if webhook.id is null then
    return;
  end if;
  perform agon.emit('webhook.paused', webhook.id::text, jsonb_build_object(
    'org_id', webhook.org_id, 'webhook_id', webhook.id, 'reason', reason));
  if reason <> 'asked' then
    for admin in
      select m.wallet from public.org_members m
      where m.org_id = webhook.org_id and m.role = any (agon.roles_from('admin'))
    loop
      perform agon.notify(admin, 'webhook_paused', 'A webhook is paused.',
        case reason when 'gone' then 'Its endpoint answered that it is gone (410).'
          else 'Its endpoint has taken nothing for a day.' end,
        jsonb_build_object('webhookId', webhook.id, 'url', webhook.url),
        webhook.id || ' ' || webhook.paused_at);
    end loop;
  end if;
end
$$;
comment on function agon.pause_webhook(uuid, text) is
  'Nothing more is sent to a webhook, and its place is kept; tells the organisation''s admins, unless one of them asked. Called by other functions only.';

create or replace function agon.restart_webhook(id uuid) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
begin
  update public.webhooks w set active = true, paused_at = null, paused_reason = null
  where w.id = restart_webhook.id and not w.active;
  update public.webhook_deliveries d set next_retry_at = agon.now()
  where d.webhook_id = restart_webhook.id and d.next_retry_at is not null;
  update agon.webhook_turns t set due_at = agon.now(), failures = 0, failing_since = null
  where t.webhook_id = restart_webhook.id;
end
$$;
comment on function agon.restart_webhook(uuid) is
  'What waits is sent again at once, as if nothing had failed. Called by other functions only.';

create or replace function agon.update_webhook(slug text, id uuid, changes jsonb) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  before public.webhooks := agon.hold_webhook(update_webhook.slug, update_webhook.id);
  after public.webhooks;
begin
  perform agon.require_fields(changes, array['url', 'events', 'active']);
  after := jsonb_populate_record(before, changes);
  update public.webhooks w
  set url = after.url,
    events = case when changes ? 'events' then agon.known_events(after.events) else before.events end
  where w.id = before.id;
  if before.active and not after.active then
    perform agon.pause_webhook(before.id, 'asked');
  elsif after.active and (not before.active or after.url <> before.url) then
    perform agon.restart_webhook(before.id);
  end if;
  return (select agon.show_webhook(w) from public.webhooks w where w.id = before.id);
end
$$;
comment on function agon.update_webhook(text, uuid, jsonb) is
  'Gives a webhook another url, other events (of what it has not read yet), pauses or resumes it (active); by an admin or a key with webhooks:write.';

create or replace function agon.resume_webhook(slug text, id uuid, skip text default 'none')
returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  webhook constant public.webhooks := agon.hold_webhook(resume_webhook.slug, resume_webhook.id);
begin
  if skip is null or skip not in ('none', 'one', 'all') then
    perform agon.refuse(422, 'skip_unknown', 'skip is none, one or all.',
      'one leaves out the delivery that waits, all leaves out everything until now.');
  end if;
  if skip <> 'none' then
    update public.webhook_deliveries d set next_retry_at = null
    where d.webhook_id = webhook.id and d.next_retry_at is not null;
  end if;
  if skip = 'all' then
    update agon.webhook_turns t
    set read_xid = pg_snapshot_xmin(pg_current_snapshot()), read_id = 0,
      news_xid = pg_snapshot_xmin(pg_current_snapshot()), news_id = 0
    where t.webhook_id = webhook.id;
  end if;
  perform agon.restart_webhook(webhook.id);
  return (select agon.show_webhook(w) from public.webhooks w where w.id = webhook.id);
end
$$;
comment on function agon.resume_webhook(text, uuid, text) is
  'Goes on where a webhook stopped, or retries at once; skip: one leaves out the delivery that waits, all everything until now. By an admin or a key with webhooks:write.';

create or replace function agon.rotate_webhook_secret(slug text, id uuid, secret text, overlap interval)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  overlap_max constant interval := '7 days';
  webhook public.webhooks := agon.hold_webhook(rotate_webhook_secret.slug, rotate_webhook_secret.id);
begin
  if overlap is null or overlap < interval '0' or overlap > overlap_max then
    perform agon.refuse(422, 'overlap_out_of_range', 'Both secrets sign for at most 7 days.',
      'Give overlap_s between 0 and 604800.');
  end if;
  update public.webhooks w
  set secret = rotate_webhook_secret.secret,
    previous_secret = case when overlap > interval '0' then w.secret end,
    previous_secret_until = case when overlap > interval '0' then agon.now() + overlap end
  where w.id = webhook.id
  returning * into webhook;
  return agon.show_webhook(webhook);
end
$$;
comment on function agon.rotate_webhook_secret(text, uuid, text, interval) is
  'Gives a webhook another secret, sealed for its id; the one before signs, too, for so long, and an earlier one no more. By an admin or a key with webhooks:write.';

create or replace function agon.delete_webhook(slug text, id uuid) returns boolean
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  webhook constant public.webhooks := agon.hold_webhook(delete_webhook.slug, delete_webhook.id);
begin
  delete from public.webhooks w where w.id = webhook.id;
  return found;
end
$$;
comment on function agon.delete_webhook(text, uuid) is
  'Ends a webhook, with all that was delivered to it; by an admin or a key with webhooks:write.';

grant execute on function
  agon.create_webhook(text, uuid, text, text[], text), agon.list_webhooks(text),
  agon.update_webhook(text, uuid, jsonb), agon.resume_webhook(text, uuid, text),
  agon.rotate_webhook_secret(text, uuid, text, interval), agon.delete_webhook(text, uuid)
  to agon_worker;

revoke all on agon.webhook_events from anon, authenticated, service_role;
grant select on agon.webhook_events to anon, authenticated, service_role;
drop policy if exists webhook_events_select_everyone on agon.webhook_events;
create policy webhook_events_select_everyone on agon.webhook_events
  for select to anon, authenticated, service_role using (true);

revoke all on public.webhooks from anon, authenticated, service_role;
grant select (id, org_id, url, events, active, created_at, previous_secret_until, paused_at, paused_reason)
  on public.webhooks to authenticated, service_role;
drop policy if exists webhooks_select_admins on public.webhooks;
create policy webhooks_select_admins on public.webhooks
  for select to authenticated using (org_id in (select agon.my_orgs('admin'))
    or org_id = (select agon.org_scope('webhooks:read')));
drop policy if exists webhooks_select_service on public.webhooks;
create policy webhooks_select_service on public.webhooks
  for select to service_role using (true);
