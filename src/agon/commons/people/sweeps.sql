-- What is old goes, by a schedule.

create or replace function agon.sweep_people(session_days integer) returns integer
language plpgsql security definer set search_path = ''
as $$
declare
  session_age constant interval := make_interval(days => session_days);
  ended integer := 0;
begin
  if session_age > interval '0' then
    delete from agon.sessions s
    where coalesce(s.refreshed_at, s.created_at) < agon.now() - session_age;
    get diagnostics ended = row_count;
    delete from agon.known_networks n where n.seen_at < agon.now() - session_age;
  end if;
  delete from agon.rate_counters c where c.ends_at < agon.now() - interval '1 hour';
  delete from agon.used_messages m where m.until < agon.now() - interval '1 hour';
  delete from agon.one_time_tokens t where t.expires_at < agon.now();
  perform agon.sweep_flows(100000);
  return ended;
end
$$;
comment on function agon.sweep_people(integer) is
  'Ends sessions that were not refreshed for so many days, 0: none; forgets old tries, codes, messages and sign-ins under way. How many sessions.';
grant execute on function agon.sweep_people(integer) to agon_worker;
