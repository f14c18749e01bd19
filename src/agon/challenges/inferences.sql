-- What the AIVM's logs say about our jobs. A request is ours by its prompt, its number and who asked,
-- in the AIVM that was asked: another one has requests of the same numbers.

create or replace function agon.inferences_in(chain_id bigint, from_block bigint, to_block bigint)
returns bigint[]
language sql stable security definer set search_path = ''
as $$
  with touched as (
    select l.args ->> 'requestId' as request_id, l.args ->> 'taskId' as task_id
    from agon.chain_logs l
    where l.chain_id = inferences_in.chain_id and l.contract = 'AIVM'
      and l.event in ('InferenceRequestedV2', 'InferenceCommitted', 'InferenceRevealed', 'PoIAttested',
        'InferenceFinalized')
      and l.block_number between inferences_in.from_block and inferences_in.to_block
  ), requested as (
    select l.args ->> 'promptHash' as prompt_hash
    from touched t
    join agon.chain_logs l on l.chain_id = inferences_in.chain_id and l.contract = 'AIVM'
      and l.event = 'InferenceRequestedV2' and l.args ->> 'requestId' = t.request_id
    union
    -- Attestations name the task only.
    select l.args ->> 'promptHash'
    from touched t
    join agon.chain_logs l on l.chain_id = inferences_in.chain_id and l.contract = 'AIVM'
      and l.event = 'InferenceRequestedV2' and l.args ->> 'taskId' = t.task_id
    where t.request_id is null
  )
  select array(select j.id from public.aivm_jobs j join requested r using (prompt_hash))
$$;
comment on function agon.inferences_in(bigint, bigint, bigint) is
  'Jobs that the logs of these blocks may tell of. Called by effects only.';

create or replace function agon.read_inferences(chain_id bigint, job_ids bigint[], below bigint)
returns table (job_id bigint, status text, task_id text, attestations bigint, result_hash text)
language sql stable security definer set search_path = ''
as $$
  select distinct on (j.id) j.id,
    case when done.result_hash is not null then 'done' when reached.revealed then 'revealed'
      when reached.committed then 'committed' else 'submitted' end,
    l.args ->> 'taskId', attested.count, done.result_hash
  from public.aivm_jobs j
  join agon.chain_intents i on i.id = j.intent_id
  join agon.chain_logs l on l.chain_id = read_inferences.chain_id and l.contract = 'AIVM'
    and l.event = 'InferenceRequestedV2' and l.args ->> 'promptHash' = j.prompt_hash
    and l.address = i.to_address
    and l.args ->> 'promptId' = '0x' || lpad(to_hex(j.challenge_id), 64, '0')
    and l.args ->> 'requester' = i.signer and l.block_number < below
  cross join lateral (
    select coalesce(bool_or(n.event = 'InferenceCommitted'), false) as committed,
      coalesce(bool_or(n.event = 'InferenceRevealed'), false) as revealed
    from agon.chain_logs n
    where n.chain_id = read_inferences.chain_id and n.contract = 'AIVM' and n.block_number < below
      and n.address = l.address and n.args ->> 'requestId' = l.args ->> 'requestId'
  ) reached
  left join lateral (
    select n.args ->> 'resultHash' as result_hash from agon.chain_logs n
    where n.chain_id = read_inferences.chain_id and n.contract = 'AIVM' and n.event = 'InferenceFinalized'
      and n.block_number < below
      and n.address = l.address and n.args ->> 'requestId' = l.args ->> 'requestId'
    limit 1
  ) done on true
  cross join lateral (
    select count(*) from agon.chain_logs n
    where n.chain_id = read_inferences.chain_id and n.contract = 'AIVM' and n.event = 'PoIAttested'
      and n.block_number < below
      and n.address = l.address and n.args ->> 'taskId' = l.args ->> 'taskId'
  ) attested
  where j.id = any (job_ids)
  -- Of several requests for one prompt, that which went furthest counts.
  order by j.id, done.result_hash is null, not reached.revealed, not reached.committed, l.block_number, l.log_index
$$;
comment on function agon.read_inferences(bigint, bigint[], bigint) is
  'How far the chain is with each job, by the logs of blocks below one; no row where it knows of no request.';

create or replace function agon.recompute_inferences(chain_id bigint, job_ids bigint[], below bigint)
returns void
language sql security definer set search_path = ''
as $$
  with moved as (
    update public.aivm_jobs j set
      status = coalesce(f.status, case when j.status in ('processing', 'failed') then j.status end, 'submitted'),
      task_id = f.task_id, attestations = coalesce(f.attestations, 0), result_hash = f.result_hash
    from public.aivm_jobs was
    left join agon.read_inferences(recompute_inferences.chain_id, job_ids, below) f on f.job_id = was.id
    where was.id = any (job_ids) and j.id = was.id
      and j.status in ('processing', 'submitted', 'committed', 'revealed', 'done', 'failed')
    returning j.challenge_id, was.status as from_status, j.status
  )
  select agon.enqueue('challenges.settle', jsonb_build_object('challenge_id', challenge_id))
  from moved where status = 'done' and from_status <> 'done'
$$;
comment on function agon.recompute_inferences(bigint, bigint[], bigint) is
  'Jobs as the logs of blocks below one have them. Those that are over for us stay so.';

create or replace function agon.apply_inferences(chain_id bigint, from_block bigint, to_block bigint)
returns void
language sql security definer set search_path = ''
as $$
  select agon.recompute_inferences(chain_id, agon.inferences_in(chain_id, from_block, to_block), to_block + 1)
$$;
comment on function agon.apply_inferences(bigint, bigint, bigint) is 'Effect of the AIVM''s five events.';

create or replace function agon.undo_inferences(chain_id bigint, first_undone bigint) returns void
language sql security definer set search_path = ''
as $$
  select agon.recompute_inferences(chain_id,
    agon.inferences_in(chain_id, first_undone, 9223372036854775807), first_undone)
$$;
comment on function agon.undo_inferences(bigint, bigint) is 'Takes back agon.apply_inferences.';

select agon.register_chain_effect('AIVM', event, 120, 'agon.apply_inferences', 'agon.undo_inferences')
from unnest(array['InferenceRequestedV2', 'InferenceCommitted', 'InferenceRevealed', 'PoIAttested',
  'InferenceFinalized']) as seen (event);
