-- What files we hold. The bytes lie in a folder, under their content id.

create table agon.files (
  cid text primary key,
  sha256 text not null,
  bytes bigint not null,
  media_type text not null,
  created_at timestamptz not null default now(),
  constraint files_cid_is_version_1 check (cid ~ '^b[a-z2-7]{50,}$'),
  constraint files_sha256_is_hex check (sha256 ~ '^[0-9a-f]{64}$'),
  constraint files_are_not_empty check (bytes > 0)
);
comment on table agon.files is 'Files that we hold, by content id (CIDv1).';
alter table agon.files enable row level security;
