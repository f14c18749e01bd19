-- Identity bindings: a wallet and its owner's account at a gaming platform, one for one.

create or replace trigger identity_bindings_stamp_updated_at
  before update on public.identity_bindings
  for each row execute function agon.stamp_updated_at();

create or replace function agon.start_binding(wallet text, platform text, nonce text)
returns public.openid_nonces
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  started public.openid_nonces;
begin
  perform agon.require_wallet(start_binding.wallet);
  insert into public.openid_nonces as n (nonce, wallet, platform, expires_at, created_at)
  values (start_binding.nonce, lower(start_binding.wallet), start_binding.platform,
    agon.now() + interval '10 minutes', agon.now())
  on conflict (wallet, platform) do update set
    nonce = excluded.nonce, expires_at = excluded.expires_at, created_at = excluded.created_at
  returning n.* into started;
  return started;
end
$$;
comment on function agon.start_binding(text, text, text) is
  'Remembers for ten minutes that one of the caller''s wallets is to be bound; an older start of the same is void.';
grant execute on function agon.start_binding(text, text, text) to agon_worker;

create or replace function agon.use_binding_nonce(wallet text, platform text, nonce text)
returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
begin
  perform agon.require_wallet(use_binding_nonce.wallet);
  delete from public.openid_nonces n
  where n.nonce = use_binding_nonce.nonce and n.wallet = lower(use_binding_nonce.wallet)
    and n.platform = use_binding_nonce.platform and n.expires_at > agon.now();
  if not found then
    perform agon.refuse(409, 'binding_expired', 'This binding was finished already, or took too long.',
      'Start again, and sign the new message.');
  end if;
end
$$;
comment on function agon.use_binding_nonce(text, text, text) is
  'Uses up the nonce that the binding of this wallet was started with; a nonce works once.';
grant execute on function agon.use_binding_nonce(text, text, text) to agon_worker;

create or replace function agon.bind_identity(
  wallet text, platform text, platform_id text, handle text, message text, wallet_signature text,
  ts bigint, signed_by text default null, signature text default null
) returns public.identity_bindings
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  bound public.identity_bindings;
begin
  perform agon.require_wallet(bind_identity.wallet);
  if exists (
    select from public.identity_bindings b
    where b.platform = bind_identity.platform and b.platform_id = bind_identity.platform_id
      and b.wallet <> lower(bind_identity.wallet))
  then
    perform agon.refuse(409, 'account_bound',
      format('This %s account is bound to another wallet.', bind_identity.platform),
      'Unbind it there first; an account has one wallet.');
  end if;
  insert into public.identity_bindings as b
    (wallet, platform, platform_id, handle, message, message_hash, wallet_signature, ts,
     signed_by, signature, created_at)
  values
    (lower(bind_identity.wallet), bind_identity.platform, bind_identity.platform_id,
     bind_identity.handle, bind_identity.message,
     encode(sha256(convert_to(bind_identity.message, 'UTF8')), 'hex'),
     bind_identity.wallet_signature, bind_identity.ts, lower(bind_identity.signed_by),
     bind_identity.signature, agon.now())
  on conflict (wallet, platform) do update set
    handle = excluded.handle, message = excluded.message, message_hash = excluded.message_hash,
    wallet_signature = excluded.wallet_signature, ts = excluded.ts,
    signed_by = excluded.signed_by, signature = excluded.signature
  where b.platform_id = excluded.platform_id
  returning b.* into bound;
  if not found then
    perform agon.refuse(409, 'wallet_bound',
      format('This wallet is bound to another %s account.', bind_identity.platform),
      'Unbind that first; a wallet has one account of a platform.');
  end if;
  if bound.platform = 'steam' then
    perform agon.prove_opendota(bound.wallet, bound.platform_id);
  end if;
  perform agon.emit('identity.bound', bound.wallet, jsonb_build_object(
    'wallet', bound.wallet, 'platform', bound.platform, 'platform_id', bound.platform_id));
  return bound;
end
$$;
comment on function agon.bind_identity(text, text, text, text, text, text, bigint, text, text) is
  'Binds an account to one of the caller''s wallets, or renews the proof of what is bound. Whoever calls it has checked both signatures, or asked Steam.';
grant execute on function
  agon.bind_identity(text, text, text, text, text, text, bigint, text, text) to agon_worker;

create or replace function agon.unbind_identity(wallet text, platform text) returns boolean
language plpgsql security definer set search_path = ''
as $$
begin
  perform agon.require_wallet(unbind_identity.wallet);
  delete from public.identity_bindings b
  where b.wallet = lower(unbind_identity.wallet) and b.platform = unbind_identity.platform;
  if not found then
    return false;
  end if;
  perform agon.emit('identity.unbound', lower(unbind_identity.wallet), jsonb_build_object(
    'wallet', lower(unbind_identity.wallet), 'platform', unbind_identity.platform));
  return true;
end
$$;
comment on function agon.unbind_identity(text, text) is
  'Takes an account from one of the caller''s wallets; false when none was bound.';
grant execute on function agon.unbind_identity(text, text) to agon_worker;

create or replace function agon.steam_owner(account text) returns text
language sql stable security definer set search_path = ''
as $$
  select b.wallet from public.identity_bindings b
  where b.platform = 'steam' and account ~ '^[0-9]{1,20}$'
    -- Steam64 of a person's account number: 2^56 + 2^52 + 2^32 + the number.
    and b.platform_id in (account, (account::numeric + 76561197960265728)::text)
$$;
comment on function agon.steam_owner(text) is
  'The wallet that has proven to own a Steam account, named by its number or its Steam64 id. Called by other functions only.';

create or replace function agon.prove_opendota(wallet text, steam_id text) returns void
language sql security definer set search_path = ''
as $$
  delete from public.linked_accounts a
  where a.provider = 'opendota' and a.subject <> prove_opendota.wallet
    and a.external_id in (steam_id, (steam_id::numeric - 76561197960265728)::text);
  with owned as (
    update public.linked_accounts a set next_poll_at = agon.now()
    where a.provider = 'opendota' and a.subject = prove_opendota.wallet
      and agon.steam_owner(a.external_id) = prove_opendota.wallet
    returning a.id
  )
  delete from agon.collected_documents d using owned o where d.account_id = o.id
$$;
comment on function agon.prove_opendota(text, text) is
  'An OpenDota account is a Steam account: others who linked it by its number alone lose it, and its owner''s matches are fetched again, now with full trust. Called by other functions only.';

create or replace function agon.sweep_nonces() returns integer
language sql security definer set search_path = ''
as $$
  with swept as (
    delete from public.openid_nonces n where n.expires_at <= agon.now() returning 1
  )
  select count(*)::integer from swept
$$;
comment on function agon.sweep_nonces() is 'Forgets bindings that were started and never finished; how many.';
grant execute on function agon.sweep_nonces() to agon_worker;

revoke all on public.identity_bindings, public.openid_nonces from anon, authenticated, service_role;
grant select on public.identity_bindings to authenticated, service_role;
grant select on public.openid_nonces to service_role;

drop policy if exists identity_bindings_select_own on public.identity_bindings;
create policy identity_bindings_select_own on public.identity_bindings
  for select to authenticated using (wallet in (select agon.wallets()));
drop policy if exists identity_bindings_select_service on public.identity_bindings;
create policy identity_bindings_select_service on public.identity_bindings
  for select to service_role using (true);
drop policy if exists openid_nonces_select_service on public.openid_nonces;
create policy openid_nonces_select_service on public.openid_nonces
  for select to service_role using (true);
