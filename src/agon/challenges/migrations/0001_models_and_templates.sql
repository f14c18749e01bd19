-- Which judge a challenge goes to, and the templates that challenges are made from.

create table public.models (
  id text primary key,
  label text not null,
  kind text not null,
  judge text not null,
  model_hash text not null,
  verifier text not null,
  plonk_verifier text,
  binding boolean not null,
  signals jsonb not null,
  params_schema jsonb not null,
  sources jsonb not null,
  file_accept jsonb not null,
  notes text,
  active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint models_kind_is_known check (kind in ('aivm', 'custom', 'zk', 'plonk')),
  constraint models_judge_is_known check (judge in ('fitness', 'gaming', 'passthrough')),
  constraint models_hash_is_bytes32 check (model_hash ~ '^0x[0-9a-f]{64}$'),
  constraint models_verifier_is_an_address check (verifier ~ '^0x[0-9a-f]{40}$'),
  constraint models_sources_are_an_array check (jsonb_typeof(sources) = 'array'),
  constraint models_file_accept_is_an_array check (jsonb_typeof(file_accept) = 'array'),
  constraint models_signals_are_an_array check (jsonb_typeof(signals) = 'array'),
  constraint models_params_schema_is_an_object check (jsonb_typeof(params_schema) = 'object')
);
comment on table public.models is
  'The judges that challenges may name, with the providers and media types that each accepts.';
create index models_by_kind on public.models (kind);
create index models_by_active on public.models (active);
alter table public.models enable row level security;

create table public.challenge_templates (
  id text primary key,
  name text not null,
  hint text,
  kind text not null,
  model_id text not null references public.models (id),
  fields_json jsonb not null,
  rule_config jsonb,
  active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint challenge_templates_kind_is_known check (kind in (
    'walking', 'running', 'cycling', 'hiking', 'swimming', 'strength', 'yoga', 'hiit', 'rowing',
    'calories', 'exercise', 'dota', 'lol', 'cs')),
  constraint challenge_templates_fields_are_an_array check (jsonb_typeof(fields_json) = 'array'),
  constraint challenge_templates_rule_is_an_object check (jsonb_typeof(rule_config) = 'object')
);
comment on table public.challenge_templates is
  'Templates as data: a rule with defaults, and the fields that a creator fills in.';
create index challenge_templates_by_kind on public.challenge_templates (kind);
create index challenge_templates_by_active on public.challenge_templates (active);
create index challenge_templates_by_model on public.challenge_templates (model_id);
alter table public.challenge_templates enable row level security;

insert into public.models
  (id, label, kind, judge, model_hash, verifier, binding, signals, params_schema, sources, file_accept, notes)
select
  id, label, kind, judge,
  '0x' || encode(sha256(convert_to(id, 'UTF8')), 'hex'),
  '0x0000000000000000000000000000000000000000',
  false, '[]', '{}', sources::jsonb, file_accept::jsonb, notes
from (values
  ('agon.fitness@1', 'Fitness', 'custom', 'fitness',
    '["apple", "garmin", "strava", "manual"]',
    '["application/vnd.ant.fit", "application/gpx+xml", "application/vnd.garmin.tcx+xml", "application/xml", "application/zip", "application/json"]',
    'Distance, time, steps, ascent, calories, pace and streaks from recorded activities.'),
  ('agon.gaming@1', 'Gaming', 'custom', 'gaming',
    '["opendota", "riot", "steam", "manual"]',
    '["application/json"]',
    'Wins, matches, kills, assists and streaks from match records.'),
  ('agon.passthrough@1', 'Any evidence', 'custom', 'passthrough',
    '["apple", "garmin", "strava", "opendota", "riot", "steam", "manual"]',
    '["application/vnd.ant.fit", "application/gpx+xml", "application/vnd.garmin.tcx+xml", "application/xml", "application/zip", "application/json"]',
    'Passes as soon as admissible evidence is there; what it means is judged elsewhere.'),
  ('strava.distance_in_window@1', 'Strava distance in a window', 'zk', 'fitness',
    '["strava"]',
    '["application/json", "application/vnd.ant.fit", "application/gpx+xml", "application/vnd.garmin.tcx+xml"]',
    'Kept for old data; new challenges take agon.fitness@1.')
) as model (id, label, kind, judge, sources, file_accept, notes);
