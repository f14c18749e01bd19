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
#variable_conflict use_column
declare
  person auth.users;
begin
  perform agon.require_service();
  insert into auth.users as u (id, email, created_at, updated_at)
  values (coalesce(admin_create_user.id, gen_random_uuid()), admin_create_user.email, agon.now(), agon.now())
  on conflict do nothing returning u.* into person;
  if person.id is null then
    perform agon.refuse(422, 'email_exists', 'A user with this email address has already been registered');
  end if;
  if email is not null then
    perform agon.note_address(person.id, email, false);
  end if;
  perform agon.note_security('admin_user_created', person.id);
  return agon.admin_update_user(person.id, null, admin_create_user.encrypted_password, fields);
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
  update auth.users u set
    email_confirmed_at = case when (fields ->> 'email_confirm')::boolean
      then coalesce(u.email_confirmed_at, agon.now()) else u.email_confirmed_at end,
    phone = coalesce(fields ->> 'phone', u.phone),
    phone_confirmed_at = case when (fields ->> 'phone_confirm')::boolean
      then coalesce(u.phone_confirmed_at, agon.now()) else u.phone_confirmed_at end,
    raw_user_meta_data = agon.merge_metadata(u.raw_user_meta_data, fields -> 'user_metadata'),
    raw_app_meta_data = agon.merge_metadata(u.raw_app_meta_data, fields -> 'app_metadata'),
    banned_until = case when fields ? 'ban_s'
      then agon.now() + make_interval(secs => (fields ->> 'ban_s')::double precision)
      else u.banned_until end
  where u.id = person.id;
  if (fields ->> 'email_confirm')::boolean and coalesce(email, person.email) is not null then
    perform agon.note_address(person.id, coalesce(email, person.email), true);
  end if;
  if fields ? 'ban_s' then
    if (fields -> 'ban_s') = 'null' then
      update auth.users u set banned_until = null where u.id = person.id;
    end if;
    perform agon.note_security(
      case when (fields -> 'ban_s') = 'null' then 'admin_ban_lifted' else 'admin_user_banned' end, person.id);
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
  delete from agon.one_time_tokens t where t.user_id = person.id;
  update auth.users u set email = null, email_change = null, phone = null, encrypted_password = null,
    email_confirmed_at = null, phone_confirmed_at = null, raw_user_meta_data = '{}',
    raw_app_meta_data = '{}', deleted_at = coalesce(u.deleted_at, agon.now())
  where u.id = person.id;
end
$$;
comment on function agon.admin_delete_user(uuid, boolean) is
  'Deletes a user with all that is theirs; softly: the row stays, nameless, and nobody signs in as it. For the service role only.';
grant execute on function agon.admin_delete_user(uuid, boolean) to agon_worker;

create or replace function agon.admin_prepare_link(
  kind text, email text, new_email text, encrypted_password text, data jsonb
) returns uuid
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  person auth.users;
begin
  perform agon.require_service();
  select u.* into person from auth.users u where u.email = admin_prepare_link.email for update;
  if kind = 'signup' then
    if (agon.sign_up(email, encrypted_password, data, false) ->> 'outcome') = 'taken' then
      perform agon.refuse(422, 'email_exists', 'A user with this email address has already been registered');
    end if;
  elsif person.id is null and kind in ('invite', 'magiclink') then
    return agon.sign_up_by_mail(email, data);
  elsif person.id is null then
    perform agon.refuse(404, 'user_not_found', 'User with this email not found');
  elsif kind = 'invite' and person.email_confirmed_at is not null then
    perform agon.refuse(422, 'email_exists', 'A user with this email address has already been registered');
  elsif kind like 'email\_change\_%' then
    if exists (select from auth.users u where u.email = new_email) then
      perform agon.refuse(422, 'email_exists', 'A user with this email address has already been registered');
    end if;
    update auth.users u set email_change = new_email, email_change_sent_at = agon.now()
    where u.id = person.id;
  end if;
  return (select u.id from auth.users u where u.email = admin_prepare_link.email);
end
$$;
comment on function agon.admin_prepare_link(text, text, text, text, jsonb) is
  'The user for whom a link is made, new for signup, invite and magiclink. For the service role only.';
grant execute on function agon.admin_prepare_link(text, text, text, text, jsonb) to agon_worker;
