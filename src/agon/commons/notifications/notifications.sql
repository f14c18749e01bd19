-- Notifications: told once, read by the wallet's owner.

create or replace function agon.notify(
  wallet text, type text, title text, body text, data jsonb, key text
) returns uuid
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  own constant text := lower(notify.wallet);
  told public.notifications;
begin
  insert into public.notifications as n (wallet, type, title, body, data, key, created_at)
  values (own, notify.type, notify.title, notify.body, coalesce(notify.data, '{}'), notify.key,
    agon.now())
  on conflict on constraint notifications_one_per_key do nothing
  returning n.* into told;
  if told.id is null then
    return (select n.id from public.notifications n
      where n.wallet = own and n.type = notify.type and n.key = notify.key);
  end if;
  perform agon.emit('notification.created', told.id::text, jsonb_build_object(
    'notification_id', told.id, 'wallet', told.wallet, 'type', told.type,
    'created_at', told.created_at));
  return told.id;
end
$$;
comment on function agon.notify(text, text, text, text, jsonb, text) is
  'Tells a wallet something, once for its type and key: the same again answers with the first one''s id. data: {challengeId, inviteId, deepLink, …}. Called by other functions only.';

create or replace function agon.send_notification(
  wallet text, type text, title text, body text, data jsonb, key text
) returns public.notifications
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  told public.notifications;
begin
  perform agon.require_admin();
  told.id := agon.notify(send_notification.wallet, send_notification.type, send_notification.title,
    send_notification.body, send_notification.data,
    coalesce(send_notification.key, gen_random_uuid()::text));
  select n.* into told from public.notifications n where n.id = told.id;
  return told;
end
$$;
comment on function agon.send_notification(text, text, text, text, jsonb, text) is
  'An admin tells a wallet something; without a key it is told each time.';
grant execute on function agon.send_notification(text, text, text, text, jsonb, text) to agon_worker;

create or replace function agon.list_notifications(
  wallet text, unread boolean, before uuid, most integer
) returns jsonb
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
declare
  own constant text := lower(list_notifications.wallet);
  last public.notifications;
  page jsonb;
begin
  perform agon.require_wallet(own);
  select n.* into last from public.notifications n
  where n.id = list_notifications.before and lower(n.wallet) = own;
  if last.id is null and list_notifications.before is not null then
    perform agon.refuse(404, 'notification_unknown', 'The list has no such notification.',
      'Give `before` the `next` of an earlier answer.');
  end if;
  select coalesce(jsonb_agg(to_jsonb(n) - 'key' order by n.created_at desc, n.id desc), '[]') into page
  from (
    select n.* from public.notifications n
    where lower(n.wallet) = own and (last.id is null or (n.created_at, n.id) < (last.created_at, last.id))
      and not (list_notifications.unread and n.read)
    order by n.created_at desc, n.id desc limit most) n;
  return jsonb_build_object('notifications', page,
    'unread', (select count(*) from public.notifications n where lower(n.wallet) = own and not n.read),
    'next', case when jsonb_array_length(page) = most then page -> -1 -> 'id' end);
end
$$;
comment on function agon.list_notifications(text, boolean, uuid, integer) is
  'Notifications of one of the caller''s wallets, the newest first: {notifications, unread, next}. before: the next of an earlier answer.';
grant execute on function agon.list_notifications(text, boolean, uuid, integer)
  to anon, authenticated, service_role;

create or replace function agon.mark_notifications_read(wallet text, ids uuid[]) returns jsonb
language plpgsql set search_path = ''
as $$
#variable_conflict use_column
declare
  own constant text := lower(mark_notifications_read.wallet);
  marked bigint;
begin
  perform agon.require_wallet(own);
  update public.notifications n set read = true
  where lower(n.wallet) = own and not n.read and (ids is null or n.id = any (ids));
  get diagnostics marked = row_count;
  return jsonb_build_object('marked', marked,
    'unread', (select count(*) from public.notifications n where lower(n.wallet) = own and not n.read));
end
$$;
comment on function agon.mark_notifications_read(text, uuid[]) is
  'Marks notifications of one of the caller''s wallets as read, all of them without ids: {marked, unread}.';
grant execute on function agon.mark_notifications_read(text, uuid[]) to anon, authenticated, service_role;

revoke all on public.notifications from anon, authenticated, service_role;
grant select, update (read) on public.notifications to authenticated, service_role;

drop policy if exists notifications_select_own on public.notifications;
create policy notifications_select_own on public.notifications
  for select to authenticated using (lower(wallet) in (select agon.wallets()));
drop policy if exists notifications_update_own on public.notifications;
create policy notifications_update_own on public.notifications
  for update to authenticated using (lower(wallet) in (select agon.wallets()));
drop policy if exists notifications_select_service on public.notifications;
create policy notifications_select_service on public.notifications
  for select to service_role using (true);
drop policy if exists notifications_update_service on public.notifications;
create policy notifications_update_service on public.notifications
  for update to service_role using (true);
