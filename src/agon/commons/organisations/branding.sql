-- Branding: how an organisation looks, and the domain of its own.

create or replace trigger whitelabel_configs_stamp_updated_at
  before update on public.whitelabel_configs
  for each row execute function agon.stamp_updated_at();

create or replace function agon.show_config(config public.whitelabel_configs) returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object('primary_color', config.primary_color, 'logo_url', config.logo_url,
    'favicon_url', config.favicon_url, 'custom_css', config.custom_css,
    'footer_text', config.footer_text, 'custom_domain', config.custom_domain,
    'domain', case when config.custom_domain is not null then jsonb_build_object(
      'verified_at', config.domain_verified_at, 'checked_at', config.domain_checked_at,
      'failures', config.domain_failures, 'record', jsonb_build_object('type', 'TXT',
        'name', '_agon-challenge.' || config.custom_domain,
        'value', 'agon-challenge=' || config.domain_challenge)) end,
    'created_at', config.created_at, 'updated_at', config.updated_at)
$$;
comment on function agon.show_config(public.whitelabel_configs) is
  'A branding as its organisation''s admins see it, with what DNS must say. Called by other functions only.';

create or replace function agon.set_branding(slug text, given jsonb) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  org constant public.organizations := agon.hold_org(set_branding.slug);
  wanted public.whitelabel_configs;
  config public.whitelabel_configs;
begin
  perform agon.require_org(org.id, 'admin', 'branding:write');
  perform agon.require_fields(given, array['primary_color', 'logo_url', 'favicon_url',
    'custom_css', 'footer_text', 'custom_domain']);
  wanted := jsonb_populate_record(null::public.whitelabel_configs, given);
  wanted.custom_domain := lower(wanted.custom_domain);
  if wanted.custom_domain is not null then
    wanted.domain_challenge := replace(gen_random_uuid()::text, '-', '');
  end if;
  insert into public.whitelabel_configs as c (org_id, primary_color, logo_url, favicon_url,
    custom_css, footer_text, custom_domain, domain_challenge, created_at, updated_at)
  values (org.id, coalesce(wanted.primary_color, '#6B5CFF'), wanted.logo_url, wanted.favicon_url,
    wanted.custom_css, wanted.footer_text, wanted.custom_domain, wanted.domain_challenge,
    agon.now(), agon.now())
  on conflict (org_id) do update set
    primary_color = excluded.primary_color, logo_url = excluded.logo_url,
    favicon_url = excluded.favicon_url, custom_css = excluded.custom_css,
    footer_text = excluded.footer_text
  returning * into config;
  if config.custom_domain is distinct from wanted.custom_domain then
    update public.whitelabel_configs c
    set custom_domain = wanted.custom_domain, domain_challenge = wanted.domain_challenge,
      domain_verified_at = null, domain_checked_at = null, domain_failures = 0
    where c.id = config.id
    returning * into config;
  end if;
  return agon.show_config(config);
end
$$;
comment on function agon.set_branding(text, jsonb) is
  'Sets the whole branding, by an admin or a key with branding:write; what is left out is as at first. Another domain must be verified anew. The caller has sanitised custom_css.';

create or replace function agon.org_branding(slug text) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  org constant public.organizations := agon.find_org(slug);
  config public.whitelabel_configs;
begin
  perform agon.require_org(org.id, 'admin', 'org:read');
  select * into config from public.whitelabel_configs c where c.org_id = org.id;
  config.primary_color := coalesce(config.primary_color, '#6B5CFF');
  return agon.show_config(config);
end
$$;
comment on function agon.org_branding(text) is
  'An organisation''s branding and the state of its domain; for admins and keys with org:read.';
grant execute on function agon.set_branding(text, jsonb), agon.org_branding(text) to agon_worker;

create or replace function agon.show_branding() returns jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object('organization', o.slug, 'name', coalesce(o.name, 'Agon'),
    'description', o.description, 'website', o.website, 'theme', coalesce(o.theme, '{}'),
    'primary_color', coalesce(c.primary_color, '#6B5CFF'),
    'logo_url', coalesce(c.logo_url, o.logo_url), 'favicon_url', c.favicon_url,
    'footer_text', c.footer_text, 'custom_css', c.custom_css)
  from (select agon.host_org() as id) host
  left join public.organizations o on o.id = host.id
  left join public.whitelabel_configs c on c.org_id = o.id
$$;
comment on function agon.show_branding() is
  'How pages look where the request came to: as the organisation whose domain it is, else as Agon.';
grant execute on function agon.show_branding() to anon, authenticated, service_role, agon_worker;

revoke all on public.whitelabel_configs from anon, authenticated, service_role;
grant select on public.whitelabel_configs to authenticated, service_role;
drop policy if exists whitelabel_configs_select_admins on public.whitelabel_configs;
create policy whitelabel_configs_select_admins on public.whitelabel_configs
  for select to authenticated using (org_id in (select agon.my_orgs('admin')));
drop policy if exists whitelabel_configs_select_keys on public.whitelabel_configs;
create policy whitelabel_configs_select_keys on public.whitelabel_configs
  for select to authenticated using (org_id = (select agon.org_scope('org:read')));
drop policy if exists whitelabel_configs_select_service on public.whitelabel_configs;
create policy whitelabel_configs_select_service on public.whitelabel_configs
  for select to service_role using (true);
