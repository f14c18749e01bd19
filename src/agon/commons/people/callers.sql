-- Who calls: whose wallets the caller may speak for, who is an admin, and whose results are read.

create or replace function agon.wallets() returns setof text
language sql stable security definer set search_path = ''
as $$ select address from agon.user_wallets where user_id = (select auth.uid()) $$;
comment on function agon.wallets() is 'The caller''s wallets, in lower case.';
grant execute on function agon.wallets() to anon, authenticated, service_role, agon_worker;

create or replace function agon.is_service() returns boolean
language sql stable set search_path = ''
as $$
  -- A claim is only a setting: it counts where the session itself may be the service.
  select coalesce((select auth.role()) = 'service_role', false)
    and (session_user = 'agon_worker' or pg_has_role(session_user, 'service_role', 'member'))
$$;
comment on function agon.is_service() is
  'Whether the caller is the service role: by its claims, and by a login that may become it.';
grant execute on function agon.is_service() to anon, authenticated, service_role, agon_worker;

create or replace function agon.is_admin() returns boolean
language sql stable set search_path = ''
as $$
  select agon.is_service()
    or coalesce((select auth.jwt()) -> 'app_metadata' -> 'roles' ? 'admin', false)
$$;
comment on function agon.is_admin() is
  'Whether the caller is the service role, or carries the role admin in app_metadata.roles.';
grant execute on function agon.is_admin() to anon, authenticated, service_role, agon_worker;

create or replace function agon.require_admin() returns void
language plpgsql stable set search_path = ''
as $$
begin
  if agon.is_admin() is not true then
    perform agon.refuse(403, 'admin_only', 'Only an admin may do this.',
      'Sign in as an admin, or use the service role''s key.');
  end if;
end
$$;
comment on function agon.require_admin() is 'Refuses everyone but admins.';
grant execute on function agon.require_admin() to anon, authenticated, service_role, agon_worker;

create or replace function agon.has_permission(permission text) returns boolean
language sql stable set search_path = ''
as $$
  select agon.is_admin()
    or coalesce((select auth.jwt()) -> 'app_metadata' -> 'permissions' ? permission, false)
$$;
comment on function agon.has_permission(text) is
  'Whether the caller is an admin, or carries the permission in app_metadata.permissions.';
grant execute on function agon.has_permission(text) to anon, authenticated, service_role, agon_worker;

create or replace function agon.require_permission(permission text) returns void
language plpgsql stable set search_path = ''
as $$
begin
  if agon.has_permission(permission) is not true then
    perform agon.refuse(403, 'permission_missing', format('This needs the permission %s.', permission),
      'Sign in as an admin, or with a role that has the permission.');
  end if;
end
$$;
comment on function agon.require_permission(text) is 'Refuses everyone but admins and who has the permission.';
grant execute on function agon.require_permission(text) to anon, authenticated, service_role, agon_worker;

create or replace function agon.require_wallet(address text) returns void
language plpgsql stable set search_path = ''
as $$
begin
  if agon.is_service() then
    return;
  end if;
  if (select auth.uid()) is null then
    perform agon.refuse(401, 'sign_in_first', 'This needs a signed-in user.',
      'Send Authorization: Bearer <token>; `agon token` mints one for local use.');
  end if;
  if not coalesce(lower(address) in (select agon.wallets()), false) then
    perform agon.refuse(403, 'not_your_wallet', format('%s is not one of your wallets.', coalesce(address, '(none)')),
      'Link the wallet to your user first.');
  end if;
end
$$;
comment on function agon.require_wallet(text) is
  'Refuses callers who do not own the wallet; the service role speaks for every wallet.';
grant execute on function agon.require_wallet(text) to anon, authenticated, service_role, agon_worker;

-- Result bundles: public ones for everyone, those with somebody's evidence for that wallet's owner.
revoke all on agon.results from anon, authenticated, service_role;
grant select on agon.results to anon, authenticated, service_role;
drop policy if exists results_select_public on agon.results;
create policy results_select_public on agon.results
  for select to anon, authenticated using (subject is null);
drop policy if exists results_select_own on agon.results;
create policy results_select_own on agon.results
  for select to authenticated using (subject in (select agon.wallets()));
drop policy if exists results_select_service on agon.results;
create policy results_select_service on agon.results
  for select to service_role using (true);
