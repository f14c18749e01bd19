-- What wallets are told in the app.

create table public.notifications (
  id uuid primary key default gen_random_uuid(),
  wallet text not null,
  type text not null,
  title text not null,
  body text,
  data jsonb not null default '{}',
  read boolean not null default false,
  key text not null,
  created_at timestamptz not null default now(),
  constraint notifications_one_per_key unique (wallet, type, key),
  constraint notifications_wallet_is_lower_case_hex check (wallet ~ '^0x[0-9a-f]{40}$'),
  constraint notifications_type_is_a_name check (type ~ '^[a-z][a-z0-9_]{0,63}$'),
  constraint notifications_title_is_one_short_line check (title ~ '^[^[:cntrl:]]{1,200}$'),
  constraint notifications_body_is_short check (length(body) between 1 and 2000),
  constraint notifications_data_is_an_object check (jsonb_typeof(data) = 'object'),
  constraint notifications_data_is_small check (pg_column_size(data) <= 8192),
  constraint notifications_key_is_short check (length(key) between 1 and 200)
);
comment on table public.notifications is
  'In-app notifications by wallet. key says what each is about: of a type, a wallet is told once.';
create index notifications_newest on public.notifications (lower(wallet), created_at desc);
create index notifications_unread on public.notifications (lower(wallet), read);
alter table public.notifications enable row level security;
