-- Attempts at an intent: signed bytes under its nonce, sent until one of them is mined for good.

create or replace function agon.keep_attempt(
  intent_id bigint, signer text, nonce bigint, hash text, raw bytea,
  max_fee_wei numeric, priority_fee_wei numeric, gas_limit bigint,
  replaces text default null, is_empty boolean default false
) returns void
language plpgsql security definer set search_path = ''
as $$
declare
  intent agon.chain_intents;
begin
  select * into intent from agon.chain_intents i where i.id = keep_attempt.intent_id for no key update;
  if keep_attempt.replaces is null then
    if intent.status <> 'queued' then
      perform agon.refuse(409, 'intent_signed', 'This intent has its nonce already.',
        'Read the queue again.');
    end if;
    perform agon.take_nonce(intent.chain_id, keep_attempt.signer, keep_attempt.nonce);
    update agon.chain_intents i set
      status = 'signed', signer = keep_attempt.signer, nonce = keep_attempt.nonce, error = null
    where i.id = intent.id;
  elsif (intent.signer, intent.nonce) is distinct from (keep_attempt.signer, keep_attempt.nonce) then
    perform agon.refuse(409, 'nonce_differs', 'A replacement keeps its intent''s signer and nonce.',
      'Read the open attempts again.');
  end if;
  insert into agon.chain_transactions (
    hash, intent_id, nonce, raw, max_fee_wei, priority_fee_wei, gas_limit, replaces, is_empty, created_at)
  values (
    keep_attempt.hash, intent.id, keep_attempt.nonce, keep_attempt.raw, keep_attempt.max_fee_wei,
    keep_attempt.priority_fee_wei, keep_attempt.gas_limit, keep_attempt.replaces,
    keep_attempt.is_empty, agon.now());
end
$$;
comment on function agon.keep_attempt(bigint, text, bigint, text, bytea, numeric, numeric, bigint, text, boolean) is
  'Stores signed bytes before they are sent: with the signer''s next nonce, or in place of an attempt, with its nonce.';
grant execute on function agon.keep_attempt(bigint, text, bigint, text, bytea, numeric, numeric, bigint, text, boolean)
  to agon_worker;

create or replace function agon.open_attempts(chain_id bigint)
returns table (
  intent_id bigint, key text, to_address text, data bytea, value_wei numeric, signer text,
  nonce bigint, hash text, raw bytea, max_fee_wei numeric, priority_fee_wei numeric,
  gas_limit bigint, is_empty boolean, refusals integer, age_s float8, unsent_s float8
)
language sql stable security definer set search_path = ''
as $$
  select i.id, i.key, i.to_address, i.data, i.value_wei, i.signer, i.nonce,
    t.hash, t.raw, t.max_fee_wei, t.priority_fee_wei, t.gas_limit, t.is_empty, t.refusals,
    extract(epoch from agon.now() - t.created_at)::float8,
    extract(epoch from agon.now() - t.sent_at)::float8
  from agon.chain_intents i
  join agon.chain_transactions t on t.intent_id = i.id and t.nonce = i.nonce
  where i.chain_id = open_attempts.chain_id and i.status in ('signed', 'sent')
    and not exists (
      select from agon.chain_transactions m
      where m.intent_id = i.id and m.nonce = i.nonce and m.block_number is not null)
  order by i.signer, i.nonce, t.max_fee_wei
$$;
comment on function agon.open_attempts(bigint) is
  'Attempts at intents of which none is mined, in the order of nonces, the newest of a nonce last.';
grant execute on function agon.open_attempts(bigint) to agon_worker;

create or replace function agon.note_sent(hashes text[]) returns void
language sql security definer set search_path = ''
as $$
  update agon.chain_transactions t set sent_at = agon.now(), refusals = 0, refusal = null
  where t.hash = any (note_sent.hashes);
  update agon.chain_intents i set status = 'sent'
  from agon.chain_transactions t
  where t.hash = any (note_sent.hashes) and i.id = t.intent_id and i.nonce = t.nonce
    and i.status = 'signed';
$$;
comment on function agon.note_sent(text[]) is 'A node took these bytes, or had them already.';
grant execute on function agon.note_sent(text[]) to agon_worker;

create or replace function agon.note_refused(hash text, refusal text) returns integer
language sql security definer set search_path = ''
as $$
  update agon.chain_transactions t
  set refusals = t.refusals + 1, refusal = left(note_refused.refusal, 500)
  where t.hash = note_refused.hash
  returning t.refusals
$$;
comment on function agon.note_refused(text, text) is 'A node refused these bytes; how often in a row by now.';
grant execute on function agon.note_refused(text, text) to agon_worker;

create or replace function agon.note_mined(
  hash text, block_number bigint, block_hash text, succeeded boolean, created_address text
) returns void
language sql security definer set search_path = ''
as $$
  update agon.chain_transactions t set
    block_number = note_mined.block_number, block_hash = note_mined.block_hash,
    succeeded = note_mined.succeeded, created_address = note_mined.created_address
  where t.hash = note_mined.hash
$$;
comment on function agon.note_mined(text, bigint, text, boolean, text) is
  'Where an attempt was mined; not for good before the block is deep enough.';
grant execute on function agon.note_mined(text, bigint, text, boolean, text) to agon_worker;

create or replace function agon.mined_blocks(chain_id bigint, from_block bigint)
returns table (number bigint, hash text)
language sql stable security definer set search_path = ''
as $$
  select t.block_number, t.block_hash
  from agon.chain_intents i join agon.chain_transactions t on t.intent_id = i.id
  where i.chain_id = mined_blocks.chain_id and i.status in ('signed', 'sent')
    and t.block_number is not null
  union
  select t.block_number, t.block_hash
  from agon.chain_transactions t join agon.chain_intents i on i.id = t.intent_id
  where t.block_number >= from_block and i.chain_id = mined_blocks.chain_id
$$;
comment on function agon.mined_blocks(bigint, bigint) is
  'Blocks on which an end stands that is not reached yet, or may still be undone.';
grant execute on function agon.mined_blocks(bigint, bigint) to agon_worker;

create or replace function agon.note_unmined(chain_id bigint, block_hash text) returns integer
language sql security definer set search_path = ''
as $$
  with orphans as (
    update agon.chain_transactions t
    set block_number = null, block_hash = null, succeeded = null, created_address = null,
      sent_at = null
    from agon.chain_intents i
    where t.block_hash = note_unmined.block_hash
      and i.id = t.intent_id and i.chain_id = note_unmined.chain_id
    returning t.hash, t.intent_id
  ), reopened as (
    update agon.chain_intents i set
      status = 'sent', settled_hash = null, settled_block = null, created_address = null, error = null
    from orphans o
    where i.id = o.intent_id and i.settled_hash = o.hash
  )
  select count(*)::integer from orphans
$$;
comment on function agon.note_unmined(bigint, text) is
  'A block is no longer in the chain: its attempts wait to be mined again, also where that was final.';
grant execute on function agon.note_unmined(bigint, text) to agon_worker;

create or replace function agon.settle_mined(
  chain_id bigint, final_block bigint, checked text[], most integer
)
returns table (key text, status text, error text)
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  due record;
begin
  for due in
    select i.id, i.key, t.hash, t.block_number, t.created_address,
      case when t.succeeded and not t.is_empty then 'confirmed' else 'failed' end as ends,
      case
        when t.is_empty then 'given up with an empty transaction' || coalesce(': ' || (
          select max(r.refusal) from agon.chain_transactions r where r.intent_id = i.id), '')
        when not t.succeeded then 'reverted when it was mined'
      end as why
    from agon.chain_intents i
    join agon.chain_transactions t on t.intent_id = i.id and t.nonce = i.nonce
    where i.chain_id = settle_mined.chain_id and i.status in ('signed', 'sent')
      and t.block_number <= final_block and t.block_hash = any (checked)
    order by i.id limit most
  loop
    begin
      update agon.chain_intents i set
        status = due.ends, settled_hash = due.hash, settled_block = due.block_number,
        created_address = due.created_address, error = due.why
      where i.id = due.id;
      key := due.key; status := due.ends; error := due.why;
    exception when others then
      -- What a purpose does fails: its intent stays as it is, and holds up no other.
      key := due.key; status := 'held'; error := sqlerrm;
    end;
    return next;
  end loop;
end
$$;
comment on function agon.settle_mined(bigint, bigint, text[], integer) is
  'Ends what was mined up to a block, in blocks seen in the chain; what its purpose refuses comes back as held.';
grant execute on function agon.settle_mined(bigint, bigint, text[], integer) to agon_worker;

create or replace function agon.requeue_intent(intent_id bigint, mined_nonces bigint) returns void
language plpgsql security definer set search_path = ''
as $$
declare
  intent agon.chain_intents;
begin
  select * into intent from agon.chain_intents i where i.id = requeue_intent.intent_id for no key update;
  if intent.status not in ('signed', 'sent') or intent.nonce >= mined_nonces then
    perform agon.refuse(409, 'nonce_unused', 'This intent''s nonce may still be its own.',
      'Only a nonce that is used for good is given up.');
  end if;
  update agon.chain_intents i set status = 'queued', signer = null, nonce = null
  where i.id = intent.id;
  update agon.chain_signers s set next_nonce = greatest(s.next_nonce, mined_nonces)
  where s.chain_id = intent.chain_id and s.address = intent.signer;
end
$$;
comment on function agon.requeue_intent(bigint, bigint) is
  'An intent whose nonce was used for good by a transaction of somebody else waits for another one.';
grant execute on function agon.requeue_intent(bigint, bigint) to agon_worker;
