-- What is to be done outside, from the intent to the receipt. What it is stands in the domain's rows.

create table agon.outside_work (
  job text not null,
  key text not null,
  attempts integer not null default 0,
  held_until timestamptz,
  trouble text,
  created_at timestamptz not null default now(),
  primary key (job, key),
  constraint outside_work_key_is_short check (length(key) between 1 and 200),
  constraint outside_work_attempts_are_counted check (attempts >= 0),
  constraint outside_work_trouble_is_short check (length(trouble) <= 500)
);
comment on table agon.outside_work is
  'Calls to outside parties that are meant and not answered for: a row goes with its receipt, or when it is given up. held_until: one worker has it in hand; trouble: of the last attempt.';
alter table agon.outside_work enable row level security;
