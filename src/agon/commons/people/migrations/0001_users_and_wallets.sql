-- Users where Supabase's clients look for them, and the wallets that each has proved to own.
-- On Supabase auth.users is there already, and stays as it is.

do $$
begin
  -- Asked first: `create table if not exists` wants the right to create even where it need not.
  if to_regclass('auth.users') is not null then
    return;
  end if;

  create table auth.users (
    id uuid primary key default gen_random_uuid(),
    email text,
    raw_app_meta_data jsonb not null default '{}',
    raw_user_meta_data jsonb not null default '{}',
    is_anonymous boolean not null default false,
    created_at timestamptz default now(),
    updated_at timestamptz default now()
  );
  comment on table auth.users is 'People who can sign in.';
  alter table auth.users enable row level security;
end
$$;

create table agon.user_wallets (
  address text primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  linked_at timestamptz not null default now(),
  constraint user_wallets_address_is_lower_case_hex check (address ~ '^0x[0-9a-f]{40}$')
);
comment on table agon.user_wallets is
  'Wallets by owner. A wallet belongs to one user, once that user has signed for it.';
create index user_wallets_by_user on agon.user_wallets (user_id);
alter table agon.user_wallets enable row level security;
