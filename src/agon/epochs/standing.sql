-- Where a bot stands: active, suspended, retired; and which of its acts its owner may make.

-- Mints come by the hundred thousand, and all begin as active.
create or replace trigger bot_identities_guard_first_status
  before insert on public.bot_identities
  for each row when (new.status in ('suspended', 'retired'))
  execute function agon.guard_move('status');
create or replace trigger bot_identities_guard_status
  before update on public.bot_identities
  for each row when (new.status is distinct from old.status)
  execute function agon.guard_move('status');

create or replace function agon.show_bot_identity(slug text) returns public.bot_identities
language plpgsql stable security definer set search_path = ''
as $$
declare
  bot public.bot_identities;
begin
  select * into bot from public.bot_identities i where i.slug = show_bot_identity.slug;
  if not found then
    perform agon.refuse(404, 'bot_unknown',
      format('There is no bot %s.', left(show_bot_identity.slug, 100)),
      'Its slug is bot_<token>_<contract>.');
  end if;
  return bot;
end
$$;
comment on function agon.show_bot_identity(text) is 'A bot by its slug; refuses unknown ones.';
grant execute on function agon.show_bot_identity(text) to anon, authenticated, service_role, agon_worker;

create or replace function agon.find_bot_identity(slug text) returns public.bot_identities
language plpgsql security definer set search_path = ''
as $$
begin
  perform 1 from public.bot_identities i where i.slug = find_bot_identity.slug for no key update;
  return agon.show_bot_identity(find_bot_identity.slug);
end
$$;
comment on function agon.find_bot_identity(text) is
  'A bot by its slug, locked against other acts of its owner; refuses unknown ones. Called by other functions only.';

create or replace function agon.own_bots() returns setof uuid
language sql stable security definer set search_path = ''
as $$
  select o.bot_identity_id from public.bot_identity_owners o
  where o.effective_to is null and o.owner_address in (select agon.wallets())
$$;
comment on function agon.own_bots() is 'The bots that the caller''s wallets own now.';
grant execute on function agon.own_bots() to anon, authenticated, service_role, agon_worker;

create or replace function agon.hold_own_bot(slug text) returns public.bot_identity_owners
language plpgsql security definer set search_path = ''
as $$
declare
  bot public.bot_identities;
  held public.bot_identity_owners;
begin
  if (select auth.uid()) is null then
    perform agon.refuse(401, 'sign_in_first', 'This needs a signed-in user.',
      'Send Authorization: Bearer <token>; `agon token` mints one for local use.');
  end if;
  bot := agon.find_bot_identity(hold_own_bot.slug);
  -- Shared, so that the indexer waits with a transfer until this act is done.
  select * into held from public.bot_identity_owners o
  where o.bot_identity_id = bot.id and o.effective_to is null
    and o.owner_address in (select agon.wallets())
  for share;
  if not found then
    perform agon.refuse(403, 'not_your_bot', 'None of your wallets owns this bot now.',
      'Link the wallet that holds its token to your user.');
  end if;
  return held;
end
$$;
comment on function agon.hold_own_bot(text) is
  'The ownership of the caller''s bot, which lasts until the transaction ends; refuses everyone else. Called by other functions only.';

create or replace function agon.require_active_bot(bot_identity_id uuid) returns void
language plpgsql stable security definer set search_path = ''
as $$
declare
  found_status text;
begin
  select i.status into found_status from public.bot_identities i
  where i.id = require_active_bot.bot_identity_id;
  if found_status is distinct from 'active' then
    perform agon.refuse(409, 'bot_not_active', format('The bot is %s.', coalesce(found_status, 'gone')),
      'Only active bots act. An admin reinstates suspended ones; retired ones stay so.');
  end if;
end
$$;
comment on function agon.require_active_bot(uuid) is
  'Refuses acts of bots that are suspended or retired. Called by other functions only.';

create or replace function agon.move_bot_identity(bot_identity_id uuid, to_state text, reason text)
returns public.bot_identities
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  moved public.bot_identities;
begin
  update public.bot_identities i set status = to_state
  where i.id = move_bot_identity.bot_identity_id and i.status <> to_state
  returning i.* into moved;
  if not found then
    select * into moved from public.bot_identities i where i.id = move_bot_identity.bot_identity_id;
    return moved;
  end if;
  perform agon.emit('bot_identity.' || to_state, moved.id::text, jsonb_build_object(
    'bot_identity_id', moved.id, 'slug', moved.slug, 'status', moved.status, 'reason', reason));
  return moved;
end
$$;
comment on function agon.move_bot_identity(uuid, text, text) is
  'Moves a bot, or answers with it as it is there already. Called by other functions only.';

create or replace function public.suspend_bot(slug text, reason text)
returns public.bot_identities
language plpgsql security definer set search_path = ''
as $$
begin
  perform agon.require_admin();
  if coalesce(length(reason), 0) not between 1 and 500 then
    perform agon.refuse(400, 'reason_missing', 'A suspension says why.',
      'Give a reason of 1 to 500 characters.');
  end if;
  return agon.move_bot_identity(
    (agon.find_bot_identity(suspend_bot.slug)).id, 'suspended', suspend_bot.reason);
end
$$;
comment on function public.suspend_bot(text, text) is 'Stops a bot from acting, by an admin. The reason stands in the event.';

create or replace function public.reinstate_bot(slug text) returns public.bot_identities
language plpgsql security definer set search_path = ''
as $$
begin
  perform agon.require_admin();
  return agon.move_bot_identity((agon.find_bot_identity(reinstate_bot.slug)).id, 'active', null);
end
$$;
comment on function public.reinstate_bot(text) is 'Lets a suspended bot act again, by an admin.';

create or replace function public.retire_bot(slug text) returns public.bot_identities
language plpgsql security definer set search_path = ''
as $$
declare
  held public.bot_identity_owners;
begin
  if agon.is_admin() then
    return agon.move_bot_identity((agon.find_bot_identity(retire_bot.slug)).id, 'retired', null);
  end if;
  held := agon.hold_own_bot(retire_bot.slug);
  if (agon.show_bot_identity(retire_bot.slug)).status = 'suspended' then
    perform agon.refuse(409, 'bot_not_active', 'The bot is suspended.', 'Ask an admin.');
  end if;
  return agon.move_bot_identity(held.bot_identity_id, 'retired', null);
end
$$;
comment on function public.retire_bot(text) is
  'Ends a bot for good: its owner while it is active, an admin at any time.';

revoke all on function public.suspend_bot(text, text), public.reinstate_bot(text),
  public.retire_bot(text) from public, anon, authenticated, service_role;
grant execute on function public.suspend_bot(text, text), public.reinstate_bot(text),
  public.retire_bot(text) to authenticated, service_role;
