-- One trigger for every state column: a move that agon.moves does not list is refused.

create or replace function agon.guard_move() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  machine_name constant text := tg_table_schema || '.' || tg_table_name || '.' || tg_argv[0];
  new_state constant text := to_jsonb(new) ->> tg_argv[0];
  old_state text;
begin
  if tg_op = 'UPDATE' then
    old_state := to_jsonb(old) ->> tg_argv[0];
    if new_state is not distinct from old_state then
      return new;
    end if;
  end if;
  if not exists (
    select from agon.moves m
    where m.machine = machine_name
      and m.from_state is not distinct from old_state
      and m.to_state = new_state
  ) then
    perform agon.refuse(409, 'move_not_allowed',
      format('%s cannot go from %s to %s.', machine_name, coalesce(old_state, '(new)'),
        coalesce(new_state, '(null)')),
      'docs/moves.md lists the moves that exist.');
  end if;
  return new;
end
$$;
comment on function agon.guard_move() is
  'Refuses state moves that agon.moves does not list; its argument names the state column.';
