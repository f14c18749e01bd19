-- Comparing the owners' history with what the contract itself says, and correcting it.

create or replace function agon.settled_block(chain_id bigint) returns bigint
language sql security definer set search_path = ''
as $$
  select least(c.finalized_block, c.next_block - 1) from agon.take_chain(settled_block.chain_id) c
$$;
comment on function agon.settled_block(bigint) is
  'The last block that is indexed and never undone, -1 before the first; refuses unknown chains.';
grant execute on function agon.settled_block(bigint) to agon_worker;

create or replace function agon.bots_to_reconcile(
  chain_id bigint, block bigint, after uuid, most integer
) returns table (id uuid, contract_address text, token_id text)
language sql stable security definer set search_path = ''
as $$
  select i.id, i.contract_address, i.token_id::text
  from public.bot_identities i
  where i.chain_id = bots_to_reconcile.chain_id and i.id > after
    and exists (
      select from agon.chain_contracts k
      where k.chain_id = i.chain_id and k.address = i.contract_address
        and k.from_block <= block and coalesce(k.to_block > block, true))
  order by i.id
  limit most
$$;
comment on function agon.bots_to_reconcile(bigint, bigint, uuid, integer) is
  'The next bots by id whose contract was followed at a block.';
grant execute on function agon.bots_to_reconcile(bigint, bigint, uuid, integer) to agon_worker;

create or replace function agon.differing_owners(
  chain_id bigint, block bigint, identities uuid[], owners text[]
) returns table (id uuid, owner text)
language sql stable security definer set search_path = ''
as $$
  select f.id, f.owner
  from unnest(identities, owners) f (id, owner)
  join public.bot_identities i on i.id = f.id and i.chain_id = differing_owners.chain_id
  left join public.bot_identity_owners o
    on o.bot_identity_id = f.id and o.from_block <= block and coalesce(o.to_block > block, true)
  where o.owner_address is distinct from f.owner
$$;
comment on function agon.differing_owners(bigint, bigint, uuid[], text[]) is
  'Of bots and their owners at the end of a block (null is nobody), those of whom the history says something else.';
grant execute on function agon.differing_owners(bigint, bigint, uuid[], text[]) to agon_worker;

create or replace function agon.correct_owners(
  chain_id bigint, block bigint, block_hash text, mined_at timestamptz, identities uuid[],
  owners text[], most bigint default null
) returns table (bot_identity_id uuid, was text, became text)
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  end_of_block constant integer := 2147483647;
  differing constant bigint :=
    (select count(*) from agon.differing_owners(chain_id, block, identities, owners));
  wrong record;
begin
  if block > agon.settled_block(chain_id) then
    perform agon.refuse(409, 'block_not_settled',
      format('Block %s is not indexed and final.', block), 'Compare at an earlier block.');
  end if;
  -- A node of another chain with the same number would correct every bot.
  if exists (select from agon.chain_blocks b
    where b.chain_id = correct_owners.chain_id and b.number = block and b.hash <> block_hash) then
    perform agon.refuse(409, 'block_differs',
      format('The node''s block %s is not the one that was indexed.', block),
      'Check AGON_RPC_URL.');
  end if;
  -- A node that lies, or is broken, would have all bots change hands in a night.
  if differing > most then
    perform agon.refuse(409, 'owners_differ_widely',
      format('%s owners differ from what the node says, and %s at most are corrected at once.',
        differing, most),
      'Nothing was changed. If the node is right, run `agon chain reconcile --force`.');
  end if;
  for wrong in
    select f.id, f.owner, o.id as row_id, o.owner_address, o.from_block, o.from_log,
      coalesce(o.to_block, later.from_block) as to_block,
      coalesce(o.to_log, later.from_log) as to_log,
      coalesce(o.effective_to, later.effective_from) as effective_to
    from agon.differing_owners(chain_id, block, identities, owners) f
    left join public.bot_identity_owners o
      on o.bot_identity_id = f.id and o.from_block <= block and coalesce(o.to_block > block, true)
    left join lateral (
      select n.from_block, n.from_log, n.effective_from from public.bot_identity_owners n
      where n.bot_identity_id = f.id and n.from_block > block
      order by n.from_block, n.from_log
      limit 1
    ) later on o.id is null
  loop
    -- What an earlier comparison at the same block said has lasted for no time: it is replaced.
    delete from public.bot_identity_owners o
    where o.id = wrong.row_id and (o.from_block, o.from_log) = (block, end_of_block);
    update public.bot_identity_owners o
    set to_block = block, to_log = end_of_block, effective_to = mined_at
    where o.id = wrong.row_id;
    insert into public.bot_identity_owners
      (bot_identity_id, owner_address, source, effective_from, effective_to, from_block, from_log,
       to_block, to_log)
    select wrong.id, wrong.owner, 'admin_correction', mined_at, wrong.effective_to,
      block, end_of_block, wrong.to_block, wrong.to_log
    where wrong.owner is not null;
    perform agon.emit('bot_identity.corrected', wrong.id::text, jsonb_build_object(
      'bot_identity_id', wrong.id, 'chain_id', chain_id, 'block', block,
      'was', wrong.owner_address, 'became', wrong.owner));
    bot_identity_id := wrong.id;
    was := wrong.owner_address;
    became := wrong.owner;
    return next;
  end loop;
end
$$;
comment on function agon.correct_owners(bigint, bigint, text, timestamptz, uuid[], text[], bigint) is
  'Makes the history say what the contract said at the end of a settled block (owners: null is nobody) and answers with what differed; a second time nothing does. Refuses to correct more than most.';
grant execute on function agon.correct_owners(bigint, bigint, text, timestamptz, uuid[], text[], bigint) to agon_worker;

create or replace function agon.enqueue_owner_reconciliation() returns bigint
language sql security definer set search_path = ''
as $$
  select agon.enqueue('epochs.reconcile_owners', '{}', 'epochs.reconcile_owners')
  where agon.the_chain() is not null
$$;
comment on function agon.enqueue_owner_reconciliation() is
  'Queues the comparison of owners with the chain; null where nothing is on chain.';
grant execute on function agon.enqueue_owner_reconciliation() to agon_worker;
