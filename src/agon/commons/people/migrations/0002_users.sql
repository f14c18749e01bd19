-- What a person's account is made of, the ways in which somebody signs in, and who wants to know of
-- new people. Where auth.users is another's (Supabase's), its columns are there already.

do $$
begin
  if not exists (
    select from pg_catalog.pg_class c join pg_catalog.pg_roles r on r.oid = c.relowner
    where c.oid = 'auth.users'::regclass and r.rolname = current_user
  ) then
    return;
  end if;

  alter table auth.users
    add column aud text not null default 'authenticated',
    add column role text not null default 'authenticated',
    add column encrypted_password text,
    add column email_confirmed_at timestamptz,
    add column invited_at timestamptz,
    add column confirmation_sent_at timestamptz,
    add column recovery_sent_at timestamptz,
    add column reauthentication_sent_at timestamptz,
    add column last_sign_in_at timestamptz,
    add column is_super_admin boolean,
    add column phone text,
    add column phone_confirmed_at timestamptz,
    add column confirmed_at timestamptz
      generated always as (least(email_confirmed_at, phone_confirmed_at)) stored,
    add column banned_until timestamptz,
    add column deleted_at timestamptz,
    add column is_sso_user boolean not null default false,
    -- Other scripts have letters whose lower case is ours: two addresses would become one.
    add constraint users_email_is_ascii check (email ~ '^[!-~]+$'),
    add constraint users_email_is_lower_case check (email = lower(email)),
    add constraint users_email_is_short check (length(email) <= 255),
    -- A token carries this role: nobody signs in as the service.
    add constraint users_role_is_authenticated check (role = 'authenticated'),
    add constraint users_password_is_argon2id check (encrypted_password like '$argon2id$%'),
    add constraint users_app_meta_data_is_an_object check (jsonb_typeof(raw_app_meta_data) = 'object'),
    add constraint users_user_meta_data_is_an_object check (jsonb_typeof(raw_user_meta_data) = 'object');
  create unique index users_email_once on auth.users (email) where email is not null;
  create index users_by_age on auth.users (created_at, id);
  create trigger users_stamp_updated_at
    before update on auth.users
    for each row execute function agon.stamp_updated_at();
end
$$;

create table agon.identities (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  provider text not null,
  provider_id text not null,
  identity_data jsonb not null default '{}',
  last_sign_in_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint identities_belong_to_one_user unique (provider, provider_id),
  constraint identities_data_is_an_object check (jsonb_typeof(identity_data) = 'object')
);
comment on table agon.identities is
  'How a user is known to whom: by address (email), at a provider (github), by wallet (web3).';
create index identities_by_user on agon.identities (user_id);
alter table agon.identities enable row level security;

create table agon.sign_up_hooks (
  function text primary key,
  registered_at timestamptz not null default now(),
  constraint sign_up_hooks_function_is_qualified check (function ~ '^[a-z_]+\.[a-z_]+$')
);
comment on table agon.sign_up_hooks is
  'SQL functions of a user''s id that make the rows which a new user needs; one trigger calls them.';
alter table agon.sign_up_hooks enable row level security;

create table agon.open_sign_ups (
  user_id uuid primary key references auth.users (id) on delete cascade,
  encrypted_password text,
  is_contested boolean not null default false,
  created_at timestamptz not null default now(),
  constraint open_sign_ups_password_is_argon2id check (encrypted_password like '$argon2id$%'),
  constraint open_sign_ups_contested_have_no_password
    check (not is_contested or encrypted_password is null)
);
comment on table agon.open_sign_ups is
  'Users who came by themselves and whose address nobody has proved yet. The password waits here; where several sign-ups differ, none of theirs holds.';
alter table agon.open_sign_ups enable row level security;

create table agon.email_changes (
  user_id uuid primary key references auth.users (id) on delete cascade,
  email text not null,
  present text,
  new_proved_at timestamptz,
  present_proved_at timestamptz,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  constraint email_changes_email_is_lower_case_ascii
    check (email ~ '^[!-~]+$' and email = lower(email) and length(email) <= 255)
);
comment on table agon.email_changes is
  'Changes of address under way, and what is proved of each. present: the address that must agree, too; null where there is none.';
create index email_changes_by_email on agon.email_changes (email);
create index email_changes_by_present on agon.email_changes (present);
alter table agon.email_changes enable row level security;
