-- Writing a range of blocks with its logs and their effects, and taking blocks back.

create or replace function agon.open_stage() returns void
language plpgsql security definer set search_path = ''
as $$
begin
  create temporary table chain_stage (
    block_number bigint not null,
    log_index integer not null,
    tx_hash text not null,
    address text not null,
    contract text not null,
    event text not null,
    args jsonb not null
  ) on commit drop;
  grant insert on pg_temp.chain_stage to agon_worker;
end
$$;
comment on function agon.open_stage() is
  'Where a worker copies the logs of one range to; gone with the transaction. It is the owner''s, '
  'since COPY takes no table with policies, and since agon.index_range trusts no other.';
grant execute on function agon.open_stage() to agon_worker;

create or replace function agon.write_blocks(
  chain_id bigint, numbers bigint[], hashes text[], parent_hashes text[], mined_s bigint[]
) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
begin
  if exists (
    select from unnest(numbers, hashes, parent_hashes) b (number, hash, parent_hash)
    join (
      select number, hash from unnest(numbers, hashes) u (number, hash)
      union all
      select k.number, k.hash from agon.chain_blocks k
      where k.chain_id = write_blocks.chain_id and k.number = (select min(n) - 1 from unnest(numbers) n)
    ) before on before.number = b.number - 1
    where b.parent_hash <> before.hash
  ) then
    perform agon.refuse(409, 'chain_parent_differs', 'The blocks do not follow on those that are kept.',
      'The chain was reorganised meanwhile; it is read again.');
  end if;
  insert into agon.chain_blocks (chain_id, number, hash, parent_hash, mined_at)
  select write_blocks.chain_id, b.number, b.hash, b.parent_hash, to_timestamp(b.mined_s)
  from unnest(numbers, hashes, parent_hashes, mined_s) b (number, hash, parent_hash, mined_s);
end
$$;
comment on function agon.write_blocks(bigint, bigint[], text[], text[], bigint[]) is
  'Keeps blocks, if each follows on the one before wherever both are known. Called by agon.index_range only.';

create or replace function agon.write_logs(chain_id bigint) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  staged bigint;
  written bigint;
begin
  -- A worker could have put a view of its own in the stage's place, and we would read it as the owner.
  if not (select c.relowner = current_user::regrole and c.relkind = 'r' from pg_catalog.pg_class c
          where c.oid = to_regclass('pg_temp.chain_stage')) then
    perform agon.refuse(403, 'stage_foreign', 'The stage is not the one that agon.open_stage made.');
  end if;
  insert into agon.chain_logs
    (chain_id, block_number, log_index, tx_hash, address, contract, event, args, mined_at)
  select write_logs.chain_id, s.block_number, s.log_index, s.tx_hash, s.address, s.contract, s.event,
    s.args, b.mined_at
  from pg_temp.chain_stage s
  join agon.chain_blocks b on b.chain_id = write_logs.chain_id and b.number = s.block_number;
  get diagnostics written = row_count;
  select count(*) into staged from pg_temp.chain_stage;
  if written <> staged then
    perform agon.refuse(409, 'log_without_block', format('%s logs have no block.', staged - written));
  end if;
end
$$;
comment on function agon.write_logs(bigint) is
  'Moves the stage to agon.chain_logs. Two logs at one place break its key. Called by agon.index_range only.';

create or replace function agon.chain_effects_between(chain_id bigint, from_block bigint, to_block bigint)
returns table (apply text, undo text, turn bigint)
language sql stable security definer set search_path = ''
as $$
  select e.apply, e.undo, row_number() over (order by e."position", e.contract, e.event)
  from agon.chain_effects e
  cross join lateral (
    select from agon.chain_logs l
    where l.chain_id = chain_effects_between.chain_id
      and l.contract = e.contract and l.event = e.event
      and l.block_number between from_block and to_block
    limit 1
  ) seen
$$;
comment on function agon.chain_effects_between(bigint, bigint, bigint) is
  'What systems do with the logs of these blocks, in its order. Called by other functions only.';

create or replace function agon.run_chain_effects(chain_id bigint, from_block bigint, to_block bigint)
returns void
language plpgsql security definer set search_path = ''
as $$
declare
  effect text;
begin
  for effect in
    select e.apply from agon.chain_effects_between(chain_id, from_block, to_block) e
    group by e.apply order by min(e.turn)
  loop
    execute format('select %s($1, $2, $3)', effect) using chain_id, from_block, to_block;
  end loop;
end
$$;
comment on function agon.run_chain_effects(bigint, bigint, bigint) is
  'What systems do with the logs of these blocks, each function once, by position. Called by agon.index_range only.';

create or replace function agon.undo_chain_effects(chain_id bigint, first_undone bigint) returns void
language plpgsql security definer set search_path = ''
as $$
declare
  newest constant bigint := 9223372036854775807;
  effect text;
begin
  for effect in
    select e.undo from agon.chain_effects_between(chain_id, first_undone, newest) e
    group by e.undo order by min(e.turn) desc
  loop
    execute format('select %s($1, $2)', effect) using chain_id, first_undone;
  end loop;
end
$$;
comment on function agon.undo_chain_effects(bigint, bigint) is
  'Takes back what systems did with the logs from a block on, the last first. Called by agon.forget_blocks only.';

create or replace function agon.note_read(chain_id bigint) returns void
language sql security definer set search_path = ''
as $$
  insert into public.indexer_state as s (key, value)
  select k.key, (c.next_block - 1)::text
  from agon.chains c, (values ('last_aivm_block'), ('last_claims_block')) k (key)
  where c.chain_id = note_read.chain_id
  on conflict (key) do update set value = excluded.value
$$;
comment on function agon.note_read(bigint) is
  'Mirrors the cursor in public.indexer_state, under the keys that the source names. Called by other functions only.';

create or replace function agon.move_chain(
  old agon.chains, next_block bigint, finalized_block bigint, head_block bigint
) returns agon.chains
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  chain agon.chains := old;
begin
  chain.next_block := move_chain.next_block;
  chain.finalized_block := greatest(old.finalized_block, move_chain.finalized_block);
  chain.head_block := move_chain.head_block;
  if chain is not distinct from old then
    return old;
  end if;
  update agon.chains c
  set next_block = chain.next_block, finalized_block = chain.finalized_block,
    head_block = chain.head_block
  where c.chain_id = old.chain_id
  returning c.* into chain;
  -- Of what can no longer be undone, the newest is needed to follow on, and those with logs.
  delete from agon.chain_blocks b
  where b.chain_id = chain.chain_id
    and b.number >= least(old.finalized_block, old.next_block - 1)
    and b.number < least(chain.finalized_block, chain.next_block - 1)
    and not exists (select from agon.chain_logs l
      where l.chain_id = b.chain_id and l.block_number = b.number);
  if chain.next_block > old.next_block then
    perform agon.note_read(chain.chain_id);
  end if;
  return chain;
end
$$;
comment on function agon.move_chain(agon.chains, bigint, bigint, bigint) is
  'Moves the cursor on. What is finalized stays so, and final blocks without logs are forgotten. Called by other functions only.';

create or replace function agon.note_head(chain_id bigint, finalized_block bigint, head_block bigint)
returns agon.chains
language plpgsql security definer set search_path = ''
as $$
declare
  chain constant agon.chains := agon.take_chain(note_head.chain_id);
begin
  return agon.move_chain(chain, chain.next_block, note_head.finalized_block, note_head.head_block);
end
$$;
comment on function agon.note_head(bigint, bigint, bigint) is
  'How far the chain is, where there is nothing to read. Whoever calls it has seen the newest kept block on the chain.';
grant execute on function agon.note_head(bigint, bigint, bigint) to agon_worker;

create or replace function agon.index_range(
  chain_id bigint, first_block bigint, last_block bigint,
  finalized_block bigint, head_block bigint, contracts_edition bigint,
  numbers bigint[], hashes text[], parent_hashes text[], mined_s bigint[]
) returns agon.chains
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  chain constant agon.chains := agon.take_chain(index_range.chain_id);
begin
  if chain.next_block <> first_block or last_block < first_block
    or contracts_edition <> (select count(*) + count(k.to_block) from agon.chain_contracts k
      where k.chain_id = chain.chain_id) then
    perform agon.refuse(409, 'chain_moved_on',
      format('Block %s is the next to read, or other contracts are read now.', chain.next_block),
      'Another worker was faster; go on from there.');
  end if;
  if exists (select from unnest(numbers) n where n not between first_block and last_block) then
    perform agon.refuse(409, 'block_out_of_range', 'Blocks of another range are not written.');
  end if;
  perform agon.write_blocks(chain.chain_id, numbers, hashes, parent_hashes, mined_s);
  if to_regclass('pg_temp.chain_stage') is not null then
    perform agon.write_logs(chain.chain_id);
    perform agon.run_chain_effects(chain.chain_id, first_block, last_block);
  end if;
  return agon.move_chain(chain, last_block + 1, index_range.finalized_block, index_range.head_block);
end
$$;
comment on function agon.index_range(bigint, bigint, bigint, bigint, bigint, bigint, bigint[], text[], text[], bigint[]) is
  'Blocks first to last were read: keeps the blocks given, the staged logs and their effects, and moves the cursor, '
  'if it stands at first and contracts are those that were asked for (their rows plus their ends).';
grant execute on function
  agon.index_range(bigint, bigint, bigint, bigint, bigint, bigint, bigint[], text[], text[], bigint[])
  to agon_worker;

create or replace function agon.forget_blocks(
  chain agon.chains, first_forgotten bigint, finalized_block bigint
) returns agon.chains
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  moved agon.chains;
begin
  perform agon.undo_chain_effects(chain.chain_id, first_forgotten);
  delete from agon.chain_logs l
  where l.chain_id = forget_blocks.chain.chain_id and l.block_number >= first_forgotten;
  delete from agon.chain_blocks b
  where b.chain_id = forget_blocks.chain.chain_id and b.number >= first_forgotten;
  update agon.chains c
  set next_block = least(c.next_block, first_forgotten),
    finalized_block = forget_blocks.finalized_block
  where c.chain_id = forget_blocks.chain.chain_id
  returning c.* into moved;
  perform agon.note_read(moved.chain_id);
  return moved;
end
$$;
comment on function agon.forget_blocks(agon.chains, bigint, bigint) is
  'Takes back effects, logs and blocks from a block on, and the cursor to it. Called by other functions only.';

create or replace function agon.undo_blocks(chain_id bigint, first_undone bigint) returns agon.chains
language plpgsql security definer set search_path = ''
as $$
declare
  chain constant agon.chains := agon.take_chain(undo_blocks.chain_id);
begin
  if first_undone <= chain.finalized_block then
    perform agon.refuse(409, 'reorganisation_too_deep',
      format('The chain no longer holds block %s, though blocks up to %s were final.',
        first_undone, chain.finalized_block),
      'If the node is right, `agon doctor` says from where `agon chain reindex` has to begin.');
  end if;
  return agon.forget_blocks(chain, first_undone, chain.finalized_block);
end
$$;
comment on function agon.undo_blocks(bigint, bigint) is
  'Takes back blocks that the chain no longer holds; never final ones.';
grant execute on function agon.undo_blocks(bigint, bigint) to agon_worker;

create or replace function agon.reindex_chain(chain_id bigint, from_block bigint) returns agon.chains
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  chain constant agon.chains := agon.take_chain(reindex_chain.chain_id);
begin
  if from_block not between 0 and chain.next_block then
    perform agon.refuse(400, 'block_not_read_yet',
      format('Block %s was not read yet: the next is %s.', from_block, chain.next_block),
      'Name a block that was read.');
  end if;
  update agon.chain_contracts k
  set read_from = greatest(k.from_block, least(k.read_from, reindex_chain.from_block))
  where k.chain_id = chain.chain_id and k.read_from > k.from_block;
  return agon.forget_blocks(chain, reindex_chain.from_block,
    least(chain.finalized_block, reindex_chain.from_block - 1));
end
$$;
comment on function agon.reindex_chain(bigint, bigint) is
  'Takes everything back from a block on, final or not, so that it is read again; only when an operator asks for it.';
grant execute on function agon.reindex_chain(bigint, bigint) to agon_worker;

create or replace function agon.read_blocks(chain_id bigint, first_block bigint, last_block bigint)
returns table (number bigint, hash text)
language sql stable security definer set search_path = ''
as $$
  select b.number, b.hash from agon.chain_blocks b
  where b.chain_id = read_blocks.chain_id and b.number between first_block and last_block
  order by b.number desc
$$;
comment on function agon.read_blocks(bigint, bigint, bigint) is
  'The blocks that are kept of these, the newest first: what a node is compared with.';
grant execute on function agon.read_blocks(bigint, bigint, bigint) to agon_worker;
