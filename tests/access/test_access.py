"""docs/access.md and docs/moves.md say what the running database does."""

from __future__ import annotations

import os
from pathlib import Path

from agon.kernel.database import ANONYMOUS
from tests.access import cast, matrix, moves, seeds
from tests.places import SERVICE

DOCS = Path(__file__).parents[2] / "docs"


def _hold(name: str, text: str) -> None:
    path = DOCS / name
    if os.environ.get("AGON_TEST_WRITE_DOCS"):
        path.write_text(text, "utf-8")
    assert path.read_text("utf-8") == text, "AGON_TEST_WRITE_DOCS=1 writes it again"


async def test_the_access_matrix_holds(place):
    await seeds.sow(place.owner)
    actors = {
        "anon": ANONYMOUS,
        "authenticated": await place.own("ada"),
        "service_role": SERVICE,
        "agon_worker": SERVICE,
    }
    _hold("access.md", await matrix.tried(place, actors))


CANARY = """
create table public.canary (id integer primary key, subject text, note text);
alter table public.canary enable row level security;
insert into public.canary values (1, '{ada}', ''), (2, '{bob}', '');
revoke all on public.canary from anon, authenticated, service_role;
grant update (note), delete on public.canary to anon;
create policy canary_update_anon on public.canary for update to anon using (true);
create policy canary_delete_anon on public.canary for delete to anon using (true);
grant delete on public.canary to authenticated;
create policy canary_delete_own on public.canary for delete to authenticated
  using (subject in (select agon.wallets()));
grant select (note), insert (subject, note) on public.canary to service_role;
create policy canary_select_service on public.canary for select to service_role using (true);
create policy canary_insert_service on public.canary for insert to service_role with check (true);
"""


async def test_what_a_role_may_do_without_reading_is_seen_too(place, monkeypatch):
    ada = await place.own("ada")
    await place.owner.execute(CANARY.format(ada=cast.ADA, bob=cast.BOB))
    monkeypatch.setitem(seeds.KINDS, "public.canary", cast.by_wallet("subject"))
    found = {
        role: await matrix.cells(place, actor, role, "public.canary")
        for role, actor in (
            ("anon", ANONYMOUS),
            ("authenticated", ada),
            ("service_role", SERVICE),
            ("agon_worker", SERVICE),
        )
    }
    assert found == {
        "anon": ["", "", "all, without id, subject", "all"],
        "authenticated": ["", "", "", matrix.UNREAD],
        "service_role": ["all, without id, subject", "yes", "", ""],
        "agon_worker": ["", "", "", ""],
    }


async def test_all_that_a_client_reaches_is_in_the_matrix(place):
    rows = await place.owner.fetch(
        """
        select c.oid::regclass::text as name, c.relnamespace::regnamespace::text as schema
        from pg_class c
        where c.relkind in ('r', 'p', 'v', 'm', 'f') and (
          c.relnamespace = 'public'::regnamespace
          or c.relnamespace::regnamespace::text in ('agon', 'auth') and exists (
            select from unnest(array['anon', 'authenticated', 'service_role']) r (role)
            where has_any_column_privilege(r.role, c.oid, 'select, insert, update')
              or has_table_privilege(r.role, c.oid, 'delete')))
        """
    )
    public = {f"public.{row['name']}" for row in rows if row["schema"] == "public"}
    others = {row["name"] for row in rows if row["schema"] != "public"}
    assert public | others == set(seeds.KINDS)


async def test_a_client_neither_empties_a_table_nor_hangs_anything_on_it(place):
    rows = await place.owner.fetch(
        """
        select c.oid::regclass::text as name, r.role
        from pg_class c
        cross join unnest(array['anon', 'authenticated', 'service_role', 'agon_worker']) r (role)
        where c.relnamespace::regnamespace::text in ('public', 'agon', 'auth')
          and c.relkind in ('r', 'p', 'v', 'm', 'f')
          and has_table_privilege(r.role, c.oid, 'truncate, references, trigger')
        """
    )
    assert [tuple(row) for row in rows] == []


async def test_the_list_of_moves_holds(place):
    _hold("moves.md", await moves.listed(place.owner))
