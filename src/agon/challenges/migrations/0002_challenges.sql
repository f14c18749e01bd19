-- Challenges. Ids on a chain count from 0; ours start at 2^40 and never meet them.

create sequence agon.challenge_ids as bigint start 1099511627776 minvalue 1099511627776;

create table public.challenges (
  id bigint primary key default nextval('agon.challenge_ids'),
  title text,
  description text,
  subject text,
  tx_hash text,
  model_id text references public.models (id),
  model_hash text,
  params jsonb,
  proof jsonb,
  timeline jsonb,
  funds jsonb,
  options jsonb,
  status text not null default 'pending',
  chain_outcome smallint,
  outcome smallint,
  outcome_source text,
  registry_status text not null default 'pending',
  registry_tx_hash text,
  registry_error text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint challenges_subject_is_lower_case_hex check (subject ~ '^0x[0-9a-f]{40}$'),
  constraint challenges_status_is_known
    check (status in ('pending', 'approved', 'finalized', 'canceled', 'rejected')),
  constraint challenges_chain_outcome_is_known check (chain_outcome in (0, 1, 2)),
  constraint challenges_outcome_is_known check (outcome in (1, 2)),
  constraint challenges_outcome_names_its_source check ((outcome is null) = (outcome_source is null)),
  constraint challenges_outcome_source_is_known check (outcome_source in ('admin', 'service_role')),
  constraint challenges_title_is_short check (length(title) between 1 and 200),
  constraint challenges_description_is_bounded check (length(description) <= 10000),
  constraint challenges_timeline_runs_forward check (
    timeline is null
    or (jsonb_typeof(timeline -> 'start') = 'number' and jsonb_typeof(timeline -> 'end') = 'number'
      and (timeline ->> 'start')::numeric < (timeline ->> 'end')::numeric))
);
comment on table public.challenges is
  'What is to be proved, by when, and how it is judged. outcome is set without a chain; chain_outcome only by the chain.';
create index challenges_by_status_and_age on public.challenges (status, created_at);
create index challenges_by_age on public.challenges (created_at);
create index challenges_by_model on public.challenges (model_id);
create index challenges_by_subject on public.challenges (subject);
alter table public.challenges enable row level security;

insert into agon.moves (machine, from_state, to_state, by, comment) values
  ('public.challenges.status', null, 'pending', 'creator', 'created'),
  ('public.challenges.status', 'pending', 'approved', 'admin or policy', 'open for evidence'),
  ('public.challenges.status', 'pending', 'rejected', 'admin or policy', 'will never open'),
  ('public.challenges.status', 'pending', 'canceled', 'creator or admin', 'withdrawn before it opened'),
  ('public.challenges.status', 'approved', 'finalized', 'admin', 'outcome set'),
  ('public.challenges.status', 'approved', 'canceled', 'admin', 'called off');
