-- The outbox. Ids are not commit order: readers go by (xid, id), below pg_snapshot_xmin.

create table agon.events (
  id bigint generated always as identity primary key,
  xid xid8 not null default pg_current_xact_id(),
  topic text not null,
  key text,
  payload jsonb not null default '{}',
  actor uuid,
  created_at timestamptz not null default now(),
  constraint events_topic_is_dotted check (topic ~ '^[a-z_]+(\.[a-z_]+)+$'),
  constraint events_payload_is_an_object check (jsonb_typeof(payload) = 'object')
);
comment on table agon.events is
  'What happened, written in the transaction that did it. key names the thing that the event is about.';
create index events_in_commit_order on agon.events (xid, id);
create index events_by_topic_and_key on agon.events (topic, key);
alter table agon.events enable row level security;

create table agon.event_cursors (
  reader text primary key,
  xid xid8 not null default '0',
  id bigint not null default 0,
  tries integer not null default 0,
  retry_at timestamptz,
  updated_at timestamptz not null default now(),
  constraint event_cursors_that_failed_say_until_when check ((tries > 0) = (retry_at is not null))
);
comment on table agon.event_cursors is
  'How far each subscription has read. tries: of the next event, so far in vain, and not again before retry_at.';
alter table agon.event_cursors enable row level security;

create table agon.parked_events (
  reader text not null references agon.event_cursors (reader) on delete cascade,
  event_id bigint not null references agon.events (id) on delete cascade,
  trouble text not null,
  parked_at timestamptz not null default now(),
  primary key (reader, event_id),
  constraint parked_events_trouble_is_short check (length(trouble) <= 500)
);
comment on table agon.parked_events is
  'Events that a subscription could not take, set aside so that later ones go on; `agon events retry` hands them over again.';
create index parked_events_by_event on agon.parked_events (event_id);
alter table agon.parked_events enable row level security;
