-- What happened to accounts, and how often somebody tried.

create table agon.security_events (
  id bigint generated always as identity primary key,
  kind text not null,
  user_id uuid,
  actor uuid,
  actor_role text,
  address text,
  user_agent text,
  details jsonb not null default '{}',
  created_at timestamptz not null default now(),
  constraint security_events_kind_is_snake_case check (kind ~ '^[a-z0-9_]+$'),
  constraint security_events_details_are_an_object check (jsonb_typeof(details) = 'object')
);
comment on table agon.security_events is
  'The audit log of accounts. It only grows, and outlives its users; it holds no secret and no address of mail.';
create index security_events_by_user on agon.security_events (user_id, id);
create index security_events_by_age on agon.security_events (created_at);
alter table agon.security_events enable row level security;

create table agon.rate_counters (
  counter text primary key,
  hits integer not null,
  ends_at timestamptz not null
);
comment on table agon.rate_counters is
  'Tries in the present window, for all processes together. counter names what is counted, by hash.';
create index rate_counters_by_end on agon.rate_counters (ends_at);
alter table agon.rate_counters enable row level security;
