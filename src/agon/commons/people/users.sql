-- Users: what the door learns of them, and what they change themselves.

create or replace function agon.auth_is_ours() returns boolean
language sql stable security definer set search_path = ''
as $$
  select (select c.relowner from pg_catalog.pg_class c where c.oid = 'auth.users'::regclass)
    = (select c.relowner from pg_catalog.pg_class c where c.oid = 'agon.sessions'::regclass)
$$;
comment on function agon.auth_is_ours() is
  'Whether people sign in here; on a Supabase database its own server does that.';
grant execute on function agon.auth_is_ours() to agon_worker;

create or replace function agon.register_sign_up_hook(function text) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  person record;
begin
  if to_regprocedure(register_sign_up_hook.function || '(uuid)') is null then
    raise exception 'there is no function %(uuid)', register_sign_up_hook.function;
  end if;
  insert into agon.sign_up_hooks (function) values (register_sign_up_hook.function)
  on conflict do nothing;
  if found then
    -- Who was here before gets the rows, too.
    for person in select u.id from auth.users u loop
      execute format('select %s($1)', register_sign_up_hook.function) using person.id;
    end loop;
  end if;
end
$$;
comment on function agon.register_sign_up_hook(text) is
  'A rules file calls it: schema.function, taking a user''s id, is run once for each user, present and future.';

create or replace function agon.note_sign_up() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  hook record;
begin
  for hook in select h.function from agon.sign_up_hooks h order by h.registered_at, h.function loop
    execute format('select %s($1)', hook.function) using new.id;
  end loop;
  perform agon.emit('user.signed_up', new.id::text);
  return null;
end
$$;
comment on function agon.note_sign_up() is
  'Makes the rows that other packages registered for new users, and tells of the user.';
create or replace trigger users_note_sign_up
  after insert on auth.users
  for each row execute function agon.note_sign_up();

create or replace function agon.stands(person auth.users) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return person.id is not null and person.deleted_at is null
    and coalesce(person.banned_until <= agon.now(), true);
end
$$;
comment on function agon.stands(auth.users) is
  'Whether there is such a user, neither deleted nor banned. Called by other functions only.';

create or replace function agon.person_json(person auth.users, known_as agon.identities[]) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  change agon.email_changes;
begin
  select c.* into change from agon.email_changes c
  where c.user_id = person.id and c.expires_at >= agon.now();
  -- Metadata stands apart: nulls in it are the user's own.
  return jsonb_strip_nulls(jsonb_build_object(
    'id', person.id, 'aud', person.aud, 'role', person.role,
    'email', coalesce(person.email, ''), 'phone', coalesce(person.phone, ''),
    'email_confirmed_at', person.email_confirmed_at,
    'phone_confirmed_at', person.phone_confirmed_at,
    'confirmed_at', person.confirmed_at, 'confirmation_sent_at', person.confirmation_sent_at,
    'recovery_sent_at', person.recovery_sent_at, 'invited_at', person.invited_at,
    'new_email', change.email, 'email_change_sent_at', change.created_at,
    'reauthentication_sent_at', person.reauthentication_sent_at,
    'last_sign_in_at', person.last_sign_in_at, 'banned_until', person.banned_until,
    'deleted_at', person.deleted_at, 'created_at', person.created_at,
    'updated_at', person.updated_at, 'is_anonymous', person.is_anonymous
  )) || jsonb_build_object(
    'app_metadata', person.raw_app_meta_data || public.get_custom_claims(person.id),
    'user_metadata', person.raw_user_meta_data,
    'identities', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'identity_id', i.id, 'id', i.provider_id, 'user_id', i.user_id, 'provider', i.provider,
        'identity_data', i.identity_data, 'email', i.identity_data -> 'email',
        'last_sign_in_at', i.last_sign_in_at, 'created_at', i.created_at, 'updated_at', i.updated_at
      ) order by i.created_at, i.id), '[]') from unnest(known_as) i));
end
$$;
comment on function agon.person_json(auth.users, agon.identities[]) is
  'A user as Supabase''s clients know it, roles in app_metadata. Called by other functions only.';

create or replace function agon.user_json(user_id uuid) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  person auth.users;
begin
  select u.* into person from auth.users u where u.id = user_json.user_id;
  if not found then
    return null;
  end if;
  return agon.person_json(person,
    array(select i from agon.identities i where i.user_id = person.id));
end
$$;
comment on function agon.user_json(uuid) is 'As agon.person_json, of a user by id; null for nobody.';
grant execute on function agon.user_json(uuid) to agon_worker;

create or replace function agon.merge_metadata(present jsonb, change jsonb) returns jsonb
language sql immutable set search_path = ''
as $$
  select (coalesce(present, '{}') || coalesce(change, '{}'))
    - coalesce(array(select e.key from jsonb_each(change) e where e.value = 'null'), '{}')
$$;
comment on function agon.merge_metadata(jsonb, jsonb) is
  'Metadata with a change: keys that the change sets to null go.';

create or replace function agon.replace_hash(user_id uuid, former text, encrypted_password text) returns void
language plpgsql security definer set search_path = ''
as $$
begin
  update auth.users u set encrypted_password = replace_hash.encrypted_password
  where u.id = replace_hash.user_id and u.encrypted_password = former;
end
$$;
comment on function agon.replace_hash(uuid, text, text) is
  'The same password, hashed with the parameters of today; nothing if it has changed meanwhile.';
grant execute on function agon.replace_hash(uuid, text, text) to agon_worker;

create or replace function agon.load_own_user() returns jsonb
language plpgsql stable security definer set search_path = ''
as $$ begin return agon.user_json(agon.require_session()); end $$;
comment on function agon.load_own_user() is 'The caller, as Supabase''s clients know a user.';
grant execute on function agon.load_own_user() to agon_worker;

create or replace function agon.load_own_password() returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  person_id constant uuid := agon.require_session();
begin
  return (
    select jsonb_build_object(
      'encrypted_password', u.encrypted_password, 'email', u.email, 'is_anonymous', u.is_anonymous,
      'is_fresh', coalesce((
        select s.created_at > agon.now() - interval '24 hours' from agon.sessions s
        where s.id = ((select auth.jwt()) ->> 'session_id')::uuid), false))
    from auth.users u where u.id = person_id);
end
$$;
comment on function agon.load_own_password() is
  'What a change of the caller''s password is checked against: {encrypted_password, email, is_anonymous, is_fresh}.';
grant execute on function agon.load_own_password() to agon_worker;

create or replace function agon.update_own_user(
  email text, encrypted_password text, data jsonb, is_confirmed boolean, lifetime interval
) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  person auth.users;
  is_taken boolean;
begin
  select u.* into person from auth.users u where u.id = agon.require_session() for update;
  if data is not null then
    update auth.users u set raw_user_meta_data = agon.merge_metadata(u.raw_user_meta_data, data)
    where u.id = person.id;
  end if;
  if encrypted_password is not null then
    perform agon.set_password(person.id, update_own_user.encrypted_password);
  end if;
  if email is null or email = person.email then
    return null;
  elsif is_confirmed then
    perform agon.set_address(person.id, update_own_user.email, false);
    return null;
  end if;
  perform agon.begin_email_change(person, update_own_user.email, lifetime);
  -- A taken address is not told: it gets no mail, so the change never happens.
  is_taken := exists (select from auth.users u where u.email = update_own_user.email);
  return (
    select jsonb_build_object('user_id', person.id, 'is_taken', is_taken, 'present', c.present)
    from agon.email_changes c where c.user_id = person.id);
end
$$;
comment on function agon.update_own_user(text, text, jsonb, boolean, interval) is
  'Changes the caller: metadata, password, address. Unless is_confirmed, a change of address waits so long for mail: {user_id, is_taken, present}; else null.';
grant execute on function agon.update_own_user(text, text, jsonb, boolean, interval) to agon_worker;

create or replace function agon.set_password(user_id uuid, encrypted_password text) returns void
language plpgsql security definer set search_path = ''
as $$
begin
  update auth.users u set encrypted_password = set_password.encrypted_password
  where u.id = set_password.user_id;
  delete from agon.open_sign_ups o where o.user_id = set_password.user_id;
  delete from agon.sessions s where s.user_id = set_password.user_id
    and s.id is distinct from ((select auth.jwt()) ->> 'session_id')::uuid;
  perform agon.end_pending(set_password.user_id);
  perform agon.note_security('password_changed', set_password.user_id);
end
$$;
comment on function agon.set_password(uuid, text) is
  'A new password, which ends every other session of the user, and what is pending. Called by other functions only.';

create or replace function agon.end_pending(user_id uuid) returns void
language sql security definer set search_path = ''
as $$
  delete from agon.flow_states f
  where f.user_id = end_pending.user_id or f.links_to = end_pending.user_id;
  delete from agon.one_time_tokens t where t.user_id = end_pending.user_id;
  delete from agon.email_changes c where c.user_id = end_pending.user_id;
$$;
comment on function agon.end_pending(uuid) is
  'Nothing that was begun for a user goes on: mailed codes and links, sign-ins under way, a change of address. Called by other functions only.';

create or replace function agon.verified_email() returns text
language sql stable security definer set search_path = ''
as $$
  -- An address can count as confirmed here though nobody has answered from it (auth_autoconfirm).
  select u.email from auth.users u
  where u.id = (select auth.uid()) and u.email_confirmed_at is not null
    and (not agon.auth_is_ours() or exists (
      select from agon.identities i
      where i.user_id = u.id and lower(i.identity_data ->> 'email') = u.email
        and (i.identity_data ->> 'email_verified')::boolean))
$$;
comment on function agon.verified_email() is
  'The caller''s address, where it is known to be the caller''s; else null.';
grant execute on function agon.verified_email() to anon, authenticated, service_role, agon_worker;
