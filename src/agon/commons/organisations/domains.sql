-- Domains of organisations: proved by a TXT record, looked at again, lost when it is gone.

create or replace function agon.ask_domain_check(slug text) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  org constant public.organizations := agon.find_org(slug);
  config public.whitelabel_configs;
begin
  perform agon.require_org(org.id, 'admin', 'branding:write');
  select * into config from public.whitelabel_configs c where c.org_id = org.id;
  if config.custom_domain is null then
    perform agon.refuse(409, 'domain_missing', 'This organisation has no domain of its own.',
      'Set custom_domain in its branding first.');
  end if;
  perform agon.enqueue('organisations.check_domain', jsonb_build_object('org_id', org.id),
    'domain:' || org.id);
  return agon.show_config(config);
end
$$;
comment on function agon.ask_domain_check(text) is
  'Has an organisation''s domain looked up soon, by an admin or a key with branding:write.';

create or replace function agon.enqueue_domain_checks() returns integer
language plpgsql security definer set search_path = ''
as $$
declare
  every constant interval := interval '1 day';
  after_failure constant interval := interval '1 hour';
  asked integer;
begin
  select count(agon.enqueue('organisations.check_domain', jsonb_build_object('org_id', c.org_id),
    'domain:' || c.org_id)) into asked
  from public.whitelabel_configs c
  where c.domain_verified_at is not null and c.domain_checked_at
    <= agon.now() - case when c.domain_failures > 0 then after_failure else every end;
  return asked;
end
$$;
comment on function agon.enqueue_domain_checks() is
  'Has verified domains looked up again: each once a day, after a failure each hour. Returns how many.';

create or replace function agon.domain_to_check(org_id uuid) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select agon.show_config(c) from public.whitelabel_configs c
  where c.org_id = domain_to_check.org_id and c.custom_domain is not null
$$;
comment on function agon.domain_to_check(uuid) is
  'The branding whose domain is to be looked up; null when there is none any more.';

create or replace function agon.note_domain_check(org_id uuid, record_value text, is_there boolean)
returns text
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  failures_max constant integer := 5;
  config public.whitelabel_configs;
  outcome text;
begin
  select * into config from public.whitelabel_configs c
  where c.org_id = note_domain_check.org_id
    and 'agon-challenge=' || c.domain_challenge = note_domain_check.record_value
  for no key update;
  if config.id is null then
    return 'changed';
  end if;
  perform pg_advisory_xact_lock(hashtextextended('domain ' || config.custom_domain, 0));
  outcome := case
    when not note_domain_check.is_there and config.domain_verified_at is null then 'missing'
    when not note_domain_check.is_there and config.domain_failures + 1 >= failures_max then 'lost'
    when not note_domain_check.is_there then 'failing'
    when exists (select from public.whitelabel_configs c where c.custom_domain = config.custom_domain
      and c.id <> config.id and c.domain_verified_at is not null) then 'taken'
    else 'verified'
  end;
  update public.whitelabel_configs c set
    domain_checked_at = agon.now(),
    domain_verified_at = case outcome when 'verified' then coalesce(c.domain_verified_at, agon.now())
      when 'failing' then c.domain_verified_at end,
    domain_failures = case outcome when 'failing' then c.domain_failures + 1 else 0 end
  where c.id = config.id;
  if outcome = 'lost' or (outcome = 'verified' and config.domain_verified_at is null) then
    perform agon.emit('domain.' || outcome, config.custom_domain, jsonb_build_object(
      'org_id', config.org_id, 'domain', config.custom_domain));
  end if;
  return outcome;
end
$$;
comment on function agon.note_domain_check(uuid, text, boolean) is
  'What DNS said of a domain: verified, taken (by another organisation), missing, failing, lost (the fifth time in a row), or changed since.';

create or replace function agon.list_domains() returns table (domain text, org_id uuid)
language sql stable security definer set search_path = ''
as $$
  select c.custom_domain, c.org_id from public.whitelabel_configs c
  where c.domain_verified_at is not null
$$;
comment on function agon.list_domains() is 'The verified domains, and whose they are.';

grant execute on function agon.ask_domain_check(text), agon.enqueue_domain_checks(),
  agon.domain_to_check(uuid), agon.note_domain_check(uuid, text, boolean), agon.list_domains()
  to agon_worker;
