-- Loadouts: which avatar a bot wears, chosen by who owns the bot now.

create or replace trigger bot_avatar_loadouts_guard_append_only
  before update or delete or truncate on public.bot_avatar_loadouts
  for each statement execute function agon.guard_append_only();

create or replace function public.wear_avatar(slug text, generation_index integer)
returns public.bot_avatar_loadouts
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  held constant public.bot_identity_owners := agon.hold_own_bot(wear_avatar.slug);
  avatar public.bot_avatars;
  worn public.bot_avatar_loadouts;
begin
  perform agon.require_active_bot(held.bot_identity_id);
  avatar := agon.find_avatar(wear_avatar.slug, wear_avatar.generation_index);
  if avatar.moderation_status <> 'approved' then
    perform agon.refuse(409, 'avatar_not_approved', format('This avatar is %s.', avatar.moderation_status),
      'A bot wears avatars that a moderator has approved.');
  end if;
  update public.bot_identities i set active_avatar_id = avatar.id
  where i.id = held.bot_identity_id and i.active_avatar_id is distinct from avatar.id;
  if not found then
    -- Each act holds the bot, so the newest loadout is the one that it wears.
    select * into strict worn from public.bot_avatar_loadouts l
    where l.bot_identity_id = held.bot_identity_id and l.avatar_id = avatar.id
    order by l.selected_at desc
    limit 1;
    return worn;
  end if;
  insert into public.bot_avatar_loadouts
    (bot_identity_id, avatar_id, selected_by_address, selected_at)
  values (held.bot_identity_id, avatar.id, held.owner_address, agon.now())
  returning * into worn;
  perform agon.emit('bot_avatar.worn', avatar.id::text, jsonb_build_object(
    'avatar_id', avatar.id, 'bot_identity_id', held.bot_identity_id,
    'generation_index', avatar.generation_index, 'selected_by_address', held.owner_address));
  return worn;
end
$$;
comment on function public.wear_avatar(text, integer) is
  'Has a bot of the caller wear one of its approved avatars; once it does, again changes nothing.';
revoke all on function public.wear_avatar(text, integer)
  from public, anon, authenticated, service_role;
grant execute on function public.wear_avatar(text, integer) to authenticated;

revoke all on public.bot_avatar_loadouts from anon, authenticated, service_role;
grant select on public.bot_avatar_loadouts to anon, authenticated, service_role;

drop policy if exists bot_avatar_loadouts_select_everyone on public.bot_avatar_loadouts;
create policy bot_avatar_loadouts_select_everyone on public.bot_avatar_loadouts
  for select to anon, authenticated, service_role using (true);
