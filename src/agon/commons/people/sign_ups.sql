-- Signing up: who comes by themselves, what holds of it once the address is proved, and what is
-- answered to who asks for an address that somebody has already.

create or replace function agon.make_user(
  id uuid, email text, encrypted_password text, data jsonb, is_confirmed boolean
) returns uuid
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  made_id uuid;
begin
  insert into auth.users as u (id, email, encrypted_password, raw_user_meta_data,
    email_confirmed_at, created_at, updated_at)
  values (coalesce(make_user.id, gen_random_uuid()), make_user.email, make_user.encrypted_password,
    coalesce(data, '{}'), case when is_confirmed then agon.now() end, agon.now(), agon.now())
  on conflict do nothing returning u.id into made_id;
  if made_id is not null and make_user.email is not null then
    perform agon.note_address(made_id, make_user.email, false);
  end if;
  return made_id;
end
$$;
comment on function agon.make_user(uuid, text, text, jsonb, boolean) is
  'Makes a user; null when the id or the address is taken. Called by other functions only.';

create or replace function agon.begin_sign_up(
  email text, encrypted_password text, data jsonb, method text
) returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
  made_id constant uuid := agon.make_user(null, email, null, data, false);
begin
  if made_id is not null then
    insert into agon.open_sign_ups (user_id, encrypted_password, created_at)
    values (made_id, begin_sign_up.encrypted_password, agon.now());
    perform agon.note_security('sign_up', made_id, jsonb_build_object('method', method));
  end if;
  return made_id;
end
$$;
comment on function agon.begin_sign_up(text, text, jsonb, text) is
  'A user whose sign-up waits for the mail to be answered; null when the address is taken. Called by other functions only.';

create or replace function agon.load_open_password(email text) returns text
language plpgsql stable security definer set search_path = ''
as $$
begin
  return (
    select o.encrypted_password from agon.open_sign_ups o
    join auth.users u on u.id = o.user_id where u.email = load_open_password.email);
end
$$;
comment on function agon.load_open_password(text) is
  'The hash that an open sign-up waits with, so that a repeated one can be told from another; else null.';
grant execute on function agon.load_open_password(text) to agon_worker;

create or replace function agon.repeat_sign_up(
  user_id uuid, encrypted_password text, data jsonb, method text
) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  is_same boolean;
begin
  -- Nobody has proved the address: of two who sign up with it, either may be a stranger.
  select not o.is_contested
    and o.encrypted_password is not distinct from repeat_sign_up.encrypted_password
  into is_same from agon.open_sign_ups o where o.user_id = repeat_sign_up.user_id for update;
  if is_same is null then
    return;
  elsif not is_same then
    update agon.open_sign_ups o set is_contested = true, encrypted_password = null
    where o.user_id = repeat_sign_up.user_id;
  end if;
  -- The same password is a sign of the same person; without one nothing is.
  update auth.users u set raw_user_meta_data = case
    when is_same and repeat_sign_up.encrypted_password is not null then coalesce(data, '{}')
    when u.raw_user_meta_data = coalesce(data, '{}') then u.raw_user_meta_data
    else '{}' end
  where u.id = repeat_sign_up.user_id;
  perform agon.note_security('sign_up', repeat_sign_up.user_id,
    jsonb_build_object('method', method, 'again', true, 'agrees', is_same));
end
$$;
comment on function agon.repeat_sign_up(uuid, text, jsonb, text) is
  'Somebody signs up with an address that waits for its proof. If the two differ, neither''s password holds, nor what they said; nothing for who came otherwise. Called by other functions only.';

create or replace function agon.sign_up(
  email text, encrypted_password text, data jsonb, is_confirmed boolean, stand_in_ids uuid[]
) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  person auth.users;
  made_id uuid;
begin
  if is_confirmed then
    made_id := agon.make_user(null, sign_up.email, sign_up.encrypted_password, data, true);
    if made_id is not null then
      perform agon.note_security('sign_up', made_id, '{"method": "password"}');
    end if;
    return jsonb_build_object('user_id', made_id);
  end if;
  made_id := agon.begin_sign_up(sign_up.email, sign_up.encrypted_password, data, 'password');
  if made_id is null then
    select u.* into person from auth.users u where u.email = sign_up.email for update;
    if not agon.may_sign_up_again(person) then
      return jsonb_build_object('user_id', null, 'user',
        agon.stand_in(stand_in_ids, sign_up.email, data));
    end if;
    made_id := person.id;
    perform agon.repeat_sign_up(made_id, sign_up.encrypted_password, data, 'password');
  end if;
  return jsonb_build_object('user_id', made_id, 'user',
    agon.sign_up_json(made_id, sign_up.email, data));
end
$$;
comment on function agon.sign_up(text, text, jsonb, boolean, uuid[]) is
  'Signs up with an address and a password: {user_id, user}; user_id null when the address is taken, then user is a stand-in with the given ids (user, identity). With is_confirmed no mail is waited for, and there is no user in the answer.';
grant execute on function agon.sign_up(text, text, jsonb, boolean, uuid[]) to agon_worker;

create or replace function agon.may_sign_up_again(person auth.users) returns boolean
language plpgsql stable security definer set search_path = ''
as $$
begin
  -- Whom the service has made, invited or given something to is not the next stranger's to take.
  return agon.stands(person)
    and exists (select from agon.open_sign_ups o where o.user_id = person.id)
    and not exists (select from public.user_roles r where r.user_id = person.id)
    and person.raw_app_meta_data - 'provider' - 'providers' = '{}';
end
$$;
comment on function agon.may_sign_up_again(auth.users) is
  'Whether this user came by themselves, has proved no address yet, and has been given nothing. Called by other functions only.';

create or replace function agon.sign_up_json(user_id uuid, email text, data jsonb) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  person auth.users;
begin
  select u.* into person from auth.users u where u.id = sign_up_json.user_id;
  person.email := sign_up_json.email;
  person.raw_user_meta_data := coalesce(data, '{}');
  person.created_at := agon.now();
  person.updated_at := agon.now();
  person.confirmation_sent_at := agon.now();
  -- What else was mailed to somebody who waits is not told to who asks again.
  person.recovery_sent_at := null;
  return agon.person_json(person, array(
    select row(i.id, i.user_id, i.provider, i.provider_id,
      i.identity_data || jsonb_build_object('email', sign_up_json.email),
      agon.now(), agon.now(), agon.now())::agon.identities
    from agon.identities i where i.user_id = sign_up_json.user_id));
end
$$;
comment on function agon.sign_up_json(uuid, text, jsonb) is
  'What a sign-up answers before the proof: as of now, with what was sent just now, whoever sent what before. Called by other functions only.';

create or replace function agon.stand_in(ids uuid[], email text, data jsonb) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  answer jsonb;
begin
  -- A user made and unmade: it looks like a new one because it was one, and took as long.
  begin
    perform agon.make_user(ids[1], ids[1] || '@invalid', null, data, false);
    update agon.identities i set id = ids[2] where i.user_id = ids[1];
    insert into agon.open_sign_ups (user_id) values (ids[1]);
    answer := agon.sign_up_json(ids[1], stand_in.email, data);
    raise sqlstate 'AG001';
  exception when sqlstate 'AG001' then
    return answer;
  end;
end
$$;
comment on function agon.stand_in(uuid[], text, jsonb) is
  'What a new user of this address would look like, with these ids (user, identity), where the address is taken. Called by other functions only.';

create or replace function agon.sign_up_by_mail(
  email text, data jsonb, may_sign_up boolean, stand_in_ids uuid[]
) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  person auth.users;
  made_id uuid;
begin
  if may_sign_up then
    made_id := agon.begin_sign_up(sign_up_by_mail.email, null, data, 'otp');
    if made_id is not null then
      return jsonb_build_object('user_id', made_id, 'kind', 'signup');
    end if;
    perform agon.stand_in(stand_in_ids, sign_up_by_mail.email, data);
  end if;
  select u.* into person from auth.users u where u.email = sign_up_by_mail.email for update;
  if not agon.stands(person) then
    return null;
  elsif person.email_confirmed_at is not null then
    return jsonb_build_object('user_id', person.id, 'kind', 'magiclink');
  end if;
  perform agon.repeat_sign_up(person.id, null, data, 'otp');
  return jsonb_build_object('user_id', person.id, 'kind', 'signup');
end
$$;
comment on function agon.sign_up_by_mail(text, jsonb, boolean, uuid[]) is
  'Whom a mailed code signs in, made if new and may_sign_up: {user_id, kind: signup | magiclink}; null for nobody. It takes as long for each.';
grant execute on function agon.sign_up_by_mail(text, jsonb, boolean, uuid[]) to agon_worker;

create or replace function agon.confirm_address(person auth.users, kind text) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  sign_up agon.open_sign_ups;
begin
  delete from agon.open_sign_ups o where o.user_id = person.id returning o.* into sign_up;
  -- Only the mail of the sign-up vouches for its password; what the service set stays.
  update auth.users u set email_confirmed_at = coalesce(u.email_confirmed_at, agon.now()),
    encrypted_password = case when sign_up.user_id is null then u.encrypted_password
      when kind = 'signup' then sign_up.encrypted_password end
  where u.id = person.id;
  perform agon.note_address(person.id, person.email, true);
end
$$;
comment on function agon.confirm_address(auth.users, text) is
  'A user''s address is proved, by mail of a kind. Called by other functions only.';

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
