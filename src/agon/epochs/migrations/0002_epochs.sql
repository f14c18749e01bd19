-- A day: its profile, its phases, its slots, what happened in it, and the votes.

create table public.epoch_profiles (
  id uuid primary key default gen_random_uuid(),
  profile_key text not null,
  version integer not null,
  config jsonb not null,
  created_at timestamptz not null default now(),
  is_active boolean not null default false,
  constraint epoch_profiles_one_per_version unique (profile_key, version),
  constraint epoch_profiles_key_is_a_name check (profile_key ~ '^[a-z0-9][a-z0-9_.-]{0,63}$'),
  constraint epoch_profiles_version_is_positive check (version > 0),
  constraint epoch_profiles_config_is_an_object check (jsonb_typeof(config) = 'object')
);
comment on table public.epoch_profiles is
  'The rules of a day, as JSON (profile.schema.json). A version never changes: what is changed is a new one.';
create unique index epoch_profiles_one_active on public.epoch_profiles (is_active) where is_active;
alter table public.epoch_profiles enable row level security;

create table public.epochs (
  id uuid primary key default gen_random_uuid(),
  day_date date not null,
  profile_id uuid not null references public.epoch_profiles (id),
  phase text not null default 'prep',
  opens_at timestamptz not null,
  starts_at timestamptz not null,
  freeze_at timestamptz not null,
  ends_at timestamptz not null,
  settle_at timestamptz not null,
  archive_at timestamptz not null,
  archived_at timestamptz,
  summary_uri text,
  created_at timestamptz not null default now(),
  constraint epochs_one_per_day unique (day_date),
  constraint epochs_phase_is_known
    check (phase in ('prep', 'live', 'freeze', 'snapshot', 'settle', 'archive')),
  constraint epochs_run_forward check (
    opens_at <= starts_at and starts_at < freeze_at and freeze_at <= ends_at
    and ends_at <= settle_at and settle_at <= archive_at),
  constraint epochs_archived_say_when check ((phase = 'archive') = (archived_at is not null))
);
comment on table public.epochs is
  'One a day: prep from opens_at, live in [starts_at, freeze_at), frozen until ends_at, settled from settle_at, in the archive from archive_at at the earliest.';
create index epochs_by_phase on public.epochs (phase, starts_at, ends_at);
create index epochs_by_profile on public.epochs (profile_id);
alter table public.epochs enable row level security;

insert into agon.moves (machine, from_state, to_state, by, comment) values
  ('public.epochs.phase', null, 'prep', 'operator or engine', 'the day is opened'),
  ('public.epochs.phase', 'prep', 'live', 'engine', 'starts_at has come: slots may be claimed'),
  ('public.epochs.phase', 'live', 'freeze', 'engine', 'freeze_at has come: nobody may act any more'),
  ('public.epochs.phase', 'freeze', 'snapshot', 'engine', 'ends_at has come'),
  ('public.epochs.phase', 'snapshot', 'settle', 'engine', 'settle_at has come'),
  ('public.epochs.phase', 'settle', 'archive', 'engine', 'archive_at has come, and the day is settled');

create table public.epoch_slot_states (
  id uuid primary key default gen_random_uuid(),
  epoch_id uuid not null references public.epochs (id) on delete cascade,
  slot_index integer not null,
  slot_type text not null,
  slot_label text not null,
  current_code text,
  current_holder_bot_identity_id uuid references public.bot_identities (id),
  held_since timestamptz,
  last_event_at timestamptz not null default '-infinity',
  updated_at timestamptz,
  constraint epoch_slot_states_one_per_slot unique (epoch_id, slot_index),
  constraint epoch_slot_states_index_is_natural check (slot_index >= 0),
  constraint epoch_slot_states_are_held_in_all_columns check (
    (current_holder_bot_identity_id is null) = (current_code is null)
    and (current_holder_bot_identity_id is null) = (held_since is null))
);
comment on table public.epoch_slot_states is
  'Who holds each slot now, with which code, and since when. Its row lock is the slot''s turn; no event of the slot is earlier than last_event_at.';
create index epoch_slot_states_by_holder on public.epoch_slot_states (current_holder_bot_identity_id);
alter table public.epoch_slot_states enable row level security;

create table public.epoch_events (
  id uuid primary key default gen_random_uuid(),
  epoch_id uuid not null references public.epochs (id) on delete cascade,
  seq bigint generated always as identity,
  xid xid8 not null default pg_current_xact_id(),
  event_type text not null,
  occurred_at timestamptz not null default now(),
  actor_bot_identity_id uuid references public.bot_identities (id),
  actor_wallet_address text,
  slot_index integer,
  payload jsonb not null default '{}',
  constraint epoch_events_type_is_a_name check (event_type ~ '^[a-z]+(_[a-z]+)*$'),
  constraint epoch_events_wallet_is_lower_case_hex check (actor_wallet_address ~ '^0x[0-9a-f]{40}$'),
  constraint epoch_events_slot_is_natural check (slot_index >= 0),
  constraint epoch_events_payload_is_an_object check (jsonb_typeof(payload) = 'object'),
  -- Milliseconds are what bundles carry: nothing finer is lost in them.
  constraint epoch_events_time_is_whole_milliseconds
    check (date_trunc('milliseconds', occurred_at) = occurred_at)
);
comment on table public.epoch_events is
  'What happened in a day. seq is given under the slot''s lock, so within a slot it is the order of effect; across slots a later seq may be committed first, so whoever follows a day as it runs goes by (xid, seq), below pg_snapshot_xmin.';
create unique index epoch_events_in_order on public.epoch_events (epoch_id, seq);
create index epoch_events_in_commit_order on public.epoch_events (epoch_id, xid, seq);
create index epoch_events_by_bot on public.epoch_events (actor_bot_identity_id);
alter table public.epoch_events enable row level security;

create table agon.epoch_cooldowns (
  epoch_id uuid not null references public.epochs (id) on delete cascade,
  bot_identity_id uuid not null references public.bot_identities (id) on delete cascade,
  slot_index integer not null,
  until_at timestamptz not null,
  constraint epoch_cooldowns_one_per_bot_and_slot primary key (epoch_id, bot_identity_id, slot_index),
  constraint epoch_cooldowns_slot_is_natural_or_every check (slot_index >= -1)
);
comment on table agon.epoch_cooldowns is
  'Until when a bot may not claim a slot; slot_index -1 is every slot. The lock of that row is the bot''s turn, and is taken before a slot''s.';
create index epoch_cooldowns_by_bot on agon.epoch_cooldowns (bot_identity_id);
alter table agon.epoch_cooldowns enable row level security;

create table public.epoch_votes (
  id uuid primary key default gen_random_uuid(),
  epoch_id uuid not null references public.epochs (id) on delete cascade,
  voter_address text not null,
  voter_session_id text,
  vote_target_type text not null,
  vote_target_id text not null,
  score numeric(10,4) not null,
  raw_weight numeric(10,4) not null default 1,
  effective_weight numeric(10,4) not null default 1,
  created_at timestamptz not null default now(),
  constraint epoch_votes_one_per_target
    unique (epoch_id, voter_address, vote_target_type, vote_target_id),
  constraint epoch_votes_voter_is_lower_case_hex check (voter_address ~ '^0x[0-9a-f]{40}$'),
  constraint epoch_votes_target_type_is_known
    check (vote_target_type in ('bot', 'tempo', 'key', 'world_theme')),
  constraint epoch_votes_target_is_a_name check (vote_target_id ~ '^[A-Za-z0-9][A-Za-z0-9#_.:-]{0,99}$'),
  -- NaN sorts above every number, so it is refused, too.
  constraint epoch_votes_score_is_a_share check (score >= 0 and score <= 1),
  constraint epoch_votes_weights_are_not_negative check (
    raw_weight >= 0 and raw_weight < 'NaN' and effective_weight >= 0 and effective_weight < 'NaN')
);
comment on table public.epoch_votes is
  'One a voter and target: score is 0 to 1, raw_weight what the profile says of the kind, effective_weight what the settlement makes of it.';
create index epoch_votes_by_session on public.epoch_votes (epoch_id, voter_session_id);
alter table public.epoch_votes enable row level security;
