-- Result bundles by their content id, what a sealed secret looks like, and the public keys that
-- secrets are sealed to.

create domain agon.sealed as text constraint secret_is_sealed
  check (value ~ '^sealed:v1:[0-9a-f]{16}:[A-Za-z0-9_-]{107}:[A-Za-z0-9_-]{16}:[A-Za-z0-9_-]{22,}$');
comment on domain agon.sealed is 'A sealed secret, as kernel/sealing.py writes it: nothing lands in clear.';

create table agon.results (
  cid text primary key,
  kind text not null,
  version integer not null,
  bundle bytea not null,
  subject text,
  created_at timestamptz not null default now(),
  constraint results_cid_is_version_1 check (cid ~ '^b[a-z2-7]{50,}$'),
  constraint results_subject_is_lower_case check (subject = lower(subject))
);
comment on table agon.results is
  'Bundles in canonical JSON, and files that are attached to them. subject is the wallet whose evidence stands in it; null means public.';
create index results_by_subject on agon.results (subject) where subject is not null;
alter table agon.results enable row level security;

create table agon.sealing_keys (
  key_id text primary key,
  public_key text not null,
  created_at timestamptz not null default now(),
  retired_at timestamptz,
  constraint sealing_keys_id_is_hex check (key_id ~ '^[0-9a-f]{16}$')
);
comment on table agon.sealing_keys is
  'Public halves: who seals reads the newest that is not retired; private halves stay with the opener.';
alter table agon.sealing_keys enable row level security;
