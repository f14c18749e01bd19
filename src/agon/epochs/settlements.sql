-- Settling a day: once, in one transaction, by a result that anyone computes again.

create or replace trigger epoch_payouts_guard_status
  before insert or update on public.epoch_payouts
  for each row execute function agon.guard_move('status');
create or replace trigger epoch_editions_guard_status
  before insert or update on public.epoch_editions
  for each row execute function agon.guard_move('status');

-- All of it follows from the public result of the day.
revoke all on public.epoch_contributions, public.epoch_payouts, public.epoch_editions
  from anon, authenticated, service_role;
grant select on public.epoch_contributions, public.epoch_payouts, public.epoch_editions
  to anon, authenticated, service_role;

drop policy if exists epoch_contributions_select_everyone on public.epoch_contributions;
create policy epoch_contributions_select_everyone on public.epoch_contributions
  for select to anon, authenticated, service_role using (true);
drop policy if exists epoch_payouts_select_everyone on public.epoch_payouts;
create policy epoch_payouts_select_everyone on public.epoch_payouts
  for select to anon, authenticated, service_role using (true);
drop policy if exists epoch_editions_select_everyone on public.epoch_editions;
create policy epoch_editions_select_everyone on public.epoch_editions
  for select to anon, authenticated, service_role using (true);
