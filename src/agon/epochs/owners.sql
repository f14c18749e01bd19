-- Who owns a bot: the history that the chain's transfers tell, and how a reorganisation undoes it.

create or replace function agon.bot_owner_id(bot_identity_id uuid, block bigint, log integer) returns uuid
language sql immutable
-- Bound here, so it needs no search path; with one it would not be inlined, a hundred thousand times.
-- Sorted like the history itself, so the index grows at one place for each bot: eight bytes of the
-- bot, five of the block, three of the log.
return encode(substr(uuid_send(bot_identity_id), 1, 8) || substr(int8send(block), 4)
  || substr(int4send(log), 2), 'hex')::uuid;
comment on function agon.bot_owner_id(uuid, bigint, integer) is
  'The id of the row that begins there: the same when the chain is read again. Called by other functions only.';

create or replace function agon.apply_bot_transfers(chain_id bigint, from_block bigint, to_block bigint)
returns void
language plpgsql security definer set search_path = '' set work_mem = '64MB'
as $$
#variable_conflict use_column
declare
  nobody constant text := '0x0000000000000000000000000000000000000000';
begin
  -- Once or twice is the same; and a correction may stand where older logs are now told anew.
  perform agon.undo_bot_transfers(chain_id, from_block);

  with transfers as materialized (
    select (l.args ->> 'tokenId') collate "C" as token, l.address as contract, l.block_number,
      l.log_index, l.mined_at, nullif(l.args ->> 'to', nobody) as owner
    from agon.chain_logs l
    where l.chain_id = apply_bot_transfers.chain_id
      and l.contract = 'BotIdentity' and l.event = 'Transfer'
      and l.block_number between apply_bot_transfers.from_block and apply_bot_transfers.to_block
  ),
  tokens as materialized (
    -- No first_at: a burn of what was never seen owned, which tells of no owner.
    select t.token, t.contract, min(t.mined_at) filter (where t.owner is not null) as first_at
    from transfers t
    group by t.token, t.contract
  ),
  known as materialized (
    select t.*, i.id from tokens t
    left join public.bot_identities i
      on i.chain_id = apply_bot_transfers.chain_id and i.contract_address = t.contract
      and i.token_id = t.token::numeric
  ),
  made as (
    insert into public.bot_identities (id, slug, created_at, chain_id, contract_address, token_id)
    select agon.bot_identity_id(apply_bot_transfers.chain_id, k.contract, k.token::numeric),
      agon.bot_slug(apply_bot_transfers.chain_id, k.contract, k.token::numeric),
      k.first_at, apply_bot_transfers.chain_id, k.contract, k.token::numeric
    from known k where k.id is null and k.first_at is not null
    returning id, contract_address, token_id
  ),
  -- One stream, and no join of the transfers to their bots: where Postgres knows nothing of the new
  -- logs yet, that could go wrong by 100,000 times 10,000. Before the transfers of a token comes a row
  -- with its bot, and who owned it up to now.
  stream as (
    select t.*, null::uuid as id from transfers t
    union all
    select k.token, k.contract, -1, -1, null, o.owner_address, k.id
    from known k
    left join public.bot_identity_owners o on o.bot_identity_id = k.id and o.effective_to is null
    where k.id is not null
    union all
    select m.token_id::text, m.contract_address, -1, -1, null, null, m.id from made m
  ),
  steps as (
    select s.block_number, s.log_index, s.mined_at, s.owner, s.token, s.contract,
      first_value(s.id) over by_token as id, lag(s.owner) over by_token as before
    from stream s
    window by_token as (partition by s.token, s.contract order by s.block_number, s.log_index)
  ),
  changes as materialized (
    select s.*,
      row_number() over by_token as nth,
      lead(s.block_number) over by_token as to_block,
      lead(s.log_index) over by_token as to_log,
      lead(s.mined_at) over by_token as effective_to
    from steps s
    -- A transfer to oneself changes no owner.
    where s.block_number >= 0 and s.id is not null and s.owner is distinct from s.before
    window by_token as (partition by s.token, s.contract order by s.block_number, s.log_index)
  ),
  closed as (
    update public.bot_identity_owners o
    set to_block = c.block_number, to_log = c.log_index, effective_to = c.mined_at
    from changes c
    where c.nth = 1 and o.bot_identity_id = c.id and o.effective_to is null
    returning 1
  )
  insert into public.bot_identity_owners
    (id, bot_identity_id, owner_address, effective_from, effective_to, from_block, from_log, to_block,
     to_log)
  select agon.bot_owner_id(c.id, c.block_number, c.log_index), c.id, c.owner, c.mined_at,
    c.effective_to, c.block_number, c.log_index, c.to_block, c.to_log
  from changes c
  -- Counted first, so that the old row is closed before the new one opens: one is current.
  where c.owner is not null and (select count(*) from closed) is not null;
end
$$;
comment on function agon.apply_bot_transfers(bigint, bigint, bigint) is
  'Tells the owners'' history on by the transfers in a range of blocks; what stood there and later is told anew. Called by the indexer only.';

create or replace function agon.undo_bot_transfers(chain_id bigint, first_undone bigint) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  unowned uuid[];
  pointed_to text;
begin
  with gone as (
    delete from public.bot_identity_owners o
    using public.bot_identities i
    where i.id = o.bot_identity_id and i.chain_id = undo_bot_transfers.chain_id
      and coalesce(o.to_block, o.from_block) >= first_undone and o.from_block >= first_undone
    returning o.bot_identity_id
  )
  select array_agg(distinct g.bot_identity_id) into unowned from gone g;

  update public.bot_identity_owners o
  set to_block = null, to_log = null, effective_to = null
  from public.bot_identities i
  where i.id = o.bot_identity_id and i.chain_id = undo_bot_transfers.chain_id
    and coalesce(o.to_block, o.from_block) >= first_undone and o.to_block >= first_undone;

  -- Whatever table comes to point to a bot: what is pointed to stays, and is owned by nobody.
  select string_agg(format(' and not exists (select from %s r where r.%I = i.id)',
    k.conrelid::regclass, a.attname), '')
  into pointed_to
  from pg_catalog.pg_constraint k
  join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
  where k.contype = 'f' and k.confrelid = 'public.bot_identities'::regclass;
  execute 'delete from public.bot_identities i where i.id = any ($1)' || pointed_to using unowned;
end
$$;
comment on function agon.undo_bot_transfers(bigint, bigint) is
  'Takes back all that stands on a block and those after it: rows that began there go, rows that ended there are open again. Called by the indexer only.';

select agon.register_chain_effect(
  'BotIdentity', 'Transfer', 10, 'agon.apply_bot_transfers', 'agon.undo_bot_transfers');

create or replace view public.v_current_bot_identity_owner with (security_invoker = true) as
select o.bot_identity_id, o.owner_address, o.effective_from
from public.bot_identity_owners o
where o.effective_to is null;
comment on view public.v_current_bot_identity_owner is 'Who owns each bot now; a burned one is not in it.';

create or replace function agon.owns_bot(bot_identity_id uuid) returns boolean
language sql stable security definer set search_path = ''
as $$
  select exists (
    select from public.bot_identity_owners o
    where o.bot_identity_id = owns_bot.bot_identity_id and o.effective_to is null
      and o.owner_address in (select agon.wallets()))
$$;
comment on function agon.owns_bot(uuid) is 'Whether one of the caller''s wallets owns the bot now.';
grant execute on function agon.owns_bot(uuid) to anon, authenticated, service_role, agon_worker;

revoke all on public.bot_identity_owners, public.v_current_bot_identity_owner
  from anon, authenticated, service_role;
grant select on public.bot_identity_owners, public.v_current_bot_identity_owner
  to anon, authenticated, service_role;

drop policy if exists bot_identity_owners_select_everyone on public.bot_identity_owners;
create policy bot_identity_owners_select_everyone on public.bot_identity_owners
  for select to anon, authenticated, service_role using (true);
