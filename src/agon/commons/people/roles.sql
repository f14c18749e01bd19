-- Who has which role, and what a role may do; both reach the access token as claims.

create or replace function agon.claims_of(roles text[]) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object('roles', roles, 'permissions', array(
    select distinct rp.permission collate "C" as permission from public.role_permissions rp
    where rp.role = any (roles) order by permission))
$$;
comment on function agon.claims_of(text[]) is
  'What a token says of somebody with these roles. Called by other functions only.';

create or replace function public.get_custom_claims(user_id uuid) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
begin
  -- The engine's own login asks while somebody signs in, who is nobody until then.
  if not agon.is_service() and session_user <> 'agon_worker'
    and get_custom_claims.user_id is distinct from (select auth.uid())
  then
    perform agon.refuse(403, 'not_your_claims', 'These are the claims of somebody else.',
      'Ask for your own, or use the service role''s key.');
  end if;
  return agon.claims_of(array(
    select ur.role from public.user_roles ur
    where ur.user_id = get_custom_claims.user_id
    order by ur.role collate "C"));
end
$$;
comment on function public.get_custom_claims(uuid) is
  'A user''s roles and permissions, sorted, for the user and the service role: {"roles": [], "permissions": []}.';
revoke all on function public.get_custom_claims(uuid)
  from public, anon, authenticated, service_role, agon_worker;
grant execute on function public.get_custom_claims(uuid) to authenticated, service_role, agon_worker;

create or replace function agon.require_present_admin() returns void
language plpgsql stable security definer set search_path = ''
as $$
declare
  caller uuid;
begin
  if agon.is_service() then
    return;
  end if;
  caller := agon.require_caller();
  -- A token keeps its claims for as long as it holds: who was an admin would become one again.
  if not exists (
    select from public.user_roles r where r.user_id = caller and r.role = 'admin'
  ) then
    perform agon.refuse(403, 'admin_only', 'Only an admin may do this.',
      'Sign in as a user who has the role admin, or use the service role''s key.');
  end if;
end
$$;
comment on function agon.require_present_admin() is
  'Refuses everyone but the service and who has the role admin now, whatever a token says. Called by other functions only.';

create or replace function agon.grant_role(user_id uuid, role text) returns public.user_roles
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  granted public.user_roles;
begin
  perform agon.require_present_admin();
  if not exists (select from auth.users u where u.id = grant_role.user_id) then
    perform agon.refuse(404, 'user_unknown', 'There is no such user.', 'Give the id of a user.');
  end if;
  insert into public.user_roles (user_id, role) values (grant_role.user_id, grant_role.role)
  on conflict do nothing;
  select * into strict granted from public.user_roles r
  where r.user_id = grant_role.user_id and r.role = grant_role.role;
  return granted;
end
$$;
comment on function agon.grant_role(uuid, text) is
  'Gives a user a role, by an admin. It holds from the user''s next sign-in or refresh.';
grant execute on function agon.grant_role(uuid, text) to authenticated, service_role, agon_worker;

create or replace function agon.revoke_role(user_id uuid, role text) returns boolean
language plpgsql security definer set search_path = ''
as $$
begin
  perform agon.require_present_admin();
  delete from public.user_roles r
  where r.user_id = revoke_role.user_id and r.role = revoke_role.role;
  return found;
end
$$;
comment on function agon.revoke_role(uuid, text) is
  'Takes a role from a user, by an admin; false when there was none. Tokens that stand keep it until they expire.';
grant execute on function agon.revoke_role(uuid, text) to authenticated, service_role, agon_worker;

create or replace function agon.list_roles() returns setof public.user_roles
language plpgsql stable security definer set search_path = ''
as $$
begin
  perform agon.require_present_admin();
  return query select r.user_id, r.role from public.user_roles r order by r.role, r.user_id;
end
$$;
comment on function agon.list_roles() is 'Who has which role, for admins.';
grant execute on function agon.list_roles() to authenticated, service_role, agon_worker;

create or replace function agon.find_user(who text) returns uuid
language plpgsql stable security definer set search_path = ''
as $$
declare
  found_id uuid;
begin
  perform agon.require_present_admin();
  select u.id into found_id from auth.users u
  where u.id::text = lower(who) or u.email = lower(who)
    or u.id = (select w.user_id from agon.user_wallets w where w.address = lower(who))
  limit 1;
  if found_id is null then
    perform agon.refuse(404, 'user_unknown', format('There is no user %s.', left(who, 100)),
      'Name a user by id, by e-mail address or by wallet.');
  end if;
  return found_id;
end
$$;
comment on function agon.find_user(text) is 'A user by id, e-mail address or wallet, for admins.';
grant execute on function agon.find_user(text) to agon_worker;

create or replace function agon.note_role() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  changed constant public.user_roles := case when tg_op = 'INSERT' then new else old end;
begin
  -- With its user, a role goes unsaid.
  if tg_op = 'INSERT' or exists (select from auth.users u where u.id = changed.user_id) then
    perform agon.note_security(
      case when tg_op = 'INSERT' then 'role_granted' else 'role_revoked' end,
      changed.user_id, jsonb_build_object('role', changed.role));
    perform agon.emit(
      case when tg_op = 'INSERT' then 'role.granted' else 'role.revoked' end,
      changed.user_id::text, to_jsonb(changed));
  end if;
  return null;
end
$$;
comment on function agon.note_role() is
  'Every role given or taken is logged and becomes an event, by whoever, also by the service role''s own hand.';
create or replace trigger user_roles_note_role
  after insert or delete on public.user_roles
  for each row execute function agon.note_role();

create or replace function agon.guard_claims() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  -- With 4096 bytes of each metadata and the rest, a token stays below the 16 KiB that are taken.
  claims_bytes_max constant integer := 2560;
  changed uuid[];
begin
  if tg_table_name = 'user_roles' then
    changed := array(select distinct n.user_id from added n);
  else
    changed := array(
      select distinct ur.user_id from added n join public.user_roles ur on ur.role = n.role);
  end if;
  if exists (
    select from (
      select distinct array_agg(ur.role order by ur.role) as roles
      from public.user_roles ur where ur.user_id = any (changed) group by ur.user_id) held
    where octet_length(agon.claims_of(held.roles)::text) > claims_bytes_max)
  then
    perform agon.refuse(400, 'too_many_claims',
      format('Somebody''s roles and permissions would be more than %s bytes.', claims_bytes_max),
      'They stand in every access token: give fewer, or broader ones.');
  end if;
  return null;
end
$$;
comment on function agon.guard_claims() is
  'Nobody gets more roles and permissions than fit into an access token: it would be refused, and its user locked out.';
create or replace trigger user_roles_guard_claims
  after insert on public.user_roles referencing new table as added
  for each statement execute function agon.guard_claims();
create or replace trigger role_permissions_guard_claims
  after insert on public.role_permissions referencing new table as added
  for each statement execute function agon.guard_claims();

-- A role changes by being given and taken, never by update: so nobody has it.
revoke all on public.user_roles, public.role_permissions
  from anon, authenticated, service_role, agon_worker;
grant select on public.user_roles, public.role_permissions to authenticated;
grant select, insert, delete on public.user_roles, public.role_permissions to service_role;

drop policy if exists user_roles_select_own on public.user_roles;
create policy user_roles_select_own on public.user_roles
  for select to authenticated using (user_id = (select auth.uid()));
drop policy if exists user_roles_select_service on public.user_roles;
create policy user_roles_select_service on public.user_roles
  for select to service_role using (true);
drop policy if exists user_roles_insert_service on public.user_roles;
create policy user_roles_insert_service on public.user_roles
  for insert to service_role with check (true);
drop policy if exists user_roles_delete_service on public.user_roles;
create policy user_roles_delete_service on public.user_roles
  for delete to service_role using (true);

-- What a role may do is nobody's secret: clients show and hide by it.
drop policy if exists role_permissions_select_signed_in on public.role_permissions;
create policy role_permissions_select_signed_in on public.role_permissions
  for select to authenticated using (true);
drop policy if exists role_permissions_select_service on public.role_permissions;
create policy role_permissions_select_service on public.role_permissions
  for select to service_role using (true);
drop policy if exists role_permissions_insert_service on public.role_permissions;
create policy role_permissions_insert_service on public.role_permissions
  for insert to service_role with check (true);
drop policy if exists role_permissions_delete_service on public.role_permissions;
create policy role_permissions_delete_service on public.role_permissions
  for delete to service_role using (true);
