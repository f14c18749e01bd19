-- Who has which role in an organisation, and who is in it no more. There is an owner at all times.

create or replace function agon.settle_owner(org_id uuid) returns void
language plpgsql security definer set search_path = ''
as $$
declare
  owner text;
begin
  select m.wallet into owner
  from public.org_members m join public.organizations o on o.id = m.org_id
  where m.org_id = settle_owner.org_id and m.role = 'owner'
  order by (m.wallet = o.owner_wallet) desc, m.joined_at, m.wallet
  limit 1;
  if owner is null then
    perform agon.refuse(409, 'last_owner', 'An organisation has an owner at all times.',
      'Make another member an owner, or transfer the organisation, first.');
  end if;
  update public.organizations o set owner_wallet = owner
  where o.id = settle_owner.org_id and o.owner_wallet <> owner;
end
$$;
comment on function agon.settle_owner(uuid) is
  'Refuses what would leave an organisation without an owner; where owner_wallet is one no longer, the owner of longest standing takes its place. Called by other functions only.';

create or replace function agon.require_member(org_id uuid, wallet text) returns public.org_members
language plpgsql stable security definer set search_path = ''
as $$
declare
  member public.org_members;
begin
  select * into member from public.org_members m
  where m.org_id = require_member.org_id and m.wallet = lower(require_member.wallet);
  if not found then
    perform agon.refuse(404, 'member_unknown', 'This wallet does not belong to the organisation.',
      'Invite it first.');
  end if;
  return member;
end
$$;
comment on function agon.require_member(uuid, text) is
  'A member by wallet; refuses where there is none. Called by other functions only.';

create or replace function public.change_member(
  slug text, wallet text, role text default null, email text default null
) returns public.org_members
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  org constant public.organizations := agon.hold_org(change_member.slug);
  member public.org_members;
  role_before text;
begin
  if change_member.role is not null then
    perform agon.require_known_role(change_member.role);
    perform agon.require_org(org.id, 'owner');
  elsif not coalesce(lower(change_member.wallet) in (select agon.wallets()), false) then
    perform agon.require_org(org.id, 'admin');
  end if;
  member := agon.require_member(org.id, change_member.wallet);
  role_before := member.role;
  update public.org_members m
  set role = coalesce(change_member.role, m.role),
    email = case when change_member.email is null then m.email
      else nullif(change_member.email, '') end
  where m.id = member.id
  returning * into member;
  perform agon.settle_owner(org.id);
  if member.role <> role_before then
    perform agon.emit('member.changed', org.id::text, jsonb_build_object(
      'org_id', org.id, 'wallet', member.wallet, 'role', member.role, 'from', role_before));
  end if;
  return member;
end
$$;
comment on function public.change_member(text, text, text, text) is
  'Gives a member another role, by an owner; or another contact address ('''' for none), by an admin or the member. What is null stays.';

create or replace function public.remove_member(slug text, wallet text) returns boolean
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  org constant public.organizations := agon.hold_org(remove_member.slug);
  member public.org_members;
begin
  select * into member from public.org_members m
  where m.org_id = org.id and m.wallet = lower(remove_member.wallet);
  if not coalesce(lower(remove_member.wallet) in (select agon.wallets()), false) then
    if coalesce(member.role, 'member') = 'member' then
      perform agon.require_org(org.id, 'admin', 'members:write');
    else
      perform agon.require_org(org.id, 'owner');
    end if;
  end if;
  if member.id is null then
    return false;
  end if;
  delete from public.org_members m where m.id = member.id;
  perform agon.settle_owner(org.id);
  perform agon.emit('member.removed', org.id::text, jsonb_build_object(
    'org_id', org.id, 'wallet', member.wallet, 'role', member.role));
  return true;
end
$$;
comment on function public.remove_member(text, text) is
  'A member leaves, or is removed: a member by an admin or a key with members:write, an admin or owner by an owner. The last owner stays; false when it was not there.';

create or replace function public.transfer_organization(slug text, wallet text)
returns public.organizations
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  org public.organizations := agon.hold_org(transfer_organization.slug);
  heir public.org_members;
begin
  perform agon.require_org(org.id, 'owner');
  if org.owner_wallet = lower(transfer_organization.wallet) then
    return org;
  end if;
  -- Owners share their rights, but the organisation is one's to give away.
  perform agon.require_wallet(org.owner_wallet);
  heir := agon.require_member(org.id, transfer_organization.wallet);
  update public.org_members m
  set role = case when m.id = heir.id then 'owner' else 'admin' end
  where m.org_id = org.id and (m.id = heir.id or m.wallet = org.owner_wallet);
  perform agon.emit('organization.transferred', org.id::text, jsonb_build_object(
    'org_id', org.id, 'from', org.owner_wallet, 'to', heir.wallet));
  update public.organizations o set owner_wallet = heir.wallet where o.id = org.id
  returning * into org;
  return org;
end
$$;
comment on function public.transfer_organization(text, text) is
  'The owner gives the organisation to a member, at once, and stays as an admin; to its owner, again changes nothing.';

revoke all on function public.change_member(text, text, text, text),
  public.remove_member(text, text), public.transfer_organization(text, text)
  from public, anon, authenticated, service_role;
grant execute on function public.change_member(text, text, text, text),
  public.remove_member(text, text), public.transfer_organization(text, text)
  to authenticated, service_role, agon_worker;
