-- API keys of organisations: shown once, held to their scopes, their rate and their time.

create or replace function agon.show_api_key(key public.api_keys) returns jsonb
language sql stable set search_path = ''
as $$ select to_jsonb(key) - 'key_hash' $$;
comment on function agon.show_api_key(public.api_keys) is
  'A key as its organisation''s admins see it. Called by other functions only.';

create or replace function agon.issue_api_key(
  slug text,
  key_hash text,
  key_prefix text,
  label text,
  scopes text[],
  rate_limit integer,
  expires_at timestamptz
) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  keys_max constant integer := 64;
  org constant public.organizations := agon.hold_org(issue_api_key.slug);
  unknown text;
  key public.api_keys;
begin
  perform agon.require_org(org.id, 'admin');
  select string_agg(coalesce(left(s, 60), 'null'), ', ') into unknown from unnest(scopes) s
  where not exists (select from agon.api_scopes known where known.scope = s);
  if coalesce(cardinality(scopes), 0) = 0 or unknown is not null then
    perform agon.refuse(422, 'scope_unknown',
      format('A key has one scope or more, and there is no scope %s.', coalesce(left(unknown, 200), '(none)')),
      (select 'There are ' || string_agg(known.scope, ', ' order by known.scope collate "C") || '.'
       from agon.api_scopes known));
  end if;
  if not coalesce(issue_api_key.expires_at > agon.now(), true) then
    perform agon.refuse(422, 'expiry_over', 'The key would have expired already.',
      'Give a time to come, or none.');
  end if;
  if (select count(*) from public.api_keys k where k.org_id = org.id and k.revoked_at is null
      and (k.expires_at is null or k.expires_at > agon.now())) >= keys_max then
    perform agon.refuse(409, 'too_many_api_keys',
      format('An organisation has at most %s keys that hold.', keys_max), 'Revoke one first.');
  end if;
  insert into public.api_keys
    (org_id, key_hash, key_prefix, label, scopes, rate_limit, expires_at, created_at)
  values (org.id, issue_api_key.key_hash, issue_api_key.key_prefix, issue_api_key.label,
    array(select distinct s collate "C" from unnest(issue_api_key.scopes) s order by 1),
    coalesce(issue_api_key.rate_limit, 1000), issue_api_key.expires_at, agon.now())
  returning * into key;
  return agon.show_api_key(key);
end
$$;
comment on function agon.issue_api_key(text, text, text, text, text[], integer, timestamptz) is
  'A new key of an organisation, by an admin: no key makes another. rate_limit: requests an hour, 1,000 if null; expires_at null: never.';

create or replace function agon.list_api_keys(slug text) returns setof jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  rows_max constant integer := 1000;
  org constant public.organizations := agon.find_org(slug);
begin
  perform agon.require_org(org.id, 'admin');
  return query
    select agon.show_api_key(k) from public.api_keys k where k.org_id = org.id
    order by k.created_at desc, k.id limit rows_max;
end
$$;
comment on function agon.list_api_keys(text) is
  'The keys of an organisation, the newest first, 1,000 at most; for its admins.';

create or replace function agon.revoke_api_key(slug text, id uuid) returns boolean
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  org constant public.organizations := agon.find_org(revoke_api_key.slug);
begin
  perform agon.require_org(org.id, 'admin');
  update public.api_keys k set revoked_at = agon.now()
  where k.id = revoke_api_key.id and k.org_id = org.id and k.revoked_at is null;
  return found;
end
$$;
comment on function agon.revoke_api_key(text, uuid) is
  'Ends a key of an organisation, at once; false when none held. For its admins.';

create or replace function agon.find_api_key(key_hash text) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_strip_nulls(jsonb_build_object('org_id', k.org_id, 'scopes', k.scopes,
    'api_key', k.id, 'exp', floor(extract(epoch from k.expires_at))::bigint))
  from public.api_keys k
  where k.key_hash = find_api_key.key_hash
    and k.revoked_at is null and (k.expires_at is null or k.expires_at > agon.now())
$$;
comment on function agon.find_api_key(text) is
  'The claims of who shows the key with this hash; null when none holds.';

create or replace function agon.lease_requests(
  api_key uuid, wanted integer, unused integer default 0, unused_hour timestamptz default null
) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  -- A process takes a part of what is left, so those that come later find some of it, too.
  share constant integer := 16;
  leased_max constant integer := 1000;
  this_hour timestamptz := date_trunc('hour', agon.now(), 'UTC');
  key public.api_keys;
  taken_before integer;
  granted integer;
begin
  select * into key from public.api_keys k
  where k.id = lease_requests.api_key
    and k.revoked_at is null and (k.expires_at is null or k.expires_at > agon.now());
  if not found then
    return null;
  end if;
  -- Whoever waited here for the row may have begun in the hour before: the later hour stands.
  insert into agon.api_key_hours as h (api_key_id, hour, taken) values (key.id, this_hour, 0)
  on conflict (api_key_id) do update set
    hour = greatest(h.hour, excluded.hour),
    taken = case when h.hour < excluded.hour then 0
      when h.hour = unused_hour then greatest(h.taken - unused, 0) else h.taken end
  returning h.hour, h.taken into this_hour, taken_before;
  granted := greatest(0, least(key.rate_limit - taken_before,
    greatest(wanted, least((key.rate_limit - taken_before) / share, leased_max))));
  update agon.api_key_hours h set taken = h.taken + granted where h.api_key_id = key.id;
  update public.api_keys k set last_used_at = date_trunc('minute', agon.now())
  where k.id = key.id and k.last_used_at is distinct from date_trunc('minute', agon.now());
  return jsonb_build_object('granted', granted, 'hour', this_hour,
    'ends_in_s', extract(epoch from this_hour + interval '1 hour' - agon.now()));
end
$$;
comment on function agon.lease_requests(uuid, integer, integer, timestamptz) is
  'Gives a serving process some of a key''s requests of this hour (UTC), at least `wanted` if there are so many, and takes back what it did not use: {granted, hour, ends_in_s}; null for a key that does not hold. Together no more than rate_limit are given in an hour.';

grant execute on function
  agon.issue_api_key(text, text, text, text, text[], integer, timestamptz),
  agon.list_api_keys(text), agon.revoke_api_key(text, uuid), agon.find_api_key(text),
  agon.lease_requests(uuid, integer, integer, timestamptz) to agon_worker;

revoke all on public.api_keys from anon, authenticated, service_role;
grant select (id, org_id, key_prefix, label, scopes, rate_limit, last_used_at, expires_at, created_at,
  revoked_at) on public.api_keys to authenticated, service_role;
drop policy if exists api_keys_select_admins on public.api_keys;
create policy api_keys_select_admins on public.api_keys
  for select to authenticated using (org_id in (select agon.my_orgs('admin')));
drop policy if exists api_keys_select_service on public.api_keys;
create policy api_keys_select_service on public.api_keys
  for select to service_role using (true);
