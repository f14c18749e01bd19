-- Sessions: opened, refreshed by tokens that work once, closed. Nothing here holds a token itself.

create or replace function agon.require_standing(person auth.users, status integer) returns void
language plpgsql stable set search_path = ''
as $$
begin
  if person.id is null or person.deleted_at is not null then
    perform agon.refuse(403, 'user_not_found', 'User from sub claim in JWT does not exist');
  end if;
  if person.banned_until > agon.now() then
    perform agon.refuse(status, 'user_banned', 'User is banned');
  end if;
end
$$;
comment on function agon.require_standing(auth.users, integer) is
  'Refuses for a user who is gone or banned; status: for who is banned. Called by other functions only.';

create or replace function agon.require_session() returns uuid
language plpgsql stable security definer set search_path = ''
as $$
declare
  person auth.users;
  session_id constant uuid := (select auth.jwt()) ->> 'session_id';
begin
  if (select auth.uid()) is null then
    perform agon.refuse(403, 'bad_jwt', 'invalid claim: missing sub claim');
  end if;
  select u.* into person from auth.users u where u.id = (select auth.uid());
  perform agon.require_standing(person, 403);
  -- Tokens of `agon token` belong to no session.
  if session_id is not null and not exists (
    select from agon.sessions s where s.id = session_id and s.user_id = person.id
  ) then
    perform agon.refuse(403, 'session_not_found', 'Session from session_id claim in JWT does not exist');
  end if;
  return person.id;
end
$$;
comment on function agon.require_session() is
  'The caller, who stands and whose session is open; refuses everybody else. Called by other functions only.';

create or replace function agon.load_own_user() returns jsonb
language plpgsql stable security definer set search_path = ''
as $$ begin return agon.user_json(agon.require_session()); end $$;
comment on function agon.load_own_user() is 'The caller, as Supabase''s clients know a user.';
grant execute on function agon.load_own_user() to agon_worker;

create or replace function agon.session_json(session_id uuid) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
begin
  return (
    select jsonb_build_object('id', s.id, 'aal', s.aal, 'amr', s.amr, 'user', agon.user_json(s.user_id))
    from agon.sessions s where s.id = session_json.session_id);
end
$$;
comment on function agon.session_json(uuid) is
  'What an access token is made of. Called by other functions only.';

create or replace function agon.open_session(user_id uuid, method text, token_hash bytea) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  person auth.users;
  session_id uuid;
begin
  update auth.users u set last_sign_in_at = agon.now() where u.id = open_session.user_id
  returning u.* into person;
  perform agon.require_standing(person, 400);
  insert into agon.sessions (user_id, amr, address, user_agent, created_at)
  values (
    person.id,
    jsonb_build_array(jsonb_build_object(
      'method', method, 'timestamp', floor(extract(epoch from agon.now()))::bigint)),
    agon.visit() ->> 'address', agon.visit() ->> 'user_agent', agon.now())
  returning id into session_id;
  insert into agon.refresh_tokens (token_hash, session_id, generation, created_at)
  values (open_session.token_hash, session_id, 0, agon.now());
  perform agon.note_security('sign_in', person.id,
    jsonb_build_object('method', method, 'session_id', session_id));
  return agon.session_json(session_id);
end
$$;
comment on function agon.open_session(uuid, text, bytea) is
  'Signs a user in; whoever calls it has checked the proof. Refuses for who is banned or gone.';
grant execute on function agon.open_session(uuid, text, bytea) to agon_worker;

-- A child token is HMAC(parent, salt), made in the door; here stand its hash and the salt. So the
-- active token can be given again to whoever holds its parent, and to nobody who reads these rows.
create or replace function agon.refresh_session(
  token_hash bytea, salt bytea, child_hash bytea, reuse interval
) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  shown agon.refresh_tokens;
  session agon.sessions;
  person auth.users;
  salts jsonb;
begin
  select s.* into session from agon.sessions s
  join agon.refresh_tokens t on t.session_id = s.id
  where t.token_hash = refresh_session.token_hash for update of s;
  -- Read under the session's lock: of two at once, the second sees what the first has done.
  select t.* into shown from agon.refresh_tokens t where t.token_hash = refresh_session.token_hash;
  if session.id is null or shown.token_hash is null then
    return '{"outcome": "unknown"}';
  end if;
  select u.* into person from auth.users u where u.id = session.user_id;
  if person.deleted_at is not null or person.banned_until > agon.now() then
    return '{"outcome": "banned"}';
  end if;
  if shown.generation = session.generation then
    perform agon.rotate_token(shown, refresh_session.salt, child_hash);
    perform agon.note_security('token_refreshed', person.id, jsonb_build_object('session_id', session.id));
  elsif shown.generation < session.generation - 1
    and coalesce(shown.used_at < agon.now() - reuse, true) then
    delete from agon.sessions s where s.id = session.id;
    perform agon.note_security('token_reused', person.id, jsonb_build_object('session_id', session.id));
    return '{"outcome": "reused"}';
  end if;
  select jsonb_agg(encode(t.salt, 'hex') order by t.generation) into salts
  from agon.refresh_tokens t
  where t.session_id = session.id and t.generation > shown.generation;
  return jsonb_build_object('outcome', 'ok', 'salts', salts) || agon.session_json(session.id);
end
$$;
comment on function agon.refresh_session(bytea, bytea, bytea, interval) is
  'The salts from the shown token to the active one, which is new if the shown one was active. A token older than its parent, used longer ago than reuse, ends the session: it was stolen.';
grant execute on function agon.refresh_session(bytea, bytea, bytea, interval) to agon_worker;

create or replace function agon.rotate_token(shown agon.refresh_tokens, salt bytea, child_hash bytea)
returns void
language plpgsql security definer set search_path = ''
as $$
begin
  update agon.refresh_tokens t set used_at = agon.now() where t.token_hash = shown.token_hash;
  insert into agon.refresh_tokens (token_hash, session_id, generation, salt, created_at)
  values (child_hash, shown.session_id, shown.generation + 1, salt, agon.now());
  update agon.sessions s set generation = shown.generation + 1, refreshed_at = agon.now()
  where s.id = shown.session_id;
  -- A token that is this old is refused as unknown.
  delete from agon.refresh_tokens t
  where t.session_id = shown.session_id and t.used_at < agon.now() - interval '30 days';
end
$$;
comment on function agon.rotate_token(agon.refresh_tokens, bytea, bytea) is
  'Makes the child of the active token the active one. Called by other functions only.';

create or replace function agon.close_sessions(scope text) returns integer
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  person_id constant uuid := agon.require_session();
  session_id constant uuid := (select auth.jwt()) ->> 'session_id';
  closed integer;
begin
  if scope not in ('global', 'local', 'others') then
    perform agon.refuse(400, 'validation_failed', format('Unsupported logout scope "%s"', scope));
  end if;
  delete from agon.sessions s
  where s.user_id = person_id and case scope
    when 'global' then true
    when 'local' then s.id = session_id
    else s.id is distinct from session_id end;
  get diagnostics closed = row_count;
  perform agon.note_security('logout', person_id, jsonb_build_object('scope', scope, 'sessions', closed));
  return closed;
end
$$;
comment on function agon.close_sessions(text) is
  'Ends the caller''s sessions: all (global), this one (local), or all but this one (others).';
grant execute on function agon.close_sessions(text) to agon_worker;

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
  email text, encrypted_password text, data jsonb, is_confirmed boolean
) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  person auth.users;
  is_taken boolean;
  answer jsonb := '{"email_change": false}';
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
    return answer;
  end if;
  is_taken := exists (select from auth.users u where u.email = update_own_user.email);
  if is_confirmed and is_taken then
    perform agon.refuse(422, 'email_exists', 'A user with this email address has already been registered');
  elsif is_confirmed then
    perform agon.set_address(person.id, update_own_user.email, false);
    return answer;
  end if;
  update auth.users u
  set email_change = update_own_user.email, email_change_sent_at = agon.now()
  where u.id = person.id;
  -- A taken address is not told: it gets no mail, so the change never happens.
  return jsonb_build_object('email_change', true, 'user_id', person.id, 'is_taken', is_taken,
    'present', case when person.email_confirmed_at is not null then person.email end);
end
$$;
comment on function agon.update_own_user(text, text, jsonb, boolean) is
  'Changes the caller: metadata, password, address. A change of address waits for mail unless is_confirmed.';
grant execute on function agon.update_own_user(text, text, jsonb, boolean) to agon_worker;

create or replace function agon.set_password(user_id uuid, encrypted_password text) returns void
language plpgsql security definer set search_path = ''
as $$
begin
  update auth.users u set encrypted_password = set_password.encrypted_password
  where u.id = set_password.user_id;
  delete from agon.sessions s where s.user_id = set_password.user_id
    and s.id is distinct from ((select auth.jwt()) ->> 'session_id')::uuid;
  delete from agon.one_time_tokens t where t.user_id = set_password.user_id and t.kind = 'recovery';
  perform agon.note_security('password_changed', set_password.user_id);
end
$$;
comment on function agon.set_password(uuid, text) is
  'A new password, which ends every other session of the user. Called by other functions only.';

create or replace function agon.set_address(user_id uuid, email text, is_proved boolean) returns void
language plpgsql security definer set search_path = ''
as $$
begin
  update auth.users u set email = set_address.email, email_change = null, is_anonymous = false,
    email_confirmed_at = agon.now()
  where u.id = set_address.user_id;
  delete from agon.one_time_tokens t where t.user_id = set_address.user_id;
  perform agon.note_address(set_address.user_id, set_address.email, is_proved);
  perform agon.note_security('email_changed', set_address.user_id);
exception when unique_violation then
  perform agon.refuse(422, 'email_exists', 'A user with this email address has already been registered');
end
$$;
comment on function agon.set_address(uuid, text, boolean) is
  'A new, confirmed address. is_proved: mail to it has come back to us. Called by other functions only.';
