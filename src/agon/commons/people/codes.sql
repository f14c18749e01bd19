-- One-time codes and links by mail: made, given back, and what they prove.

create or replace function agon.find_mailbox(kind text, email text) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
begin
  if kind <> 'email_change' then
    return (
      select jsonb_build_object('user_id', u.id, 'kind', find_mailbox.kind, 'email', u.email)
      from auth.users u where u.email = find_mailbox.email and agon.stands(u)
        and (find_mailbox.kind = 'recovery' or u.email_confirmed_at is null));
  end if;
  return (
    select jsonb_build_object('user_id', c.user_id, 'email', c.present, 'new_email', c.email,
      'kind', case when c.email = find_mailbox.email then 'email_change_new' else 'email_change_current' end)
    from agon.email_changes c join auth.users u on u.id = c.user_id
    where agon.stands(u) and c.expires_at >= agon.now() and (
      c.present = find_mailbox.email and c.present_proved_at is null
      or c.email = find_mailbox.email and c.new_proved_at is null
        and not exists (select from auth.users o where o.email = c.email))
    order by c.created_at desc limit 1);
end
$$;
comment on function agon.find_mailbox(text, text) is
  'Whose address waits for mail of a kind (recovery, signup, email_change): {user_id, kind, email, new_email}; null for nobody.';
grant execute on function agon.find_mailbox(text, text) to agon_worker;

create or replace function agon.make_code(
  user_id uuid, kind text, email text, token_hash bytea, code_hash bytea, lifetime interval,
  flow_id uuid default null
) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
begin
  delete from agon.one_time_tokens t where t.token_hash in (
    select o.token_hash from agon.one_time_tokens o where o.expires_at < agon.now()
    limit 4 for update skip locked);
  if kind in ('recovery', 'invite', 'magiclink') then
    perform agon.note_security(kind || '_requested', make_code.user_id);
  end if;
  if user_id is null then
    return;
  end if;
  insert into agon.one_time_tokens as t (user_id, kind, email, token_hash, code_hash, flow_id,
    expires_at, created_at)
  values (make_code.user_id, make_code.kind, make_code.email, make_code.token_hash,
    make_code.code_hash, make_code.flow_id, agon.now() + lifetime, agon.now())
  on conflict (user_id, kind) do update set
    token_hash = excluded.token_hash, code_hash = excluded.code_hash, email = excluded.email,
    flow_id = excluded.flow_id, attempts = 0, expires_at = excluded.expires_at,
    created_at = excluded.created_at;
  update auth.users u set
    confirmation_sent_at = case when kind in ('signup', 'invite') then agon.now() else u.confirmation_sent_at end,
    invited_at = case when kind = 'invite' then agon.now() else u.invited_at end,
    recovery_sent_at = case when kind in ('magiclink', 'recovery') then agon.now() else u.recovery_sent_at end,
    reauthentication_sent_at = case when kind = 'reauthentication' then agon.now() else u.reauthentication_sent_at end
  where u.id = make_code.user_id;
end
$$;
comment on function agon.make_code(uuid, text, text, bytea, bytea, interval, uuid) is
  'Remembers, by hash, what is mailed to a user; for nobody, that it was asked for. Of each kind the newest holds.';
grant execute on function agon.make_code(uuid, text, text, bytea, bytea, interval, uuid) to agon_worker;

create or replace function agon.use_link(kinds text[], token_hash bytea) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  found_token agon.one_time_tokens;
begin
  delete from agon.one_time_tokens t
  where t.token_hash = use_link.token_hash and t.kind = any (kinds)
  returning t.* into found_token;
  if found_token.user_id is null or found_token.expires_at < agon.now() then
    return null;
  end if;
  return agon.honour_token(found_token);
end
$$;
comment on function agon.use_link(text[], bytea) is
  'Uses up a mailed link: {user_id, kind, flow_id, is_half}; null for one that is unknown, used or late.';
grant execute on function agon.use_link(text[], bytea) to agon_worker;

create or replace function agon.use_code(
  kinds text[], email text, code_hashes bytea[], attempts_max integer
) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  open_token agon.one_time_tokens;
  found_token agon.one_time_tokens;
begin
  if not agon.may_try_code(use_code.email) then
    return null;
  end if;
  for open_token in
    select t.* from agon.one_time_tokens t
    where t.email = use_code.email and t.kind = any (kinds) and t.expires_at >= agon.now()
      and t.attempts < attempts_max
    order by t.created_at desc, t.kind for update
  loop
    if open_token.code_hash = any (code_hashes) and found_token.user_id is null then
      found_token := open_token;
    end if;
  end loop;
  if found_token.user_id is null then
    update agon.one_time_tokens t set attempts = t.attempts + 1
    where t.email = use_code.email and t.kind = any (kinds) and t.attempts < attempts_max;
    if found then
      perform agon.note_wrong_code(use_code.email);
    end if;
    perform agon.note_security('code_failed', null);
    return null;
  end if;
  delete from agon.one_time_tokens t where t.token_hash = found_token.token_hash;
  return agon.honour_token(found_token);
end
$$;
comment on function agon.use_code(text[], text, bytea[], integer) is
  'Uses up a mailed code of an address, as agon.use_link; null, and one attempt fewer, for a wrong one.';
grant execute on function agon.use_code(text[], text, bytea[], integer) to agon_worker;

create or replace function agon.use_reauthentication_nonce(code_hashes bytea[], attempts_max integer)
returns boolean
language plpgsql security definer set search_path = ''
as $$
declare
  person_id constant uuid := agon.require_session();
begin
  if not agon.may_try_code(person_id::text) then
    return false;
  end if;
  delete from agon.one_time_tokens t
  where t.user_id = person_id and t.kind = 'reauthentication' and t.expires_at >= agon.now()
    and t.attempts < attempts_max and t.code_hash = any (code_hashes);
  if not found then
    update agon.one_time_tokens t set attempts = t.attempts + 1
    where t.user_id = person_id and t.kind = 'reauthentication';
    perform agon.note_wrong_code(person_id::text);
    return false;
  end if;
  return true;
end
$$;
comment on function agon.use_reauthentication_nonce(bytea[], integer) is
  'Whether the caller has given the code that was mailed for a change of password; it is used up.';
grant execute on function agon.use_reauthentication_nonce(bytea[], integer) to agon_worker;

create or replace function agon.honour_token(mailed agon.one_time_tokens) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  person auth.users;
  is_whole boolean := true;
begin
  select u.* into person from auth.users u where u.id = mailed.user_id for update;
  if mailed.kind like 'email\_change\_%' then
    is_whole := agon.prove_email_change(person, mailed.kind, mailed.email);
  elsif mailed.email = person.email then
    perform agon.confirm_address(person, mailed.kind);
  else
    is_whole := null;
  end if;
  if is_whole is null then
    return null;
  end if;
  perform agon.note_security('code_used', person.id, jsonb_build_object('kind', mailed.kind));
  return jsonb_build_object('user_id', person.id, 'kind', mailed.kind, 'flow_id', mailed.flow_id,
    'is_half', not is_whole);
end
$$;
comment on function agon.honour_token(agon.one_time_tokens) is
  'What an answered mail proves: the address, or one half of its change. Called by other functions only.';
