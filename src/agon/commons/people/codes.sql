-- One-time codes and links by mail, and sign-ins that go out over a browser and come back.

create or replace function agon.find_mailbox(email text) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
begin
  return (
    select jsonb_build_object('user_id', u.id, 'is_confirmed', u.email_confirmed_at is not null)
    from auth.users u where u.email = find_mailbox.email and u.deleted_at is null
      and coalesce(u.banned_until <= agon.now(), true));
end
$$;
comment on function agon.find_mailbox(text) is
  'Whose address this is, for mail: {user_id, is_confirmed}; null for nobody who may sign in.';
grant execute on function agon.find_mailbox(text) to agon_worker;

create or replace function agon.find_mailbox_for(kind text, email text) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
begin
  return (
    select jsonb_build_object('user_id', u.id, 'email', coalesce(u.email, u.email_change),
      'new_email', u.email_change)
    from auth.users u
    where u.deleted_at is null and coalesce(u.banned_until <= agon.now(), true) and case kind
      when 'recovery' then u.email = find_mailbox_for.email
      when 'signup' then u.email = find_mailbox_for.email and u.email_confirmed_at is null
        and exists (select from agon.one_time_tokens t where t.user_id = u.id and t.kind = 'signup')
      when 'email_change_new' then u.email_change = find_mailbox_for.email
        and exists (select from agon.one_time_tokens t where t.user_id = u.id and t.kind = 'email_change_new')
        and not exists (select from auth.users o where o.email = find_mailbox_for.email)
      else false end
    order by u.email_change_sent_at desc nulls last limit 1);
end
$$;
comment on function agon.find_mailbox_for(text, text) is
  'Whose address may get mail of a kind (recovery, signup, email_change_new), which it waits for; null for nobody.';
grant execute on function agon.find_mailbox_for(text, text) to agon_worker;

create or replace function agon.sign_up_by_mail(email text, data jsonb) returns uuid
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  user_id uuid;
begin
  insert into auth.users as u (email, raw_user_meta_data, created_at, updated_at)
  values (sign_up_by_mail.email, coalesce(data, '{}'), agon.now(), agon.now())
  on conflict do nothing returning u.id into user_id;
  if user_id is not null then
    perform agon.note_address(user_id, sign_up_by_mail.email, false);
    perform agon.note_security('sign_up', user_id, '{"method": "otp"}');
  end if;
  return user_id;
end
$$;
comment on function agon.sign_up_by_mail(text, jsonb) is
  'A user without a password, unconfirmed until the mail is answered; null when the address is taken.';
grant execute on function agon.sign_up_by_mail(text, jsonb) to agon_worker;

create or replace function agon.make_code(
  user_id uuid, kind text, email text, token_hash bytea, code_hash bytea, lifetime interval,
  flow_id uuid default null, keeps_password boolean default false
) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
begin
  delete from agon.one_time_tokens t where t.token_hash in (
    select o.token_hash from agon.one_time_tokens o where o.expires_at < agon.now()
    limit 4 for update skip locked);
  insert into agon.one_time_tokens as t (user_id, kind, email, token_hash, code_hash, flow_id,
    keeps_password, expires_at, created_at)
  values (make_code.user_id, make_code.kind, make_code.email, make_code.token_hash,
    make_code.code_hash, make_code.flow_id, make_code.keeps_password, agon.now() + lifetime,
    agon.now())
  on conflict (user_id, kind) do update set
    token_hash = excluded.token_hash, code_hash = excluded.code_hash, email = excluded.email,
    flow_id = excluded.flow_id, keeps_password = excluded.keeps_password, attempts = 0,
    expires_at = excluded.expires_at, created_at = excluded.created_at;
  update auth.users u set
    confirmation_sent_at = case when kind in ('signup', 'invite') then agon.now() else u.confirmation_sent_at end,
    invited_at = case when kind = 'invite' then agon.now() else u.invited_at end,
    recovery_sent_at = case when kind in ('magiclink', 'recovery') then agon.now() else u.recovery_sent_at end,
    reauthentication_sent_at = case when kind = 'reauthentication' then agon.now() else u.reauthentication_sent_at end
  where u.id = make_code.user_id;
  if kind in ('recovery', 'invite', 'magiclink') then
    perform agon.note_security(kind || '_requested', make_code.user_id);
  end if;
end
$$;
comment on function agon.make_code(uuid, text, text, bytea, bytea, interval, uuid, boolean) is
  'Remembers, by hash, what is mailed to a user. Of each kind the newest holds.';
grant execute on function agon.make_code(uuid, text, text, bytea, bytea, interval, uuid, boolean) to agon_worker;

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
    where t.email = use_code.email and t.kind = any (kinds);
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

create or replace function agon.use_nonce(code_hashes bytea[], attempts_max integer) returns boolean
language plpgsql security definer set search_path = ''
as $$
declare
  person_id constant uuid := agon.require_session();
begin
  delete from agon.one_time_tokens t
  where t.user_id = person_id and t.kind = 'reauthentication' and t.expires_at >= agon.now()
    and t.attempts < attempts_max and t.code_hash = any (code_hashes);
  if not found then
    update agon.one_time_tokens t set attempts = t.attempts + 1
    where t.user_id = person_id and t.kind = 'reauthentication';
    return false;
  end if;
  return true;
end
$$;
comment on function agon.use_nonce(bytea[], integer) is
  'Whether the caller has given the code that was mailed for a change of password; it is used up.';
grant execute on function agon.use_nonce(bytea[], integer) to agon_worker;

create or replace function agon.honour_token(mailed agon.one_time_tokens) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  person auth.users;
  is_half boolean := false;
begin
  select u.* into person from auth.users u where u.id = mailed.user_id for update;
  if mailed.kind like 'email\_change\_%' then
    -- The other half waits at the other address.
    is_half := exists (
      select from agon.one_time_tokens t
      where t.user_id = person.id and t.kind like 'email\_change\_%');
    if person.email_change is null then
      return null;
    elsif not is_half then
      perform agon.set_address(person.id, person.email_change, true);
    end if;
  elsif mailed.email = person.email then
    if person.email_confirmed_at is null then
      -- A password that came without this proof is not the owner's.
      update auth.users u set email_confirmed_at = agon.now(),
        encrypted_password = case when mailed.keeps_password then u.encrypted_password end
      where u.id = person.id;
    end if;
    perform agon.note_address(person.id, person.email, true);
  else
    return null;
  end if;
  perform agon.note_security('code_used', person.id, jsonb_build_object('kind', mailed.kind));
  return jsonb_build_object('user_id', person.id, 'kind', mailed.kind, 'flow_id', mailed.flow_id,
    'is_half', is_half);
end
$$;
comment on function agon.honour_token(agon.one_time_tokens) is
  'What an answered mail proves: the address, or one half of its change. Called by other functions only.';

create or replace function agon.begin_flow(
  provider text, code_challenge text, code_challenge_method text, redirect_to text default null,
  state_hash bytea default null, binder_hash bytea default null, links boolean default false
) returns uuid
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  flow_id uuid;
begin
  delete from agon.flow_states f where f.id in (
    select o.id from agon.flow_states o where o.created_at < agon.now() - interval '1 day'
    limit 4 for update skip locked);
  insert into agon.flow_states (provider, code_challenge, code_challenge_method, redirect_to,
    state_hash, binder_hash, links_to, created_at)
  values (begin_flow.provider, begin_flow.code_challenge, begin_flow.code_challenge_method,
    begin_flow.redirect_to, begin_flow.state_hash, begin_flow.binder_hash,
    case when links then agon.require_session() end, agon.now())
  returning id into flow_id;
  return flow_id;
end
$$;
comment on function agon.begin_flow(text, text, text, text, bytea, bytea, boolean) is
  'Remembers a sign-in that goes over a browser. links: it adds an identity to the caller.';
grant execute on function agon.begin_flow(text, text, text, text, bytea, bytea, boolean) to agon_worker;

create or replace function agon.return_to_flow(state_hash bytea) returns agon.flow_states
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  flow agon.flow_states;
begin
  update agon.flow_states f set state_hash = null
  where f.state_hash = return_to_flow.state_hash
    and f.created_at >= agon.now() - interval '10 minutes'
  returning f.* into flow;
  if flow.id is null then
    return null;
  end if;
  return flow;
end
$$;
comment on function agon.return_to_flow(bytea) is
  'The sign-in that comes back from a provider with this state, which works once; null otherwise.';
grant execute on function agon.return_to_flow(bytea) to agon_worker;

create or replace function agon.issue_flow_code(
  flow_id uuid, user_id uuid, code_hash bytea, method text, provider_tokens text default null
) returns void
language plpgsql security definer set search_path = ''
as $$
begin
  update agon.flow_states f set user_id = issue_flow_code.user_id,
    code_hash = issue_flow_code.code_hash, method = issue_flow_code.method,
    provider_tokens = issue_flow_code.provider_tokens, issued_at = agon.now()
  where f.id = issue_flow_code.flow_id;
end
$$;
comment on function agon.issue_flow_code(uuid, uuid, bytea, text, text) is
  'The code, by hash, that the client exchanges for this user''s session.';
grant execute on function agon.issue_flow_code(uuid, uuid, bytea, text, text) to agon_worker;

create or replace function agon.use_flow_code(code_hash bytea, verifier text, lifetime interval)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  flow agon.flow_states;
begin
  select f.* into flow from agon.flow_states f where f.code_hash = use_flow_code.code_hash for update;
  if flow.user_id is null then
    return '{"outcome": "unknown"}';
  end if;
  if flow.issued_at < agon.now() - lifetime then
    return '{"outcome": "expired"}';
  end if;
  if flow.code_challenge is distinct from (case flow.code_challenge_method
    when 'plain' then verifier
    else translate(encode(sha256(convert_to(verifier, 'UTF8')), 'base64'), '+/=', '-_') end) then
    return '{"outcome": "wrong"}';
  end if;
  delete from agon.flow_states f where f.id = flow.id;
  return jsonb_build_object('outcome', 'ok', 'flow_id', flow.id, 'user_id', flow.user_id,
    'method', flow.method, 'provider_tokens', flow.provider_tokens);
end
$$;
comment on function agon.use_flow_code(bytea, text, interval) is
  'Exchanges a code, once, for who has the verifier of its challenge: outcome ok, unknown, expired or wrong.';
grant execute on function agon.use_flow_code(bytea, text, interval) to agon_worker;
