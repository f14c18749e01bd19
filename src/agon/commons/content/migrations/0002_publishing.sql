-- What is shown to everybody, how it was cut into blocks, and where else it is to be kept.

alter table agon.files
  add column profile text not null default 'unixfs-v1-2025',
  add column published_at timestamptz,
  add constraint files_profile_is_known check (profile in ('unixfs-v1-2025', 'kubo-default')),
  add constraint files_media_type_has_its_form
    check (media_type ~ '^[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,100}$');
comment on table agon.files is
  'Files that we hold, by content id (CIDv1) and the profile that it was made with. Only those that an act has published (published_at) are shown to others.';

create table agon.pins (
  cid text not null references agon.files (cid) on delete cascade,
  target text not null,
  status text not null default 'queued',
  last_error text,
  pinned_at timestamptz,
  created_at timestamptz not null default now(),
  primary key (cid, target),
  constraint pins_target_is_known check (target in ('kubo', 'service')),
  constraint pins_status_is_known check (status in ('queued', 'pinned', 'failed')),
  constraint pins_pinned_says_when check ((status = 'pinned') = (pinned_at is not null)),
  constraint pins_failed_says_why check (status <> 'failed' or last_error is not null),
  constraint pins_error_is_short check (length(last_error) <= 500)
);
comment on table agon.pins is
  'Where published files are kept besides here: at a Kubo node, at a pinning service; from the intent to the receipt.';
alter table agon.pins enable row level security;

insert into agon.moves (machine, from_state, to_state, by, comment) values
  ('agon.pins.status', null, 'queued', 'engine', 'published, and there is such a place'),
  ('agon.pins.status', 'queued', 'pinned', 'worker', 'the place says that it keeps it, under our content id'),
  ('agon.pins.status', 'queued', 'failed', 'worker', 'it has another content id there, or was tried too often'),
  ('agon.pins.status', 'failed', 'queued', 'engine', 'published again');
