-- Time as a test can set it, and the table of legal state moves.

create table agon.clock (
  only_row boolean primary key default true,
  reads_at timestamptz not null,
  constraint clock_has_one_row check (only_row)
);
comment on table agon.clock is
  'Empty in use. A test writes one row, and agon.now() answers with it; no client role can.';
alter table agon.clock enable row level security;

create table agon.moves (
  machine text not null,
  from_state text,
  to_state text not null,
  by text not null,
  comment text not null,
  constraint moves_are_unique unique nulls not distinct (machine, from_state, to_state),
  constraint moves_go_somewhere check (from_state is distinct from to_state)
);
comment on table agon.moves is
  'Every legal state move: machine is schema.table.column, from_state null is the first state, by is who makes it.';
alter table agon.moves enable row level security;
