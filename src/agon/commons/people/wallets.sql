-- Wallets: linked to their users, parted from them, and new users of them.

create or replace function agon.wallet_identity(address text) returns text
language sql immutable set search_path = ''
as $$ select 'web3:ethereum:' || lower(address) $$;
comment on function agon.wallet_identity(text) is
  'How the identity of a wallet is named, as Supabase names it. Called by other functions only.';

create or replace function agon.lock_wallet(address text) returns void
language sql set search_path = ''
as $$ select pg_advisory_xact_lock(hashtextextended('wallet ' || lower(address), 0)) $$;
comment on function agon.lock_wallet(text) is
  'What is done about a wallet takes turns. It comes before locking its user. Called by other functions only.';

create or replace function agon.link_wallet(user_id uuid, address text) returns agon.user_wallets
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  wallet agon.user_wallets;
begin
  perform agon.lock_wallet(link_wallet.address);
  -- Asked first: on Supabase nobody but its own server may write here, not even nothing.
  if not exists (select from auth.users u where u.id = link_wallet.user_id) then
    insert into auth.users (id) values (link_wallet.user_id) on conflict (id) do nothing;
  end if;
  insert into agon.user_wallets (address, user_id, linked_at)
  values (lower(link_wallet.address), link_wallet.user_id, agon.now())
  on conflict (address) do nothing;
  select * into wallet from agon.user_wallets w where w.address = lower(link_wallet.address);
  if wallet.user_id <> link_wallet.user_id then
    perform agon.refuse(409, 'wallet_taken',
      format('%s belongs to another user.', lower(link_wallet.address)),
      'A wallet has one user; sign in as that user.');
  end if;
  return wallet;
end
$$;
comment on function agon.link_wallet(uuid, text) is
  'Gives a wallet to a user, made if new. Whoever calls it has checked the proof of ownership.';
grant execute on function agon.link_wallet(uuid, text) to agon_worker;

create or replace function agon.user_of_wallet(address text, may_make boolean default true)
returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
  owner uuid;
begin
  -- Two first sign-ins at once make one user.
  perform agon.lock_wallet(user_of_wallet.address);
  select w.user_id into owner from agon.user_wallets w
  where w.address = lower(user_of_wallet.address) for share;
  if owner is null and may_make then
    perform agon.count_sign_up();
    insert into auth.users (raw_app_meta_data, created_at, updated_at)
    values ('{"provider": "web3", "providers": ["web3"]}', agon.now(), agon.now())
    returning id into owner;
    insert into agon.user_wallets (address, user_id, linked_at)
    values (lower(user_of_wallet.address), owner, agon.now());
    perform agon.note_security('sign_up', owner, '{"method": "web3"}');
  end if;
  return owner;
end
$$;
comment on function agon.user_of_wallet(text, boolean) is
  'Whose wallet this is; a new user''s if it was nobody''s and may_make, else null. The caller has checked the proof.';
grant execute on function agon.user_of_wallet(text, boolean) to agon_worker;

create or replace function agon.sign_in_with_wallet(address text, data jsonb, may_sign_up boolean)
returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
  person_id constant uuid := agon.user_of_wallet(address, may_sign_up);
  known_as constant text := agon.wallet_identity(address);
begin
  if person_id is null then
    perform agon.refuse(422, 'signup_disabled', 'Signups not allowed for this instance');
  end if;
  perform agon.add_identity(person_id, 'web3', known_as,
    jsonb_build_object('sub', known_as, 'custom_claims', data,
      'email_verified', false, 'phone_verified', false));
  return person_id;
end
$$;
comment on function agon.sign_in_with_wallet(text, jsonb, boolean) is
  'The user of a wallet whose signature has been checked and used up; a new one where there was none.';
grant execute on function agon.sign_in_with_wallet(text, jsonb, boolean) to agon_worker;

create or replace function agon.require_caller() returns uuid
language plpgsql stable security definer set search_path = ''
as $$
begin
  if agon.auth_is_ours() then
    return agon.require_session();
  end if;
  -- Where another server signs people in, what its token says is all there is to know.
  if (select auth.uid()) is null then
    perform agon.refuse(401, 'sign_in_first', 'This needs a signed-in user.',
      'Send Authorization: Bearer <token> of a user.');
  end if;
  return (select auth.uid());
end
$$;
comment on function agon.require_caller() is
  'The caller, whose account stands and whose session is open; refuses everybody else. Called by other functions only.';

create or replace function agon.lock_caller() returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
  caller constant uuid := agon.require_caller();
begin
  if agon.auth_is_ours() then
    perform from auth.users u where u.id = caller for update;
  else
    -- Another server's rows are not ours to lock.
    perform pg_advisory_xact_lock(hashtextextended('wallets of ' || caller, 0));
  end if;
  return caller;
end
$$;
comment on function agon.lock_caller() is
  'The caller, as agon.require_caller; changes of one user take turns. Called by other functions only.';

create or replace function agon.link_own_wallet(address text, claims jsonb default '{}')
returns agon.user_wallets
language plpgsql security definer set search_path = ''
as $$
declare
  wallet constant text := lower(link_own_wallet.address);
  caller uuid;
  known_as constant text := agon.wallet_identity(wallet);
  wallets_max constant integer := 32;
  linked agon.user_wallets;
begin
  perform agon.lock_wallet(wallet);
  caller := agon.lock_caller();
  if (select count(*) from agon.user_wallets w where w.user_id = caller and w.address <> wallet)
    >= wallets_max
  then
    perform agon.refuse(409, 'too_many_wallets', format('A user has at most %s wallets.', wallets_max),
      'Unlink one that you no longer use.');
  end if;
  linked := agon.link_wallet(caller, wallet);
  if agon.auth_is_ours() then
    perform agon.link_identity(caller, 'web3', known_as, jsonb_build_object(
      'sub', known_as, 'custom_claims', claims, 'email_verified', false, 'phone_verified', false));
  end if;
  return linked;
end
$$;
comment on function agon.link_own_wallet(text, jsonb) is
  'Gives the caller a further wallet to be and to sign in with. Whoever calls it has checked its signature and used it up; claims: what was signed.';
grant execute on function agon.link_own_wallet(text, jsonb) to agon_worker;

create or replace function agon.unlink_wallet(address text) returns boolean
language plpgsql security definer set search_path = ''
as $$
declare
  wallet constant text := lower(unlink_wallet.address);
  caller uuid;
begin
  perform agon.lock_wallet(wallet);
  caller := agon.lock_caller();
  if not exists (select from agon.user_wallets w where w.user_id = caller and w.address = wallet) then
    return false;
  end if;
  if not exists (select from auth.users u where u.id = caller and u.email is not null)
    and not exists (select from agon.identities i where i.user_id = caller and i.provider <> 'web3')
    and not exists (select from agon.user_wallets w where w.user_id = caller and w.address <> wallet)
  then
    perform agon.refuse(409, 'last_wallet', 'This wallet is the only way into this account.',
      'Link another wallet, or add an e-mail address first.');
  end if;
  delete from agon.user_wallets w where w.user_id = caller and w.address = wallet;
  return true;
end
$$;
comment on function agon.unlink_wallet(text) is
  'Takes one of the caller''s wallets from the account, and its identity; false when it was not there.';
grant execute on function agon.unlink_wallet(text) to agon_worker;

create or replace function agon.list_wallets() returns setof agon.user_wallets
language plpgsql stable security definer set search_path = ''
as $$
declare
  caller constant uuid := agon.require_caller();
begin
  return query
    select w.* from agon.user_wallets w where w.user_id = caller order by w.linked_at, w.address;
end
$$;
comment on function agon.list_wallets() is 'The caller''s wallets, the oldest first.';
grant execute on function agon.list_wallets() to authenticated, agon_worker;

create or replace function agon.note_wallet() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    perform agon.note_security('wallet_linked', new.user_id, jsonb_build_object('wallet', new.address));
    perform agon.emit('wallet.linked', new.address, to_jsonb(new));
    return null;
  end if;
  -- Else the next owner of this wallet would sign in to find it somebody else's identity.
  delete from agon.identities i
  where i.provider = 'web3' and i.provider_id = agon.wallet_identity(old.address);
  if found then
    perform agon.list_providers(old.user_id);
  end if;
  perform agon.note_security('wallet_unlinked', old.user_id, jsonb_build_object('wallet', old.address));
  perform agon.emit('wallet.unlinked', old.address, to_jsonb(old));
  return null;
end
$$;
comment on function agon.note_wallet() is
  'A wallet that comes or goes is logged and becomes an event; with a wallet goes the identity that stood on it.';
create or replace trigger user_wallets_note_wallet
  after insert or delete on agon.user_wallets
  for each row execute function agon.note_wallet();

create or replace function agon.note_wallet_identity() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  delete from agon.user_wallets w
  where w.user_id = old.user_id and agon.wallet_identity(w.address) = old.provider_id;
  return null;
end
$$;
comment on function agon.note_wallet_identity() is
  'With an identity that stood on a wallet goes the wallet, or it would still open the account.';
create or replace trigger identities_note_wallet_identity
  after delete on agon.identities
  for each row when (old.provider = 'web3') execute function agon.note_wallet_identity();
