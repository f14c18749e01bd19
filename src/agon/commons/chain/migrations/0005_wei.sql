-- Wei. JavaScript rounds JSON's numbers above 2^53, so the data door tells wei as decimal strings,
-- and takes them so: by these casts, which it looks up.

create domain agon.wei as numeric(78,0)
  constraint wei_is_uint256
    check (value >= 0 and value < 115792089237316195423570985008687907853269984665640564039457584007913129639936);
comment on domain agon.wei is 'An amount in wei, exact: an unsigned integer of 256 bits.';

create function agon.wei_to_json(wei agon.wei) returns json
language sql immutable parallel safe set search_path = ''
as $$ select to_json(wei::numeric::text) $$;
comment on function agon.wei_to_json(agon.wei) is 'Wei as the data door tells them: a decimal string.';

create function agon.wei_from_json(wei json) returns agon.wei
language sql immutable parallel safe set search_path = ''
as $$ select (wei #>> '{}')::numeric $$;
comment on function agon.wei_from_json(json) is 'Wei as the data door takes them: a decimal string, or a number.';

create function agon.wei_from_text(wei text) returns agon.wei
language sql immutable parallel safe set search_path = ''
as $$ select wei::numeric $$;
comment on function agon.wei_from_text(text) is 'Wei in a filter of the data door.';

grant execute on function agon.wei_to_json(agon.wei), agon.wei_from_json(json), agon.wei_from_text(text)
  to anon, authenticated, service_role;

create cast (agon.wei as json) with function agon.wei_to_json(agon.wei) as implicit;
create cast (json as agon.wei) with function agon.wei_from_json(json) as implicit;
create cast (text as agon.wei) with function agon.wei_from_text(text) as implicit;
