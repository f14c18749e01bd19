-- What is put before the owners of a Safe: signed, stored, committed, and only then posted.

create or replace function agon.keep_proposal(
  intent_id bigint, safe text, nonce bigint, safe_tx_hash text, body jsonb
) returns void
language plpgsql security definer set search_path = ''
as $$
declare
  signer agon.chain_signers;
  intent agon.chain_intents;
begin
  select * into intent from agon.chain_intents i where i.id = keep_proposal.intent_id for no key update;
  select * into signer from agon.lock_signer(intent.chain_id, keep_proposal.safe);
  if intent.status <> 'queued' or signer.kind <> 'safe' or keep_proposal.nonce < signer.next_nonce then
    perform agon.refuse(409, 'proposal_late', 'This intent or this nonce of the Safe is taken already.',
      'Read the queue again.');
  end if;
  update agon.chain_signers s set next_nonce = keep_proposal.nonce + 1
  where s.chain_id = intent.chain_id and s.address = keep_proposal.safe;
  update agon.chain_intents i set
    status = 'proposed', signer = keep_proposal.safe, nonce = keep_proposal.nonce, error = null
  where i.id = intent.id;
  insert into agon.chain_proposals (safe_tx_hash, intent_id, body, created_at)
  values (keep_proposal.safe_tx_hash, intent.id, keep_proposal.body, agon.now());
end
$$;
comment on function agon.keep_proposal(bigint, text, bigint, text, jsonb) is
  'Stores a signed proposal under the next nonce of its Safe, before it is posted.';
grant execute on function agon.keep_proposal(bigint, text, bigint, text, jsonb) to agon_worker;

create or replace function agon.open_proposals(chain_id bigint)
returns table (
  intent_id bigint, key text, safe text, nonce bigint, safe_tx_hash text, body jsonb,
  posted_at timestamptz
)
language sql stable security definer set search_path = ''
as $$
  select i.id, i.key, i.signer, i.nonce, p.safe_tx_hash, p.body, p.posted_at
  from agon.chain_intents i join agon.chain_proposals p on p.intent_id = i.id
  where i.chain_id = open_proposals.chain_id and i.status = 'proposed'
  order by i.signer, i.nonce
$$;
comment on function agon.open_proposals(bigint) is 'Proposals that no owner''s act has ended yet.';
grant execute on function agon.open_proposals(bigint) to agon_worker;

create or replace function agon.note_posted(safe_tx_hash text) returns void
language sql security definer set search_path = ''
as $$
  update agon.chain_proposals p set posted_at = agon.now()
  where p.safe_tx_hash = note_posted.safe_tx_hash and p.posted_at is null
$$;
comment on function agon.note_posted(text) is 'The Safe''s service has a proposal.';
grant execute on function agon.note_posted(text) to agon_worker;

create or replace function agon.settle_proposal(
  intent_id bigint, tx_hash text, block_number bigint, error text default null
) returns void
language sql security definer set search_path = ''
as $$
  update agon.chain_intents i set
    status = case when settle_proposal.error is null then 'confirmed' else 'failed' end,
    settled_hash = tx_hash, settled_block = block_number, error = left(settle_proposal.error, 1000)
  where i.id = settle_proposal.intent_id and i.status = 'proposed'
$$;
comment on function agon.settle_proposal(bigint, text, bigint, text) is
  'Ends a proposal by the final transaction that used its Safe''s nonce.';
grant execute on function agon.settle_proposal(bigint, text, bigint, text) to agon_worker;
