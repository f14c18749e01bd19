-- What a wallet shows of itself.

create table public.user_profiles (
  wallet text primary key,
  display_name text,
  bio text,
  avatar bytea,
  avatar_mime text default 'image/jpeg',
  avatar_hash text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint user_profiles_wallet_is_lower_case_hex check (wallet ~ '^0x[0-9a-f]{40}$'),
  constraint user_profiles_name_has_1_to_50_characters check (length(display_name) between 1 and 50),
  constraint user_profiles_name_is_trimmed check (display_name !~ '^\s|\s$|\s\s'),
  constraint user_profiles_name_is_nfc check (display_name is nfc normalized),
  -- Neither line breaks nor marks that are not seen: they make one name look like another. The
  -- joiners of emoji and of Indic scripts (200C, 200D) may stay.
  constraint user_profiles_name_is_visible check (display_name !~
    '[\u0001-\u001F\u007F-\u009F\u00AD\u061C\u115F\u1160\u180E\u200B\u200E\u200F\u2028-\u202E\u2060-\u206F\u3164\uFEFF\uFFA0\uFFF9-\uFFFC\U000E0000-\U000E0FFF]'),
  constraint user_profiles_name_is_no_address check (display_name !~* '0x[0-9a-f]{40}'),
  constraint user_profiles_bio_has_1_to_500_characters check (length(bio) between 1 and 500),
  constraint user_profiles_bio_is_nfc check (bio is nfc normalized),
  constraint user_profiles_bio_is_text check (bio !~
    '[\u0001-\u0009\u000B-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028-\u202E\u2066-\u206F\uFEFF\uFFF9-\uFFFC\U000E0000-\U000E0FFF]'),
  constraint user_profiles_avatar_is_small check (octet_length(avatar) between 1 and 1048576),
  constraint user_profiles_avatar_mime_is_known check (avatar_mime in ('image/jpeg', 'image/png')),
  constraint user_profiles_avatar_hash_is_of_the_avatar
    check (avatar_hash = encode(sha256(avatar), 'hex')),
  constraint user_profiles_avatar_has_a_hash check ((avatar is null) = (avatar_hash is null)),
  constraint user_profiles_avatar_says_what_it_is check (avatar is null or avatar_mime is not null)
);
comment on table public.user_profiles is
  'Display name, bio and picture by wallet. The picture is drawn anew from what was uploaded, and named by its SHA-256.';
alter table public.user_profiles enable row level security;
