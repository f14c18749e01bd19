-- Sign-ins that go out over a browser and come back: begun, returned to, and exchanged for a session.

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
  perform agon.sweep_flows(8);
  if links and code_challenge is null then
    perform agon.refuse(400, 'validation_failed',
      'Linking an identity needs a code challenge: make the client with flowType pkce',
      'Else anybody who follows a link could be joined to somebody else''s account.');
  end if;
  insert into agon.flow_states (provider, code_challenge, code_challenge_method, redirect_to,
    state_hash, binder_hash, links_to, session_id, created_at)
  values (begin_flow.provider, begin_flow.code_challenge, begin_flow.code_challenge_method,
    begin_flow.redirect_to, begin_flow.state_hash, begin_flow.binder_hash,
    case when links then agon.require_session() end,
    case when links then ((select auth.jwt()) ->> 'session_id')::uuid end, agon.now())
  returning id into flow_id;
  return flow_id;
end
$$;
comment on function agon.begin_flow(text, text, text, text, bytea, bytea, boolean) is
  'Remembers a sign-in that goes over a browser. links: it adds an identity to the caller, whose session has to stay open.';
grant execute on function agon.begin_flow(text, text, text, text, bytea, bytea, boolean) to agon_worker;

create or replace function agon.sweep_flows(most integer) returns void
language sql security definer set search_path = ''
as $$
  -- At a provider one has ten minutes, and its code holds five; mail can hold a day.
  delete from agon.flow_states f where f.id in (
    select o.id from agon.flow_states o
    where o.provider <> 'email' and o.created_at < agon.now() - interval '15 minutes'
    limit most for update skip locked);
  delete from agon.flow_states f where f.id in (
    select o.id from agon.flow_states o
    where o.provider = 'email' and o.created_at < agon.now() - interval '25 hours'
    limit most for update skip locked)
$$;
comment on function agon.sweep_flows(integer) is
  'Forgets sign-ins that nobody came back from, so many of each kind at most. Called by other functions only.';

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
  flow_id uuid, user_id uuid, code_hash bytea, method text, provider_tokens text default null,
  proved jsonb default null
) returns void
language plpgsql security definer set search_path = ''
as $$
begin
  update agon.flow_states f set user_id = issue_flow_code.user_id,
    code_hash = issue_flow_code.code_hash, method = issue_flow_code.method,
    provider_tokens = issue_flow_code.provider_tokens, proved = issue_flow_code.proved,
    issued_at = agon.now()
  where f.id = issue_flow_code.flow_id;
end
$$;
comment on function agon.issue_flow_code(uuid, uuid, bytea, text, text, jsonb) is
  'The code, by hash, that the client exchanges for this user''s session. proved: {provider_id, data} of the identity that the exchange links.';
grant execute on function agon.issue_flow_code(uuid, uuid, bytea, text, text, jsonb) to agon_worker;

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
  if flow.links_to is not null then
    -- Only now is it the browser in which the user began.
    perform agon.link_identity(
      flow.links_to, flow.provider, flow.proved ->> 'provider_id', flow.proved -> 'data');
  end if;
  return jsonb_build_object('outcome', 'ok', 'flow_id', flow.id, 'user_id', flow.user_id,
    'method', flow.method, 'provider_tokens', flow.provider_tokens);
end
$$;
comment on function agon.use_flow_code(bytea, text, interval) is
  'Exchanges a code, once, for who has the verifier of its challenge: outcome ok, unknown, expired or wrong.';
grant execute on function agon.use_flow_code(bytea, text, interval) to agon_worker;
