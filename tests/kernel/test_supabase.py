"""A database that has Supabase's roles and schemas already: Agon adds to it, changes nothing."""

from __future__ import annotations

import pytest

from agon.kernel import database, migrate, migrate_export
from agon.systems import SYSTEMS
from tests.places import SUPABASE_DEFAULTS

SUPABASE = """
create schema storage;
create schema realtime;
create schema auth authorization supabase_auth_admin;
set role supabase_auth_admin;
create table auth.users (
  id uuid primary key, email text, email_confirmed_at timestamptz,
  raw_app_meta_data jsonb, raw_user_meta_data jsonb,
  is_anonymous boolean not null default false, created_at timestamptz, updated_at timestamptz
);
alter table auth.users enable row level security;
create function auth.uid() returns uuid language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.sub', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'))::uuid
$$;
create function auth.role() returns text language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.role', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'))::text
$$;
create function auth.jwt() returns jsonb language sql stable as $$
  select coalesce(nullif(current_setting('request.jwt.claim', true), ''),
    nullif(current_setting('request.jwt.claims', true), ''))::jsonb
$$;
create function auth.email() returns text language sql stable as $$ select null::text $$;
"""
AUTH_ADMIN = """
do $$
begin
  if not exists (select from pg_roles where rolname = 'supabase_auth_admin') then
    create role supabase_auth_admin nologin;
  end if;
end
$$;
grant supabase_auth_admin to agon_owner;
"""
HANDOVER = """
grant usage on schema auth to agon_owner, anon, authenticated, service_role;
grant select, references, trigger on auth.users to agon_owner;
reset role;
revoke supabase_auth_admin from agon_owner;
"""


@pytest.fixture
async def supabase(server, request):
    """A database as Supabase hands it over: the owner may not create in `auth`."""
    name = f"agon_supabase_{abs(hash(request.node.name))}"
    admin = await database.connect(server.url("agon_owner", "agon"))
    await admin.execute(f"create database {name}")
    await admin.execute(AUTH_ADMIN)
    conn = await database.connect(server.url("agon_owner", name))
    await conn.execute(f"grant create on database {name} to supabase_auth_admin")
    await conn.execute(SUPABASE_DEFAULTS)
    await conn.execute(SUPABASE)
    await conn.execute(HANDOVER)
    yield conn
    await conn.close()
    await admin.close()


async def _auth_objects(conn: database.Conn) -> list[str]:
    rows = await conn.fetch(
        """
        select oid::regclass::text as name from pg_class where relnamespace = 'auth'::regnamespace
        union all
        select oid::regprocedure::text || md5(prosrc) from pg_proc
        where pronamespace = 'auth'::regnamespace
        order by 1
        """
    )
    return [row["name"] for row in rows]


async def test_migrating_adds_nothing_to_auth(supabase):
    before = await _auth_objects(supabase)
    await migrate.run(supabase, migrate.collect(SYSTEMS))
    assert await _auth_objects(supabase) == before


async def test_the_exported_files_apply_there(supabase, tmp_path):
    for path in sorted(migrate_export.export(migrate.collect(SYSTEMS), tmp_path)):
        await supabase.execute(path.read_text("utf-8"))
    states = await migrate.status(supabase, migrate.collect(SYSTEMS))
    assert {state.state for state in states} == {"applied"}


async def test_supabases_open_defaults_open_nothing_of_ours(supabase):
    await migrate.run(supabase, migrate.collect(SYSTEMS))
    rows = await supabase.fetch(
        """
        select c.relname, p.privilege_type, r.role
        from pg_class c
        cross join unnest(array['anon', 'authenticated']) r (role)
        cross join unnest(array['insert', 'update', 'delete', 'truncate']) p (privilege_type)
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
          and has_table_privilege(r.role, c.oid, p.privilege_type)
        """
    )
    assert [tuple(row) for row in rows] == []
