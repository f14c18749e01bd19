-- What the service does to users: make, list, change, ban, delete.

create or replace function agon.require_service() returns void
language plpgsql stable set search_path = ''
as $$
begin
  -- Not every admin: who may change users may become any of them.
  if agon.is_service() is not true then
    perform agon.refuse(403, 'not_admin', 'User not allowed', 'Use the secret key.');
  end if;
end
$$;
comment on function agon.require_service() is 'Refuses everyone but the service role.';
grant execute on function agon.require_service() to agon_worker;

create or replace function agon.require_user(user_id uuid) returns auth.users
language plpgsql security definer set search_path = ''
as $$
declare
  person auth.users;
begin
  select u.* into person from auth.users u where u.id = require_user.user_id for update;
  if person.id is null then
    perform agon.refuse(404, 'user_not_found', 'User not found');
  end if;
  return person;
end
$$;
comment on function agon.require_user(uuid) is
  'Locks a user to change it; refuses for one who is not there. Called by other functions only.';

create or replace function agon.admin_create_user(id uuid, email text, encrypted_password text, fields jsonb)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  made_id uuid;
begin
  perform agon.require_service();
  made_id := agon.make_user(admin_create_user.id, admin_create_user.email, null, null, false);
  if made_id is null then
    perform agon.refuse_taken_address();
  end if;
  perform agon.note_security('admin_user_created', made_id);
  return agon.admin_update_user(made_id, null, admin_create_user.encrypted_password, fields);
end
$$;
comment on function agon.admin_create_user(uuid, text, text, jsonb) is
  'Makes a user; fields as agon.admin_update_user. For the service role only.';
grant execute on function agon.admin_create_user(uuid, text, text, jsonb) to agon_worker;

create or replace function agon.admin_update_user(user_id uuid, email text, encrypted_password text, fields jsonb)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  person auth.users;
begin
  perform agon.require_service();
  person := agon.require_user(admin_update_user.user_id);
  if email is not null and email is distinct from person.email then
    perform agon.set_address(person.id, email, false);
  end if;
  if encrypted_password is not null then
    perform agon.set_password(person.id, encrypted_password);
  end if;
  if (fields ->> 'email_confirm')::boolean and coalesce(email, person.email) is not null then
    select u.* into person from auth.users u where u.id = person.id;
    perform agon.confirm_address(person, 'signup');
  end if;
  update auth.users u set
    phone = coalesce(fields ->> 'phone', u.phone),
    phone_confirmed_at = case when (fields ->> 'phone_confirm')::boolean
      then coalesce(u.phone_confirmed_at, agon.now()) else u.phone_confirmed_at end,
    raw_user_meta_data = agon.merge_metadata(u.raw_user_meta_data, fields -> 'user_metadata'),
    raw_app_meta_data = agon.merge_metadata(u.raw_app_meta_data, fields -> 'app_metadata'),
    banned_until = case when fields ? 'ban_s'
      then agon.now() + make_interval(secs => (fields ->> 'ban_s')::double precision)
      else u.banned_until end
  where u.id = person.id;
  if (fields -> 'ban_s') = 'null' then
    update auth.users u set banned_until = null where u.id = person.id;
    perform agon.note_security('admin_ban_lifted', person.id);
  elsif fields ? 'ban_s' then
    perform agon.end_pending(person.id);
    perform agon.note_security('admin_user_banned', person.id);
  end if;
  perform agon.note_security('admin_user_updated', person.id,
    jsonb_build_object('fields', (select coalesce(jsonb_agg(k order by k), '[]') from jsonb_object_keys(fields) k)));
  return agon.user_json(person.id);
end
$$;
comment on function agon.admin_update_user(uuid, text, text, jsonb) is
  'Changes a user: email_confirm, phone, phone_confirm, user_metadata, app_metadata, ban_s (null lifts). For the service role only.';
grant execute on function agon.admin_update_user(uuid, text, text, jsonb) to agon_worker;

create or replace function agon.admin_get_user(user_id uuid) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  answer jsonb;
begin
  perform agon.require_service();
  answer := agon.user_json(user_id);
  if answer is null then
    perform agon.refuse(404, 'user_not_found', 'User not found');
  end if;
  return answer;
end
$$;
comment on function agon.admin_get_user(uuid) is 'Any user. For the service role only.';
grant execute on function agon.admin_get_user(uuid) to agon_worker;

create or replace function agon.admin_list_users(page integer, per_page integer) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
begin
  perform agon.require_service();
  return jsonb_build_object(
    'total', (select count(*) from auth.users),
    'users', (
      select coalesce(jsonb_agg(agon.user_json(p.id) order by p.created_at desc, p.id), '[]')
      from (
        select u.id, u.created_at from auth.users u order by u.created_at desc, u.id
        limit per_page offset (page - 1)::bigint * per_page) p));
end
$$;
comment on function agon.admin_list_users(integer, integer) is
  'A page of users, the newest first, and how many there are. For the service role only.';
grant execute on function agon.admin_list_users(integer, integer) to agon_worker;

create or replace function agon.admin_delete_user(user_id uuid, is_soft boolean) returns void
language plpgsql security definer set search_path = ''
as $$
declare
  person auth.users;
begin
  perform agon.require_service();
  person := agon.require_user(admin_delete_user.user_id);
  perform agon.note_security(
    case when is_soft then 'admin_user_disabled' else 'admin_user_deleted' end, person.id);
  if not is_soft then
    delete from auth.users u where u.id = person.id;
    return;
  end if;
  delete from agon.sessions s where s.user_id = person.id;
  delete from agon.identities i where i.user_id = person.id;
  delete from agon.open_sign_ups o where o.user_id = person.id;
  perform agon.end_pending(person.id);
  update auth.users u set email = null, phone = null, encrypted_password = null,
    email_confirmed_at = null, phone_confirmed_at = null, raw_user_meta_data = '{}',
    raw_app_meta_data = '{}', deleted_at = coalesce(u.deleted_at, agon.now())
  where u.id = person.id;
end
$$;
comment on function agon.admin_delete_user(uuid, boolean) is
  'Deletes a user with all that is theirs; softly: the row stays, nameless, and nobody signs in as it. For the service role only.';
grant execute on function agon.admin_delete_user(uuid, boolean) to agon_worker;

create or replace function agon.admin_prepare_link(
  kind text, email text, new_email text, encrypted_password text, data jsonb, lifetime interval
) returns uuid
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  person auth.users;
begin
  perform agon.require_service();
  select u.* into person from auth.users u where u.email = admin_prepare_link.email for update;
  if person.id is null and kind in ('signup', 'invite', 'magiclink') then
    return (agon.admin_create_user(null, admin_prepare_link.email,
      admin_prepare_link.encrypted_password, jsonb_build_object('user_metadata', data)) ->> 'id')::uuid;
  elsif person.id is null then
    perform agon.refuse(404, 'user_not_found', 'User with this email not found');
  elsif kind in ('signup', 'invite') then
    if person.email_confirmed_at is not null then
      perform agon.refuse_taken_address();
    end if;
    perform agon.adopt_user(person, admin_prepare_link.encrypted_password, data);
  elsif kind like 'email\_change\_%' then
    if exists (select from auth.users u where u.email = new_email) then
      perform agon.refuse_taken_address();
    end if;
    -- The two links of one change are asked for one after the other.
    if not exists (select from agon.email_changes c
      where c.user_id = person.id and c.email = new_email and c.expires_at >= agon.now())
    then
      perform agon.begin_email_change(person, new_email, lifetime);
    end if;
  end if;
  return person.id;
end
$$;
comment on function agon.admin_prepare_link(text, text, text, text, jsonb, interval) is
  'The user for whom a link or an invitation is made: new, or unconfirmed, for signup and invite; new or any for magiclink. A change of address waits so long. For the service role only.';
grant execute on function agon.admin_prepare_link(text, text, text, text, jsonb, interval) to agon_worker;

create or replace function agon.adopt_user(person auth.users, encrypted_password text, data jsonb)
returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  was_open boolean;
begin
  delete from agon.open_sign_ups o where o.user_id = person.id;
  was_open := found;
  update auth.users u set
    encrypted_password = coalesce(adopt_user.encrypted_password, u.encrypted_password),
    raw_user_meta_data = agon.merge_metadata(
      case when was_open then '{}' else u.raw_user_meta_data end, data)
  where u.id = person.id;
end
$$;
comment on function agon.adopt_user(auth.users, text, jsonb) is
  'The service takes an unconfirmed user on: what a stranger has said at an open sign-up goes. Called by other functions only.';
