-- Who signs for us on a chain: one active signer a chain, its nonces handed out under a lock.

create or replace trigger chain_signers_stamp_updated_at
  before update on agon.chain_signers
  for each row execute function agon.stamp_updated_at();

create or replace function agon.keep_signer(
  chain_id bigint, address text, kind text, sealed_key text default null, proposer text default null
) returns agon.chain_signers
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  signer agon.chain_signers;
begin
  if keep_signer.address !~ '^0x[0-9a-f]{40}$' then
    perform agon.refuse(422, 'signer_malformed', 'This is no address.', 'Give 0x and 40 hex digits.');
  end if;
  if keep_signer.proposer is not null and not exists (
    select from agon.chain_signers p
    where p.chain_id = keep_signer.chain_id and p.address = keep_signer.proposer and p.kind = 'key'
  ) then
    perform agon.refuse(404, 'signer_unknown', 'The proposer is no signer that we hold the key of.',
      'Add its key first: `agon chain signer add`.');
  end if;
  insert into agon.chain_signers as s (chain_id, address, kind, sealed_key, proposer, active, created_at)
  values (
    keep_signer.chain_id, keep_signer.address, keep_signer.kind, keep_signer.sealed_key,
    keep_signer.proposer,
    not exists (select from agon.chain_signers a where a.chain_id = keep_signer.chain_id and a.active),
    agon.now())
  on conflict (chain_id, address) do update
    set sealed_key = excluded.sealed_key, proposer = excluded.proposer
    where s.kind = excluded.kind
  returning s.* into signer;
  if signer.address is null then
    perform agon.refuse(409, 'signer_kind_differs',
      'This address is known as a signer of the other kind.', '`agon chain signer list` shows it.');
  end if;
  return signer;
end
$$;
comment on function agon.keep_signer(bigint, text, text, text, text) is
  'Adds a signer, or gives a known one its key or proposer anew; a chain''s first one is active at once.';
grant execute on function agon.keep_signer(bigint, text, text, text, text) to agon_worker;

create or replace function agon.use_signer(chain_id bigint, address text) returns agon.chain_signers
language plpgsql security definer set search_path = ''
as $$
declare
  signer agon.chain_signers;
begin
  perform from agon.chain_signers s
  where s.chain_id = use_signer.chain_id order by s.address for no key update;
  select * into signer from agon.chain_signers s
  where s.chain_id = use_signer.chain_id and s.address = use_signer.address;
  if not found then
    perform agon.refuse(404, 'signer_unknown', 'There is no such signer on this chain.',
      'Add it: `agon chain signer add`.');
  end if;
  update agon.chain_signers s set active = false
  where s.chain_id = use_signer.chain_id and s.address <> use_signer.address and s.active;
  update agon.chain_signers s set active = true
  where s.chain_id = use_signer.chain_id and s.address = use_signer.address
  returning s.* into signer;
  return signer;
end
$$;
comment on function agon.use_signer(bigint, text) is
  'Makes a signer the active one: it signs what waits from now on; what was signed stays with its signer.';
grant execute on function agon.use_signer(bigint, text) to agon_worker;

create or replace function agon.list_signers()
returns table (
  chain_id bigint, address text, kind text, proposer text, next_nonce bigint, active boolean,
  open_intents bigint
)
language sql stable security definer set search_path = ''
as $$
  select s.chain_id, s.address, s.kind, s.proposer, s.next_nonce, s.active,
    (select count(*) from agon.chain_intents i
      where i.chain_id = s.chain_id and i.signer = s.address
        and i.status in ('signed', 'sent', 'proposed'))
  from agon.chain_signers s
  order by s.chain_id, s.created_at, s.address
$$;
comment on function agon.list_signers() is
  'Every signer, without its key, and how many intents it has under way.';
grant execute on function agon.list_signers() to agon_worker;

create or replace function agon.find_signer(chain_id bigint, address text default null)
returns agon.chain_signers
language sql stable security definer set search_path = ''
as $$
  select * from agon.chain_signers s
  where s.chain_id = find_signer.chain_id
    and case when find_signer.address is null then s.active else s.address = find_signer.address end
$$;
comment on function agon.find_signer(bigint, text) is
  'A signer with its sealed key, for the sender alone: the one of an address, else the active one.';
grant execute on function agon.find_signer(bigint, text) to agon_worker;

create or replace function agon.open_nonces(chain_id bigint, address text, first bigint) returns void
language sql security definer set search_path = ''
as $$
  update agon.chain_signers s set next_nonce = open_nonces.first
  where s.chain_id = open_nonces.chain_id and s.address = open_nonces.address and s.next_nonce is null
$$;
comment on function agon.open_nonces(bigint, text, bigint) is
  'Where a signer''s nonces begin, as the chain said at the first start; later calls change nothing.';
grant execute on function agon.open_nonces(bigint, text, bigint) to agon_worker;

create or replace function agon.lock_signer(chain_id bigint, address text) returns agon.chain_signers
language sql security definer set search_path = ''
as $$
  select * from agon.chain_signers s
  where s.chain_id = lock_signer.chain_id and s.address = lock_signer.address
  for no key update
$$;
comment on function agon.lock_signer(bigint, text) is
  'A signer, its nonces held until the transaction ends.';
grant execute on function agon.lock_signer(bigint, text) to agon_worker;

create or replace function agon.take_nonce(chain_id bigint, address text, nonce bigint) returns void
language plpgsql security definer set search_path = ''
as $$
begin
  update agon.chain_signers s set next_nonce = take_nonce.nonce + 1
  where s.chain_id = take_nonce.chain_id and s.address = take_nonce.address
    and s.next_nonce = take_nonce.nonce;
  if not found then
    perform agon.refuse(409, 'nonce_taken', 'This nonce is not the signer''s next one.',
      'Lock the signer, and sign with its next_nonce, in one transaction.');
  end if;
end
$$;
comment on function agon.take_nonce(bigint, text, bigint) is
  'Hands out a signer''s next nonce, once. Called by other functions only.';
