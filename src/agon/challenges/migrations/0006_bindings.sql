-- Wallets and the gaming accounts that are proven to be the same person's, and proofs under way.

create table public.identity_bindings (
  id bigint generated always as identity primary key,
  wallet text not null,
  platform text not null,
  platform_id text not null,
  handle text,
  signed_by text,
  signature text,
  ts bigint not null,
  message text not null,
  message_hash text not null,
  wallet_signature text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint identity_bindings_one_account_per_wallet unique (wallet, platform),
  constraint identity_bindings_one_wallet_per_account unique (platform, platform_id),
  constraint identity_bindings_wallet_is_lower_case_hex check (wallet ~ '^0x[0-9a-f]{40}$'),
  constraint identity_bindings_platform_is_known check (platform in ('steam', 'riot', 'epic')),
  constraint identity_bindings_platform_id_has_its_form check (platform_id ~ case platform
    when 'steam' then '^7656119[0-9]{10}$'
    when 'riot' then '^[A-Za-z0-9_-]{40,128}$'
    else '^[0-9a-f]{32}$' end),
  constraint identity_bindings_handle_is_one_line check (handle ~ '^[^[:cntrl:]]{1,100}$'),
  constraint identity_bindings_signed_by_is_lower_case_hex check (signed_by ~ '^0x[0-9a-f]{40}$'),
  constraint identity_bindings_steam_answers_itself_others_are_countersigned check
    ((platform = 'steam') = (signed_by is null) and (signed_by is null) = (signature is null)),
  constraint identity_bindings_signatures_are_65_bytes check
    (signature ~ '^0x[0-9a-f]{130}$' and wallet_signature ~ '^0x[0-9a-f]{130}$'),
  constraint identity_bindings_hash_is_of_the_message check
    (message_hash = encode(sha256(convert_to(message, 'UTF8')), 'hex')),
  constraint identity_bindings_message_is_short check (length(message) <= 2000)
);
comment on table public.identity_bindings is
  'Gaming accounts by wallet: message and wallet_signature are the owner''s (EIP-191), signed_by and signature the operator''s who vouches for the account; Steam vouches itself. ts: when the owner signed, milliseconds since 1970.';
alter table public.identity_bindings enable row level security;

create table public.openid_nonces (
  id bigint generated always as identity primary key,
  nonce text not null,
  wallet text not null,
  platform text not null,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  constraint openid_nonces_are_unique unique (nonce),
  constraint openid_nonces_one_per_wallet_and_platform unique (wallet, platform),
  constraint openid_nonces_are_hard_to_guess check (nonce ~ '^[A-Za-z0-9_-]{22,64}$'),
  constraint openid_nonces_wallet_is_lower_case_hex check (wallet ~ '^0x[0-9a-f]{40}$'),
  constraint openid_nonces_platform_is_known check (platform in ('steam', 'riot', 'epic'))
);
comment on table public.openid_nonces is
  'Bindings under way: each nonce works once, for one wallet and platform, until it expires.';
create index openid_nonces_by_age on public.openid_nonces (expires_at);
alter table public.openid_nonces enable row level security;
