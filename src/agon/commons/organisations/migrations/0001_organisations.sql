-- Organisations, who belongs to them, the keys that act for them, and how they look.

create table public.organizations (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  slug text not null,
  logo_url text,
  website text,
  description text,
  owner_wallet text not null,
  theme jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint organizations_own_their_slug unique (slug),
  constraint organizations_slug_is_plain
    check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and length(slug) between 3 and 40),
  -- Words that stand in paths.
  constraint organizations_slug_is_no_path_word
    check (slug not in ('new', 'mine', 'invitations', 'admin', 'api', 'agon')),
  constraint organizations_name_is_short check (length(name) between 1 and 100 and name !~ '[[:cntrl:]]'),
  constraint organizations_logo_is_https
    check (logo_url ~ '^https://[!#-&(-;=?-\[\]_a-z~]+$' and length(logo_url) <= 2048),
  constraint organizations_website_is_https
    check (website ~ '^https://[!#-&(-;=?-\[\]_a-z~]+$' and length(website) <= 2048),
  constraint organizations_description_is_short check (length(description) <= 4000),
  constraint organizations_owner_is_lower_case_hex check (owner_wallet ~ '^0x[0-9a-f]{40}$'),
  constraint organizations_theme_is_a_small_object
    check (jsonb_typeof(theme) = 'object' and length(theme::text) <= 8192)
);
comment on table public.organizations is
  'Who holds competitions. owner_wallet is always one of its owners in org_members.';
create index organizations_by_owner on public.organizations (owner_wallet);
alter table public.organizations enable row level security;

create table public.org_members (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.organizations (id) on delete cascade,
  wallet text not null,
  role text not null default 'member',
  email text,
  joined_at timestamptz not null default now(),
  constraint org_members_are_members_once unique (org_id, wallet),
  constraint org_members_wallet_is_lower_case_hex check (wallet ~ '^0x[0-9a-f]{40}$'),
  constraint org_members_role_is_known check (role in ('owner', 'admin', 'member')),
  constraint org_members_email_is_an_address
    check (email ~ '^[^@[:space:][:cntrl:]]+@[^@[:space:][:cntrl:]]+$' and length(email) <= 254)
);
comment on table public.org_members is
  'Wallets by organisation; a user''s role is the highest of the user''s wallets. An organisation has an owner at all times.';
create index org_members_by_wallet on public.org_members (wallet);
alter table public.org_members enable row level security;

create table public.org_invitations (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.organizations (id) on delete cascade,
  wallet text not null,
  role text not null default 'member',
  status text not null default 'pending',
  invited_by text,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  answered_at timestamptz,
  constraint org_invitations_wallet_is_lower_case_hex check (wallet ~ '^0x[0-9a-f]{40}$'),
  constraint org_invitations_make_no_owner check (role in ('admin', 'member')),
  constraint org_invitations_status_is_known
    check (status in ('pending', 'accepted', 'declined', 'withdrawn', 'expired')),
  constraint org_invitations_end check (expires_at > created_at),
  constraint org_invitations_are_answered_at_a_time check ((status = 'pending') = (answered_at is null))
);
comment on table public.org_invitations is
  'Wallets that are asked to join. invited_by is a wallet, or null for a key or the service.';
create unique index org_invitations_one_pending on public.org_invitations (org_id, wallet)
  where status = 'pending';
create index org_invitations_by_org on public.org_invitations (org_id, created_at);
create index org_invitations_by_wallet on public.org_invitations (wallet);
alter table public.org_invitations enable row level security;

insert into agon.moves (machine, from_state, to_state, by, comment) values
  ('public.org_invitations.status', null, 'pending', 'admin of the organisation', 'A wallet is invited.'),
  ('public.org_invitations.status', 'pending', 'accepted', 'the wallet''s owner', 'It joins.'),
  ('public.org_invitations.status', 'pending', 'declined', 'the wallet''s owner', 'It does not join.'),
  ('public.org_invitations.status', 'pending', 'withdrawn', 'admin of the organisation',
   'The organisation no longer asks.'),
  ('public.org_invitations.status', 'pending', 'expired', 'the next invitation',
   'Its time was over when the wallet was invited again.');

create table agon.api_scopes (
  scope text primary key,
  comment text not null,
  constraint api_scopes_name_a_noun_and_an_act check (scope ~ '^[a-z_]+:(read|write)$')
);
comment on table agon.api_scopes is
  'What an organisation''s key may be allowed to do, one thing a row; systems insert theirs.';
alter table agon.api_scopes enable row level security;

insert into agon.api_scopes (scope, comment) values
  ('org:read', 'Read what of the organisation is not public: its branding and its domain.'),
  ('members:read', 'Read members and invitations.'),
  ('members:write', 'Invite members, withdraw invitations, remove members.'),
  ('branding:write', 'Set the branding, and have its domain checked.');

create table public.api_keys (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.organizations (id) on delete cascade,
  key_hash text not null,
  key_prefix text not null,
  label text not null,
  scopes text[] not null default '{}',
  rate_limit integer not null default 1000,
  last_used_at timestamptz,
  expires_at timestamptz,
  created_at timestamptz not null default now(),
  revoked_at timestamptz,
  constraint api_keys_secrets_differ unique (key_hash),
  constraint api_keys_hash_is_a_sha256 check (key_hash ~ '^[0-9a-f]{64}$'),
  constraint api_keys_prefix_is_8_characters check (key_prefix ~ '^[A-Za-z0-9_-]{8}$'),
  constraint api_keys_label_is_short check (length(label) between 1 and 100 and label !~ '[[:cntrl:]]'),
  constraint api_keys_rate_is_bounded check (rate_limit between 1 and 1000000),
  constraint api_keys_end check (expires_at > created_at)
);
comment on table public.api_keys is
  'What programs act for an organisation with. Only the SHA-256 (hex) is kept; key_prefix is the first 8 random characters.';
create index api_keys_by_org on public.api_keys (org_id, created_at);
alter table public.api_keys enable row level security;

create table agon.api_key_hours (
  api_key_id uuid primary key references public.api_keys (id) on delete cascade,
  hour timestamptz not null,
  taken integer not null,
  constraint api_key_hours_count_up_from_zero check (taken >= 0)
);
comment on table agon.api_key_hours is
  'How many of a key''s requests of an hour were given to serving processes.';
alter table agon.api_key_hours enable row level security;

create table public.whitelabel_configs (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.organizations (id) on delete cascade,
  custom_domain text,
  primary_color text default '#6B5CFF',
  logo_url text,
  favicon_url text,
  custom_css text,
  footer_text text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  domain_challenge text,
  domain_verified_at timestamptz,
  domain_checked_at timestamptz,
  domain_failures integer not null default 0,
  constraint whitelabel_configs_one_per_organization unique (org_id),
  constraint whitelabel_configs_domain_is_a_host_name
    check (custom_domain ~ '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$'
      and length(custom_domain) <= 236),
  constraint whitelabel_configs_color_is_hex check (primary_color ~ '^#[0-9A-Fa-f]{6}$'),
  constraint whitelabel_configs_logo_is_https
    check (logo_url ~ '^https://[!#-&(-;=?-\[\]_a-z~]+$' and length(logo_url) <= 2048),
  constraint whitelabel_configs_favicon_is_https
    check (favicon_url ~ '^https://[!#-&(-;=?-\[\]_a-z~]+$' and length(favicon_url) <= 2048),
  -- In a <style> element nothing but this ends it.
  constraint whitelabel_configs_css_opens_no_tag
    check (strpos(custom_css, '<') = 0 and octet_length(custom_css) <= 16384),
  constraint whitelabel_configs_footer_is_short check (length(footer_text) <= 500),
  constraint whitelabel_configs_domain_has_a_token check ((custom_domain is null) = (domain_challenge is null)),
  constraint whitelabel_configs_verify_what_is_there
    check (domain_verified_at is null or custom_domain is not null),
  constraint whitelabel_configs_failures_count_up check (domain_failures >= 0)
);
comment on table public.whitelabel_configs is
  'How an organisation looks, and its own domain: proved by domain_challenge in DNS, looked at again and again.';
create unique index whitelabel_configs_one_per_verified_domain on public.whitelabel_configs (custom_domain)
  where domain_verified_at is not null;
alter table public.whitelabel_configs enable row level security;
