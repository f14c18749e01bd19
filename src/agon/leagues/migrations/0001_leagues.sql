-- Teams, competitions, who is registered for them, the matches of their brackets, and disputes.

create table public.teams (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.organizations (id),
  name text not null,
  tag text,
  logo_url text,
  created_at timestamptz not null default now(),
  constraint teams_name_is_short check (length(name) between 1 and 100 and name !~ '[[:cntrl:]]'),
  constraint teams_tag_is_short check (tag ~ '^[[:graph:]]{1,12}$'),
  constraint teams_logo_is_https
    check (logo_url ~ '^https://[!#-;=?-\[\]_a-z~]+$' and length(logo_url) <= 2048)
);
comment on table public.teams is 'Teams of an organisation; team_roster says who plays, and who is captain.';
create unique index teams_differ_by_name on public.teams (org_id, lower(name));
alter table public.teams enable row level security;

create table public.team_roster (
  id uuid primary key default gen_random_uuid(),
  team_id uuid not null references public.teams (id) on delete cascade,
  wallet text not null,
  role text not null default 'player',
  joined_at timestamptz not null default now(),
  constraint team_roster_has_a_wallet_once unique (team_id, wallet),
  constraint team_roster_wallet_is_lower_case_hex check (wallet ~ '^0x[0-9a-f]{40}$'),
  constraint team_roster_role_is_known check (role in ('captain', 'player'))
);
comment on table public.team_roster is
  'Who plays for a team, by own consent. It stays as it is while the team plays in a competition.';
create unique index team_roster_has_one_captain on public.team_roster (team_id) where role = 'captain';
create index team_roster_by_wallet on public.team_roster (wallet);
alter table public.team_roster enable row level security;

create table public.team_invitations (
  id uuid primary key default gen_random_uuid(),
  team_id uuid not null references public.teams (id) on delete cascade,
  wallet text not null,
  role text not null default 'player',
  status text not null default 'pending',
  invited_by text,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  answered_at timestamptz,
  constraint team_invitations_wallet_is_lower_case_hex check (wallet ~ '^0x[0-9a-f]{40}$'),
  constraint team_invitations_role_is_known check (role in ('captain', 'player')),
  constraint team_invitations_status_is_known
    check (status in ('pending', 'accepted', 'declined', 'withdrawn', 'expired')),
  constraint team_invitations_end check (expires_at > created_at),
  constraint team_invitations_are_answered_at_a_time check ((status = 'pending') = (answered_at is null))
);
comment on table public.team_invitations is
  'Wallets that are asked to play for a team. invited_by is a wallet, or null for a key or the service.';
create unique index team_invitations_one_pending on public.team_invitations (team_id, wallet)
  where status = 'pending';
create index team_invitations_by_team on public.team_invitations (team_id, created_at);
create index team_invitations_by_wallet on public.team_invitations (wallet);
alter table public.team_invitations enable row level security;

insert into agon.moves (machine, from_state, to_state, by, comment) values
  ('public.team_invitations.status', null, 'pending', 'captain, admin of the organisation',
   'A wallet is invited to play.'),
  ('public.team_invitations.status', 'pending', 'accepted', 'the wallet''s owner', 'It is on the roster.'),
  ('public.team_invitations.status', 'pending', 'declined', 'the wallet''s owner', 'It does not play.'),
  ('public.team_invitations.status', 'pending', 'withdrawn', 'captain, admin of the organisation',
   'The team no longer asks.'),
  ('public.team_invitations.status', 'pending', 'expired', 'the next invitation',
   'Its time was over when the wallet was invited again.');

create table public.competitions (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.organizations (id),
  title text not null,
  description text,
  type text not null default 'challenge',
  status text not null default 'draft',
  category text,
  rules jsonb not null default '{}',
  prize_config jsonb not null default '{}',
  settings jsonb not null default '{}',
  challenge_ids bigint[] not null default '{}',
  registration_opens_at timestamptz,
  registration_closes_at timestamptz,
  starts_at timestamptz,
  ends_at timestamptz,
  created_by text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  opened_at timestamptz,
  started_at timestamptz,
  ended_at timestamptz,
  seed_sha256 text,
  seed text,
  result_cid text references agon.results (cid),
  prizes_cid text references agon.results (cid),
  constraint competitions_title_is_short
    check (length(title) between 1 and 200 and title !~ '[[:cntrl:]]'),
  constraint competitions_description_is_short check (length(description) <= 20000),
  constraint competitions_category_is_short
    check (length(category) between 1 and 60 and category !~ '[[:cntrl:]]'),
  constraint competitions_type_is_known check (type in ('challenge', 'bracket', 'leaderboard')),
  constraint competitions_status_is_known
    check (status in ('draft', 'open', 'active', 'completed', 'canceled')),
  constraint competitions_rules_are_a_small_object
    check (jsonb_typeof(rules) = 'object' and length(rules::text) <= 65536),
  constraint competitions_prize_config_is_an_object check (jsonb_typeof(prize_config) = 'object'),
  constraint competitions_settings_are_an_object check (jsonb_typeof(settings) = 'object'),
  constraint competitions_challenges_are_few check (cardinality(challenge_ids) <= 256),
  constraint competitions_challenges_are_natural
    check (0 <= all (challenge_ids) and array_position(challenge_ids, null) is null),
  constraint competitions_registration_closes_after_it_opens
    check (registration_closes_at > registration_opens_at),
  constraint competitions_end_after_they_start check (ends_at > starts_at),
  constraint competitions_creator_is_lower_case_hex check (created_by ~ '^0x[0-9a-f]{40}$'),
  constraint competitions_seed_is_hashed check (
    seed is null or seed_sha256 = encode(sha256(convert_to(seed, 'UTF8')), 'hex')),
  constraint competitions_started_say_when
    check ((status in ('active', 'completed')) <= (started_at is not null)),
  constraint competitions_ended_say_when
    check ((status in ('completed', 'canceled')) = (ended_at is not null))
);
comment on table public.competitions is
  'Contests of an organisation. settings as settings.schema.json, prize_config as prizes.schema.json; seed is what chance made the seeding of, published with the start; result_cid, prizes_cid: bundles in agon.results.';
create index competitions_by_org on public.competitions (org_id, created_at);
create index competitions_by_status on public.competitions (status, created_at);
create index competitions_by_challenge on public.competitions using gin (challenge_ids);
create index competitions_by_result on public.competitions (result_cid);
create index competitions_by_prizes on public.competitions (prizes_cid);
alter table public.competitions enable row level security;

create table agon.competition_seeds (
  competition_id uuid primary key references public.competitions (id),
  seed text not null,
  constraint competition_seeds_are_short check (length(seed) between 1 and 1000)
);
comment on table agon.competition_seeds is
  'What chance will make the seeding of, before it is published; its SHA-256 is public from the opening.';
alter table agon.competition_seeds enable row level security;

insert into agon.moves (machine, from_state, to_state, by, comment) values
  ('public.competitions.status', null, 'draft', 'admin of the organisation', 'A competition is drafted.'),
  ('public.competitions.status', 'draft', 'open', 'admin of the organisation', 'It is published.'),
  ('public.competitions.status', 'open', 'active', 'admin of the organisation, or starts_at',
   'It starts: the field and the rosters stand.'),
  ('public.competitions.status', 'active', 'completed', 'engine',
   'All is played, and no dispute can come any more.'),
  ('public.competitions.status', 'draft', 'canceled', 'admin of the organisation', 'It is not held.'),
  ('public.competitions.status', 'open', 'canceled', 'admin of the organisation', 'It is not held.'),
  ('public.competitions.status', 'active', 'canceled', 'admin of the organisation', 'It is broken off.');

create table public.competition_registrations (
  id uuid primary key default gen_random_uuid(),
  competition_id uuid not null references public.competitions (id),
  wallet text,
  team_id uuid references public.teams (id),
  seed integer,
  checked_in boolean not null default false,
  registered_at timestamptz not null default now(),
  participant text not null generated always as (coalesce(wallet, team_id::text)) stored,
  status text not null default 'registered',
  turn bigint generated by default as identity,
  rating integer,
  checked_in_at timestamptz,
  roster text[],
  place_from integer,
  place_to integer,
  constraint competition_registrations_are_a_wallet_or_a_team check (num_nonnulls(wallet, team_id) = 1),
  constraint competition_registrations_one_per_participant unique (competition_id, participant),
  constraint competition_registrations_wallet_is_lower_case_hex check (wallet ~ '^0x[0-9a-f]{40}$'),
  constraint competition_registrations_seed_is_positive check (seed > 0),
  constraint competition_registrations_status_is_known
    check (status in ('registered', 'waiting', 'withdrawn', 'dropped', 'disqualified')),
  constraint competition_registrations_check_in_at_a_time check (checked_in = (checked_in_at is not null)),
  constraint competition_registrations_places_are_a_range
    check (num_nonnulls(place_from, place_to) <> 1 and place_from > 0 and place_to >= place_from)
);
comment on table public.competition_registrations is
  'Who takes part: a wallet or a team. turn is the order of registration; roster, from the start on, is whom a result counts for; place_from and place_to are the range of places in the end.';
create index competition_registrations_by_team on public.competition_registrations (team_id);
create index competition_registrations_by_wallet on public.competition_registrations (wallet);
create index competition_registrations_in_turn
  on public.competition_registrations (competition_id, status, turn);
create unique index competition_registrations_one_per_seed
  on public.competition_registrations (competition_id, seed) where roster is not null;
create index competition_registrations_by_roster on public.competition_registrations using gin (roster);
alter table public.competition_registrations enable row level security;

insert into agon.moves (machine, from_state, to_state, by, comment) values
  ('public.competition_registrations.status', null, 'registered', 'participant, organiser',
   'There is a place.'),
  ('public.competition_registrations.status', null, 'waiting', 'participant, organiser', 'All places are taken.'),
  ('public.competition_registrations.status', 'waiting', 'registered', 'engine', 'A place became free.'),
  ('public.competition_registrations.status', 'registered', 'withdrawn', 'participant, organiser',
   'It takes no part, or plays no further.'),
  ('public.competition_registrations.status', 'waiting', 'withdrawn', 'participant, organiser',
   'It waits no more.'),
  ('public.competition_registrations.status', 'withdrawn', 'registered', 'participant, organiser',
   'It registers again, or what took it out is undone.'),
  ('public.competition_registrations.status', 'withdrawn', 'waiting', 'participant, organiser',
   'It registers again, and all places are taken.'),
  ('public.competition_registrations.status', 'registered', 'dropped', 'engine',
   'It had not checked in when the competition started.'),
  ('public.competition_registrations.status', 'waiting', 'dropped', 'engine',
   'The competition started without a place for it.'),
  ('public.competition_registrations.status', 'registered', 'disqualified', 'organiser', 'It is put out.'),
  ('public.competition_registrations.status', 'waiting', 'disqualified', 'organiser', 'It is put out.'),
  ('public.competition_registrations.status', 'disqualified', 'registered', 'organiser',
   'What put it out is undone.');

create table public.bracket_matches (
  id uuid primary key default gen_random_uuid(),
  competition_id uuid not null references public.competitions (id),
  round integer not null,
  match_number integer not null,
  bracket_type text not null default 'winners',
  participant_a text,
  participant_b text,
  score_a integer,
  score_b integer,
  winner text,
  status text not null default 'pending',
  challenge_id bigint,
  scheduled_at timestamptz,
  completed_at timestamptz,
  created_at timestamptz not null default now(),
  key text not null,
  group_number integer not null default 0,
  best_of integer not null default 1,
  games jsonb,
  result_kind text,
  winner_to text,
  winner_slot text,
  loser_to text,
  loser_slot text,
  ready_at timestamptz,
  reported jsonb,
  reported_by text,
  reported_at timestamptz,
  confirm_by timestamptz,
  constraint bracket_matches_one_per_key unique (competition_id, key),
  constraint bracket_matches_key_is_a_name check (key ~ '^[a-z0-9]+(\.[0-9]+)+$'),
  constraint bracket_matches_type_is_known check (
    bracket_type in ('winners', 'losers', 'grand_final', 'third_place', 'group', 'swiss')),
  constraint bracket_matches_status_is_known
    check (status in ('pending', 'in_progress', 'completed', 'disputed', 'canceled')),
  constraint bracket_matches_slots_are_a_or_b check (winner_slot in ('a', 'b') and loser_slot in ('a', 'b')),
  constraint bracket_matches_are_won_by_one_of_two check (winner in (participant_a, participant_b)),
  constraint bracket_matches_completed_say_when check ((status = 'completed') <= (completed_at is not null)),
  constraint bracket_matches_reports_have_a_reporter
    check ((reported is null) = (reported_by is null) and (reported is null) = (reported_at is null)),
  constraint bracket_matches_challenge_is_natural check (challenge_id >= 0)
);
comment on table public.bracket_matches is
  'The bracket as it stands: derived from format, entrants and match_events, by the pure code in brackets. key names a match in its competition; winner_to and loser_to are keys; reported is a result that waits for the other side.';
create index bracket_matches_in_order on public.bracket_matches (competition_id, round, match_number);
create index bracket_matches_by_participant_a on public.bracket_matches (participant_a, competition_id);
create index bracket_matches_by_participant_b on public.bracket_matches (participant_b, competition_id);
create index bracket_matches_by_challenge on public.bracket_matches (challenge_id)
  where challenge_id is not null;
create index bracket_matches_to_confirm on public.bracket_matches (confirm_by)
  where confirm_by is not null;
create index bracket_matches_disputed on public.bracket_matches (competition_id) where status = 'disputed';
alter table public.bracket_matches enable row level security;

insert into agon.moves (machine, from_state, to_state, by, comment)
select 'public.bracket_matches.status', m.from_state, m.to_state, m.by, m.comment
from (values
  (null, 'pending', 'engine', 'Who plays is not known yet.'),
  (null, 'in_progress', 'engine', 'Both are known.'),
  (null, 'completed', 'engine', 'A bye.'),
  (null, 'canceled', 'engine', 'Nobody plays it.'),
  ('pending', 'in_progress', 'engine', 'Both are known.'),
  ('pending', 'completed', 'engine', 'A bye, or who plays it was disqualified.'),
  ('pending', 'canceled', 'engine', 'Nobody plays it.'),
  ('in_progress', 'completed', 'participants, organiser, engine', 'There is a result.'),
  ('in_progress', 'pending', 'organiser', 'What it follows from is undone.'),
  ('in_progress', 'canceled', 'organiser', 'What it follows from is undone.'),
  ('in_progress', 'disputed', 'participant', 'A reported result is disputed.'),
  ('completed', 'disputed', 'participant', 'The result is disputed.'),
  ('completed', 'in_progress', 'organiser', 'The result is undone.'),
  ('completed', 'pending', 'organiser', 'What it follows from is undone.'),
  ('completed', 'canceled', 'organiser', 'What it follows from is undone.'),
  ('disputed', 'completed', 'organiser', 'There is a result that stands.'),
  ('disputed', 'in_progress', 'organiser', 'It is played again, or the report stands open again.'),
  ('disputed', 'pending', 'organiser', 'What it follows from is undone.'),
  ('disputed', 'canceled', 'organiser', 'What it follows from is undone.'),
  ('canceled', 'pending', 'organiser', 'What it follows from is undone.'),
  ('canceled', 'in_progress', 'organiser', 'It is played after all.'),
  ('canceled', 'completed', 'organiser', 'It is a bye after all.')
) m (from_state, to_state, by, comment);

create table public.match_events (
  id bigint generated always as identity primary key,
  competition_id uuid not null references public.competitions (id),
  match_key text,
  event text not null,
  by text not null,
  by_wallet text,
  report jsonb,
  data jsonb not null default '{}',
  reverts bigint references public.match_events (id),
  created_at timestamptz not null default now(),
  constraint match_events_are_of_matches_there_are
    foreign key (competition_id, match_key) references public.bracket_matches (competition_id, key),
  constraint match_events_are_known check (event in ('reported', 'decided', 'disqualified', 'reverted',
    'disputed', 'upheld', 'replayed', 'overturned', 'dismissed', 'scheduled', 'undecided')),
  constraint match_events_by_is_known check (by in ('participant', 'organiser', 'engine')),
  constraint match_events_wallet_is_lower_case_hex check (by_wallet ~ '^0x[0-9a-f]{40}$'),
  constraint match_events_decide_with_a_report
    check ((event in ('reported', 'decided', 'disqualified')) = (report is not null)),
  constraint match_events_revert_events check ((event = 'reverted') = (reverts is not null))
);
comment on table public.match_events is
  'What was done in a bracket, only added to. The results that stand are the decided and disqualified that no reverted names; the bracket follows from them in the order of id.';
create index match_events_by_competition on public.match_events (competition_id, id);
create index match_events_by_match on public.match_events (competition_id, match_key, id);
create index match_events_that_count on public.match_events (competition_id, id)
  where event in ('decided', 'disqualified', 'reverted');
create unique index match_events_are_reverted_once on public.match_events (reverts);
alter table public.match_events enable row level security;

create table public.match_disputes (
  id uuid primary key default gen_random_uuid(),
  match_id uuid not null references public.bracket_matches (id),
  competition_id uuid not null references public.competitions (id),
  filed_by text not null,
  reason text not null,
  evidence_url text,
  status text not null default 'open',
  resolution_note text,
  resolved_by text,
  created_at timestamptz not null default now(),
  resolved_at timestamptz,
  resolution text,
  constraint match_disputes_filer_is_lower_case_hex check (filed_by ~ '^0x[0-9a-f]{40}$'),
  constraint match_disputes_reason_is_short check (length(reason) between 1 and 4000),
  constraint match_disputes_evidence_is_a_link check (
    evidence_url ~ '^(https|ipfs)://[!#-;=?-\[\]_a-z~]+$' and length(evidence_url) <= 2048),
  constraint match_disputes_status_is_known check (status in ('open', 'resolved', 'dismissed')),
  constraint match_disputes_note_is_short check (length(resolution_note) between 1 and 4000),
  constraint match_disputes_resolver_is_lower_case_hex check (resolved_by ~ '^0x[0-9a-f]{40}$'),
  constraint match_disputes_resolution_is_known
    check (resolution in ('upheld', 'replayed', 'overturned', 'dismissed', 'moot')),
  constraint match_disputes_end_with_a_note check (
    (status = 'open') = (resolved_at is null)
    and (status = 'open') = (resolution is null) and (status = 'open') = (resolution_note is null))
);
comment on table public.match_disputes is
  'Objections of participants to results. resolution moot: the result was undone before it was decided on. resolved_by is null for a key, the service and the engine.';
create unique index match_disputes_one_open on public.match_disputes (match_id) where status = 'open';
create index match_disputes_by_match on public.match_disputes (match_id);
create index match_disputes_by_competition on public.match_disputes (competition_id, created_at);
create index match_disputes_by_filer on public.match_disputes (filed_by);
alter table public.match_disputes enable row level security;

insert into agon.moves (machine, from_state, to_state, by, comment) values
  ('public.match_disputes.status', null, 'open', 'participant of the match', 'A result is disputed.'),
  ('public.match_disputes.status', 'open', 'resolved', 'organiser',
   'The result stands, is replaced, or is played for again.'),
  ('public.match_disputes.status', 'open', 'dismissed', 'organiser', 'There is nothing to decide on.');

insert into agon.api_scopes (scope, comment) values
  ('teams:read', 'Read invitations to teams.'),
  ('teams:write', 'Make and describe teams, invite to them, remove from them.'),
  ('competitions:read', 'Read drafts.'),
  ('competitions:write', 'Draft, open, start and cancel competitions; schedule matches.'),
  ('registrations:write', 'Register, check in, seed, withdraw and disqualify participants.'),
  ('results:write', 'Decide matches, and undo results.'),
  ('disputes:read', 'Read disputes.'),
  ('disputes:write', 'Resolve disputes.');

insert into agon.webhook_events (event, comment) values
  ('competition.created', 'A competition is drafted.'),
  ('competition.opened', 'It is published, and takes registrations.'),
  ('competition.started', 'It is active: the field stands, and a bracket is made.'),
  ('competition.completed', 'It has a result.'),
  ('competition.canceled', 'It ends without a result.'),
  ('registration.created', 'A wallet or a team registered; its status says whether it waits.'),
  ('registration.promoted', 'Who waited has a place.'),
  ('registration.checked_in', 'A participant is there.'),
  ('registration.withdrawn', 'A participant left.'),
  ('registration.disqualified', 'A participant was put out.'),
  ('match.ready', 'Both who play it are known.'),
  ('match.reported', 'One side reported a result, and the other is asked to confirm it.'),
  ('match.completed', 'A result stands.'),
  ('match.disputed', 'A result is disputed.'),
  ('match.reverted', 'A result was taken back.'),
  ('dispute.filed', 'A participant disputes a result.'),
  ('dispute.resolved', 'A dispute was decided on.'),
  ('dispute.dismissed', 'A dispute was dismissed.');
