-- Seasons over competitions, what each competition says of its participants, leaderboards, and
-- ranks that are found without counting everybody.

create table public.seasons (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.organizations (id),
  name text not null,
  description text,
  status text not null default 'active',
  scoring_config jsonb not null default '{"win": 3, "draw": 1, "loss": 0}',
  starts_at timestamptz,
  ends_at timestamptz,
  created_at timestamptz not null default now(),
  completed_at timestamptz,
  changed_at timestamptz not null default now(),
  told_at timestamptz not null default now(),
  is_told boolean not null default true,
  result_cid text references agon.results (cid),
  result_at timestamptz,
  constraint seasons_name_is_short check (length(name) between 1 and 200 and name !~ '[[:cntrl:]]'),
  constraint seasons_description_is_short check (length(description) <= 20000),
  constraint seasons_status_is_known check (status in ('active', 'completed')),
  constraint seasons_scoring_config_is_an_object check (jsonb_typeof(scoring_config) = 'object'),
  constraint seasons_end_after_they_start check (ends_at > starts_at),
  constraint seasons_completed_say_when check ((status = 'completed') = (completed_at is not null)),
  constraint seasons_results_are_made_at_a_time check ((result_cid is null) = (result_at is null))
);
comment on table public.seasons is
  'Competitions whose results count together. scoring_config as scoring.schema.json; result_cid is the newest bundle of the standings (agon.results); changed_at: when a standing last changed; told_at, is_told: when that was last told, and whether the newest change was.';
create index seasons_by_org on public.seasons (org_id, created_at);
create index seasons_by_result on public.seasons (result_cid);
create index seasons_to_tell on public.seasons (told_at) where not is_told;
alter table public.seasons enable row level security;

insert into agon.moves (machine, from_state, to_state, by, comment) values
  ('public.seasons.status', null, 'active', 'admin of the organisation', 'A season begins.'),
  ('public.seasons.status', 'active', 'completed', 'admin of the organisation',
   'All its competitions are over, and the standings stand.');

create table public.season_competitions (
  season_id uuid not null references public.seasons (id),
  competition_id uuid not null references public.competitions (id),
  weight numeric(8, 4) not null default 1,
  rated boolean not null default false,
  primary key (season_id, competition_id),
  constraint season_competitions_weight_is_from_0_to_1000 check (weight between 0 and 1000)
);
comment on table public.season_competitions is
  'Which competitions a season counts. weight multiplies points, exactly, in steps of 0.0001; rated: the ratings of the season contain its matches.';
create index season_competitions_by_competition on public.season_competitions (competition_id);
alter table public.season_competitions enable row level security;

create table public.season_standings (
  id uuid primary key default gen_random_uuid(),
  season_id uuid not null references public.seasons (id),
  wallet text not null,
  points numeric(20, 4) not null default 0,
  wins integer not null default 0,
  losses integer not null default 0,
  draws integer not null default 0,
  competitions_entered integer not null default 0,
  titles integer not null default 0,
  podiums integer not null default 0,
  rating_mu numeric(10, 4),
  rating_sigma numeric(10, 4),
  rated_matches integer not null default 0,
  updated_at timestamptz not null default now(),
  constraint season_standings_one_per_wallet unique (season_id, wallet),
  constraint season_standings_wallet_is_lower_case_hex check (wallet ~ '^0x[0-9a-f]{40}$'),
  constraint season_standings_count_up
    check (least(wins, losses, draws, competitions_entered, titles, podiums, rated_matches) >= 0),
  constraint season_standings_ratings_are_whole check (num_nonnulls(rating_mu, rating_sigma) <> 1)
);
comment on table public.season_standings is
  'How a wallet stands in a season: computed by the pure code in scoring.py from what its competitions say. titles, podiums: first places, and places among the first three; ranks stand in agon.ranks.';
create index season_standings_by_wallet on public.season_standings (wallet);
alter table public.season_standings enable row level security;

create table agon.competition_players (
  competition_id uuid not null references public.competitions (id),
  wallet text not null,
  participant text not null,
  primary key (competition_id, wallet)
);
comment on table agon.competition_players is
  'The rosters of a competition by their wallets, as competition_registrations.roster has them.';
create index competition_players_by_wallet on agon.competition_players (wallet);
create index competition_players_by_participant
  on agon.competition_players (competition_id, participant);
alter table agon.competition_players enable row level security;

create table agon.competition_records (
  competition_id uuid not null references public.competitions (id),
  participant text not null,
  wins integer not null,
  draws integer not null,
  losses integer not null,
  primary key (competition_id, participant)
);
comment on table agon.competition_records is
  'What a competition says of a participant: matches, or challenges passed and failed. Counted anew from the results whenever one of its own changes.';
alter table agon.competition_records enable row level security;

create table agon.stale_records (
  id bigint generated always as identity primary key,
  competition_id uuid not null references public.competitions (id),
  participant text not null
);
comment on table agon.stale_records is
  'Participants whose record no longer holds: written with what changed, taken by the worker. Only added to and taken from, so that nobody waits for anybody here.';
create index stale_records_by_competition on agon.stale_records (competition_id, id);
alter table agon.stale_records enable row level security;

create table agon.stale_standings (
  id bigint generated always as identity primary key,
  season_id uuid not null references public.seasons (id),
  wallet text not null
);
comment on table agon.stale_standings is
  'Wallets whose standing in a season no longer holds; as agon.stale_records.';
create index stale_standings_by_season on agon.stale_standings (season_id, id);
alter table agon.stale_standings enable row level security;

create table public.leaderboard_entries (
  id uuid primary key default gen_random_uuid(),
  competition_id uuid not null references public.competitions (id),
  participant text not null,
  score numeric(24, 6) not null,
  passed integer not null,
  failed integer not null,
  scores integer not null,
  updated_at timestamptz not null default now(),
  constraint leaderboard_entries_one_per_participant unique (competition_id, participant),
  constraint leaderboard_entries_count_up check (least(passed, failed, scores) >= 0)
);
comment on table public.leaderboard_entries is
  'How a participant stands in a competition of type challenge or leaderboard: computed by the pure code in leaderboard.py from leaderboard_scores; ranks stand in agon.ranks. Who has not qualified has no entry.';
create index leaderboard_entries_by_participant on public.leaderboard_entries (participant);
alter table public.leaderboard_entries enable row level security;

create table public.leaderboard_scores (
  id uuid primary key default gen_random_uuid(),
  competition_id uuid not null references public.competitions (id),
  wallet text not null,
  turn bigint not null generated by default as identity,
  challenge_id bigint,
  event_id bigint,
  pass boolean not null,
  score numeric(18, 6),
  result_cid text references agon.results (cid),
  key text,
  posted_by text,
  created_at timestamptz not null default now(),
  reverted_at timestamptz,
  reverted_by text,
  reason text,
  constraint leaderboard_scores_one_per_verdict unique (competition_id, wallet, challenge_id),
  constraint leaderboard_scores_one_per_key unique (competition_id, key),
  constraint leaderboard_scores_come_from_a_verdict_or_a_key
    check (num_nonnulls(challenge_id, key) = 1 and (key is null) = (posted_by is null)
      and (challenge_id is null) = (event_id is null)),
  constraint leaderboard_scores_key_is_short check (key ~ '^[!-~]{1,200}$'),
  constraint leaderboard_scores_wallet_is_lower_case_hex check (wallet ~ '^0x[0-9a-f]{40}$'),
  constraint leaderboard_scores_posted_have_a_score check (key is null or score is not null),
  constraint leaderboard_scores_are_taken_back_with_a_reason
    check (num_nonnulls(reverted_at, reverted_by, reason) in (0, 3))
);
comment on table public.leaderboard_scores is
  'What counts in a competition of type challenge or leaderboard: the newest verdict of a wallet in each challenge, and what organisers posted under a key of theirs. turn: the order in which it came or changed; event_id: what told of the verdict; posted_by, reverted_by: a wallet, key:<id> or service.';
create index leaderboard_scores_by_wallet on public.leaderboard_scores (wallet);
create index leaderboard_scores_in_turn on public.leaderboard_scores (competition_id, turn);
create index leaderboard_scores_by_result on public.leaderboard_scores (result_cid);
alter table public.leaderboard_scores enable row level security;

create table agon.ranks (
  board_id uuid not null,
  subject text not null,
  key bytea not null,
  primary key (board_id, subject),
  constraint ranks_keys_differ unique (board_id, key)
);
comment on table agon.ranks is
  'Whoever has a rank: board_id is a season or a competition, and the smaller key is before the larger (ranking.py). Rows come and go, and never change.';
alter table agon.ranks enable row level security;

create table agon.rank_buckets (
  board_id uuid not null,
  first_key bytea not null,
  entries integer not null,
  primary key (board_id, first_key),
  constraint rank_buckets_hold_something check (entries >= 0)
) with (fillfactor = 50);
comment on table agon.rank_buckets is
  'How many keys of a board stand from first_key up to the next bucket''s. The first has the empty key. Kept by triggers of agon.ranks.';
alter table agon.rank_buckets enable row level security;

insert into agon.api_scopes (scope, comment) values
  ('seasons:write', 'Make seasons, choose their competitions, complete them.');

insert into agon.webhook_events (event, comment) values
  ('standings.updated', 'Standings of a season changed; at most once a minute.'),
  ('prizes.awarded', 'The prizes of a competition stand.');
