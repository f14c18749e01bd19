-- Signing in with what another party says, or with a wallet; and parting from such a way.

create or replace trigger identities_stamp_updated_at
  before update on agon.identities
  for each row execute function agon.stamp_updated_at();

create or replace function agon.add_identity(user_id uuid, provider text, provider_id text, data jsonb)
returns uuid
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  known agon.identities;
begin
  insert into agon.identities as i (user_id, provider, provider_id, identity_data,
    last_sign_in_at, created_at, updated_at)
  values (add_identity.user_id, add_identity.provider, add_identity.provider_id, data,
    agon.now(), agon.now(), agon.now())
  on conflict (provider, provider_id) do update set
    identity_data = i.identity_data || excluded.identity_data,
    last_sign_in_at = agon.now()
  returning * into known;
  if known.user_id <> add_identity.user_id then
    perform agon.refuse(422, 'identity_already_exists', 'Identity is already linked to another user');
  end if;
  perform agon.list_providers(add_identity.user_id);
  return known.id;
end
$$;
comment on function agon.add_identity(uuid, text, text, jsonb) is
  'Notes how a user is known; refuses what is another''s already. Called by other functions only.';

create or replace function agon.list_providers(user_id uuid) returns void
language plpgsql security definer set search_path = ''
as $$
declare
  names jsonb;
begin
  select jsonb_agg(p.provider order by p.since) into names from (
    select i.provider, min(i.created_at) as since from agon.identities i
    where i.user_id = list_providers.user_id group by i.provider) p;
  update auth.users u set raw_app_meta_data = u.raw_app_meta_data - 'provider' - 'providers'
    || case when names is null then '{}'
         else jsonb_build_object('provider', names -> 0, 'providers', names) end
  where u.id = list_providers.user_id;
end
$$;
comment on function agon.list_providers(uuid) is
  'Writes the ways in which a user signs in into app_metadata. Called by other functions only.';

create or replace function agon.note_address(user_id uuid, email text, is_verified boolean) returns void
language sql security definer set search_path = ''
as $$
  select agon.add_identity(user_id, 'email', user_id::text, jsonb_build_object(
    'sub', user_id, 'email', email, 'email_verified', is_verified, 'phone_verified', false))
$$;
comment on function agon.note_address(uuid, text, boolean) is
  'The identity of an address. is_verified: mail to it has come back to us. Called by other functions only.';

create or replace function agon.sign_in_with_identity(
  provider text, provider_id text, data jsonb, email text, is_verified boolean, profile jsonb,
  may_sign_up boolean
) returns uuid
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  known agon.identities;
  person auth.users;
begin
  select i.* into known from agon.identities i
  where i.provider = sign_in_with_identity.provider
    and i.provider_id = sign_in_with_identity.provider_id;
  if known.id is not null then
    perform agon.add_identity(known.user_id, provider, provider_id, data);
    return known.user_id;
  end if;
  select u.* into person from auth.users u where u.email = sign_in_with_identity.email for update;
  if person.id is null then
    if not may_sign_up then
      perform agon.refuse(422, 'signup_disabled', 'Signups not allowed for this instance');
    end if;
    perform agon.count_sign_up();
    insert into auth.users as u (email, email_confirmed_at, raw_user_meta_data, created_at, updated_at)
    values (case when is_verified then sign_in_with_identity.email end,
      case when is_verified and email is not null then agon.now() end,
      coalesce(profile, '{}'), agon.now(), agon.now())
    returning u.* into person;
    perform agon.note_security('sign_up', person.id, jsonb_build_object('method', provider));
  elsif not is_verified or not agon.may_merge(person) then
    perform agon.refuse_taken_address('Sign in as that user and link the identity.');
  elsif person.email_confirmed_at is null then
    -- Whoever signed up with this address has not proved it; the provider has.
    update auth.users u set raw_user_meta_data = coalesce(profile, '{}')
    where u.id = person.id
      and exists (select from agon.open_sign_ups o where o.user_id = person.id);
    perform agon.confirm_address(person, provider);
    perform agon.end_pending(person.id);
    delete from agon.sessions s where s.user_id = person.id;
  end if;
  perform agon.add_identity(person.id, provider, provider_id, data);
  perform agon.note_security('identity_linked', person.id, jsonb_build_object('provider', provider));
  return person.id;
end
$$;
comment on function agon.sign_in_with_identity(text, text, jsonb, text, boolean, jsonb, boolean) is
  'The user whom a party vouches for: known by its id, else by an address that both sides have proved, else new.';
grant execute on function agon.sign_in_with_identity(text, text, jsonb, text, boolean, jsonb, boolean) to agon_worker;

create or replace function agon.may_merge(person auth.users) returns boolean
language plpgsql stable security definer set search_path = ''
as $$
begin
  -- Without mail, sign-ups are confirmed unproved: such an address is not the true owner's yet.
  return agon.stands(person) and (person.email_confirmed_at is null or exists (
    select from agon.identities i where i.user_id = person.id
      and i.identity_data ->> 'email' = person.email
      and (i.identity_data ->> 'email_verified')::boolean));
end
$$;
comment on function agon.may_merge(auth.users) is
  'Whether a proof of this user''s address is a proof of being this user. Called by other functions only.';

create or replace function agon.link_identity(user_id uuid, provider text, provider_id text, data jsonb)
returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
  identity_id uuid;
begin
  identity_id := agon.add_identity(user_id, provider, provider_id, data);
  update auth.users u set is_anonymous = false where u.id = link_identity.user_id and u.is_anonymous;
  perform agon.note_security('identity_linked', user_id, jsonb_build_object('provider', provider));
  return identity_id;
end
$$;
comment on function agon.link_identity(uuid, text, text, jsonb) is
  'A further way for a user to sign in; whoever calls it has checked the proof of both sides.';
grant execute on function agon.link_identity(uuid, text, text, jsonb) to agon_worker;

create or replace function agon.unlink_identity(identity_id uuid) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  person_id constant uuid := agon.require_session();
  gone agon.identities;
begin
  perform from auth.users u where u.id = person_id for update;
  select i.* into gone from agon.identities i where i.id = identity_id and i.user_id = person_id;
  if gone.id is null then
    perform agon.refuse(404, 'identity_not_found', 'Identity does not exist');
  end if;
  if (select count(*) from agon.identities i where i.user_id = person_id) < 2 then
    perform agon.refuse(422, 'single_identity_not_deletable', 'User must have at least 1 identity after unlinking');
  end if;
  delete from agon.identities i where i.id = gone.id;
  if gone.provider = 'email' then
    -- The address goes with it, or it would still open the account by mail.
    update auth.users u set email = null, email_confirmed_at = null, encrypted_password = null
    where u.id = person_id;
  end if;
  perform agon.end_pending(person_id);
  perform agon.list_providers(person_id);
  perform agon.note_security('identity_unlinked', person_id, jsonb_build_object('provider', gone.provider));
end
$$;
comment on function agon.unlink_identity(uuid) is
  'Takes away one of the caller''s ways to sign in; never the last.';
grant execute on function agon.unlink_identity(uuid) to agon_worker;
