-- Profiles: kept by version, never changed; one is active, and new days are opened by it.

create or replace function agon.keep_epoch_profile(profile_key text, config jsonb)
returns public.epoch_profiles
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  newest public.epoch_profiles;
begin
  perform agon.require_admin();
  if profile_key !~ '^[a-z0-9][a-z0-9_.-]{0,63}$' then
    perform agon.refuse(422, 'profile_key_malformed',
      format('%s is no name of a profile.', to_json(left(profile_key, 100))),
      'It has 1 to 64 of a-z, 0-9, _ . -, and begins with a letter or digit.');
  end if;
  perform pg_advisory_xact_lock(hashtextextended('epoch profiles', 0));
  select p.* into newest from public.epoch_profiles p
  where p.profile_key = keep_epoch_profile.profile_key order by p.version desc limit 1;
  if newest.config is not distinct from keep_epoch_profile.config then
    return newest;
  end if;
  insert into public.epoch_profiles (profile_key, version, config, created_at)
  values (profile_key, coalesce(newest.version, 0) + 1, config, agon.now())
  returning * into newest;
  return newest;
end
$$;
comment on function agon.keep_epoch_profile(text, jsonb) is
  'The next version of a profile, or the newest where it says the same already. Its config was checked before.';
grant execute on function agon.keep_epoch_profile(text, jsonb) to agon_worker;

create or replace function agon.activate_epoch_profile(profile_key text, version integer)
returns public.epoch_profiles
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  profile public.epoch_profiles;
begin
  perform agon.require_admin();
  perform pg_advisory_xact_lock(hashtextextended('epoch profiles', 0));
  select p.* into profile from public.epoch_profiles p
  where p.profile_key = activate_epoch_profile.profile_key
    and p.version = activate_epoch_profile.version;
  if not found then
    perform agon.refuse(404, 'profile_unknown',
      format('There is no version %s of a profile %s.', version, profile_key), 'Keep it first.');
  end if;
  if profile.is_active then
    return profile;
  end if;
  update public.epoch_profiles p set is_active = false where p.is_active;
  update public.epoch_profiles p set is_active = true where p.id = profile.id returning p.* into profile;
  perform agon.emit('epoch.profile_activated', profile.id::text,
    jsonb_build_object('profile_key', profile.profile_key, 'version', profile.version));
  return profile;
end
$$;
comment on function agon.activate_epoch_profile(text, integer) is
  'Makes one version the active one. Days that are open keep theirs.';
grant execute on function agon.activate_epoch_profile(text, integer) to agon_worker;

create or replace function agon.active_epoch_profile() returns public.epoch_profiles
language sql stable security definer set search_path = ''
as $$ select p.* from public.epoch_profiles p where p.is_active $$;
comment on function agon.active_epoch_profile() is
  'The profile that new days are opened by; null where there is none.';
grant execute on function agon.active_epoch_profile() to agon_worker;

revoke all on public.epoch_profiles from anon, authenticated, service_role;
grant select on public.epoch_profiles to anon, authenticated, service_role;
drop policy if exists epoch_profiles_select_everyone on public.epoch_profiles;
create policy epoch_profiles_select_everyone on public.epoch_profiles
  for select to anon, authenticated, service_role using (true);
