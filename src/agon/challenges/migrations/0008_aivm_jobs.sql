-- From verdicts to an outcome on the chain: the job, and what is settled when it is done.

create table public.aivm_jobs (
  id bigint generated always as identity primary key,
  challenge_id bigint not null,
  status text not null default 'queued',
  attempts integer not null default 0,
  last_error text,
  worker_address text,
  task_id text,
  prompt_hash text,
  intent_id bigint references agon.chain_intents (id),
  attestations bigint not null default 0,
  result_hash text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint aivm_jobs_one_per_challenge unique (challenge_id),
  constraint aivm_jobs_status_is_known check (status in ('queued', 'processing', 'submitted',
    'committed', 'revealed', 'done', 'failed', 'dead', 'canceled', 'skipped')),
  constraint aivm_jobs_attempts_are_natural check (attempts >= 0),
  constraint aivm_jobs_worker_is_lower_case_hex check (worker_address ~ '^0x[0-9a-f]{40}$'),
  constraint aivm_jobs_task_is_bytes32 check (task_id ~ '^0x[0-9a-f]{64}$'),
  constraint aivm_jobs_prompt_hash_is_bytes32 check (prompt_hash ~ '^0x[0-9a-f]{64}$'),
  constraint aivm_jobs_result_hash_is_bytes32 check (result_hash ~ '^0x[0-9a-f]{64}$'),
  constraint aivm_jobs_attestations_are_natural check (attestations >= 0),
  constraint aivm_jobs_done_have_a_result check (status <> 'done' or (task_id is not null and result_hash is not null))
);
comment on table public.aivm_jobs is
  'Inferences asked of the AIVM, one job a challenge. intent_id is the request on its way; task_id, attestations and result_hash are as the chain says.';
create index aivm_jobs_by_status_and_age on public.aivm_jobs (status, created_at);
create index aivm_jobs_by_task on public.aivm_jobs (task_id);
create index aivm_jobs_by_intent on public.aivm_jobs (intent_id);
create index aivm_jobs_by_prompt on public.aivm_jobs (prompt_hash);
alter table public.aivm_jobs enable row level security;

create table agon.challenge_settlements (
  challenge_id bigint primary key,
  result_cid text not null references agon.results (cid),
  outcome smallint not null,
  winners text[] not null,
  step integer not null default 0,
  attempts integer not null default 0,
  intent_id bigint references agon.chain_intents (id),
  proof_tx_hash text,
  last_error text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint challenge_settlements_outcome_is_known check (outcome in (1, 2)),
  constraint challenge_settlements_succeed_with_winners check ((outcome = 1) = (cardinality(winners) > 0)),
  constraint challenge_settlements_steps_are_natural check (step >= 0 and attempts >= 0),
  constraint challenge_settlements_proof_is_a_hash check (proof_tx_hash ~ '^0x[0-9a-f]{64}$')
);
comment on table agon.challenge_settlements is
  'Outcome and winners by the verdicts, fixed when the inference is asked for. step counts what the chain has confirmed: 0 the proof, then winners batch by batch, at last the outcome.';
create index challenge_settlements_by_result on agon.challenge_settlements (result_cid);
create index challenge_settlements_by_intent on agon.challenge_settlements (intent_id);
alter table agon.challenge_settlements enable row level security;

create index chain_logs_by_request on agon.chain_logs (chain_id, (args ->> 'requestId'), block_number)
  where contract = 'AIVM';
create index chain_logs_by_task on agon.chain_logs (chain_id, (args ->> 'taskId'), block_number)
  where contract = 'AIVM';
create index chain_logs_by_prompt on agon.chain_logs (chain_id, (args ->> 'promptHash'))
  where contract = 'AIVM' and event = 'InferenceRequestedV2';

insert into agon.moves (machine, from_state, to_state, by, comment) values
  ('public.aivm_jobs.status', null, 'queued', 'dispatcher', 'approved, ended and judged'),
  ('public.aivm_jobs.status', 'queued', 'processing', 'worker', 'claimed'),
  ('public.aivm_jobs.status', 'queued', 'canceled', 'dispatcher', 'the challenge is over'),
  ('public.aivm_jobs.status', 'queued', 'skipped', 'worker', 'the challenge was over when the worker came'),
  ('public.aivm_jobs.status', 'processing', 'submitted', 'worker', 'the request is on its way'),
  ('public.aivm_jobs.status', 'processing', 'failed', 'worker', 'the request could not be made'),
  ('public.aivm_jobs.status', 'processing', 'dead', 'worker', 'failed as often as may be'),
  ('public.aivm_jobs.status', 'processing', 'canceled', 'dispatcher', 'the challenge is over'),
  ('public.aivm_jobs.status', 'processing', 'skipped', 'worker', 'the challenge was over when the worker came'),
  ('public.aivm_jobs.status', 'processing', 'committed', 'indexer', 'seen before the sender noted the request'),
  ('public.aivm_jobs.status', 'processing', 'revealed', 'indexer', 'seen before the sender noted the request'),
  ('public.aivm_jobs.status', 'processing', 'done', 'indexer', 'seen before the sender noted the request'),
  ('public.aivm_jobs.status', 'failed', 'processing', 'worker', 'tried again'),
  ('public.aivm_jobs.status', 'failed', 'canceled', 'dispatcher', 'the challenge is over'),
  ('public.aivm_jobs.status', 'failed', 'skipped', 'worker', 'the challenge was over when the worker came'),
  ('public.aivm_jobs.status', 'failed', 'submitted', 'sender', 'a reorganisation took the failure back'),
  ('public.aivm_jobs.status', 'failed', 'committed', 'indexer', 'the request went through after all'),
  ('public.aivm_jobs.status', 'failed', 'revealed', 'indexer', 'the request went through after all'),
  ('public.aivm_jobs.status', 'failed', 'done', 'indexer', 'the request went through after all'),
  ('public.aivm_jobs.status', 'submitted', 'failed', 'worker', 'the request was mined and reverted'),
  ('public.aivm_jobs.status', 'submitted', 'dead', 'worker', 'failed as often as may be'),
  ('public.aivm_jobs.status', 'submitted', 'committed', 'indexer', 'InferenceCommitted'),
  ('public.aivm_jobs.status', 'submitted', 'revealed', 'indexer', 'InferenceRevealed in the same range'),
  ('public.aivm_jobs.status', 'submitted', 'done', 'indexer', 'InferenceFinalized in the same range'),
  ('public.aivm_jobs.status', 'committed', 'revealed', 'indexer', 'InferenceRevealed'),
  ('public.aivm_jobs.status', 'committed', 'done', 'indexer', 'InferenceFinalized in the same range'),
  ('public.aivm_jobs.status', 'revealed', 'done', 'indexer', 'InferenceFinalized'),
  ('public.aivm_jobs.status', 'committed', 'submitted', 'reorganisation', 'the commitment was undone'),
  ('public.aivm_jobs.status', 'revealed', 'submitted', 'reorganisation', 'the commitment was undone'),
  ('public.aivm_jobs.status', 'revealed', 'committed', 'reorganisation', 'the reveal was undone'),
  ('public.aivm_jobs.status', 'done', 'submitted', 'reorganisation', 'the commitment was undone'),
  ('public.aivm_jobs.status', 'done', 'committed', 'reorganisation', 'the reveal was undone'),
  ('public.aivm_jobs.status', 'done', 'revealed', 'reorganisation', 'the finalisation was undone'),
  ('public.aivm_jobs.status', 'canceled', 'queued', 'dispatcher', 'a reorganisation opened the challenge again'),
  ('public.aivm_jobs.status', 'skipped', 'queued', 'dispatcher', 'a reorganisation opened the challenge again'),
  ('public.aivm_jobs.status', 'dead', 'queued', 'operator', 'let go on: five more attempts'),
  ('public.aivm_jobs.status', 'submitted', 'queued', 'operator', 'nobody took up the request'),
  ('public.aivm_jobs.status', 'committed', 'queued', 'operator', 'who took up the request does not go on'),
  ('public.aivm_jobs.status', 'revealed', 'queued', 'operator', 'who took up the request does not go on');
