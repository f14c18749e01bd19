-- Webhooks: where an organisation is told of what happened, and what became of it.

insert into agon.api_scopes (scope, comment) values
  ('webhooks:read', 'Read webhooks, without their secrets, and what was delivered to them.'),
  ('webhooks:write', 'Make, change, pause, resume and delete webhooks; deliver again.');

create table agon.webhook_events (
  event text primary key,
  comment text not null,
  constraint webhook_events_are_topics check (event = '*' or event ~ '^[a-z_]+(\.[a-z_]+)+$')
);
comment on table agon.webhook_events is
  'Topics of the outbox that webhooks may subscribe to; systems insert theirs. Only events whose payload has an org_id reach anybody.';
alter table agon.webhook_events enable row level security;

insert into agon.webhook_events (event, comment) values
  ('*', 'All of these, also those to come.'),
  ('domain.lost', 'The organisation''s domain no longer proves itself.'),
  ('domain.verified', 'The organisation''s domain has proved itself.'),
  ('member.added', 'A wallet has joined.'),
  ('member.changed', 'A member has another role.'),
  ('member.invited', 'A wallet is invited.'),
  ('member.removed', 'A wallet has left, or was removed.'),
  ('organization.transferred', 'The organisation has another owner.'),
  ('webhook.paused', 'A webhook gets nothing any more until somebody resumes it.');

create table public.webhooks (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.organizations (id) on delete cascade,
  url text not null,
  secret agon.sealed not null,
  events text[] not null default '{}',
  active boolean not null default true,
  created_at timestamptz not null default now(),
  previous_secret agon.sealed,
  previous_secret_until timestamptz,
  paused_at timestamptz,
  paused_reason text,
  constraint webhooks_url_is_a_plain_address
    check (url ~ '^https?://[!#-;=?-\[\]_a-z~]+$' and url !~ '^https?://[^/?#]*@' and length(url) <= 2048),
  constraint webhooks_previous_secret_ends
    check ((previous_secret is null) = (previous_secret_until is null)),
  constraint webhooks_events_are_few check (cardinality(events) <= 100),
  constraint webhooks_pauses_say_when_and_why
    check (active = (paused_at is null) and active = (paused_reason is null)),
  constraint webhooks_pauses_have_a_known_reason check (paused_reason in ('asked', 'failing', 'gone'))
);
comment on table public.webhooks is
  'Where an organisation is told of its events. Both secrets are sealed; the previous one signs, too, until its time is over. Once paused, a webhook keeps its place.';
create index webhooks_by_org on public.webhooks (org_id, created_at);
alter table public.webhooks enable row level security;

create table public.webhook_deliveries (
  id uuid primary key default gen_random_uuid(),
  webhook_id uuid not null references public.webhooks (id) on delete cascade,
  event text not null,
  payload jsonb not null,
  response_status integer,
  response_body text,
  attempt integer not null default 1,
  delivered_at timestamptz,
  next_retry_at timestamptz,
  created_at timestamptz not null default now(),
  seq bigint generated always as identity,
  attempted_at timestamptz,
  asked_at timestamptz,
  response_ms integer,
  error text,
  constraint webhook_deliveries_attempts_are_counted check (attempt >= 0),
  constraint webhook_deliveries_payload_is_an_object check (jsonb_typeof(payload) = 'object'),
  constraint webhook_deliveries_body_is_an_excerpt check (length(response_body) <= 1024),
  constraint webhook_deliveries_error_is_short check (length(error) <= 300)
);
comment on table public.webhook_deliveries is
  'What a webhook is told, one row an event, with its last attempt. id is what receivers see as webhook-id; seq: the order; next_retry_at: of the one whose turn it is; asked_at: of one to be sent once more, or a ping.';
create index webhook_deliveries_in_order on public.webhook_deliveries (webhook_id, seq);
create unique index webhook_deliveries_one_at_a_time on public.webhook_deliveries (webhook_id)
  where next_retry_at is not null;
create index webhook_deliveries_asked_for on public.webhook_deliveries (webhook_id, asked_at)
  where asked_at is not null;
create index webhook_deliveries_by_age on public.webhook_deliveries (created_at);
alter table public.webhook_deliveries enable row level security;

create table agon.webhook_turns (
  webhook_id uuid primary key references public.webhooks (id) on delete cascade,
  read_xid xid8 not null,
  read_id bigint not null,
  news_xid xid8 not null,
  news_id bigint not null,
  due_at timestamptz,
  holder uuid,
  held_until timestamptz,
  failures integer not null default 0,
  failing_since timestamptz,
  is_slow boolean not null default false,
  constraint webhook_turns_are_held_by_somebody check ((holder is null) = (held_until is null)),
  constraint webhook_turns_failures_count_up check (failures >= 0 and (failures = 0) = (failing_since is null))
) with (fillfactor = 70);
comment on table agon.webhook_turns is
  'Where a webhook stands: how far it has read the outbox (read), up to where there is something for it (news), when to look at it again, and which worker has it in hand.';
create index webhook_turns_that_are_due on agon.webhook_turns (is_slow, due_at) where due_at is not null;
alter table agon.webhook_turns enable row level security;

-- A webhook reads the events of its organisation alone.
create index events_of_organizations on agon.events ((payload ->> 'org_id'), xid, id)
  where payload ->> 'org_id' is not null;
