-- Rosters: a wallet is invited, accepts, and leaves; all of it only while the team is not playing.

create or replace trigger team_invitations_guard_status
  before insert or update on public.team_invitations
  for each row execute function agon.guard_move('status');

create or replace function agon.require_open_roster(team public.teams) returns void
language plpgsql stable security definer set search_path = ''
as $$
declare
  playing text;
begin
  select c.title into playing from public.competition_registrations r
  join public.competitions c on c.id = r.competition_id
  where r.team_id = team.id and r.roster is not null and r.status = 'registered'
    and c.status = 'active'
  limit 1;
  if found then
    perform agon.refuse(409, 'roster_locked', format('The team plays in %s.', playing),
      'Its roster changes again when that is over.');
  end if;
end
$$;
comment on function agon.require_open_roster(public.teams) is
  'Refuses to change the roster of a team that plays in an active competition. Called by other functions only.';

create or replace function public.invite_to_team(team_id uuid, wallet text, role text default 'player')
returns public.team_invitations
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  valid constant interval := interval '14 days';
  pending_max constant integer := 200;
  team constant public.teams := agon.hold_team(invite_to_team.team_id);
  invited constant text := agon.wallet_of(invite_to_team.wallet);
  invitation public.team_invitations;
begin
  if role = 'captain' then
    perform agon.require_org(team.org_id, 'admin', 'teams:write');
  else
    perform agon.require_team(team);
  end if;
  if exists (select from public.team_roster r where r.team_id = team.id and r.wallet = invited) then
    perform agon.refuse(409, 'plays_already', format('%s is on this roster.', invited));
  end if;
  update public.team_invitations i set status = 'expired', answered_at = agon.now()
  where i.team_id = team.id and i.wallet = invited and i.status = 'pending'
    and i.expires_at <= agon.now();
  select * into invitation from public.team_invitations i
  where i.team_id = team.id and i.wallet = invited and i.status = 'pending';
  if found and invitation.role = role then
    return invitation;
  elsif found then
    perform agon.refuse(409, 'invited_already', format('%s is invited as %s.', invited, invitation.role),
      'Withdraw that invitation first.');
  end if;
  if (select count(*) from public.team_invitations i where i.team_id = team.id and i.status = 'pending')
    >= pending_max
  then
    perform agon.refuse(409, 'too_many_invitations',
      format('At most %s invitations wait for an answer.', pending_max), 'Withdraw some.');
  end if;
  insert into public.team_invitations (team_id, wallet, role, invited_by, created_at, expires_at)
  values (team.id, invited, role, (
    select w from agon.wallets() w
    left join public.team_roster r on r.team_id = team.id and r.wallet = w
    order by r.role, w limit 1), agon.now(), agon.now() + valid)
  returning * into invitation;
  perform agon.notify(invited, 'team_invitation', format('%s asks you to play.', team.name), null,
    jsonb_build_object('inviteId', invitation.id, 'teamId', team.id, 'role', role), invitation.id::text);
  return invitation;
end
$$;
comment on function public.invite_to_team(uuid, text, text) is
  'Invites a wallet to a roster for 14 days; once it is, again changes nothing. Players by the captain, an admin or a key with teams:write; a captain by the last two.';

create or replace function agon.hold_team_invitation(invitation_id uuid) returns public.team_invitations
language plpgsql security definer set search_path = ''
as $$
declare
  invitation public.team_invitations;
  team public.teams;
begin
  select * into invitation from public.team_invitations i where i.id = invitation_id;
  if not found then
    perform agon.refuse(404, 'invitation_unknown', 'There is no such invitation.', 'Check its id.');
  end if;
  team := agon.hold_team(invitation.team_id);
  select * into strict invitation from public.team_invitations i where i.id = invitation_id;
  return invitation;
end
$$;
comment on function agon.hold_team_invitation(uuid) is
  'An invitation to a team, behind the team''s lock. Called by other functions only.';

create or replace function agon.end_team_invitation(invitation public.team_invitations, outcome text)
returns public.team_invitations
language plpgsql security definer set search_path = ''
as $$
begin
  if invitation.status = outcome then
    return invitation;
  elsif invitation.status <> 'pending' then
    perform agon.refuse(409, 'invitation_ended', format('The invitation was %s.', invitation.status));
  elsif invitation.expires_at <= agon.now() and outcome = 'accepted' then
    perform agon.refuse(409, 'invitation_expired', 'The invitation''s time is over.', 'Ask for another.');
  end if;
  update public.team_invitations i set status = outcome, answered_at = agon.now()
  where i.id = invitation.id returning * into invitation;
  return invitation;
end
$$;
comment on function agon.end_team_invitation(public.team_invitations, text) is
  'Ends an invitation that waits; one that ended so already is answered with. Called by other functions only.';

create or replace function public.accept_team_invitation(invitation_id uuid) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  players_max constant integer := 100;
  invitation constant public.team_invitations := agon.hold_team_invitation(invitation_id);
  team constant public.teams := agon.find_team(invitation.team_id);
begin
  perform agon.require_wallet(invitation.wallet);
  if invitation.status = 'accepted' then
    return agon.show_team(team);
  end if;
  perform agon.end_team_invitation(invitation, 'accepted');
  perform agon.require_open_roster(team);
  if (select count(*) from public.team_roster r where r.team_id = team.id) >= players_max then
    perform agon.refuse(409, 'roster_full', format('A roster has at most %s wallets.', players_max));
  end if;
  if invitation.role = 'captain' then
    update public.team_roster r set role = 'player' where r.team_id = team.id and r.role = 'captain';
  end if;
  insert into public.team_roster (team_id, wallet, role, joined_at)
  values (team.id, invitation.wallet, invitation.role, agon.now());
  return agon.show_team(team);
end
$$;
comment on function public.accept_team_invitation(uuid) is
  'The invited wallet goes on the roster: the team. Who is invited as captain takes the captain''s place.';

create or replace function public.decline_team_invitation(invitation_id uuid)
returns public.team_invitations
language plpgsql security definer set search_path = ''
as $$
declare
  invitation constant public.team_invitations := agon.hold_team_invitation(invitation_id);
begin
  perform agon.require_wallet(invitation.wallet);
  return agon.end_team_invitation(invitation, 'declined');
end
$$;
comment on function public.decline_team_invitation(uuid) is 'The invited wallet does not play.';

create or replace function public.withdraw_team_invitation(invitation_id uuid)
returns public.team_invitations
language plpgsql security definer set search_path = ''
as $$
declare
  invitation constant public.team_invitations := agon.hold_team_invitation(invitation_id);
begin
  perform agon.require_team(agon.find_team(invitation.team_id));
  return agon.end_team_invitation(invitation, 'withdrawn');
end
$$;
comment on function public.withdraw_team_invitation(uuid) is
  'The team no longer asks; by its captain, an admin, or a key with teams:write.';

create or replace function public.remove_from_roster(team_id uuid, wallet text) returns boolean
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  team constant public.teams := agon.hold_team(remove_from_roster.team_id);
  gone constant text := lower(remove_from_roster.wallet);
begin
  if not coalesce(gone in (select agon.wallets()), false) then
    perform agon.require_team(team);
  end if;
  perform agon.require_open_roster(team);
  if exists (
      select from public.team_roster r
      where r.team_id = team.id and r.wallet = gone and r.role = 'captain')
    and exists (select from public.team_roster r where r.team_id = team.id and r.wallet <> gone)
  then
    perform agon.refuse(409, 'captain_stays', 'A team with players has a captain.',
      'Make another player captain first.');
  end if;
  delete from public.team_roster r where r.team_id = team.id and r.wallet = gone;
  return found;
end
$$;
comment on function public.remove_from_roster(uuid, text) is
  'A wallet leaves a roster, or is removed by the captain, an admin or a key with teams:write; false when it was not on it.';

create or replace function public.make_captain(team_id uuid, wallet text) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  team constant public.teams := agon.hold_team(make_captain.team_id);
  chosen constant text := lower(make_captain.wallet);
begin
  perform agon.require_team(team);
  if not exists (select from public.team_roster r where r.team_id = team.id and r.wallet = chosen) then
    perform agon.refuse(404, 'player_unknown', 'This wallet is not on the roster.', 'Invite it first.');
  end if;
  update public.team_roster r set role = 'player'
  where r.team_id = team.id and r.role = 'captain' and r.wallet <> chosen;
  update public.team_roster r set role = 'captain' where r.team_id = team.id and r.wallet = chosen;
  return agon.show_team(team);
end
$$;
comment on function public.make_captain(uuid, text) is
  'Another player of the roster becomes captain, also while it is locked; by the captain, an admin or a key with teams:write.';

create or replace function agon.list_team_invitations(team_id uuid default null)
returns setof public.team_invitations
language sql stable set search_path = ''
as $$
  select i.* from public.team_invitations i
  where case when list_team_invitations.team_id is null
    then i.wallet in (select agon.wallets()) and i.status = 'pending' and i.expires_at > agon.now()
    else i.team_id = list_team_invitations.team_id end
  order by i.created_at desc, i.id limit 1000
$$;
comment on function agon.list_team_invitations(uuid) is
  'Invitations of a team that the caller may see, the newest first; without a team, those that wait for the caller''s answer.';
grant execute on function agon.list_team_invitations(uuid) to authenticated, service_role;

revoke all on function
  public.invite_to_team(uuid, text, text), public.accept_team_invitation(uuid),
  public.decline_team_invitation(uuid), public.withdraw_team_invitation(uuid),
  public.remove_from_roster(uuid, text), public.make_captain(uuid, text)
  from public, anon, authenticated, service_role;
grant execute on function
  public.invite_to_team(uuid, text, text), public.accept_team_invitation(uuid),
  public.decline_team_invitation(uuid), public.withdraw_team_invitation(uuid),
  public.remove_from_roster(uuid, text), public.make_captain(uuid, text)
  to authenticated, service_role;

revoke all on public.team_roster, public.team_invitations from anon, authenticated, service_role;
grant select on public.team_roster to anon, authenticated, service_role;
grant select on public.team_invitations to authenticated, service_role;

drop policy if exists team_roster_select_everyone on public.team_roster;
create policy team_roster_select_everyone on public.team_roster
  for select to anon, authenticated
  using ((select agon.host_org()) is null or team_id in (
    select t.id from public.teams t where t.org_id = (select agon.host_org())));
drop policy if exists team_roster_select_service on public.team_roster;
create policy team_roster_select_service on public.team_roster
  for select to service_role using (true);

drop policy if exists team_invitations_select_own on public.team_invitations;
create policy team_invitations_select_own on public.team_invitations
  for select to authenticated using (wallet in (select agon.wallets()));
drop policy if exists team_invitations_select_captains on public.team_invitations;
create policy team_invitations_select_captains on public.team_invitations
  for select to authenticated using (team_id in (
    select r.team_id from public.team_roster r
    where r.role = 'captain' and r.wallet in (select agon.wallets())));
drop policy if exists team_invitations_select_admins on public.team_invitations;
create policy team_invitations_select_admins on public.team_invitations
  for select to authenticated using (team_id in (
    select t.id from public.teams t where t.org_id in (select agon.my_orgs('admin'))));
drop policy if exists team_invitations_select_keys on public.team_invitations;
create policy team_invitations_select_keys on public.team_invitations
  for select to authenticated using (team_id in (
    select t.id from public.teams t where t.org_id = (select agon.org_scope('teams:read'))));
drop policy if exists team_invitations_select_service on public.team_invitations;
create policy team_invitations_select_service on public.team_invitations
  for select to service_role using (true);
