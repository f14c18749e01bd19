-- Counting tries in Postgres, so that limits hold for all processes together. They count by network:
-- whoever has one address of IPv6 has many.

create or replace function agon.network() returns text
language sql stable set search_path = ''
as $$ select coalesce(agon.visit() ->> 'network', agon.visit() ->> 'address', '') $$;
comment on function agon.network() is 'The network that the request comes from; empty where there is none.';

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

create or replace function agon.is_spent(what text, whose text, most integer) returns boolean
language sql stable security definer set search_path = ''
as $$
  select exists (
    select from agon.rate_counters c
    where c.counter = agon.counter_of(what, whose) and c.ends_at > agon.now() and c.hits >= most)
$$;
comment on function agon.is_spent(text, text, integer) is
  'Whether so many tries were counted already. Called by other functions only.';

create or replace function agon.spend_sign_up() returns integer
language sql security definer set search_path = ''
as $$
  select agon.spend_for('sign_up', agon.network(),
    coalesce((agon.visit() ->> 'sign_ups_per_hour')::integer, 0), interval '1 hour')
$$;
comment on function agon.spend_sign_up() is
  'Counts a new user of this network: 0 when there may be one, else seconds to wait.';
grant execute on function agon.spend_sign_up() to agon_worker;

create or replace function agon.count_sign_up() returns void
language plpgsql security definer set search_path = ''
as $$
declare
  wait constant integer := agon.spend_sign_up();
begin
  if wait > 0 then
    perform agon.refuse(429, 'over_request_rate_limit',
      format('Request rate limit reached: try again in %s seconds', wait));
  end if;
end
$$;
comment on function agon.count_sign_up() is
  'Counts a new user of this network, or refuses. Called by other functions only.';

create or replace function agon.spend_mail(email text, every interval) returns integer
language plpgsql security definer set search_path = ''
as $$
declare
  -- Who is nobody in particular is a new one at will.
  person constant text := case
    when not coalesce(((select auth.jwt()) ->> 'is_anonymous')::boolean, false)
      then (select auth.uid())::text end;
  wait integer := 0;
begin
  if not agon.is_service() then
    wait := case when person is not null
      then agon.spend_for('mail_user', person,
        coalesce((agon.visit() ->> 'mails_per_user')::integer, 0), interval '1 hour')
      else agon.spend_for('mail_network', agon.network(),
        coalesce((agon.visit() ->> 'mails_per_network')::integer, 0), interval '1 hour') end;
  end if;
  if wait > 0 then
    return wait;
  end if;
  return agon.spend_for('mail', spend_mail.email,
    case when every > interval '0' then 1 else 0 end, every);
end
$$;
comment on function agon.spend_mail(text, interval) is
  'Counts a mail to an address, by address and by who causes it: 0 when it may go, else seconds to wait.';
grant execute on function agon.spend_mail(text, interval) to agon_worker;

create or replace function agon.spend_new_password() returns integer
language sql security definer set search_path = ''
as $$ select agon.spend_for('new_password', (select auth.uid())::text, 20, interval '1 hour') $$;
comment on function agon.spend_new_password() is
  'Counts a try of the caller to set a password, whose answer tells whether it is the present one: 0, or seconds to wait.';
grant execute on function agon.spend_new_password() to agon_worker;

create or replace function agon.wrong_codes_max() returns integer
language sql immutable set search_path = ''
as $$ select 20 $$;
comment on function agon.wrong_codes_max() is
  'So many wrong codes of one address a day: beyond them only links work.';

create or replace function agon.may_try_code(whose text) returns boolean
language sql stable security definer set search_path = ''
as $$ select not agon.is_spent('wrong_code', whose, agon.wrong_codes_max()) $$;
comment on function agon.may_try_code(text) is
  'Whether an address may still be proved by a code today. Called by other functions only.';

create or replace function agon.note_wrong_code(whose text) returns void
language sql security definer set search_path = ''
as $$ select agon.spend_for('wrong_code', whose, agon.wrong_codes_max(), interval '1 day') $$;
comment on function agon.note_wrong_code(text) is
  'Counts a wrong code: six digits renewed at will are guessed in the end. Called by other functions only.';

create or replace function agon.begin_sign_in(
  email text, most_here integer, most_per_email integer, most_per_network integer, per interval
) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  here constant text := agon.network();
  person auth.users;
  wait integer;
begin
  select u.* into person from auth.users u
  where u.email = begin_sign_in.email and u.deleted_at is null;
  wait := agon.spend_for('sign_in_here', begin_sign_in.email || ' ' || here, most_here, per);
  if wait = 0 then
    wait := agon.spend_for('sign_in_network', here, most_per_network, per);
  end if;
  -- Strangers cannot lock an owner out of where the owner has been.
  if wait = 0 and not agon.is_known_network(person.id) then
    wait := agon.spend_for('sign_in_email', begin_sign_in.email, most_per_email, interval '1 hour');
  end if;
  if wait > 0 then
    return jsonb_build_object('wait_s', wait);
  end if;
  return jsonb_build_object('wait_s', 0, 'user_id', person.id,
    'encrypted_password', coalesce(person.encrypted_password, agon.load_open_password(email)),
    'is_confirmed', person.email_confirmed_at is not null);
end
$$;
comment on function agon.begin_sign_in(text, integer, integer, integer, interval) is
  'Counts a try by address of mail and network together, and by each, and answers with the hash to verify; wait_s when there were too many.';
grant execute on function agon.begin_sign_in(text, integer, integer, integer, interval) to agon_worker;

create or replace function agon.end_sign_in(email text) returns void
language plpgsql security definer set search_path = ''
as $$
begin
  delete from agon.rate_counters c
  where c.counter = agon.counter_of('sign_in_here', end_sign_in.email || ' ' || agon.network());
  perform agon.refund('sign_in_network', agon.network());
  if not agon.is_known_network((select u.id from auth.users u where u.email = end_sign_in.email)) then
    perform agon.refund('sign_in_email', end_sign_in.email);
  end if;
end
$$;
comment on function agon.end_sign_in(text) is 'The try was no failure: it does not count.';
grant execute on function agon.end_sign_in(text) to agon_worker;

create or replace function agon.is_known_network(user_id uuid) returns boolean
language sql stable security definer set search_path = ''
as $$
  select exists (
    select from agon.known_networks n
    where n.user_id = is_known_network.user_id and n.network = agon.network())
$$;
comment on function agon.is_known_network(uuid) is
  'Whether the user has signed in from where the request comes. Called by other functions only.';

create or replace function agon.note_network() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  networks_max constant integer := 32;
begin
  if agon.network() = '' then
    return null;
  end if;
  insert into agon.known_networks as n (user_id, network, seen_at)
  values (new.user_id, agon.network(), agon.now())
  on conflict (user_id, network) do update set seen_at = excluded.seen_at;
  delete from agon.known_networks n
  where n.user_id = new.user_id and n.network in (
    select o.network from agon.known_networks o where o.user_id = new.user_id
    order by o.seen_at desc, o.network offset networks_max);
  return null;
end
$$;
comment on function agon.note_network() is
  'A network from which somebody has signed in is known; of each user the newest ones.';
create or replace trigger sessions_note_network
  after insert on agon.sessions
  for each row execute function agon.note_network();
