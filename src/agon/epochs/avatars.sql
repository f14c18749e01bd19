-- Avatars: brought by their bot's owner or made by an outside party, counted, and seen by whom.

create or replace trigger bot_avatars_guard_moderation
  before insert or update on public.bot_avatars
  for each row execute function agon.guard_move('moderation_status');
create or replace trigger avatar_generations_guard_status
  before insert or update on agon.avatar_generations
  for each row execute function agon.guard_move('status');

create or replace function agon.admit_avatar(slug text) returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
  -- Each waits for a moderator, or costs credits at a party.
  undecided_max constant integer := 5;
  asked_per_day_max constant integer := 10;
  held constant public.bot_identity_owners := agon.hold_own_bot(admit_avatar.slug);
begin
  perform agon.require_active_bot(held.bot_identity_id);
  if (select count(*) from public.bot_avatars a
      where a.bot_identity_id = held.bot_identity_id and a.moderation_status = 'pending')
    + (select count(*) from agon.avatar_generations g
      where g.bot_identity_id = held.bot_identity_id and g.status = 'wanted') >= undecided_max
    or (select count(*) from agon.avatar_generations g
      where g.bot_identity_id = held.bot_identity_id
        and g.created_at > agon.now() - interval '1 day') >= asked_per_day_max
  then
    perform agon.refuse(429, 'too_many_avatars',
      format('A bot has at most %s avatars that nobody has decided on, and %s a day from elsewhere.',
        undecided_max, asked_per_day_max),
      'Wait until a moderator has decided.');
  end if;
  return held.bot_identity_id;
end
$$;
comment on function agon.admit_avatar(text) is
  'The caller''s bot, if it may have one more avatar now: asked before an upload is read, and again when it is kept.';
grant execute on function agon.admit_avatar(text) to authenticated, agon_worker;

create or replace function agon.add_avatar(
  bot_identity_id uuid, source_provider text, prompt text, glb_uri text, preview_image_uri text,
  manifest_uri text
) returns public.bot_avatars
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  avatar public.bot_avatars;
begin
  -- Who counts is alone with the bot until the commit.
  perform 1 from public.bot_identities i where i.id = add_avatar.bot_identity_id for no key update;
  insert into public.bot_avatars
    (bot_identity_id, generation_index, source_provider, prompt, glb_uri, preview_image_uri,
     manifest_uri, created_at)
  select add_avatar.bot_identity_id, coalesce(max(a.generation_index), 0) + 1,
    add_avatar.source_provider, add_avatar.prompt, add_avatar.glb_uri, add_avatar.preview_image_uri,
    add_avatar.manifest_uri, agon.now()
  from public.bot_avatars a where a.bot_identity_id = add_avatar.bot_identity_id
  on conflict on constraint bot_avatars_are_kept_once do nothing
  returning * into avatar;
  if not found then
    select * into strict avatar from public.bot_avatars a
    where a.bot_identity_id = add_avatar.bot_identity_id
      and a.manifest_uri = add_avatar.manifest_uri;
    return avatar;
  end if;
  perform agon.emit('bot_avatar.added', avatar.id::text, jsonb_build_object(
    'avatar_id', avatar.id, 'bot_identity_id', avatar.bot_identity_id,
    'generation_index', avatar.generation_index));
  return avatar;
end
$$;
comment on function agon.add_avatar(uuid, text, text, text, text, text) is
  'The next avatar of a bot, pending; the same one again is the one that is there. Called by other functions only.';

create or replace function agon.bring_avatar(
  slug text, glb_uri text, preview_image_uri text, manifest_uri text
) returns public.bot_avatars
language plpgsql security definer set search_path = ''
as $$
declare
  held constant public.bot_identity_owners := agon.hold_own_bot(bring_avatar.slug);
  avatar public.bot_avatars;
begin
  select * into avatar from public.bot_avatars a
  where a.bot_identity_id = held.bot_identity_id and a.manifest_uri = bring_avatar.manifest_uri;
  if found then
    return avatar;
  end if;
  return agon.add_avatar(agon.admit_avatar(bring_avatar.slug), 'manual', null, bring_avatar.glb_uri,
    bring_avatar.preview_image_uri, bring_avatar.manifest_uri);
end
$$;
comment on function agon.bring_avatar(text, text, text, text) is
  'Keeps the avatar that the caller uploaded for a bot of hers; the files are checked and held by then.';
grant execute on function agon.bring_avatar(text, text, text, text) to agon_worker;

create or replace function agon.request_avatar(
  slug text, source_provider text, prompt text, source_uri text
) returns agon.avatar_generations
language plpgsql security definer set search_path = ''
as $$
declare
  bot_id constant uuid := agon.admit_avatar(request_avatar.slug);
  generation agon.avatar_generations;
begin
  insert into agon.avatar_generations
    (bot_identity_id, source_provider, prompt, source_uri, created_at)
  values (bot_id, request_avatar.source_provider, request_avatar.prompt, request_avatar.source_uri,
    agon.now())
  returning * into generation;
  perform agon.mean_outside('epochs.generate_avatar', generation.id::text);
  return generation;
end
$$;
comment on function agon.request_avatar(text, text, text, text) is
  'Asks an outside party for an avatar of the caller''s bot: meshy by a prompt, import by an ipfs:// URI.';
grant execute on function agon.request_avatar(text, text, text, text) to agon_worker;

create or replace function agon.wanted_generation(generation_id text)
returns setof agon.avatar_generations
language sql stable security definer set search_path = ''
as $$
  select * from agon.avatar_generations g
  where g.id = wanted_generation.generation_id::uuid and g.status = 'wanted'
$$;
comment on function agon.wanted_generation(text) is 'An avatar that is to be asked for, or goes on.';
grant execute on function agon.wanted_generation(text) to agon_worker;

create or replace function agon.begin_generation(generation_id uuid)
returns table (task text, asked_at timestamptz, known text[])
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
    update agon.avatar_generations g set asked_at = coalesce(g.asked_at, agon.now())
    from agon.avatar_generations before
    where g.id = generation_id and g.status = 'wanted' and before.id = g.id
    returning g.tasks[cardinality(g.tasks)], before.asked_at,
      array(select unnest(o.tasks) from agon.avatar_generations o
        where o.created_at > g.created_at - interval '2 days');
end
$$;
comment on function agon.begin_generation(uuid) is
  'How far a generation is, before the party is asked for a step. asked_at: of an earlier one that left no receipt; known: tasks that have an owner.';
grant execute on function agon.begin_generation(uuid) to agon_worker;

create or replace function agon.note_generation_task(generation_id uuid, task text) returns void
language sql security definer set search_path = ''
as $$
  update agon.avatar_generations g
  set tasks = case when task = any (g.tasks) then g.tasks else g.tasks || task end, asked_at = null
  where g.id = generation_id and g.status = 'wanted'
$$;
comment on function agon.note_generation_task(uuid, text) is
  'The receipt of a question: the party works on this task.';
grant execute on function agon.note_generation_task(uuid, text) to agon_worker;

create or replace function agon.note_generation_failed(generation_id text, error text) returns void
language sql security definer set search_path = ''
as $$
  update agon.avatar_generations g set status = 'failed', last_error = left(error, 500)
  where g.id = generation_id::uuid and g.status = 'wanted'
$$;
comment on function agon.note_generation_failed(text, text) is
  'A generation that is given up, and why.';
grant execute on function agon.note_generation_failed(text, text) to agon_worker;

create or replace function agon.finish_generation(
  generation_id uuid, glb_uri text, preview_image_uri text, manifest_uri text
) returns public.bot_avatars
language plpgsql security definer set search_path = ''
as $$
declare
  generation agon.avatar_generations;
  avatar public.bot_avatars;
begin
  select * into strict generation from agon.avatar_generations g where g.id = generation_id
  for no key update;
  if generation.status = 'done' then
    select * into avatar from public.bot_avatars a where a.id = generation.avatar_id;
    return avatar;
  end if;
  avatar := agon.add_avatar(generation.bot_identity_id, generation.source_provider,
    generation.prompt, glb_uri, preview_image_uri, manifest_uri);
  update agon.avatar_generations g
  set status = 'done', avatar_id = avatar.id, asked_at = null, last_error = null
  where g.id = generation_id;
  return avatar;
end
$$;
comment on function agon.finish_generation(uuid, text, text, text) is
  'The receipt of a model: it is the bot''s next avatar, whoever owns the bot by now.';
grant execute on function agon.finish_generation(uuid, text, text, text) to agon_worker;

create or replace function agon.show_generations(slug text) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object('id', g.id, 'source_provider', g.source_provider,
    'prompt', g.prompt, 'source_uri', g.source_uri, 'status', g.status,
    'last_error', coalesce(g.last_error, agon.outside_trouble('epochs.generate_avatar', g.id::text)),
    'avatar_id', g.avatar_id, 'created_at', g.created_at) order by g.created_at, g.id), '[]')
  from agon.show_bot_identity(slug) b join agon.avatar_generations g on g.bot_identity_id = b.id
  where b.id in (select agon.own_bots()) or agon.has_permission('avatars.moderate')
$$;
comment on function agon.show_generations(text) is
  'What was asked of outside parties for a bot, for its owner and for moderators; for others nothing.';
grant execute on function agon.show_generations(text) to anon, authenticated, service_role;

create or replace function agon.show_avatars(slug text) returns jsonb
language sql stable set search_path = ''
as $$
  select coalesce(jsonb_agg(to_jsonb(a) order by a.generation_index), '[]')
  from agon.show_bot_identity(slug) b join public.bot_avatars a on a.bot_identity_id = b.id
$$;
comment on function agon.show_avatars(text) is 'The avatars of a bot that the caller may see.';
grant execute on function agon.show_avatars(text) to anon, authenticated, service_role;

create or replace function agon.avatar_file(slug text, generation_index integer, part text)
returns text
language plpgsql stable set search_path = ''
as $$
declare
  uri text;
begin
  select case part when 'model' then a.glb_uri when 'preview' then a.preview_image_uri
    when 'manifest' then a.manifest_uri end
  into uri
  from agon.show_bot_identity(slug) b join public.bot_avatars a on a.bot_identity_id = b.id
  where a.generation_index = avatar_file.generation_index;
  if uri is null then
    perform agon.refuse(404, 'avatar_unknown',
      format('The bot has no avatar %s with a %s.', avatar_file.generation_index, left(part, 20)),
      'The parts are model, preview and manifest.');
  end if;
  return substr(uri, length('ipfs://') + 1);
end
$$;
comment on function agon.avatar_file(text, integer, text) is
  'The content id of a part of an avatar that the caller may see.';
grant execute on function agon.avatar_file(text, integer, text) to anon, authenticated, service_role;

revoke all on public.bot_avatars from anon, authenticated, service_role;
grant select on public.bot_avatars to anon, authenticated, service_role;

drop policy if exists bot_avatars_select_approved on public.bot_avatars;
create policy bot_avatars_select_approved on public.bot_avatars
  for select to anon, authenticated using (moderation_status = 'approved');
drop policy if exists bot_avatars_select_own on public.bot_avatars;
create policy bot_avatars_select_own on public.bot_avatars
  for select to authenticated using (bot_identity_id in (select agon.own_bots()));
drop policy if exists bot_avatars_select_moderator on public.bot_avatars;
create policy bot_avatars_select_moderator on public.bot_avatars
  for select to authenticated using ((select agon.has_permission('avatars.moderate')));
drop policy if exists bot_avatars_select_service on public.bot_avatars;
create policy bot_avatars_select_service on public.bot_avatars
  for select to service_role using (true);
