-- Schemas and roles. On Supabase the client roles and `auth` are there already and stay as they are.
-- Logins get their passwords from `agon migrate`, never from a file.

create schema if not exists agon;
comment on schema agon is 'Agon''s own machinery: moves, events, jobs, results. Not exposed to clients.';

do $$
declare
  wanted record;
begin
  for wanted in
    select * from (values
      ('anon',          'nologin noinherit'),
      ('authenticated', 'nologin noinherit'),
      ('service_role',  'nologin noinherit'),
      ('agon_web',      'login noinherit'),
      ('agon_service',  'login noinherit'),
      ('agon_worker',   'login noinherit')
    ) as role(name, attributes)
  loop
    if not exists (select from pg_catalog.pg_roles where rolname = wanted.name) then
      execute format('create role %I %s', wanted.name, wanted.attributes);
    end if;
  end loop;
end
$$;

grant anon, authenticated to agon_web;
grant service_role to agon_service;

grant usage on schema public, agon to anon, authenticated, service_role, agon_worker;
