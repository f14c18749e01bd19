-- What a statement of the data door asks of its own outcome, so that a refusal undoes it.
-- Raised as SQLSTATE PGRST: the message has the four parts, the detail the HTTP status.

create or replace function agon.require_one_row(rows_found bigint) returns bigint
language plpgsql set search_path = ''
as $$
begin
  if rows_found is distinct from 1 then
    raise sqlstate 'PGRST' using
      message = json_build_object(
        'code', 'PGRST116',
        'message', 'Cannot coerce the result to a single JSON object',
        'details', format('The result contains %s rows', rows_found),
        'hint', null),
      detail = json_build_object('status', 406, 'headers', json_build_object());
  end if;
  return rows_found;
end
$$;
comment on function agon.require_one_row(bigint) is 'Refuses (PGRST116) what is not one row.';
grant execute on function agon.require_one_row(bigint) to anon, authenticated, service_role;

create or replace function agon.require_rows_at_most(rows_found bigint, most bigint) returns bigint
language plpgsql set search_path = ''
as $$
begin
  if rows_found > most then
    raise sqlstate 'PGRST' using
      message = json_build_object(
        'code', 'PGRST124',
        'message', 'Query result exceeds max-affected preference constraint',
        'details', format('The query affects %s rows', rows_found),
        'hint', null),
      detail = json_build_object('status', 400, 'headers', json_build_object());
  end if;
  return rows_found;
end
$$;
comment on function agon.require_rows_at_most(bigint, bigint) is
  'Refuses (PGRST124) more rows than `max-affected` allows.';
grant execute on function agon.require_rows_at_most(bigint, bigint)
  to anon, authenticated, service_role;

create or replace function agon.require_same_key(rows_found bigint) returns bigint
language plpgsql set search_path = ''
as $$
begin
  if rows_found is distinct from 1 then
    raise sqlstate 'PGRST' using
      message = json_build_object(
        'code', 'PGRST115',
        'message', 'Payload values do not match URL in primary key column(s)',
        'details', null,
        'hint', null),
      detail = json_build_object('status', 400, 'headers', json_build_object());
  end if;
  return rows_found;
end
$$;
comment on function agon.require_same_key(bigint) is
  'Refuses (PGRST115) a PUT whose payload is another row than its address.';
grant execute on function agon.require_same_key(bigint) to anon, authenticated, service_role;
