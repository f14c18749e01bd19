-- Profiles: what a wallet shows of itself, written by its owner.

create or replace trigger user_profiles_stamp_updated_at
  before update on public.user_profiles
  for each row execute function agon.stamp_updated_at();

create or replace function agon.show_profile(wallet text) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  own constant text := lower(show_profile.wallet);
  profile public.user_profiles;
begin
  if own ~ '^0x[0-9a-f]{40}$' is not true then
    perform agon.refuse(422, 'wallet_malformed', 'This is not a wallet''s address.',
      'Give 0x and 40 hexadecimal digits.');
  end if;
  select p.* into profile from public.user_profiles p where p.wallet = own;
  return jsonb_build_object('wallet', own, 'display_name', profile.display_name, 'bio', profile.bio,
    'avatar_hash', profile.avatar_hash,
    'avatar_url', case when profile.avatar_hash is not null
      then format('/api/player/%s/avatar?v=%s', own, left(profile.avatar_hash, 16)) end,
    'created_at', profile.created_at, 'updated_at', profile.updated_at);
end
$$;
comment on function agon.show_profile(text) is
  'What everybody may see of a wallet; nulls where it has said nothing.';
grant execute on function agon.show_profile(text) to anon, authenticated, service_role, agon_worker;

create or replace function agon.show_own_profile(wallet text) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  perform agon.require_wallet(show_own_profile.wallet);
  return agon.show_profile(show_own_profile.wallet);
end
$$;
comment on function agon.show_own_profile(text) is 'The profile of one of the caller''s wallets.';
grant execute on function agon.show_own_profile(text) to anon, authenticated, service_role;

create or replace function agon.put_profile(wallet text, display_name text, bio text) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  own constant text := lower(put_profile.wallet);
begin
  perform agon.require_wallet(own);
  insert into public.user_profiles as p (wallet, display_name, bio, created_at, updated_at)
  values (own, nullif(btrim(normalize(put_profile.display_name, nfc)), ''),
    nullif(btrim(normalize(put_profile.bio, nfc), E' \n'), ''), agon.now(), agon.now())
  on conflict (wallet) do update set display_name = excluded.display_name, bio = excluded.bio
  where (p.display_name, p.bio) is distinct from (excluded.display_name, excluded.bio);
  return agon.show_profile(own);
end
$$;
comment on function agon.put_profile(text, text, text) is
  'Sets display name and bio of one of the caller''s wallets; null or empty is none.';
grant execute on function agon.put_profile(text, text, text) to agon_worker;

create or replace function agon.begin_avatar(wallet text) returns void
language plpgsql security definer set search_path = ''
as $$
declare
  per_hour constant integer := 30;
  wait integer;
begin
  perform agon.require_wallet(begin_avatar.wallet);
  wait := agon.spend_for('avatar', coalesce((select auth.uid())::text, 'service'),
    case when agon.is_service() then 0 else per_hour end, interval '1 hour');
  if wait > 0 then
    perform agon.refuse(429, 'over_avatar_limit',
      format('Too many pictures: try again in %s seconds.', wait),
      format('One person sends %s an hour.', per_hour));
  end if;
end
$$;
comment on function agon.begin_avatar(text) is
  'Counts a picture for one of the caller''s wallets before it is read; refuses a stranger''s, and too many.';
grant execute on function agon.begin_avatar(text) to agon_worker;

create or replace function agon.put_avatar(wallet text, avatar bytea, avatar_mime text) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  own constant text := lower(put_avatar.wallet);
begin
  perform agon.require_wallet(own);
  insert into public.user_profiles as p (wallet, avatar, avatar_mime, avatar_hash, created_at, updated_at)
  values (own, put_avatar.avatar, put_avatar.avatar_mime,
    encode(sha256(put_avatar.avatar), 'hex'), agon.now(), agon.now())
  on conflict (wallet) do update set avatar = excluded.avatar, avatar_mime = excluded.avatar_mime,
    avatar_hash = excluded.avatar_hash
  where p.avatar_hash is distinct from excluded.avatar_hash;
  return agon.show_profile(own);
end
$$;
comment on function agon.put_avatar(text, bytea, text) is
  'Sets the picture of one of the caller''s wallets; whoever calls it has drawn it anew.';
grant execute on function agon.put_avatar(text, bytea, text) to agon_worker;

create or replace function agon.remove_avatar(wallet text) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  own constant text := lower(remove_avatar.wallet);
begin
  perform agon.require_wallet(own);
  update public.user_profiles p set avatar = null, avatar_hash = null
  where p.wallet = own and p.avatar is not null;
  return agon.show_profile(own);
end
$$;
comment on function agon.remove_avatar(text) is 'Takes the picture from one of the caller''s wallets.';
grant execute on function agon.remove_avatar(text) to agon_worker;

create or replace function agon.show_avatar(wallet text, known text[] default '{}')
returns table (avatar bytea, avatar_mime text, avatar_hash text)
language plpgsql stable security definer set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
    select case when p.avatar_hash = any (known) or '*' = any (known) then null else p.avatar end,
      p.avatar_mime, p.avatar_hash
    from public.user_profiles p
    where p.wallet = lower(show_avatar.wallet) and p.avatar is not null;
  if not found then
    perform agon.refuse(404, 'avatar_unknown', 'This wallet has no picture.',
      'GET /api/player/{wallet} has avatar_url where there is one.');
  end if;
end
$$;
comment on function agon.show_avatar(text, text[]) is
  'A wallet''s picture; without its bytes where the reader has it already, by hash.';
grant execute on function agon.show_avatar(text, text[]) to anon, authenticated, service_role;

revoke all on public.user_profiles from anon, authenticated, service_role;
-- Pictures are served one by one; a page of profiles stays small.
grant select (wallet, display_name, bio, avatar_mime, avatar_hash, created_at, updated_at)
  on public.user_profiles to anon, authenticated;
grant select on public.user_profiles to service_role;
drop policy if exists user_profiles_select_everyone on public.user_profiles;
create policy user_profiles_select_everyone on public.user_profiles
  for select to anon, authenticated, service_role using (true);
