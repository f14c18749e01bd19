-- Organisations: made by a wallet, described by their admins.

create or replace trigger organizations_stamp_updated_at
  before update on public.organizations
  for each row execute function agon.stamp_updated_at();

create or replace function agon.find_org(slug text) returns public.organizations
language plpgsql stable security definer set search_path = ''
as $$
declare
  org public.organizations;
begin
  select * into org from public.organizations o
  where o.slug = find_org.slug and agon.host_shows(o.id);
  if not found then
    perform agon.refuse(404, 'org_unknown', 'There is no such organisation.', 'Check its slug.');
  end if;
  return org;
end
$$;
comment on function agon.find_org(text) is
  'An organisation by its slug; where the request came to the domain of one, that one alone.';
grant execute on function agon.find_org(text) to anon, authenticated, service_role, agon_worker;

create or replace function agon.hold_org(slug text) returns public.organizations
language plpgsql security definer set search_path = ''
as $$
declare
  org public.organizations := agon.find_org(slug);
begin
  -- Roles and owners are looked at behind this lock, so two acts at once cannot both be the last.
  select * into strict org from public.organizations o where o.id = org.id for no key update;
  return org;
end
$$;
comment on function agon.hold_org(text) is
  'An organisation by its slug, whose members stay as they are until the transaction ends. Called by other functions only.';

create or replace function agon.my_wallet(address text) returns text
language plpgsql stable security definer set search_path = ''
as $$
declare
  owned text[];
begin
  if address is not null then
    perform agon.require_wallet(address);
    return lower(address);
  end if;
  if (select auth.uid()) is null then
    perform agon.require_wallet('');
  end if;
  select array_agg(w) into owned from agon.wallets() w;
  if coalesce(cardinality(owned), 0) <> 1 then
    perform agon.refuse(422, 'wallet_missing', 'This must say by which wallet.',
      'Name one of your wallets.');
  end if;
  return owned[1];
end
$$;
comment on function agon.my_wallet(text) is
  'The wallet that the caller acts by: the named one, else the only one. Called by other functions only.';

create or replace function public.create_organization(
  name text,
  slug text,
  owner_wallet text default null,
  logo_url text default null,
  website text default null,
  description text default null,
  theme jsonb default null
) returns public.organizations
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  owned_max constant integer := 32;
  owner constant text := agon.my_wallet(create_organization.owner_wallet);
  org public.organizations;
begin
  perform agon.lock_wallet(owner);
  if (select count(*) from public.organizations o where o.owner_wallet = owner) >= owned_max then
    perform agon.refuse(409, 'too_many_organizations',
      format('A wallet owns at most %s organisations.', owned_max), 'Use another wallet.');
  end if;
  insert into public.organizations
    (name, slug, owner_wallet, logo_url, website, description, theme, created_at, updated_at)
  values (create_organization.name, create_organization.slug, owner, create_organization.logo_url,
    create_organization.website, create_organization.description,
    coalesce(create_organization.theme, '{}'), agon.now(), agon.now())
  on conflict (slug) do nothing
  returning * into org;
  if org.id is null then
    perform agon.refuse(409, 'slug_taken', format('The slug %s is taken.', slug), 'Choose another.');
  end if;
  insert into public.org_members (org_id, wallet, role, joined_at)
  values (org.id, owner, 'owner', agon.now());
  perform agon.emit('member.added', org.id::text,
    jsonb_build_object('org_id', org.id, 'wallet', owner, 'role', 'owner'));
  return org;
end
$$;
comment on function public.create_organization(text, text, text, text, text, text, jsonb) is
  'A new organisation of one of the caller''s wallets; the slug stays as it is.';
revoke all on function public.create_organization(text, text, text, text, text, text, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function public.create_organization(text, text, text, text, text, text, jsonb)
  to authenticated, service_role, agon_worker;

create or replace function public.update_organization(slug text, changes jsonb)
returns public.organizations
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  org public.organizations := agon.hold_org(update_organization.slug);
begin
  perform agon.require_org(org.id, 'admin');
  perform agon.require_fields(changes, array['name', 'logo_url', 'website', 'description', 'theme']);
  org := jsonb_populate_record(org, changes);
  update public.organizations o
  set name = org.name, logo_url = org.logo_url, website = org.website,
    description = org.description, theme = org.theme
  where o.id = org.id
  returning * into org;
  return org;
end
$$;
comment on function public.update_organization(text, jsonb) is
  'Describes an organisation anew, by an admin: of name, logo_url, website, description and theme what is given.';
revoke all on function public.update_organization(text, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function public.update_organization(text, jsonb) to authenticated, service_role, agon_worker;

create or replace function agon.require_fields(given jsonb, known text[]) returns void
language plpgsql immutable set search_path = ''
as $$
declare
  others text;
begin
  if coalesce(jsonb_typeof(given), '') <> 'object' then
    perform agon.refuse(422, 'fields_malformed', 'This takes a JSON object.',
      format('Its fields are %s.', array_to_string(known, ', ')));
  end if;
  select string_agg(left(field, 60), ', ' order by field collate "C") into others
  from jsonb_object_keys(given) field where field <> all (known);
  if others is not null then
    perform agon.refuse(422, 'field_unknown', format('There is no field %s here.', left(others, 200)),
      format('There are %s.', array_to_string(known, ', ')));
  end if;
end
$$;
comment on function agon.require_fields(jsonb, text[]) is
  'Refuses what is no object of these fields. Called by other functions only.';

create or replace function agon.list_orgs() returns setof jsonb
language sql stable security definer set search_path = ''
as $$
  select to_jsonb(o) || jsonb_build_object('role', agon.org_role(o.id))
  from public.organizations o
  where o.id in (select agon.my_orgs('member')) or o.id = (select agon.org_scope('org:read'))
    or (select agon.is_service())
  order by o.slug collate "C"
$$;
comment on function agon.list_orgs() is
  'The organisations that the caller belongs to, each with the caller''s role; a key''s own; all for the service.';
grant execute on function agon.list_orgs() to authenticated, service_role, agon_worker;

revoke all on public.organizations from anon, authenticated, service_role;
grant select on public.organizations to anon, authenticated, service_role;
drop policy if exists organizations_select_everyone on public.organizations;
create policy organizations_select_everyone on public.organizations
  for select to anon, authenticated
  using ((select agon.host_org()) is null or id = (select agon.host_org()));
drop policy if exists organizations_select_service on public.organizations;
create policy organizations_select_service on public.organizations
  for select to service_role using (true);

-- Scopes are no secret: whoever makes a key chooses among them.
revoke all on agon.api_scopes from anon, authenticated, service_role;
grant select on agon.api_scopes to anon, authenticated, service_role;
drop policy if exists api_scopes_select_everyone on agon.api_scopes;
create policy api_scopes_select_everyone on agon.api_scopes
  for select to anon, authenticated, service_role using (true);
