-- Users: how they come to be, what others learn of them, and what they change themselves.

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

create or replace function agon.user_json(user_id uuid) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  person auth.users;
  known_as jsonb;
begin
  select u.* into person from auth.users u where u.id = user_json.user_id;
  if not found then
    return null;
  end if;
  select coalesce(jsonb_agg(jsonb_build_object(
    'identity_id', i.id, 'id', i.provider_id, 'user_id', i.user_id, 'provider', i.provider,
    'identity_data', i.identity_data, 'email', i.identity_data -> 'email',
    'last_sign_in_at', i.last_sign_in_at, 'created_at', i.created_at, 'updated_at', i.updated_at
  ) order by i.created_at, i.id), '[]') into known_as
  from agon.identities i where i.user_id = person.id;
  -- Metadata stands apart: nulls in it are the user's own.
  return jsonb_strip_nulls(jsonb_build_object(
    'id', person.id, 'aud', person.aud, 'role', person.role,
    'email', coalesce(person.email, ''), 'phone', coalesce(person.phone, ''),
    'email_confirmed_at', person.email_confirmed_at,
    'phone_confirmed_at', person.phone_confirmed_at,
    'confirmed_at', person.confirmed_at, 'confirmation_sent_at', person.confirmation_sent_at,
    'recovery_sent_at', person.recovery_sent_at, 'invited_at', person.invited_at,
    'new_email', nullif(person.email_change, ''),
    'email_change_sent_at', person.email_change_sent_at,
    'reauthentication_sent_at', person.reauthentication_sent_at,
    'last_sign_in_at', person.last_sign_in_at, 'banned_until', person.banned_until,
    'deleted_at', person.deleted_at, 'created_at', person.created_at,
    'updated_at', person.updated_at, 'is_anonymous', person.is_anonymous
  )) || jsonb_build_object(
    'app_metadata', person.raw_app_meta_data || public.get_custom_claims(person.id),
    'user_metadata', person.raw_user_meta_data, 'identities', known_as);
end
$$;
comment on function agon.user_json(uuid) is
  'A user as Supabase''s clients know it, roles in app_metadata; null for nobody.';
grant execute on function agon.user_json(uuid) to agon_worker;

create or replace function agon.merge_metadata(present jsonb, change jsonb) returns jsonb
language sql immutable set search_path = ''
as $$
  select (coalesce(present, '{}') || coalesce(change, '{}'))
    - coalesce(array(select e.key from jsonb_each(change) e where e.value = 'null'), '{}')
$$;
comment on function agon.merge_metadata(jsonb, jsonb) is
  'Metadata with a change: keys that the change sets to null go.';

create or replace function agon.add_identity(user_id uuid, provider text, provider_id text, data jsonb)
returns uuid
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  known agon.identities;
begin
  insert into agon.identities as i (user_id, provider, provider_id, identity_data,
    last_sign_in_at, created_at, updated_at)
  values (add_identity.user_id, add_identity.provider, add_identity.provider_id, data,
    agon.now(), agon.now(), agon.now())
  on conflict (provider, provider_id) do update set
    identity_data = i.identity_data || excluded.identity_data, updated_at = agon.now(),
    last_sign_in_at = agon.now()
  returning * into known;
  if known.user_id <> add_identity.user_id then
    perform agon.refuse(422, 'identity_already_exists', 'Identity is already linked to another user');
  end if;
  perform agon.list_providers(add_identity.user_id);
  return known.id;
end
$$;
comment on function agon.add_identity(uuid, text, text, jsonb) is
  'Notes how a user is known; refuses what is another''s already. Called by other functions only.';

create or replace function agon.list_providers(user_id uuid) returns void
language plpgsql security definer set search_path = ''
as $$
declare
  names jsonb;
begin
  select jsonb_agg(p.provider order by p.since) into names from (
    select i.provider, min(i.created_at) as since from agon.identities i
    where i.user_id = list_providers.user_id group by i.provider) p;
  update auth.users u set raw_app_meta_data = u.raw_app_meta_data - 'provider' - 'providers'
    || case when names is null then '{}'
         else jsonb_build_object('provider', names -> 0, 'providers', names) end
  where u.id = list_providers.user_id;
end
$$;
comment on function agon.list_providers(uuid) is
  'Writes the ways in which a user signs in into app_metadata. Called by other functions only.';

create or replace function agon.note_address(user_id uuid, email text, is_verified boolean) returns void
language sql security definer set search_path = ''
as $$
  select agon.add_identity(user_id, 'email', user_id::text, jsonb_build_object(
    'sub', user_id, 'email', email, 'email_verified', is_verified, 'phone_verified', false))
$$;
comment on function agon.note_address(uuid, text, boolean) is
  'The identity of an address. is_verified: mail to it has come back to us. Called by other functions only.';

create or replace function agon.sign_up(
  email text, encrypted_password text, data jsonb, is_confirmed boolean
) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  person auth.users;
begin
  insert into auth.users as u (email, encrypted_password, raw_user_meta_data, email_confirmed_at,
    created_at, updated_at)
  values (sign_up.email, sign_up.encrypted_password, coalesce(data, '{}'),
    case when is_confirmed then agon.now() end, agon.now(), agon.now())
  on conflict do nothing returning u.* into person;
  if person.id is not null then
    perform agon.note_address(person.id, person.email, false);
    perform agon.note_security('sign_up', person.id);
    return jsonb_build_object('outcome', 'new', 'user_id', person.id);
  end if;
  select u.* into person from auth.users u where u.email = sign_up.email for update;
  if person.id is null or person.email_confirmed_at is not null
    or is_confirmed and person.invited_at is not null then
    return jsonb_build_object('outcome', 'taken');
  end if;
  -- Nobody has proved this address yet. The newest sign-up stands and its mail alone holds, so
  -- whoever signs up with another's address does not choose the password of the true owner.
  update auth.users u set encrypted_password = sign_up.encrypted_password,
    raw_user_meta_data = coalesce(data, '{}'),
    email_confirmed_at = case when is_confirmed then agon.now() end
  where u.id = person.id;
  delete from agon.one_time_tokens t where t.user_id = person.id;
  perform agon.note_security('sign_up', person.id, '{"again": true}');
  return jsonb_build_object('outcome', 'again', 'user_id', person.id);
end
$$;
comment on function agon.sign_up(text, text, jsonb, boolean) is
  'Makes a user of an address: {outcome: new | again (unconfirmed before) | taken, user_id}.';
grant execute on function agon.sign_up(text, text, jsonb, boolean) to agon_worker;

create or replace function agon.sign_up_anonymously(data jsonb) returns uuid
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  user_id uuid;
begin
  insert into auth.users (is_anonymous, raw_user_meta_data, created_at, updated_at)
  values (true, coalesce(data, '{}'), agon.now(), agon.now()) returning id into user_id;
  perform agon.note_security('sign_up', user_id, '{"method": "anonymous"}');
  return user_id;
end
$$;
comment on function agon.sign_up_anonymously(jsonb) is 'Makes a user without any way to come back.';
grant execute on function agon.sign_up_anonymously(jsonb) to agon_worker;

create or replace function agon.begin_sign_in(
  email text, most_per_email integer, most_per_address integer, per interval
) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  person auth.users;
  wait integer;
begin
  wait := greatest(
    agon.spend_for('sign_in_email', begin_sign_in.email, most_per_email, per),
    agon.spend_for('sign_in_address', coalesce(agon.visit() ->> 'address', ''), most_per_address, per));
  if wait > 0 then
    return jsonb_build_object('wait_s', wait);
  end if;
  select u.* into person from auth.users u
  where u.email = begin_sign_in.email and u.deleted_at is null;
  return jsonb_build_object('wait_s', 0, 'user_id', person.id,
    'encrypted_password', person.encrypted_password,
    'is_confirmed', person.email_confirmed_at is not null);
end
$$;
comment on function agon.begin_sign_in(text, integer, integer, interval) is
  'Counts a try by address of mail and of network, and answers with the hash to verify; wait_s when there were too many.';
grant execute on function agon.begin_sign_in(text, integer, integer, interval) to agon_worker;

create or replace function agon.end_sign_in(email text) returns void
language sql security definer set search_path = ''
as $$
  delete from agon.rate_counters c where c.counter = agon.counter_of('sign_in_email', email);
  select agon.refund('sign_in_address', coalesce(agon.visit() ->> 'address', ''));
$$;
comment on function agon.end_sign_in(text) is 'The try was no failure: it does not count.';
grant execute on function agon.end_sign_in(text) to agon_worker;

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
