-- The audit log of accounts, and counting tries so that they hold for all processes together.

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

create or replace function agon.counter_of(what text, whose text) returns text
language sql immutable set search_path = ''
as $$ select what || ':' || encode(sha256(convert_to(whose, 'UTF8')), 'hex') $$;
comment on function agon.counter_of(text, text) is
  'The name of a counter of tries. Whose they are is hashed: addresses of strangers are not kept.';

create or replace function agon.spend(counter text, most integer, per interval) returns integer
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  wait integer;
begin
  if most <= 0 then
    return 0;
  end if;
  insert into agon.rate_counters as c (counter, hits, ends_at)
  values (spend.counter, 1, agon.now() + per)
  on conflict (counter) do update set
    hits = case when c.ends_at <= agon.now() then 1 else c.hits + 1 end,
    ends_at = case when c.ends_at <= agon.now() then excluded.ends_at else c.ends_at end
  where c.ends_at <= agon.now() or c.hits < most;
  if found then
    -- Windows that are over leave by the way, a few at a time.
    delete from agon.rate_counters c where c.counter in (
      select o.counter from agon.rate_counters o
      where o.ends_at < agon.now() - interval '1 hour'
      limit 4 for update skip locked);
    return 0;
  end if;
  select greatest(1, ceil(extract(epoch from c.ends_at - agon.now()))) into wait
  from agon.rate_counters c where c.counter = spend.counter;
  return coalesce(wait, 1);
end
$$;
comment on function agon.spend(text, integer, interval) is
  'Counts one try of at most so many per interval: 0 when it may go on, else seconds to wait. most 0: no limit.';
grant execute on function agon.spend(text, integer, interval) to agon_worker;

create or replace function agon.spend_for(what text, whose text, most integer, per interval) returns integer
language sql security definer set search_path = ''
as $$ select agon.spend(agon.counter_of(what, whose), most, per) $$;
comment on function agon.spend_for(text, text, integer, interval) is
  'As agon.spend, for a thing and the one who does it.';
grant execute on function agon.spend_for(text, text, integer, interval) to agon_worker;

create or replace function agon.refund(what text, whose text) returns void
language sql security definer set search_path = ''
as $$
  update agon.rate_counters c set hits = c.hits - 1
  where c.counter = agon.counter_of(what, whose) and c.hits > 0
$$;
comment on function agon.refund(text, text) is 'Takes back one try that was no failure.';
grant execute on function agon.refund(text, text) to agon_worker;
