-- Which chain is followed, whose logs are read on it, and what systems do with them.
--
-- For systems:
--   agon.the_chain() -> bigint
--   agon.contract_address(chain_id, name) -> text
--   agon.register_chain_effect(contract, event, "position", apply, undo), from a rules file:
--     apply(chain_id bigint, from_block bigint, to_block bigint) returns void, once a range in which
--       such logs are, after all logs of the range stand in agon.chain_logs;
--     undo(chain_id bigint, first_undone bigint) returns void, while the logs still stand.

create or replace trigger chains_stamp_updated_at
  before update on agon.chains for each row execute function agon.stamp_updated_at();

create or replace function agon.the_chain() returns bigint
language sql stable security definer set search_path = ''
as $$ select c.chain_id from agon.chains c order by c.created_at, c.chain_id limit 1 $$;
comment on function agon.the_chain() is 'The chain that this installation follows; null before the first.';
grant execute on function agon.the_chain() to agon_worker;

create or replace function agon.open_chain(chain_id bigint, start_block bigint default 0)
returns agon.chains
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  known constant bigint := agon.the_chain();
  chain agon.chains;
begin
  if known <> open_chain.chain_id then
    perform agon.refuse(409, 'chain_differs',
      format('The node speaks for chain %s; this database follows chain %s.',
        open_chain.chain_id, known),
      'Correct AGON_RPC_URL, or use another database for that chain.');
  end if;
  insert into agon.chains (chain_id, next_block)
  values (open_chain.chain_id, open_chain.start_block) on conflict do nothing;
  select * into chain from agon.chains c where c.chain_id = open_chain.chain_id;
  return chain;
end
$$;
comment on function agon.open_chain(bigint, bigint) is
  'The chain''s row, made at first; start_block counts only then. Another chain than the known one is refused.';
grant execute on function agon.open_chain(bigint, bigint) to agon_worker;

create or replace function agon.take_chain(chain_id bigint) returns agon.chains
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  chain agon.chains;
begin
  select * into chain from agon.chains c where c.chain_id = take_chain.chain_id for update;
  if not found then
    perform agon.refuse(404, 'chain_unknown', format('Chain %s is not followed here.', take_chain.chain_id),
      'Set AGON_RPC_URL and run `agon chain index`.');
  end if;
  return chain;
end
$$;
comment on function agon.take_chain(bigint) is
  'The chain''s row, held until the transaction ends: whoever writes what was read takes turns.';
grant execute on function agon.take_chain(bigint) to agon_worker;

create or replace function agon.keep_contract(
  chain_id bigint, name text, abi_version integer, address text, from_block bigint,
  replace boolean default false
) returns agon.chain_contracts
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  chain constant agon.chains := agon.take_chain(keep_contract.chain_id);
  own constant text := lower(keep_contract.address);
  contract agon.chain_contracts;
begin
  select * into contract from agon.chain_contracts c
  where c.chain_id = chain.chain_id and c.address = own and c.from_block = keep_contract.from_block;
  if (contract.name, contract.abi_version) <> (keep_contract.name, keep_contract.abi_version) then
    perform agon.refuse(409, 'contract_differs',
      format('%s is known from block %s as %s, version %s.', own, contract.from_block,
        contract.name, contract.abi_version),
      'Another ABI holds from another block on.');
  end if;
  if contract.address is not null then
    return contract;
  end if;
  update agon.chain_contracts c set to_block = keep_contract.from_block
  where c.chain_id = chain.chain_id and c.to_block is null
    and c.from_block < keep_contract.from_block
    and (c.address = own or (keep_contract.replace and c.name = keep_contract.name));
  -- Blocks that may still be undone are simply read again; final ones only when asked for.
  if keep_contract.from_block < chain.next_block
    and keep_contract.from_block > chain.finalized_block then
    perform agon.undo_blocks(chain.chain_id, keep_contract.from_block);
  end if;
  insert into agon.chain_contracts
    (chain_id, address, from_block, name, abi_version, read_from)
  select c.chain_id, own, keep_contract.from_block, keep_contract.name, keep_contract.abi_version,
    greatest(c.next_block, keep_contract.from_block)
  from agon.chains c where c.chain_id = chain.chain_id
  returning * into contract;
  return contract;
end
$$;
comment on function agon.keep_contract(bigint, text, integer, text, bigint, boolean) is
  'Whose logs are read from a block on. An older ABI of the address ends there, and with replace, so do '
  'other contracts of the name. read_from is later than from_block where final blocks had been passed: '
  'agon.reindex_chain(chain_id, from_block) reads them again.';
grant execute on function agon.keep_contract(bigint, text, integer, text, bigint, boolean) to agon_worker;

create or replace function agon.contract_address(chain_id bigint, name text) returns text
language sql stable security definer set search_path = ''
as $$
  select c.address from agon.chain_contracts c
  where c.chain_id = contract_address.chain_id and c.name = contract_address.name
    and c.to_block is null
  order by c.from_block desc, c.created_at desc limit 1
$$;
comment on function agon.contract_address(bigint, text) is
  'Where the newest contract of a name is, among those that still hold; null if there is none.';
grant execute on function agon.contract_address(bigint, text) to agon_worker;

create or replace function agon.register_chain_effect(
  contract text, event text, "position" integer, apply text, undo text
) returns void
language plpgsql security definer set search_path = ''
as $$
begin
  if to_regprocedure(apply || '(bigint,bigint,bigint)') is null
    or to_regprocedure(undo || '(bigint,bigint)') is null then
    perform agon.refuse(409, 'effect_unknown',
      format('There is no %s(bigint, bigint, bigint), or no %s(bigint, bigint).', apply, undo),
      'Name functions that are there, with their schema.');
  end if;
  insert into agon.chain_effects as e (contract, event, position, apply, undo)
  values (register_chain_effect.contract, register_chain_effect.event,
    register_chain_effect."position", register_chain_effect.apply, register_chain_effect.undo)
  on conflict on constraint chain_effects_pkey do update
  set position = excluded.position, undo = excluded.undo;
end
$$;
comment on function agon.register_chain_effect(text, text, integer, text, text) is
  'What is done with logs of an event, and how it is taken back; for rules files, which run again and again.';

create or replace function agon.read_chain(chain_id bigint) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select to_jsonb(c) || jsonb_build_object(
    'contracts', coalesce((
      select jsonb_agg(to_jsonb(k) - 'chain_id' order by k.from_block, k.address)
      from agon.chain_contracts k where k.chain_id = c.chain_id), '[]'),
    'tip', (select b.hash from agon.chain_blocks b
      where b.chain_id = c.chain_id and b.number = c.next_block - 1))
  from agon.chains c where c.chain_id = read_chain.chain_id
$$;
comment on function agon.read_chain(bigint) is
  'The chain''s row, with its contracts and the hash of the newest block that was read, if that is kept.';
grant execute on function agon.read_chain(bigint) to agon_worker;

create or replace function agon.chain_time(chain_id bigint) returns timestamptz
language sql stable security definer set search_path = ''
as $$
  select b.mined_at
  from agon.chains c
  join agon.chain_blocks b on b.chain_id = c.chain_id
    and b.number <= least(c.finalized_block, c.next_block - 1)
  where c.chain_id = chain_time.chain_id
  order by b.number desc limit 1
$$;
comment on function agon.chain_time(bigint) is
  'Up to when all is read and never undone: what was mined before stands here, however late we are. Null before the first block.';
grant execute on function agon.chain_time(bigint) to agon_worker;

create or replace function agon.show_chain(chain_id bigint) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select agon.read_chain(c.chain_id) || jsonb_build_object(
    'logs', (select count(*) from agon.chain_logs l where l.chain_id = c.chain_id),
    'signer', (select to_jsonb(s) - 'sealed_key' - 'chain_id' from agon.chain_signers s
      where s.chain_id = c.chain_id and s.active),
    'open_intents', coalesce((
      select jsonb_object_agg(i.status, i.intents) from (
        select i.status, count(*) as intents from agon.chain_intents i
        where i.chain_id = c.chain_id and i.status in ('queued', 'signed', 'sent', 'proposed')
        group by i.status) i), '{}'))
  from agon.chains c where c.chain_id = show_chain.chain_id
$$;
comment on function agon.show_chain(bigint) is
  'For operators: how far we are, contracts, who signs, and what is still to be sent or settled.';
grant execute on function agon.show_chain(bigint) to agon_worker;

revoke all on public.indexer_state from anon, authenticated, service_role;
grant select on public.indexer_state to service_role;
drop policy if exists indexer_state_select_service on public.indexer_state;
create policy indexer_state_select_service on public.indexer_state
  for select to service_role using (true);
