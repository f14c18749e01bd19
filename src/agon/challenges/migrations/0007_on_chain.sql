-- Challenges on a chain: their descriptions, what a verdict stands on, and where their logs are found.

alter table public.challenges
  add column content_hash text,
  add column contract_address text,
  add constraint challenges_content_hash_is_bytes32 check (content_hash ~ '^0x[0-9a-f]{64}$'),
  add constraint challenges_on_a_chain_have_a_content_hash
    check ((id < 1099511627776) = (content_hash is not null)),
  add constraint challenges_contract_is_lower_case_hex check (contract_address ~ '^0x[0-9a-f]{40}$'),
  add constraint challenges_on_a_chain_name_their_contract
    check ((contract_address is null) = (content_hash is null)),
  add constraint challenges_registry_status_is_known
    check (registry_status in ('pending', 'submitted', 'confirmed', 'failed'));

create table agon.challenge_descriptions (
  creator text not null,
  content_hash text not null,
  content text not null,
  cid text,
  created_at timestamptz not null default now(),
  primary key (creator, content_hash),
  constraint challenge_descriptions_creator_is_lower_case_hex check (creator ~ '^0x[0-9a-f]{40}$'),
  constraint challenge_descriptions_hash_is_of_the_content
    check (content_hash = '0x' || encode(sha256(convert_to(content, 'UTF8')), 'hex')),
  constraint challenge_descriptions_cid_is_version_1 check (cid ~ '^b[a-z2-7]{50,}$')
);
comment on table agon.challenge_descriptions is
  'What creators said about challenges of theirs on a chain, in canonical JSON. It outlives a reorganisation, which may take the challenge away and bring it back.';
alter table agon.challenge_descriptions enable row level security;

-- What was judged: a verdict counts for an outcome only while it stands on all there is.
alter table public.verdicts
  add column basis bigint[] not null default '{}',
  add column enrolled_ms bigint;

create index chain_logs_by_challenge on agon.chain_logs (chain_id, (args ->> 'id'), block_number)
  where contract in ('ChallengePay', 'MetadataRegistry');

insert into agon.moves (machine, from_state, to_state, by, comment) values
  ('public.challenges.status', 'pending', 'finalized', 'chain', 'approved and finalized in one range of blocks'),
  ('public.challenges.status', 'approved', 'pending', 'reorganisation', 'the approval was undone'),
  ('public.challenges.status', 'rejected', 'pending', 'reorganisation', 'the rejection was undone'),
  ('public.challenges.status', 'canceled', 'pending', 'reorganisation', 'the withdrawal was undone'),
  ('public.challenges.status', 'canceled', 'approved', 'reorganisation', 'the calling off was undone'),
  ('public.challenges.status', 'finalized', 'pending', 'reorganisation', 'approval and outcome were undone'),
  ('public.challenges.status', 'finalized', 'approved', 'reorganisation', 'the outcome was undone'),
  ('public.challenges.registry_status', null, 'pending', 'creator', 'not registered yet'),
  ('public.challenges.registry_status', 'pending', 'submitted', 'worker', 'meant to be written'),
  ('public.challenges.registry_status', 'pending', 'confirmed', 'chain', 'written by another registrar'),
  ('public.challenges.registry_status', 'pending', 'failed', 'reorganisation', 'the challenge came back; the chain had refused its entry'),
  ('public.challenges.registry_status', 'submitted', 'confirmed', 'chain', 'the registry said so'),
  ('public.challenges.registry_status', 'submitted', 'failed', 'worker', 'the chain refused it'),
  ('public.challenges.registry_status', 'failed', 'submitted', 'worker', 'meant again, or the failure was undone'),
  ('public.challenges.registry_status', 'failed', 'confirmed', 'chain', 'written by another registrar'),
  ('public.challenges.registry_status', 'confirmed', 'submitted', 'reorganisation', 'the entry was undone'),
  ('public.challenges.registry_status', 'confirmed', 'pending', 'reorganisation', 'the entry of another registrar was undone'),
  ('public.challenges.registry_status', 'confirmed', 'failed', 'reorganisation', 'the entry of another registrar was undone');
