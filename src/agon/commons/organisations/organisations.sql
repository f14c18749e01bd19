-- Organisations: made by a wallet, described by their admins.

create or replace trigger organizations_stamp_updated_at
  before update on public.organizations
  for each row execute function agon.stamp_updated_at();

revoke all on public.organizations from anon, authenticated, service_role;
grant select on public.organizations to anon, authenticated, service_role;
