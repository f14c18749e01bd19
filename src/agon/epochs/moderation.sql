-- Who decides on avatars, and what a decision does.

create or replace function agon.find_avatar(slug text, generation_index integer)
returns public.bot_avatars
language plpgsql security definer set search_path = ''
as $$
declare
  bot constant public.bot_identities := agon.find_bot_identity(find_avatar.slug);
  avatar public.bot_avatars;
begin
  select * into avatar from public.bot_avatars a
  where a.bot_identity_id = bot.id and a.generation_index = find_avatar.generation_index;
  if not found then
    perform agon.refuse(404, 'avatar_unknown',
      format('The bot has no avatar %s.', find_avatar.generation_index), 'They are counted from 1.');
  end if;
  return avatar;
end
$$;
comment on function agon.find_avatar(text, integer) is
  'An avatar by its bot and number, the bot locked; refuses unknown ones. Called by other functions only.';

create or replace function agon.avatars_to_moderate() returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  rows_max constant integer := 100;
begin
  perform agon.require_permission('avatars.moderate');
  return coalesce(
    (select jsonb_agg(to_jsonb(a) order by a.created_at, a.id)
     from (
       select a.*, i.slug from public.bot_avatars a
       join public.bot_identities i on i.id = a.bot_identity_id
       where a.moderation_status = 'pending'
       order by a.created_at, a.id
       limit rows_max
     ) a),
    '[]');
end
$$;
comment on function agon.avatars_to_moderate() is
  'The avatars that wait for a decision, with the slugs of their bots, the longest waiting first, for moderators; at most 100.';
grant execute on function agon.avatars_to_moderate() to authenticated, service_role;

create or replace function agon.decide_avatar(avatar_id uuid, decision text, note text)
returns public.bot_avatars
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  decided public.bot_avatars;
begin
  update public.bot_avatars a
  set moderation_status = decision, moderation_note = note, moderated_at = agon.now()
  where a.id = decide_avatar.avatar_id and a.moderation_status <> decision
  returning a.* into decided;
  if not found then
    select * into decided from public.bot_avatars a where a.id = decide_avatar.avatar_id;
    return decided;
  end if;
  perform agon.emit('bot_avatar.' || decision, decided.id::text, jsonb_build_object(
    'avatar_id', decided.id, 'bot_identity_id', decided.bot_identity_id,
    'generation_index', decided.generation_index, 'note', note));
  return decided;
end
$$;
comment on function agon.decide_avatar(uuid, text, text) is
  'Moves a pending avatar, or answers with it as it is there already. Called by other functions only.';

create or replace function public.approve_avatar(slug text, generation_index integer)
returns public.bot_avatars
language plpgsql security definer set search_path = ''
as $$
declare
  avatar public.bot_avatars;
begin
  perform agon.require_permission('avatars.moderate');
  avatar := agon.find_avatar(approve_avatar.slug, approve_avatar.generation_index);
  avatar := agon.decide_avatar(avatar.id, 'approved', null);
  -- Not before: what is published stays so for ever.
  perform agon.publish_held_file(substr(p.uri, length('ipfs://') + 1), p.media_type)
  from (values (avatar.glb_uri, 'model/gltf-binary'), (avatar.preview_image_uri, 'image/png'),
    (avatar.manifest_uri, 'application/json')) p (uri, media_type)
  where p.uri is not null;
  return avatar;
end
$$;
comment on function public.approve_avatar(text, integer) is
  'Lets everyone see an avatar, and its bot wear it, by a moderator: its files are published with it.';

create or replace function public.reject_avatar(slug text, generation_index integer, reason text)
returns public.bot_avatars
language plpgsql security definer set search_path = ''
as $$
declare
  avatar public.bot_avatars;
begin
  perform agon.require_permission('avatars.moderate');
  if coalesce(length(reason), 0) not between 1 and 500 then
    perform agon.refuse(400, 'reason_missing', 'Whoever is turned down reads why.',
      'Give a reason of 1 to 500 characters.');
  end if;
  avatar := agon.find_avatar(reject_avatar.slug, reject_avatar.generation_index);
  return agon.decide_avatar(avatar.id, 'rejected', reject_avatar.reason);
end
$$;
comment on function public.reject_avatar(text, integer, text) is
  'Turns an avatar down, by a moderator: it stays with the bot''s owner and is never worn.';

revoke all on function public.approve_avatar(text, integer), public.reject_avatar(text, integer, text)
  from public, anon, authenticated, service_role;
grant execute on function public.approve_avatar(text, integer),
  public.reject_avatar(text, integer, text) to authenticated, service_role;
