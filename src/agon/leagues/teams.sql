-- Teams of organisations, and who speaks for a participant.

create or replace function agon.plays_as(participant text) returns boolean
language sql stable security definer set search_path = ''
as $$
  select case
    when participant like '0x%' then participant in (select agon.wallets())
    else exists (
      select from public.team_roster r
      where r.team_id::text = participant and r.role = 'captain' and r.wallet in (select agon.wallets()))
  end
$$;
comment on function agon.plays_as(text) is
  'Whether a participant is one of the caller''s wallets, or a team that one of them is captain of. Called by other functions only.';

create or replace function agon.speaks_for(participant text) returns boolean
language sql stable security definer set search_path = ''
as $$
  select agon.is_service() or coalesce(agon.plays_as(participant), false)
$$;
comment on function agon.speaks_for(text) is
  'Whether the caller acts for a participant: owns the wallet, or is captain of the team; the service acts for all.';
grant execute on function agon.speaks_for(text) to anon, authenticated, service_role, agon_worker;

create or replace function agon.org_wallet(org_id uuid) returns text
language sql stable security definer set search_path = ''
as $$
  select m.wallet from public.org_members m
  where m.org_id = org_wallet.org_id and m.wallet in (select agon.wallets())
  order by array_position(agon.roles_from('member'), m.role), m.joined_at, m.wallet limit 1
$$;
comment on function agon.org_wallet(uuid) is
  'The wallet by which the caller belongs to an organisation; null for keys and the service. Called by other functions only.';

create or replace function agon.find_team(team_id uuid) returns public.teams
language plpgsql stable security definer set search_path = ''
as $$
declare
  team public.teams;
begin
  select * into team from public.teams t
  where t.id = find_team.team_id and agon.host_shows(t.org_id);
  if not found then
    perform agon.refuse(404, 'team_unknown', 'There is no such team.', 'Check its id.');
  end if;
  return team;
end
$$;
comment on function agon.find_team(uuid) is
  'A team; on the domain of an organisation, one of its own. Called by other functions only.';

create or replace function agon.hold_team(team_id uuid) returns public.teams
language plpgsql security definer set search_path = ''
as $$
begin
  -- A competition that starts takes the same lock, so no roster changes beside it.
  perform from public.teams t where t.id = hold_team.team_id for no key update;
  return agon.find_team(hold_team.team_id);
end
$$;
comment on function agon.hold_team(uuid) is
  'A team whose roster stays as it is until the transaction ends. Called by other functions only.';

create or replace function agon.require_team(team public.teams) returns void
language plpgsql stable security definer set search_path = ''
as $$
begin
  if not agon.plays_as(team.id::text) then
    perform agon.require_org(team.org_id, 'admin', 'teams:write');
  end if;
end
$$;
comment on function agon.require_team(public.teams) is
  'Refuses everyone but the team''s captain, the organisation''s admins, and its keys with teams:write. Called by other functions only.';

create or replace function agon.show_team(team public.teams) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select to_jsonb(team) || jsonb_build_object('roster', coalesce((
    select jsonb_agg(jsonb_build_object('wallet', r.wallet, 'role', r.role, 'joined_at', r.joined_at)
      order by r.role, r.joined_at, r.wallet)
    from public.team_roster r where r.team_id = team.id), '[]'))
$$;
comment on function agon.show_team(public.teams) is
  'A team with its roster, the captain first. Called by other functions only.';

create or replace function public.create_team(
  slug text, name text, tag text default null, logo_url text default null, captain text default null
) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  teams_max constant integer := 10000;
  org constant public.organizations := agon.hold_org(create_team.slug);
  leader constant text := case when create_team.captain is null then agon.org_wallet(org.id)
    else agon.wallet_of(create_team.captain) end;
  team public.teams;
begin
  perform agon.require_org(org.id, 'member', 'teams:write');
  if (select count(*) from public.teams t where t.org_id = org.id) >= teams_max then
    perform agon.refuse(409, 'too_many_teams', format('An organisation has at most %s teams.', teams_max));
  end if;
  insert into public.teams (org_id, name, tag, logo_url, created_at)
  values (org.id, create_team.name, create_team.tag, create_team.logo_url, agon.now())
  on conflict (org_id, lower(name)) do nothing
  returning * into team;
  if team.id is null then
    perform agon.refuse(409, 'team_name_taken', 'The organisation has a team of this name.', 'Choose another.');
  end if;
  if leader in (select agon.wallets()) then
    insert into public.team_roster (team_id, wallet, role, joined_at)
    values (team.id, leader, 'captain', agon.now());
  elsif leader is not null then
    perform public.invite_to_team(team.id, leader, 'captain');
  end if;
  return agon.show_team(team);
end
$$;
comment on function public.create_team(text, text, text, text, text) is
  'A new team, by a member, who becomes its captain, or names another: by an admin, or a key with teams:write, a wallet that is not the caller''s, which is invited.';

create or replace function public.update_team(team_id uuid, changes jsonb) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  team public.teams := agon.hold_team(update_team.team_id);
begin
  perform agon.require_team(team);
  perform agon.require_fields(changes, array['name', 'tag', 'logo_url']);
  team := jsonb_populate_record(team, changes);
  update public.teams t set name = team.name, tag = team.tag, logo_url = team.logo_url
  where t.id = team.id;
  return agon.show_team(team);
end
$$;
comment on function public.update_team(uuid, jsonb) is
  'Describes a team anew, by its captain, an admin or a key with teams:write: of name, tag and logo_url what is given.';

create or replace function agon.load_team(team_id uuid) returns jsonb
language sql stable security definer set search_path = ''
as $$ select agon.show_team(agon.find_team(load_team.team_id)) $$;
comment on function agon.load_team(uuid) is 'A team with its roster.';

create or replace function agon.list_teams(slug text) returns setof jsonb
language sql stable security definer set search_path = ''
as $$
  select agon.show_team(t) from agon.find_org(list_teams.slug) o
  join public.teams t on t.org_id = o.id
  order by lower(t.name) collate "C"
$$;
comment on function agon.list_teams(text) is 'The teams of an organisation, with their rosters, by name.';

revoke all on function public.create_team(text, text, text, text, text), public.update_team(uuid, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function public.create_team(text, text, text, text, text), public.update_team(uuid, jsonb)
  to authenticated, service_role;
grant execute on function agon.load_team(uuid), agon.list_teams(text)
  to anon, authenticated, service_role, agon_worker;

revoke all on public.teams from anon, authenticated, service_role;
grant select on public.teams to anon, authenticated, service_role;
drop policy if exists teams_select_everyone on public.teams;
create policy teams_select_everyone on public.teams
  for select to anon, authenticated
  using ((select agon.host_org()) is null or org_id = (select agon.host_org()));
drop policy if exists teams_select_service on public.teams;
create policy teams_select_service on public.teams
  for select to service_role using (true);
