-- The audit log of accounts, and whence the present request comes.

create or replace trigger security_events_guard_append_only
  before update or delete or truncate on agon.security_events
  for each statement execute function agon.guard_append_only();

revoke all on agon.security_events from anon, authenticated, service_role;
grant select on agon.security_events to authenticated, service_role;
drop policy if exists security_events_select_admin on agon.security_events;
create policy security_events_select_admin on agon.security_events
  for select to authenticated using ((select agon.is_admin()));
drop policy if exists security_events_select_service on agon.security_events;
create policy security_events_select_service on agon.security_events
  for select to service_role using (true);

create or replace function agon.visit() returns jsonb
language sql stable set search_path = ''
as $$ select coalesce(nullif(current_setting('agon.visit', true), ''), '{}')::jsonb $$;
comment on function agon.visit() is
  'Whence the request comes, {"address", "user_agent"}, as the door has set it for this transaction.';

create or replace function agon.note_security(kind text, user_id uuid, details jsonb default '{}')
returns void
language sql security definer set search_path = ''
as $$
  insert into agon.security_events
    (kind, user_id, actor, actor_role, address, user_agent, details, created_at)
  values (
    kind, user_id, (select auth.uid()), (select auth.role()), agon.visit() ->> 'address',
    agon.visit() ->> 'user_agent', details, agon.now())
$$;
comment on function agon.note_security(text, uuid, jsonb) is
  'Writes one line of the audit log in the caller''s transaction. Called by other functions only.';

create or replace function agon.note_failed_sign_in(user_id uuid, method text) returns void
language sql security definer set search_path = ''
as $$ select agon.note_security('sign_in_failed', user_id, jsonb_build_object('method', method)) $$;
comment on function agon.note_failed_sign_in(uuid, text) is
  'Somebody could not prove to be this user; null where there is no such user.';
grant execute on function agon.note_failed_sign_in(uuid, text) to agon_worker;
