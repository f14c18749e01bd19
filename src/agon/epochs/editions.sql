-- The one token of a settled day: meant once, and followed as payouts are.

create or replace function agon.edition_key(number numeric) returns text
language sql immutable set search_path = ''
as $$ select 'epochs.edition:' || number $$;
comment on function agon.edition_key(numeric) is
  'The key of an edition''s intent. Called by other functions only.';

create or replace function agon.edition_is_due(epoch_id uuid) returns boolean
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  no_chain constant text := 'It waits for Edition, the contract, on a chain.';
  minter constant text := agon.contract_address(agon.the_chain(), 'Edition');
begin
  update public.epoch_editions e
  set error = case when minter is null then no_chain else nullif(e.error, no_chain) end
  where e.epoch_id = edition_is_due.epoch_id and e.status = 'pending' and e.chain_id is null;
  return found and minter is not null;
end
$$;
comment on function agon.edition_is_due(uuid) is
  'Whether a day''s edition can be minted and was not meant; one that waits for a contract says so. Called by other functions only.';

create or replace function agon.next_edition(epoch_id uuid, recipient text) returns jsonb
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  edition public.epoch_editions;
  receiver text := recipient;
begin
  select * into edition from public.epoch_editions e
  where e.epoch_id = next_edition.epoch_id and e.status = 'pending' and e.chain_id is null
    and agon.contract_address(agon.the_chain(), 'Edition') is not null
  for no key update;
  if edition.id is null then
    return null;
  end if;
  if receiver is null then
    select p.recipient_address into receiver from public.epoch_payouts p
    where p.epoch_id = edition.epoch_id order by p.amount_wei desc, p.bot_identity_id limit 1;
  end if;
  if receiver is null then
    update public.epoch_editions e
    set error = 'It waits for a recipient: nobody is paid, and AGON_EDITION_RECIPIENT names nobody.'
    where e.id = edition.id;
    return null;
  end if;
  return jsonb_build_object('recipient', receiver, 'uri', edition.metadata_uri);
end
$$;
comment on function agon.next_edition(uuid, text) is
  'To whom a day''s edition is to be minted, and with which document: the given recipient, else who is paid most. Null where there is nothing to mint, or nobody to mint it to.';
grant execute on function agon.next_edition(uuid, text) to agon_worker;

create or replace function agon.mean_edition(epoch_id uuid, recipient text, data bytea) returns bigint
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  chain constant bigint := agon.the_chain();
  edition public.epoch_editions;
begin
  update public.epoch_editions e set
    chain_id = chain, contract_address = agon.contract_address(chain, 'Edition'),
    recipient_address = mean_edition.recipient, error = null
  where e.epoch_id = mean_edition.epoch_id and e.status = 'pending' and e.chain_id is null
  returning e.* into edition;
  if edition.id is null then
    perform agon.refuse(409, 'edition_meant', 'The edition of this day is meant already.',
      'Read what is due again.');
  end if;
  return (agon.intend(chain, agon.edition_key(edition.token_id), 'epochs.edition', edition.contract_address,
    mean_edition.data, payload => jsonb_build_object('epoch_id', edition.epoch_id))).id;
end
$$;
comment on function agon.mean_edition(uuid, text, bytea) is
  'Means the minting of a day''s edition; data is its call.';
grant execute on function agon.mean_edition(uuid, text, bytea) to agon_worker;

create or replace function agon.recompute_edition(intent_id bigint, below bigint) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  intent agon.chain_intents;
  recipient text;
  minted agon.chain_logs;
begin
  select * into intent from agon.chain_intents i where i.id = intent_id;
  -- The sender and the indexer take turns, as with payouts.
  select e.recipient_address into recipient from public.epoch_editions e
  where e.epoch_id = (intent.payload ->> 'epoch_id')::uuid for no key update;
  select * into intent from agon.chain_intents i where i.id = intent_id;
  select l.* into minted from agon.chain_logs l
  where l.chain_id = intent.chain_id and l.contract = 'Edition' and l.event = 'Transfer'
    and l.block_number < below and l.address = intent.to_address
    and l.args ->> 'from' = '0x0000000000000000000000000000000000000000'
    and l.args ->> 'to' = recipient
    and agon.edition_key((l.args ->> 'tokenId')::numeric) = intent.key;
  with found as (
    select agon.payment_status(intent.status, minted.tx_hash is not null) as status
  )
  update public.epoch_editions e set
    status = f.status,
    tx_hash = case f.status when 'confirmed' then coalesce(minted.tx_hash, intent.settled_hash) end,
    error = case f.status when 'failed' then coalesce(intent.error, 'it failed') end,
    minted_at = case f.status when 'confirmed' then coalesce(minted.mined_at, e.minted_at, agon.now()) end
  from found f
  where e.epoch_id = (intent.payload ->> 'epoch_id')::uuid;
end
$$;
comment on function agon.recompute_edition(bigint, bigint) is
  'How an edition stands, by its intent and by its contract''s logs of blocks below one. Called by notes and effects only.';

create or replace function agon.note_edition(intent agon.chain_intents) returns void
language sql security definer set search_path = ''
as $$ select agon.recompute_edition(intent.id, 9223372036854775807) $$;
comment on function agon.note_edition(agon.chain_intents) is 'Note of epochs.edition.';
select agon.register_purpose('epochs.edition', 'agon.note_edition');
