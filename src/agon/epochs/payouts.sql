-- What a day owes, batch by batch through the outbox: who is in a batch is fixed with its intent, in
-- one transaction, and rows follow the intents.

create or replace function agon.payout_key(number integer, batch integer) returns text
language sql immutable set search_path = ''
as $$ select format('epochs.payout:%s:%s', number, batch) $$;
comment on function agon.payout_key(integer, integer) is
  'The key of a batch''s intent: a batch of a day is meant once. Called by other functions only.';

create or replace function agon.payment_status(intent_status text, is_logged boolean) returns text
language sql immutable set search_path = ''
as $$
  select case
    when intent_status in ('queued', 'signed') then 'pending'
    when intent_status in ('proposed', 'sent') then 'submitted'
    -- The contracts do it once: who fails because it is done has an earlier attempt's log.
    when intent_status = 'failed' and not is_logged then 'failed'
    else 'confirmed'
  end
$$;
comment on function agon.payment_status(text, boolean) is
  'How a payment or an edition stands whose intent stands so. Called by other functions only.';

create or replace function agon.pay_epoch(epoch_id uuid) returns integer
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  chain constant bigint := agon.the_chain();
  epoch public.epochs;
  due integer := 0;
  edition_due boolean;
begin
  select * into epoch from public.epochs e where e.id = pay_epoch.epoch_id;
  if agon.contract_address(chain, 'EpochPayout') is not null then
    select count(*) into due from public.epoch_payouts p where p.epoch_id = epoch.id and p.batch is null;
  end if;
  edition_due := agon.edition_is_due(epoch.id);
  if due > 0 or edition_due then
    perform agon.enqueue('epochs.pay', jsonb_build_object('epoch_id', epoch.id, 'number', epoch.number),
      'epochs.pay:' || epoch.number);
  end if;
  return due;
end
$$;
comment on function agon.pay_epoch(uuid) is
  'Queues what a settled day owes and mints; says how many payouts that starts: 0 without a chain or its contracts, and a second time.';
grant execute on function agon.pay_epoch(uuid) to agon_worker;

create or replace function agon.due_payouts(epoch_id uuid)
returns table (recipient_address text, amount_wei text)
language sql security definer set search_path = ''
as $$
  select p.recipient_address, p.amount_wei::text from public.epoch_payouts p
  where p.epoch_id = due_payouts.epoch_id and p.batch is null
    and agon.contract_address(agon.the_chain(), 'EpochPayout') is not null
  order by p.id for no key update
$$;
comment on function agon.due_payouts(uuid) is
  'Payouts that are in no batch, held until the transaction ends; none where no contract pays them.';
grant execute on function agon.due_payouts(uuid) to agon_worker;

create or replace function agon.mean_payouts(
  epoch_id uuid, recipients text[], batches integer[], calls bytea[]
) returns integer
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  chain constant bigint := agon.the_chain();
  epoch public.epochs;
  made record;
  meant integer := 0;
begin
  select * into epoch from public.epochs e where e.id = mean_payouts.epoch_id;
  for made in
    with added as (
      update public.epoch_payouts p set batch = b.number, chain_id = chain
      from unnest(recipients, batches) b (recipient, number)
      where p.epoch_id = epoch.id and p.batch is null and p.recipient_address = b.recipient
      returning p.batch, p.amount_wei
    )
    select a.batch as number, sum(a.amount_wei) as wei from added a group by a.batch order by a.batch
  loop
    -- The contract holds the call to this sum.
    perform agon.intend(chain, agon.payout_key(epoch.number, made.number), 'epochs.payout',
      agon.contract_address(chain, 'EpochPayout'), calls[made.number + 1], made.wei,
      jsonb_build_object('epoch_id', epoch.id, 'number', epoch.number, 'batch', made.number));
    meant := meant + 1;
  end loop;
  if meant <> cardinality(calls) then
    perform agon.refuse(409, 'payouts_meant', format('%s batches of %s are not due.',
      cardinality(calls) - meant, epoch.day_date), 'Read what is due again.');
  end if;
  return meant;
end
$$;
comment on function agon.mean_payouts(uuid, text[], integer[], bytea[]) is
  'Puts what is due to recipients into batches, and means each with its call, the first being batch 0; the value sent is the sum of its rows.';
grant execute on function agon.mean_payouts(uuid, text[], integer[], bytea[]) to agon_worker;

create or replace function agon.recompute_payouts(intent_id bigint, below bigint) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  intent agon.chain_intents;
  pushed agon.chain_logs;
  paid_epoch uuid;
  paid_batch integer;
begin
  select (i.payload ->> 'epoch_id')::uuid, (i.payload ->> 'batch')::integer into paid_epoch, paid_batch
  from agon.chain_intents i where i.id = intent_id;
  -- The sender and the indexer take turns here, and who comes second sees what the first wrote.
  perform from public.epoch_payouts p
  where p.epoch_id = paid_epoch and p.batch = paid_batch
  order by p.id for no key update;
  select * into intent from agon.chain_intents i where i.id = intent_id;
  if intent.status in ('confirmed', 'failed') then
    select * into pushed from agon.chain_logs l
    where l.chain_id = intent.chain_id and l.contract = 'EpochPayout' and l.event = 'BatchPushed'
      -- What was confirmed stands in its block; else any attempt may have done it.
      and l.block_number between case intent.status when 'confirmed' then intent.settled_block else 0 end
        and case intent.status when 'confirmed' then intent.settled_block else below end
      and l.block_number < below
      and l.address = intent.to_address and l.args ->> 'epoch' = intent.payload ->> 'number'
      and l.args ->> 'batch' = intent.payload ->> 'batch' and l.args ->> 'total' = intent.value_wei::text
      -- Whoever may pay could have paid others by this number: it was ours if it paid each of ours.
      and not exists (
        select p.recipient_address, sum(p.amount_wei)::text from public.epoch_payouts p
        where p.epoch_id = paid_epoch and p.batch = paid_batch group by p.recipient_address
        except
        select c.args ->> 'to', c.args ->> 'amount' from agon.chain_logs c
        where c.chain_id = l.chain_id and c.block_number = l.block_number and c.tx_hash = l.tx_hash
          and c.address = l.address and c.event in ('Paid', 'Credited')
          and c.args ->> 'epoch' = l.args ->> 'epoch' and c.args ->> 'batch' = l.args ->> 'batch');
  end if;
  with found as (
    select p.id, s.status,
      case s.status when 'confirmed' then coalesce(pushed.tx_hash, intent.settled_hash) end as tx_hash,
      case s.status when 'failed' then coalesce(intent.error, 'it failed') end as error,
      exists (
        select from agon.chain_logs c
        where c.chain_id = pushed.chain_id and c.contract = 'EpochPayout' and c.event = 'Credited'
          and c.block_number = pushed.block_number and c.tx_hash = pushed.tx_hash
          and c.args ->> 'to' = p.recipient_address) as credited
    from public.epoch_payouts p,
      agon.payment_status(intent.status, pushed.tx_hash is not null) s (status)
    where p.epoch_id = paid_epoch and p.batch = paid_batch
  )
  update public.epoch_payouts p set
    status = f.status, payout_tx_hash = f.tx_hash, error = f.error, credited = f.credited,
    settled_at = case when f.status = p.status then p.settled_at
      when f.status in ('confirmed', 'failed') then agon.now() end
  from found f
  where f.id = p.id and (p.status, p.payout_tx_hash, p.error, p.credited)
    is distinct from (f.status, f.tx_hash, f.error, f.credited);
end
$$;
comment on function agon.recompute_payouts(bigint, bigint) is
  'How the rows of a batch stand, by its intent and by the contract''s logs of blocks below one. Called by notes and effects only.';

create or replace function agon.note_payouts(intent agon.chain_intents) returns void
language sql security definer set search_path = ''
as $$ select agon.recompute_payouts(intent.id, 9223372036854775807) $$;
comment on function agon.note_payouts(agon.chain_intents) is 'Note of epochs.payout.';
select agon.register_purpose('epochs.payout', 'agon.note_payouts');

create or replace function agon.pay_day(day date) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  epoch constant public.epochs := agon.show_epoch(day);
  again integer;
  started integer;
  edition public.epoch_editions;
begin
  if epoch.outcome is null then
    perform agon.refuse(409, 'epoch_not_settled', format('%s is not settled.', epoch.day_date),
      'What it owes is known after its settlement.');
  end if;
  select count(*) filter (where agon.mean_again(i.id)) into again from (
    select i.id from agon.chain_intents i
    join (
      select distinct p.chain_id, agon.payout_key(epoch.number, p.batch) as key
      from public.epoch_payouts p where p.epoch_id = epoch.id and p.status = 'failed'
      union all
      select e.chain_id, agon.edition_key(e.token_id)
      from public.epoch_editions e where e.epoch_id = epoch.id and e.status = 'failed'
    ) failed on i.chain_id = failed.chain_id and i.key = failed.key
    order by i.id
  ) i;
  started := agon.pay_epoch(epoch.id);
  select * into edition from public.epoch_editions e where e.epoch_id = epoch.id;
  return (
    select jsonb_build_object('started', started, 'again', again, 'owed', count(*),
      'unstarted', count(*) filter (where p.batch is null) - started,
      'confirmed', count(*) filter (where p.status = 'confirmed'),
      'edition', edition.status, 'edition_waits', case edition.status when 'pending' then edition.error end)
    from public.epoch_payouts p where p.epoch_id = epoch.id);
end
$$;
comment on function agon.pay_day(date) is
  'Starts what a settled day owes and mints, and means again what failed of it: {started, again, owed, unstarted, confirmed, edition, edition_waits}. What the contracts did already they refuse, so nothing is paid twice.';
grant execute on function agon.pay_day(date) to agon_worker;
