-- Members: invited by wallet, joined by accepting, gone by leaving or by removal. Members are an
-- admin's to invite and remove; who is admin or owner is the owners' to say.

create or replace trigger org_invitations_guard_status
  before insert or update on public.org_invitations
  for each row execute function agon.guard_move('status');

create or replace function agon.require_known_role(role text) returns void
language plpgsql immutable set search_path = ''
as $$
begin
  if not coalesce(role in ('owner', 'admin', 'member'), false) then
    perform agon.refuse(422, 'org_role_unknown', 'There is no such role in an organisation.',
      'owner, admin or member.');
  end if;
end
$$;
comment on function agon.require_known_role(text) is
  'Refuses what is no role in an organisation. Called by other functions only.';

create or replace function agon.wallet_of(address text) returns text
language plpgsql immutable set search_path = ''
as $$
begin
  if not coalesce(lower(address) ~ '^0x[0-9a-f]{40}$', false) then
    perform agon.refuse(422, 'wallet_malformed', 'This is no wallet address.',
      'Give 0x and 40 hexadecimal digits.');
  end if;
  return lower(address);
end
$$;
comment on function agon.wallet_of(text) is
  'An address in lower case; refuses what is none. Called by other functions only.';

create or replace function public.invite_member(slug text, wallet text, role text default 'member')
returns public.org_invitations
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  valid constant interval := interval '14 days';
  pending_max constant integer := 1000;
  org constant public.organizations := agon.hold_org(invite_member.slug);
  invited constant text := agon.wallet_of(invite_member.wallet);
  inviter text;
  invitation public.org_invitations;
begin
  perform agon.require_known_role(role);
  if role = 'member' then
    perform agon.require_org(org.id, 'admin', 'members:write');
  else
    perform agon.require_org(org.id, 'owner');
  end if;
  if role = 'owner' then
    perform agon.refuse(422, 'owners_are_not_invited', 'Nobody is invited as an owner.',
      'Invite a member, and make an owner of who has joined.');
  end if;
  if exists (select from public.org_members m where m.org_id = org.id and m.wallet = invited) then
    perform agon.refuse(409, 'member_already', format('%s belongs to this organisation.', invited));
  end if;
  update public.org_invitations i set status = 'expired', answered_at = agon.now()
  where i.org_id = org.id and i.wallet = invited and i.status = 'pending'
    and i.expires_at <= agon.now();
  select * into invitation from public.org_invitations i
  where i.org_id = org.id and i.wallet = invited and i.status = 'pending';
  if found and invitation.role = role then
    return invitation;
  elsif found then
    perform agon.refuse(409, 'invited_already', format('%s is invited as %s.', invited, invitation.role),
      'Withdraw that invitation first.');
  end if;
  if (select count(*) from public.org_invitations i where i.org_id = org.id and i.status = 'pending')
    >= pending_max
  then
    perform agon.refuse(409, 'too_many_invitations',
      format('At most %s invitations wait for an answer.', pending_max), 'Withdraw some.');
  end if;
  select m.wallet into inviter from public.org_members m
  where m.org_id = org.id and m.wallet in (select agon.wallets())
  order by array_position(agon.roles_from('member'), m.role), m.joined_at limit 1;
  insert into public.org_invitations (org_id, wallet, role, invited_by, created_at, expires_at)
  values (org.id, invited, role, inviter, agon.now(), agon.now() + valid)
  returning * into invitation;
  perform agon.emit('member.invited', invitation.id::text,
    jsonb_build_object('org_id', org.id, 'wallet', invited, 'role', role));
  perform agon.notify(invited, 'org_invitation', format('%s invites you.', org.name), null,
    jsonb_build_object('inviteId', invitation.id, 'organization', org.slug, 'role', role),
    -- However often it is withdrawn and made again, a wallet is told once a day.
    org.id || ' ' || (agon.now() at time zone 'UTC')::date);
  return invitation;
end
$$;
comment on function public.invite_member(text, text, text) is
  'Invites a wallet for 14 days; once it is, again changes nothing. Members by an admin, or a key with members:write; admins by an owner.';
revoke all on function public.invite_member(text, text, text)
  from public, anon, authenticated, service_role;
grant execute on function public.invite_member(text, text, text) to authenticated, service_role, agon_worker;

create or replace function agon.hold_invitation(id uuid) returns public.org_invitations
language plpgsql security definer set search_path = ''
as $$
declare
  invitation public.org_invitations;
begin
  perform o.id from public.organizations o
  join public.org_invitations i on i.org_id = o.id
  where i.id = hold_invitation.id and agon.host_shows(o.id) for no key update of o;
  if not found then
    perform agon.refuse(404, 'invitation_unknown', 'There is no such invitation.', 'Check its id.');
  end if;
  select * into strict invitation from public.org_invitations i where i.id = hold_invitation.id;
  return invitation;
end
$$;
comment on function agon.hold_invitation(uuid) is
  'An invitation, whose organisation''s members stay as they are until the transaction ends. Called by other functions only.';

create or replace function agon.end_invitation(invitation public.org_invitations, outcome text)
returns public.org_invitations
language plpgsql security definer set search_path = ''
as $$
begin
  if invitation.status = outcome then
    return invitation;
  end if;
  if invitation.status <> 'pending' then
    perform agon.refuse(409, 'invitation_ended', format('This invitation is %s.', invitation.status),
      'Ask for another.');
  end if;
  update public.org_invitations i set status = outcome, answered_at = agon.now()
  where i.id = invitation.id
  returning * into invitation;
  return invitation;
end
$$;
comment on function agon.end_invitation(public.org_invitations, text) is
  'Moves an invitation that waits to how it ended; the same again changes nothing. Called by other functions only.';

create or replace function public.accept_org_invitation(id uuid, email text default null)
returns public.org_invitations
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  members_max constant integer := 10000;
  invitation public.org_invitations := agon.hold_invitation(accept_org_invitation.id);
begin
  perform agon.require_wallet(invitation.wallet);
  if invitation.status = 'pending' and invitation.expires_at <= agon.now() then
    perform agon.refuse(409, 'invitation_expired', 'The time of this invitation is over.',
      'Ask for another.');
  end if;
  if invitation.status = 'accepted' then
    return invitation;
  end if;
  if (select count(*) from public.org_members m where m.org_id = invitation.org_id) >= members_max then
    perform agon.refuse(409, 'too_many_members',
      format('An organisation has at most %s members.', members_max));
  end if;
  invitation := agon.end_invitation(invitation, 'accepted');
  insert into public.org_members (org_id, wallet, role, email, joined_at)
  values (invitation.org_id, invitation.wallet, invitation.role,
    nullif(accept_org_invitation.email, ''), agon.now());
  perform agon.emit('member.added', invitation.org_id::text, jsonb_build_object(
    'org_id', invitation.org_id, 'wallet', invitation.wallet, 'role', invitation.role));
  return invitation;
end
$$;
comment on function public.accept_org_invitation(uuid, text) is
  'The invited wallet joins, by its owner; once it has, again changes nothing. email: where its admins may write to.';

create or replace function public.decline_org_invitation(id uuid) returns public.org_invitations
language plpgsql security definer set search_path = ''
as $$
declare
  invitation constant public.org_invitations := agon.hold_invitation(decline_org_invitation.id);
begin
  perform agon.require_wallet(invitation.wallet);
  return agon.end_invitation(invitation, 'declined');
end
$$;
comment on function public.decline_org_invitation(uuid) is
  'The invited wallet does not join; the same again changes nothing.';

create or replace function public.withdraw_org_invitation(id uuid) returns public.org_invitations
language plpgsql security definer set search_path = ''
as $$
declare
  invitation constant public.org_invitations := agon.hold_invitation(withdraw_org_invitation.id);
begin
  if invitation.role = 'member' then
    perform agon.require_org(invitation.org_id, 'admin', 'members:write');
  else
    perform agon.require_org(invitation.org_id, 'owner');
  end if;
  return agon.end_invitation(invitation, 'withdrawn');
end
$$;
comment on function public.withdraw_org_invitation(uuid) is
  'The organisation no longer asks; by who may invite for the same role.';
revoke all on function public.accept_org_invitation(uuid, text), public.decline_org_invitation(uuid),
  public.withdraw_org_invitation(uuid) from public, anon, authenticated, service_role;
grant execute on function public.accept_org_invitation(uuid, text),
  public.decline_org_invitation(uuid), public.withdraw_org_invitation(uuid)
  to authenticated, service_role, agon_worker;

create or replace function agon.list_members(slug text) returns setof public.org_members
language plpgsql stable security definer set search_path = ''
as $$
declare
  org constant public.organizations := agon.find_org(slug);
begin
  perform agon.require_org(org.id, 'admin', 'members:read');
  return query
    select m.* from public.org_members m where m.org_id = org.id
    order by array_position(agon.roles_from('member'), m.role), m.joined_at, m.wallet;
end
$$;
comment on function agon.list_members(text) is
  'Who belongs to an organisation, the owners first; for admins and keys with members:read.';

create or replace function agon.list_invitations(slug text) returns setof public.org_invitations
language plpgsql stable security definer set search_path = ''
as $$
declare
  rows_max constant integer := 1000;
  org constant public.organizations := agon.find_org(slug);
begin
  perform agon.require_org(org.id, 'admin', 'members:read');
  return query
    select i.* from public.org_invitations i where i.org_id = org.id
    order by (i.status = 'pending') desc, i.created_at desc, i.id limit rows_max;
end
$$;
comment on function agon.list_invitations(text) is
  'Whom an organisation invited, who has not answered first, 1,000 at most; for admins and keys with members:read.';

create or replace function agon.list_my_invitations() returns setof jsonb
language sql stable security definer set search_path = ''
as $$
  select to_jsonb(i) || jsonb_build_object('organization', jsonb_build_object(
    'slug', o.slug, 'name', o.name, 'logo_url', o.logo_url))
  from public.org_invitations i join public.organizations o on o.id = i.org_id
  where i.wallet in (select agon.wallets()) and i.status = 'pending' and i.expires_at > agon.now()
    and agon.host_shows(o.id)
  order by i.created_at desc, i.id
$$;
comment on function agon.list_my_invitations() is 'Invitations that wait for the caller''s answer.';
grant execute on function agon.list_members(text), agon.list_invitations(text),
  agon.list_my_invitations() to anon, authenticated, service_role, agon_worker;

revoke all on public.org_members, public.org_invitations from anon, authenticated, service_role;
grant select on public.org_members, public.org_invitations to authenticated, service_role;

drop policy if exists org_members_select_own on public.org_members;
create policy org_members_select_own on public.org_members
  for select to authenticated using (wallet in (select agon.wallets()));
drop policy if exists org_members_select_admins on public.org_members;
create policy org_members_select_admins on public.org_members
  for select to authenticated using (org_id in (select agon.my_orgs('admin')));
drop policy if exists org_members_select_keys on public.org_members;
create policy org_members_select_keys on public.org_members
  for select to authenticated using (org_id = (select agon.org_scope('members:read')));
drop policy if exists org_members_select_service on public.org_members;
create policy org_members_select_service on public.org_members
  for select to service_role using (true);

drop policy if exists org_invitations_select_own on public.org_invitations;
create policy org_invitations_select_own on public.org_invitations
  for select to authenticated using (wallet in (select agon.wallets()));
drop policy if exists org_invitations_select_admins on public.org_invitations;
create policy org_invitations_select_admins on public.org_invitations
  for select to authenticated using (org_id in (select agon.my_orgs('admin')));
drop policy if exists org_invitations_select_keys on public.org_invitations;
create policy org_invitations_select_keys on public.org_invitations
  for select to authenticated using (org_id = (select agon.org_scope('members:read')));
drop policy if exists org_invitations_select_service on public.org_invitations;
create policy org_invitations_select_service on public.org_invitations
  for select to service_role using (true);
