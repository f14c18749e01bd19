-- Achievements as the chain holds them, and the reputation that they make.

create table public.achievement_mints (
  id bigint generated always as identity primary key,
  token_id bigint not null,
  challenge_id bigint not null,
  recipient text not null,
  achievement_type text not null,
  tx_hash text,
  block_number bigint,
  minted_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  constraint achievement_mints_one_per_token unique (token_id),
  constraint achievement_mints_recipient_is_lower_case_hex check (recipient ~ '^0x[0-9a-f]{40}$'),
  constraint achievement_mints_type_is_known check (achievement_type in ('completion', 'victory')),
  constraint achievement_mints_hash_is_hex check (tx_hash ~ '^0x[0-9a-f]{64}$')
);
comment on table public.achievement_mints is
  'Tokens of ChallengeAchievement that stay with whom they were given to: completion for taking part to the end, victory for winning.';
create index achievement_mints_by_recipient on public.achievement_mints (lower(recipient));
create index achievement_mints_by_challenge on public.achievement_mints (challenge_id);
create index achievement_mints_by_block on public.achievement_mints (block_number);
alter table public.achievement_mints enable row level security;

create table agon.achievement_types (
  achievement_type text primary key,
  number smallint not null unique,
  points integer not null,
  constraint achievement_types_points_are_natural check (points >= 0)
);
comment on table agon.achievement_types is 'The types by their number in the contract, and the points that each is worth.';
alter table agon.achievement_types enable row level security;
insert into agon.achievement_types (achievement_type, number, points) values
  ('completion', 0, 10), ('victory', 1, 40);

create table agon.reputation_levels (
  level integer primary key,
  name text not null unique,
  points_min integer not null unique
);
comment on table agon.reputation_levels is 'The levels of reputation, and the points from which each is reached.';
alter table agon.reputation_levels enable row level security;
insert into agon.reputation_levels (level, name, points_min) values
  (1, 'Newcomer', 0), (2, 'Challenger', 50), (3, 'Competitor', 200), (4, 'Champion', 600),
  (5, 'Legend', 1500);

create table public.reputation (
  subject text primary key,
  points integer not null default 0,
  level integer not null default 1 references agon.reputation_levels (level),
  completions integer not null default 0,
  victories integer not null default 0,
  updated_at timestamptz not null default now(),
  constraint reputation_subject_is_lower_case_hex check (subject ~ '^0x[0-9a-f]{40}$'),
  constraint reputation_counts_are_natural check (points >= 0 and completions >= 0 and victories >= 0)
);
comment on table public.reputation is 'Points and level of a wallet, computed from its achievements.';
create index reputation_by_level on public.reputation (level);
alter table public.reputation enable row level security;

create table agon.challenge_mintings (
  challenge_id bigint primary key,
  meant_at timestamptz not null default now()
);
comment on table agon.challenge_mintings is 'Finalized challenges whose achievements were meant, each once.';
alter table agon.challenge_mintings enable row level security;
