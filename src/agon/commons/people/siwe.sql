-- A signed message does its work once.

create or replace function agon.use_message(hash bytea, until timestamptz) returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_column
begin
  -- What the sweep below would take at once cannot be kept, so it must not pass.
  if until < agon.now() - interval '1 hour' then
    perform agon.refuse(400, 'invalid_credentials', 'This message has expired.',
      'Sign a new message for this site.');
  end if;
  -- An hour late, so that two clocks which differ do not let a message through twice.
  delete from agon.used_messages m where m.hash in (
    select o.hash from agon.used_messages o
    where o.until < agon.now() - interval '1 hour'
    order by o.until limit 100 for update skip locked);
  -- Of two at once, the second waits here for the first.
  insert into agon.used_messages (hash, until) values (use_message.hash, use_message.until)
  on conflict do nothing;
  if not found then
    perform agon.refuse(400, 'invalid_credentials', 'This message has been used already.',
      'Sign a new message for this site.');
  end if;
end
$$;
comment on function agon.use_message(bytea, timestamptz) is
  'Uses up a signed message, by its SHA-256, until its own times refuse it; clears some that are past.';
grant execute on function agon.use_message(bytea, timestamptz) to agon_worker;
