-- Who takes part, what they submitted, and what was judged.

create table public.participants (
  id bigint generated always as identity primary key,
  challenge_id bigint not null,
  subject text not null,
  tx_hash text,
  joined_at timestamptz,
  source text not null default 'unknown',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint participants_subject_is_lower_case_hex check (subject ~ '^0x[0-9a-f]{40}$'),
  constraint participants_source_is_known check (source in ('onchain_join', 'evidence_intake', 'unknown'))
);
comment on table public.participants is
  'Who takes part in a challenge: by joining, or by submitting evidence (joined_at null).';
create unique index participants_one_per_challenge on public.participants (challenge_id, lower(subject));
create index participants_by_subject on public.participants (lower(subject));
alter table public.participants enable row level security;

create table public.evidence (
  id bigint generated always as identity primary key,
  challenge_id bigint not null,
  subject text not null,
  provider text not null,
  data jsonb not null,
  evidence_hash text not null,
  raw_ref text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint evidence_subject_is_lower_case_hex check (subject ~ '^0x[0-9a-f]{40}$'),
  constraint evidence_provider_is_known check (provider in
    ('apple', 'garmin', 'strava', 'opendota', 'riot', 'steam', 'manual')),
  constraint evidence_data_is_an_array check (jsonb_typeof(data) = 'array'),
  constraint evidence_hash_is_hex check (evidence_hash ~ '^[0-9a-f]{64}$')
);
comment on table public.evidence is
  'Canonical records by (challenge, subject, provider); each row holds all records of its provider so far, and the newest is judged. challenge_id 0 is a preview.';
create index evidence_by_challenge on public.evidence (challenge_id);
create index evidence_newest on public.evidence (challenge_id, lower(subject), provider, id desc);
create index evidence_by_subject on public.evidence (lower(subject));
alter table public.evidence enable row level security;

create table agon.evidence_marks (
  kind text not null,
  mark text not null,
  subject text not null,
  trust smallint not null,
  start_ms bigint,
  shape jsonb,
  created_at timestamptz not null default now(),
  primary key (kind, mark),
  constraint evidence_marks_kind_is_known check (kind in ('file', 'source', 'track', 'points', 'content', 'device')),
  constraint evidence_marks_tracks_have_a_start check (kind <> 'track' or start_ms is not null)
);
comment on table agon.evidence_marks is
  'What makes a recording one person''s own, anywhere: the file''s SHA-256, its id at its source, its track''s fingerprint, its points, its content; and a device, which may be lent. trust is that of the record; shape holds interval, distance and points of a track.';
create index evidence_marks_tracks_by_start on agon.evidence_marks (start_ms) where kind = 'track';
alter table agon.evidence_marks enable row level security;

create table public.verdicts (
  id bigint generated always as identity primary key,
  challenge_id bigint not null,
  subject text not null,
  pass boolean not null,
  reasons text[] not null,
  evidence_hash text not null,
  evaluator text not null,
  score numeric,
  metadata jsonb,
  result_cid text not null references agon.results (cid),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint verdicts_one_per_participant unique (challenge_id, subject),
  constraint verdicts_subject_is_lower_case_hex check (subject ~ '^0x[0-9a-f]{40}$'),
  constraint verdicts_pass_without_reasons check (not pass or cardinality(reasons) = 0)
);
comment on table public.verdicts is
  'Whether a participant met the rule; result_cid names the bundle that anyone can recompute.';
create index verdicts_by_subject on public.verdicts (subject);
create index verdicts_by_result on public.verdicts (result_cid);
alter table public.verdicts enable row level security;
