-- Registrations: entering, waiting, checking in, leaving; and the field with which it starts.

create or replace trigger competition_registrations_guard_status
  before insert or update on public.competition_registrations
  for each row execute function agon.guard_move('status');

create or replace function agon.require_speaker(
  competition public.competitions, participant text, scope text
) returns text
language plpgsql stable security definer set search_path = ''
as $$
begin
  if agon.plays_as(participant) then
    return 'participant';
  end if;
  if (select auth.uid()) is not null
    and not coalesce(agon.org_role(competition.org_id) in ('owner', 'admin'), false)
    and not agon.is_service()
  then
    perform agon.refuse(403, 'not_your_participant',
      'This is neither one of your wallets, nor a team that you are captain of.',
      'Link the wallet to your user, or ask the captain.');
  end if;
  perform agon.require_org(competition.org_id, 'admin', scope);
  return 'organiser';
end
$$;
comment on function agon.require_speaker(public.competitions, text, text) is
  'As whom the caller acts for a participant: participant, or organiser (an admin, a key with this scope, the service); refuses others. Called by other functions only.';

create or replace function agon.emit_registration(
  act text, competition public.competitions, registration public.competition_registrations
) returns void
language sql security definer set search_path = ''
as $$
  select agon.emit('registration.' || act, registration.id::text, jsonb_build_object(
    'org_id', competition.org_id, 'competition_id', competition.id, 'registration_id', registration.id,
    'participant', registration.participant, 'status', registration.status))
$$;
comment on function agon.emit_registration(text, public.competitions, public.competition_registrations) is
  'The event registration.<act>. Called by other functions only.';

create or replace function agon.wallet_to_tell(participant text) returns text
language sql stable security definer set search_path = ''
as $$
  select case when participant like '0x%' then participant else (
    select r.wallet from public.team_roster r
    where r.team_id::text = participant and r.role = 'captain') end
$$;
comment on function agon.wallet_to_tell(text) is
  'The wallet that hears of what concerns a participant: its own, or its captain''s. Called by other functions only.';

create or replace function agon.has_place(competition public.competitions) returns boolean
language sql stable security definer set search_path = ''
as $$
  select competition.settings -> 'capacity' is null
    or (competition.settings ->> 'capacity')::integer > (
      select count(*) from public.competition_registrations r
      where r.competition_id = competition.id and r.status = 'registered')
$$;
comment on function agon.has_place(public.competitions) is
  'Whether somebody more may take part. Called by other functions only.';

create or replace function agon.fill_places(competition public.competitions, only_checked_in boolean)
returns integer
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  registration public.competition_registrations;
  moved integer := 0;
begin
  for registration in
    select r.* from public.competition_registrations r
    where r.competition_id = competition.id and r.status = 'waiting'
      and (r.checked_in or not only_checked_in)
    order by r.turn
  loop
    exit when not agon.has_place(competition);
    update public.competition_registrations r set status = 'registered' where r.id = registration.id
    returning * into registration;
    perform agon.emit_registration('promoted', competition, registration);
    perform agon.notify(agon.wallet_to_tell(registration.participant), 'registration_promoted',
      format('There is a place for you in %s.', competition.title), null,
      jsonb_build_object('competitionId', competition.id, 'registrationId', registration.id),
      registration.id::text || ':' || registration.turn)
    where agon.wallet_to_tell(registration.participant) is not null;
    moved := moved + 1;
  end loop;
  return moved;
end
$$;
comment on function agon.fill_places(public.competitions, boolean) is
  'Who has waited longest takes what places there are: how many. Called by other functions only.';

create or replace function public.register_for_competition(
  competition_id uuid, wallet text default null, team_id uuid default null
) returns public.competition_registrations
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  competition constant public.competitions := agon.hold_competition(register_for_competition.competition_id);
  for_teams constant boolean := coalesce(competition.settings ->> 'entrants', 'wallets') = 'teams';
  own text;
  role text;
  registration public.competition_registrations;
begin
  if for_teams and (register_for_competition.team_id is null or register_for_competition.wallet is not null)
    or not for_teams and register_for_competition.team_id is not null
  then
    perform agon.refuse(422, 'entrant_kind',
      format('Only %s take part here.', coalesce(competition.settings ->> 'entrants', 'wallets')),
      'Give team_id for a team, or else wallet.');
  end if;
  own := case when for_teams then register_for_competition.team_id::text
    when register_for_competition.wallet is null then agon.my_wallet(null)
    else agon.wallet_of(register_for_competition.wallet) end;
  role := agon.require_speaker(competition, own, 'registrations:write');
  if competition.status <> 'open' then
    perform agon.refuse(409, 'competition_not_open', format('The competition is %s.', competition.status),
      'Nobody registers but while it is open.');
  end if;
  select * into registration from public.competition_registrations r
  where r.competition_id = competition.id and r.participant = own;
  if registration.status in ('registered', 'waiting') then
    return registration;
  elsif registration.status = 'disqualified' then
    perform agon.refuse(403, 'disqualified', 'This participant was disqualified.');
  end if;
  if role = 'participant' and (agon.now() < competition.registration_opens_at
    or agon.now() >= competition.registration_closes_at)
  then
    perform agon.refuse(409, 'registration_closed', 'Registration is closed.',
      format('It is open from %s to %s.', coalesce(competition.registration_opens_at::text, 'the opening'),
        coalesce(competition.registration_closes_at::text, 'the start')));
  end if;
  if for_teams and not exists (
    select from public.teams t where t.id::text = own and t.org_id = competition.org_id)
  then
    perform agon.refuse(409, 'team_of_another', 'The team belongs to another organisation.',
      'Make a team in the organisation that holds the competition.');
  end if;
  if not agon.has_place(competition)
    and not coalesce((competition.settings ->> 'waiting_list')::boolean, true)
  then
    perform agon.refuse(409, 'competition_full', 'All places are taken.', 'There is no waiting list.');
  end if;
  insert into public.competition_registrations as r
    (competition_id, wallet, team_id, status, registered_at)
  values (competition.id, case when not for_teams then own end, register_for_competition.team_id,
    case when agon.has_place(competition) then 'registered' else 'waiting' end, agon.now())
  on conflict (competition_id, participant) do update set status = excluded.status,
    registered_at = excluded.registered_at, turn = excluded.turn, checked_in = false,
    checked_in_at = null
  returning * into registration;
  perform agon.emit_registration('created', competition, registration);
  return registration;
end
$$;
comment on function public.register_for_competition(uuid, text, uuid) is
  'Registers a wallet (by default the caller''s only one) or a team: by its owner or captain while registration is open, or by an admin or a key with registrations:write. Once it is, again changes nothing; where all places are taken it waits.';

create or replace function agon.find_registration(competition public.competitions, participant text)
returns public.competition_registrations
language plpgsql stable security definer set search_path = ''
as $$
declare
  registration public.competition_registrations;
begin
  -- Without a name it is the caller's: of several, the one that registered first.
  select * into registration from public.competition_registrations r
  where r.competition_id = competition.id
    and case when find_registration.participant is null
      then r.wallet in (select agon.wallets()) or r.team_id in (
        select t.team_id from public.team_roster t
        where t.role = 'captain' and t.wallet in (select agon.wallets()))
      else r.participant = lower(find_registration.participant) end
  order by r.turn limit 1;
  if not found then
    perform agon.refuse(404, 'not_registered', 'No such participant is registered here.',
      'Name a wallet or the id of a team.');
  end if;
  return registration;
end
$$;
comment on function agon.find_registration(public.competitions, text) is
  'A registration by its participant; by default the caller''s. Called by other functions only.';

create or replace function public.check_in(competition_id uuid, participant text default null)
returns public.competition_registrations
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  competition constant public.competitions := agon.hold_competition(check_in.competition_id);
  registration public.competition_registrations := agon.find_registration(competition, check_in.participant);
  opens_at constant timestamptz := competition.settings #>> '{check_in,opens_at}';
  closes_at constant timestamptz := competition.settings #>> '{check_in,closes_at}';
  role constant text := agon.require_speaker(competition, registration.participant, 'registrations:write');
begin
  if registration.checked_in then
    return registration;
  end if;
  if competition.status <> 'open' or not competition.settings ? 'check_in'
    or role = 'participant' and (agon.now() < opens_at or agon.now() >= closes_at)
  then
    perform agon.refuse(409, 'check_in_closed', 'Nobody checks in now.',
      format('It is from %s to %s.', coalesce(opens_at::text, '(never)'), coalesce(closes_at::text, '(never)')));
  end if;
  if registration.status not in ('registered', 'waiting') then
    perform agon.refuse(409, 'not_taking_part', format('The participant is %s.', registration.status),
      'Register again first.');
  end if;
  update public.competition_registrations r set checked_in = true, checked_in_at = agon.now()
  where r.id = registration.id returning * into registration;
  perform agon.emit_registration('checked_in', competition, registration);
  return registration;
end
$$;
comment on function public.check_in(uuid, text) is
  'Says that a participant is there, also one who waits: in the check-in window, or at any time before the start by an admin or a key with registrations:write. Once it is, again changes nothing.';

create or replace function public.set_seeds(competition_id uuid, seeds jsonb) returns integer
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  competition constant public.competitions := agon.hold_competition(set_seeds.competition_id);
  changed integer;
begin
  perform agon.require_org(competition.org_id, 'admin', 'registrations:write');
  if competition.status <> 'open' then
    perform agon.refuse(409, 'competition_not_open', format('The competition is %s.', competition.status),
      'Seeds are set while it is open.');
  end if;
  update public.competition_registrations r
  set seed = given.seed, rating = coalesce(given.rating, r.rating)
  from jsonb_to_recordset(seeds) as given (participant text, seed integer, rating integer)
  where r.competition_id = competition.id and r.participant = lower(given.participant);
  get diagnostics changed = row_count;
  if changed <> jsonb_array_length(seeds) then
    perform agon.refuse(404, 'not_registered', 'Not all of these are registered here.',
      'Name each participant once.');
  end if;
  if exists (select from public.competition_registrations r
    where r.competition_id = competition.id and r.seed is not null and r.status = 'registered'
    group by r.seed having count(*) > 1)
  then
    perform agon.refuse(409, 'seed_taken', 'Two participants would have the same seed.',
      'Send all of them in one call.');
  end if;
  return changed;
end
$$;
comment on function public.set_seeds(uuid, jsonb) is
  'Seeds and ratings before the start, by an admin or a key with registrations:write: [{participant, seed, rating}], a null seed takes it away. Returns how many.';

create or replace function agon.take_out(
  competition_id uuid, participant text, act text, reason text
) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  competition constant public.competitions := agon.hold_competition(take_out.competition_id);
  registration public.competition_registrations := agon.find_registration(competition, take_out.participant);
  role text := 'organiser';
  report jsonb;
begin
  if act = 'withdrawn' then
    role := agon.require_speaker(competition, registration.participant, 'registrations:write');
  else
    perform agon.require_org(competition.org_id, 'admin', 'registrations:write');
    perform agon.require_reason(reason);
  end if;
  if registration.status = act then
    return jsonb_build_object('registration', to_jsonb(registration));
  end if;
  if registration.status not in ('registered', 'waiting') or competition.status not in ('open', 'active') then
    perform agon.refuse(409, 'not_taking_part', 'The participant takes no part.',
      format('It is %s, and the competition %s.', registration.status, competition.status));
  end if;
  update public.competition_registrations r set status = act
  where r.id = registration.id returning * into registration;
  if competition.status = 'open' then
    perform agon.fill_places(competition, false);
  elsif competition.type = 'bracket' then
    report := jsonb_build_object('kind', 'disqualified', 'by', registration.participant);
    insert into public.match_events (competition_id, event, by, by_wallet, report, data, created_at)
    values (competition.id, 'disqualified', role, agon.acting_wallet(competition, registration.participant),
      report, jsonb_strip_nulls(jsonb_build_object('reason', reason, 'act', act)), agon.now());
  end if;
  perform agon.emit_registration(act, competition, registration);
  return jsonb_build_object('registration', to_jsonb(registration), 'report', report);
end
$$;
comment on function agon.take_out(uuid, text, text, text) is
  'A participant is withdrawn (by itself, an admin or a key with registrations:write) or disqualified (by the last two, with a reason): {registration, report}, where report is what the bracket takes, if there is one. Before the start its place goes to who waits.';

create or replace function agon.require_reason(reason text) returns void
language plpgsql immutable set search_path = ''
as $$
begin
  if not coalesce(length(trim(reason)) between 1 and 4000, false) then
    perform agon.refuse(422, 'reason_missing', 'This needs a reason.', 'Give one in up to 4,000 characters.');
  end if;
end
$$;
comment on function agon.require_reason(text) is
  'Refuses acts without a reason. Called by other functions only.';

create or replace function agon.acting_wallet(competition public.competitions, participant text)
returns text
language sql stable security definer set search_path = ''
as $$
  select case
    when not agon.plays_as(participant) then agon.org_wallet(competition.org_id)
    when participant like '0x%' then participant
    else (select t.wallet from public.team_roster t
      where t.team_id::text = participant and t.role = 'captain')
  end
$$;
comment on function agon.acting_wallet(public.competitions, text) is
  'The wallet by which the caller acts for a participant, or as an organiser; null for keys and the service. Called by other functions only.';

create or replace function agon.list_registrations(
  competition_id uuid, status text, after bigint, most integer
) returns setof public.competition_registrations
language sql stable set search_path = ''
as $$
  select r.* from public.competition_registrations r
  where r.competition_id = list_registrations.competition_id
    and (list_registrations.status is null or r.status = list_registrations.status)
    and (after is null or r.turn > after)
  order by r.turn limit most
$$;
comment on function agon.list_registrations(uuid, text, bigint, integer) is
  'Registrations in their order; after: the turn of the last one seen.';

grant execute on function agon.take_out(uuid, text, text, text) to agon_worker;
grant execute on function agon.list_registrations(uuid, text, bigint, integer)
  to anon, authenticated, service_role;
revoke all on function public.register_for_competition(uuid, text, uuid), public.check_in(uuid, text),
  public.set_seeds(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.register_for_competition(uuid, text, uuid), public.check_in(uuid, text),
  public.set_seeds(uuid, jsonb) to authenticated, service_role;

revoke all on public.competition_registrations from anon, authenticated, service_role;
grant select on public.competition_registrations to anon, authenticated, service_role;
-- Nobody registers for a draft, so a registration is of a competition that everybody sees.
drop policy if exists competition_registrations_select_everyone on public.competition_registrations;
create policy competition_registrations_select_everyone on public.competition_registrations
  for select to anon, authenticated
  using ((select agon.host_org()) is null or competition_id in (
    select c.id from public.competitions c where c.org_id = (select agon.host_org())));
drop policy if exists competition_registrations_select_service on public.competition_registrations;
create policy competition_registrations_select_service on public.competition_registrations
  for select to service_role using (true);
