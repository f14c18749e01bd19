-- Keeping result bundles and sealing keys.

create or replace function agon.keep_result(cid text, kind text, version integer, bundle bytea, subject text)
returns void
language sql security definer set search_path = ''
as $$
  insert into agon.results (cid, kind, version, bundle, subject, created_at)
  values (cid, kind, version, bundle, lower(subject), agon.now())
  on conflict (cid) do nothing
$$;
comment on function agon.keep_result(text, text, integer, bytea, text) is
  'Stores a bundle under its content id; a second time changes nothing. Called by other functions only.';

create or replace function agon.keep_attachment(cid text, data bytea) returns void
language sql security definer set search_path = ''
as $$ select agon.keep_result(cid, 'attachment', 1, data, null) $$;
comment on function agon.keep_attachment(text, bytea) is
  'Stores a file that belongs to a public result under its content id; a second time changes nothing.';
grant execute on function agon.keep_attachment(text, bytea) to agon_worker;

create or replace function agon.keep_sealing_key(key_id text, public_key text) returns void
language sql security definer set search_path = ''
as $$
  insert into agon.sealing_keys (key_id, public_key, created_at)
  values (key_id, public_key, agon.now())
  on conflict (key_id) do nothing
$$;
comment on function agon.keep_sealing_key(text, text) is 'Publishes the public half of a sealing key.';
grant execute on function agon.keep_sealing_key(text, text) to agon_worker;

create or replace function agon.sealing_key() returns text
language sql stable security definer set search_path = ''
as $$
  select public_key from agon.sealing_keys
  where retired_at is null order by created_at desc, key_id limit 1
$$;
comment on function agon.sealing_key() is 'The public key to seal new secrets to; null before the first.';
grant execute on function agon.sealing_key() to anon, authenticated, service_role, agon_worker;
