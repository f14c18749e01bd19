-- How bots look, who decided that they may, and what they had done at a moment.

alter table public.bot_identities
  drop constraint bot_identities_status_is_known,
  add constraint bot_identities_status_is_known check (status in ('active', 'suspended', 'retired'));

create table public.bot_avatars (
  id uuid primary key default gen_random_uuid(),
  bot_identity_id uuid not null references public.bot_identities (id) on delete cascade,
  generation_index integer not null,
  source_provider text not null,
  prompt text,
  glb_uri text not null,
  preview_image_uri text,
  manifest_uri text not null,
  moderation_status text not null default 'pending',
  moderation_note text,
  moderated_at timestamptz,
  created_at timestamptz not null default now(),
  constraint bot_avatars_are_counted unique (bot_identity_id, generation_index),
  constraint bot_avatars_begin_at_one check (generation_index >= 1),
  -- The manifest names all the rest, so the same avatar has the same one.
  constraint bot_avatars_are_kept_once unique (bot_identity_id, manifest_uri),
  constraint bot_avatars_provider_is_known check (source_provider in ('meshy', 'manual', 'import')),
  constraint bot_avatars_prompt_has_a_length check (length(prompt) between 1 and 600),
  constraint bot_avatars_model_is_content check (glb_uri ~ '^ipfs://b[a-z2-7]{50,}$'),
  constraint bot_avatars_preview_is_content check (preview_image_uri ~ '^ipfs://b[a-z2-7]{50,}$'),
  constraint bot_avatars_manifest_is_content check (manifest_uri ~ '^ipfs://b[a-z2-7]{50,}$'),
  constraint bot_avatars_moderation_is_known
    check (moderation_status in ('pending', 'approved', 'rejected')),
  constraint bot_avatars_decided_say_when
    check ((moderation_status = 'pending') = (moderated_at is null)),
  constraint bot_avatars_rejected_say_why
    check ((moderation_status = 'rejected') = (moderation_note is not null)),
  constraint bot_avatars_note_has_a_length check (length(moderation_note) between 1 and 500),
  -- What active avatars and loadouts point to: an avatar, of this bot.
  constraint bot_avatars_belong_to_a_bot unique (bot_identity_id, id)
);
comment on table public.bot_avatars is
  'Models of a bot, counted from 1 as they come. Their files lie in the content folder, and are published once they are approved.';
create index bot_avatars_to_moderate on public.bot_avatars (created_at, id)
  where moderation_status = 'pending';
alter table public.bot_avatars enable row level security;

alter table public.bot_identities
  add constraint bot_identities_active_avatar_is_its_own
    foreign key (id, active_avatar_id) references public.bot_avatars (bot_identity_id, id);
create index bot_identities_by_active_avatar on public.bot_identities (active_avatar_id, id)
  where active_avatar_id is not null;

create table public.bot_avatar_loadouts (
  id uuid primary key default gen_random_uuid(),
  bot_identity_id uuid not null references public.bot_identities (id) on delete cascade,
  avatar_id uuid not null,
  selected_by_address text not null,
  selected_at timestamptz not null default now(),
  constraint bot_avatar_loadouts_are_of_the_bot foreign key (bot_identity_id, avatar_id)
    references public.bot_avatars (bot_identity_id, id) on delete cascade,
  constraint bot_avatar_loadouts_address_is_lower_case_hex
    check (selected_by_address ~ '^0x[0-9a-f]{40}$')
);
comment on table public.bot_avatar_loadouts is
  'Which avatar a bot wore from when on, and which of its owners chose it.';
create index bot_avatar_loadouts_by_time
  on public.bot_avatar_loadouts (bot_identity_id, selected_at desc);
create index bot_avatar_loadouts_by_avatar on public.bot_avatar_loadouts (avatar_id, bot_identity_id);
alter table public.bot_avatar_loadouts enable row level security;

create table public.bot_stats_snapshots (
  id uuid primary key default gen_random_uuid(),
  bot_identity_id uuid not null references public.bot_identities (id) on delete cascade,
  epoch_id uuid references public.epochs (id),
  snapshot_uri text not null,
  snapshot_hash text not null,
  created_at timestamptz not null default now(),
  constraint bot_stats_snapshots_are_content check (snapshot_uri ~ '^ipfs://b[a-z2-7]{50,}$'),
  constraint bot_stats_snapshots_hash_is_sha256 check (snapshot_hash ~ '^[0-9a-f]{64}$')
);
comment on table public.bot_stats_snapshots is
  'What a bot had done: canonical JSON under its content id, and the SHA-256 of its bytes.';
create index bot_stats_snapshots_by_time
  on public.bot_stats_snapshots (bot_identity_id, created_at desc);
create index bot_stats_snapshots_by_epoch on public.bot_stats_snapshots (epoch_id, bot_identity_id);
alter table public.bot_stats_snapshots enable row level security;

create table agon.avatar_generations (
  id uuid primary key default gen_random_uuid(),
  bot_identity_id uuid not null references public.bot_identities (id) on delete cascade,
  source_provider text not null,
  prompt text,
  source_uri text,
  status text not null default 'wanted',
  tasks text[] not null default '{}',
  asked_at timestamptz,
  last_error text,
  avatar_id uuid,
  created_at timestamptz not null default now(),
  constraint avatar_generations_provider_is_outside check (source_provider in ('meshy', 'import')),
  constraint avatar_generations_prompt_has_a_length check (length(prompt) between 1 and 600),
  constraint avatar_generations_source_is_content check (source_uri ~ '^ipfs://b[a-z2-7]{50,}$'),
  constraint avatar_generations_say_of_what
    check ((source_provider = 'meshy') = (prompt is not null)
      and (source_provider = 'import') = (source_uri is not null)),
  constraint avatar_generations_status_is_known check (status in ('wanted', 'done', 'failed')),
  constraint avatar_generations_done_say_which check ((status = 'done') = (avatar_id is not null)),
  constraint avatar_generations_failed_say_why check (status <> 'failed' or last_error is not null),
  constraint avatar_generations_error_is_short check (length(last_error) <= 500),
  constraint avatar_generations_avatar_is_of_the_bot foreign key (bot_identity_id, avatar_id)
    references public.bot_avatars (bot_identity_id, id) on delete cascade
);
comment on table agon.avatar_generations is
  'Avatars that are asked of an outside party: the intent, its tasks there (the last one current), and the receipt. asked_at: since when a task may have been begun of which no receipt came.';
create index avatar_generations_by_bot on agon.avatar_generations (bot_identity_id, created_at);
create index avatar_generations_by_avatar on agon.avatar_generations (avatar_id, bot_identity_id)
  where avatar_id is not null;
create index avatar_generations_by_time on agon.avatar_generations (created_at);
alter table agon.avatar_generations enable row level security;

insert into agon.moves (machine, from_state, to_state, by, comment) values
  ('public.bot_identities.status', null, 'active', 'indexer', 'minted'),
  ('public.bot_identities.status', 'active', 'suspended', 'admin', 'it acts no more until it is reinstated'),
  ('public.bot_identities.status', 'suspended', 'active', 'admin', 'reinstated'),
  ('public.bot_identities.status', 'active', 'retired', 'owner or admin', 'for good, whoever owns it later'),
  ('public.bot_identities.status', 'suspended', 'retired', 'admin', 'for good'),
  ('public.bot_avatars.moderation_status', null, 'pending', 'engine', 'its files are checked and kept'),
  ('public.bot_avatars.moderation_status', 'pending', 'approved', 'moderator', 'its files are published, and its bot may wear it'),
  ('public.bot_avatars.moderation_status', 'pending', 'rejected', 'moderator', 'it stays with its owner, who reads why'),
  ('agon.avatar_generations.status', null, 'wanted', 'owner', 'asked for'),
  ('agon.avatar_generations.status', 'wanted', 'done', 'worker', 'the model came, and is an avatar'),
  ('agon.avatar_generations.status', 'wanted', 'failed', 'worker', 'the party has none to give, or was asked too often');
