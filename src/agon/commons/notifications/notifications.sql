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
