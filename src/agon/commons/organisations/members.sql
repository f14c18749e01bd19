-- Members: invited by wallet, joined by accepting, gone by leaving or by removal.

create or replace trigger org_invitations_guard_status
  before insert or update on public.org_invitations
  for each row execute function agon.guard_move('status');

revoke all on public.org_members, public.org_invitations from anon, authenticated, service_role;
