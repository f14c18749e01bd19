-- Who stands where to an organisation: people by the roles of their wallets, keys by their scopes.

create or replace function agon.host_org() returns uuid
language sql stable set search_path = ''
as $$ select nullif((select auth.jwt()) ->> 'host_org', '')::uuid $$;
comment on function agon.host_org() is
  'The organisation whose own domain the request came to; null for any other. The web sets it, and takes it from tokens.';
grant execute on function agon.host_org() to anon, authenticated, service_role, agon_worker;

create or replace function agon.host_shows(org_id uuid) returns boolean
language sql stable set search_path = ''
as $$
  select agon.host_org() is null or host_shows.org_id is not distinct from agon.host_org()
$$;
comment on function agon.host_shows(uuid) is
  'Whether what belongs to this organisation is shown where the request came to: a domain of one organisation shows that one alone.';
grant execute on function agon.host_shows(uuid) to anon, authenticated, service_role, agon_worker;

create or replace function agon.roles_from(at_least text) returns text[]
language sql immutable set search_path = ''
as $$
  select case at_least
    when 'member' then array['owner', 'admin', 'member']
    when 'admin' then array['owner', 'admin']
    when 'owner' then array['owner']
    else array[]::text[]
  end
$$;
comment on function agon.roles_from(text) is
  'The roles in an organisation that include this one, the highest first. Called by other functions only.';

create or replace function agon.org_role(org_id uuid) returns text
language sql stable security definer set search_path = ''
as $$
  select m.role from public.org_members m
  where m.org_id = org_role.org_id and m.wallet in (select agon.wallets())
  order by array_position(agon.roles_from('member'), m.role)
  limit 1
$$;
comment on function agon.org_role(uuid) is
  'The caller''s role in an organisation, the highest of the caller''s wallets: owner, admin, member, or null.';
grant execute on function agon.org_role(uuid) to anon, authenticated, service_role, agon_worker;

create or replace function agon.my_orgs(at_least text) returns setof uuid
language sql stable security definer set search_path = ''
as $$
  select distinct m.org_id from public.org_members m
  where m.wallet in (select agon.wallets()) and m.role = any (agon.roles_from(at_least))
    and ((select agon.host_org()) is null or m.org_id = (select agon.host_org()))
$$;
comment on function agon.my_orgs(text) is
  'The organisations in which the caller has at least this role; on the domain of one, that one alone. For policies.';
grant execute on function agon.my_orgs(text) to anon, authenticated, service_role, agon_worker;

create or replace function agon.calling_key() returns public.api_keys
language sql stable security definer set search_path = ''
as $$
  -- Looked up at each use: what was revoked a moment ago opens nothing, whoever remembers it.
  select k.* from public.api_keys k
  where k.id = ((select auth.jwt()) ->> 'api_key')::uuid
    and k.revoked_at is null and (k.expires_at is null or k.expires_at > agon.now())
$$;
comment on function agon.calling_key() is
  'The organisation''s key by which the caller acts; null when there is none that holds. Called by other functions only.';

create or replace function agon.org_scope(scope text) returns uuid
language sql stable security definer set search_path = ''
as $$
  select k.org_id from agon.calling_key() k
  where org_scope.scope = any (k.scopes) and agon.host_shows(k.org_id)
$$;
comment on function agon.org_scope(text) is
  'The organisation whose key calls and has this scope; null for everybody else. For policies.';
grant execute on function agon.org_scope(text) to anon, authenticated, service_role, agon_worker;

create or replace function agon.require_org(org_id uuid, at_least text, scope text default null)
returns void
language plpgsql stable security definer set search_path = ''
as $$
declare
  key public.api_keys;
begin
  if not agon.host_shows(require_org.org_id)
    or not exists (select from public.organizations o where o.id = require_org.org_id)
  then
    perform agon.refuse(404, 'org_unknown', 'There is no such organisation.', 'Check its slug or id.');
  end if;
  if agon.is_service() then
    return;
  end if;
  if (select auth.jwt()) ? 'api_key' then
    key := agon.calling_key();
    if key.id is null then
      perform agon.refuse(401, 'credential_unknown', 'This API key does not hold.',
        'It was revoked, or its time is over; an admin of the organisation makes another.');
    elsif key.org_id <> require_org.org_id then
      perform agon.refuse(403, 'not_org_' || at_least, 'This API key is another organisation''s.',
        'Use a key of the organisation that this is about.');
    elsif scope is null then
      perform agon.refuse(403, 'scope_missing', 'No API key may do this.',
        format('Sign in as %s of the organisation.', at_least));
    elsif not scope = any (key.scopes) then
      perform agon.refuse(403, 'scope_missing', 'This API key does not have the scope for this.',
        format('It needs %s.', scope));
    end if;
    return;
  end if;
  if (select auth.uid()) is null then
    perform agon.refuse(401, 'sign_in_first', 'This needs a signed-in user.',
      'Send Authorization: Bearer <token>, or an API key of the organisation.');
  end if;
  if not coalesce(agon.org_role(require_org.org_id) = any (agon.roles_from(at_least)), false) then
    perform agon.refuse(403, 'not_org_' || at_least,
      format('None of your wallets is %s of this organisation.', at_least),
      'Its owner gives roles.');
  end if;
end
$$;
comment on function agon.require_org(uuid, text, text) is
  'Refuses everyone but the service, who has at least this role, and the organisation''s keys with this scope (none, where scope is null).';
grant execute on function agon.require_org(uuid, text, text)
  to anon, authenticated, service_role, agon_worker;
