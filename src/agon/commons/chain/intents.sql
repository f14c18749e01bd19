-- What is meant to happen on a chain, once; and what its system does when it moves on.

create or replace trigger chain_intents_guard_move
  before insert or update on agon.chain_intents
  for each row execute function agon.guard_move('status');
create or replace trigger chain_intents_stamp_updated_at
  before update on agon.chain_intents
  for each row execute function agon.stamp_updated_at();

create or replace function agon.note_intent_moved() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  note text;
begin
  select p.note into note from agon.chain_purposes p where p.purpose = new.purpose;
  if note is not null then
    execute format('select %s($1)', note) using new;
  end if;
  if new.status in ('confirmed', 'failed') then
    perform agon.emit('chain.intent_' || new.status, new.key, jsonb_build_object(
      'purpose', new.purpose, 'payload', new.payload, 'tx_hash', new.settled_hash,
      'block_number', new.settled_block, 'contract_address', new.created_address,
      'error', new.error));
  end if;
  return null;
end
$$;
comment on function agon.note_intent_moved() is
  'Tells the purpose''s function of a move, and the world of an end, in the transaction of the move.';
create or replace trigger chain_intents_note_moved
  after update on agon.chain_intents
  for each row when (old.status is distinct from new.status)
  execute function agon.note_intent_moved();

create or replace function agon.register_purpose(purpose text, note text) returns void
language plpgsql security definer set search_path = ''
as $$
begin
  if to_regprocedure(note || '(agon.chain_intents)') is null then
    perform agon.refuse(422, 'purpose_note_unknown',
      format('There is no function %s(agon.chain_intents).', note),
      'Make the function first, and name it with its schema.');
  end if;
  insert into agon.chain_purposes as p (purpose, note)
  values (register_purpose.purpose, register_purpose.note)
  on conflict on constraint chain_purposes_pkey do update set note = excluded.note;
end
$$;
comment on function agon.register_purpose(text, text) is
  'What a system does when an intent of its purpose moves: a function of the intent. Called from rules files.';

create or replace function agon.intend(
  chain_id bigint, key text, purpose text, to_address text, data bytea,
  value_wei numeric default 0, payload jsonb default '{}'
) returns agon.chain_intents
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  intent agon.chain_intents;
begin
  insert into agon.chain_intents as i
    (chain_id, key, purpose, payload, to_address, data, value_wei, created_at)
  values (
    intend.chain_id, intend.key, intend.purpose, intend.payload, intend.to_address, intend.data,
    intend.value_wei, agon.now())
  on conflict on constraint chain_intents_happen_once do nothing
  returning i.* into intent;
  if intent.id is not null then
    perform agon.enqueue('chain.send', '{}', 'chain.send');
    return intent;
  end if;
  select * into intent from agon.chain_intents i
  where i.chain_id = intend.chain_id and i.key = intend.key;
  if (intent.to_address, intent.data, intent.value_wei)
    is distinct from (intend.to_address, intend.data, intend.value_wei) then
    perform agon.refuse(409, 'intent_differs',
      format('%s is meant already, with another receiver, data or value.', intend.key),
      'What happens once has one content; make the key from all that it depends on.');
  end if;
  return intent;
end
$$;
comment on function agon.intend(bigint, text, text, text, bytea, numeric, jsonb) is
  'Means a transaction, once for a key; a second time answers with the stored one. No to_address: a deployment.';
grant execute on function agon.intend(bigint, text, text, text, bytea, numeric, jsonb) to agon_worker;

create or replace function agon.mean_again(intent_id bigint) returns boolean
language plpgsql security definer set search_path = ''
as $$
begin
  update agon.chain_intents i set
    status = 'queued', signer = null, nonce = null, settled_hash = null, settled_block = null,
    created_address = null, error = null
  where i.id = mean_again.intent_id and i.status = 'failed';
  if not found then
    return false;
  end if;
  delete from agon.chain_proposals p where p.intent_id = mean_again.intent_id;
  perform agon.enqueue('chain.send', '{}', 'chain.send');
  return true;
end
$$;
comment on function agon.mean_again(bigint) is
  'A failed intent waits for a nonce again. Only for what its contract does once, or the same each time: a reorganisation may bring the failed transaction back.';
grant execute on function agon.mean_again(bigint) to agon_worker;

create or replace function agon.find_intent(chain_id bigint, key text) returns agon.chain_intents
language sql stable security definer set search_path = ''
as $$
  select * from agon.chain_intents i where i.chain_id = find_intent.chain_id and i.key = find_intent.key
$$;
comment on function agon.find_intent(bigint, text) is 'How far an intent is; null where nothing was meant.';
grant execute on function agon.find_intent(bigint, text) to agon_worker;

create or replace function agon.queued_intents(chain_id bigint, most integer)
returns setof agon.chain_intents
language sql stable security definer set search_path = ''
as $$
  select * from agon.chain_intents i
  where i.chain_id = queued_intents.chain_id and i.status = 'queued'
  order by i.id limit most
$$;
comment on function agon.queued_intents(bigint, integer) is 'What waits for a nonce, oldest first.';
grant execute on function agon.queued_intents(bigint, integer) to agon_worker;

create or replace function agon.hold_intent(intent_id bigint, error text) returns boolean
language sql security definer set search_path = ''
as $$
  update agon.chain_intents i set error = left(hold_intent.error, 1000)
  where i.id = hold_intent.intent_id and i.status = 'queued'
    and i.error is distinct from left(hold_intent.error, 1000)
  returning true
$$;
comment on function agon.hold_intent(bigint, text) is
  'Says why an intent waits; null where that was said already.';
grant execute on function agon.hold_intent(bigint, text) to agon_worker;

create or replace function agon.fail_intent(intent_id bigint, error text) returns void
language sql security definer set search_path = ''
as $$
  update agon.chain_intents i set status = 'failed', error = left(fail_intent.error, 1000)
  where i.id = fail_intent.intent_id and i.status = 'queued'
$$;
comment on function agon.fail_intent(bigint, text) is
  'The chain would refuse it: it fails before it has a nonce, and nothing was sent.';
grant execute on function agon.fail_intent(bigint, text) to agon_worker;
