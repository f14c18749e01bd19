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
  if not agon.stands(person) then
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
  if scope = 'global' then
    perform agon.end_pending(person_id);
  end if;
  perform agon.note_security('logout', person_id, jsonb_build_object('scope', scope, 'sessions', closed));
  return closed;
end
$$;
comment on function agon.close_sessions(text) is
  'Ends the caller''s sessions: all (global, and what is pending), this one (local), or all but this one (others).';
grant execute on function agon.close_sessions(text) to agon_worker;
