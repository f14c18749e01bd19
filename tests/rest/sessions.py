"""What the tests of the wire share: a table under row level security, and how to ask who one is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agon.kernel.database import session_settings
from agon.rest import wire
from agon.rest.wire_messages import PostgresError, PostgresFault, Step
from tests.places import Place

CONTEXT = "select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)"
WITH_SETTING = CONTEXT + ", set_config($3, $4, true)"
WHO = Step(None, "select current_user, coalesce(current_setting('request.jwt.claims', true), '')")
NOBODY = [[b"agon_web", b""]]
CLAIMS = b'{"sub":"00000000-0000-4000-8000-000000000001"}'

TABLES = """
create table public.wire_rows (
  id int primary key,
  reader text not null,
  next_id int references public.wire_rows deferrable initially deferred
);
alter table public.wire_rows enable row level security;
revoke all on public.wire_rows from anon, authenticated, service_role;
grant select on public.wire_rows to anon;
grant select, insert, delete on public.wire_rows to authenticated;
create policy wire_rows_select_anon on public.wire_rows
  for select to anon using (reader = 'anon');
create policy wire_rows_select_authenticated on public.wire_rows
  for select to authenticated using (true);
create policy wire_rows_insert_authenticated on public.wire_rows
  for insert to authenticated with check (true);
insert into public.wire_rows (id, reader) values (1, 'anon'), (2, 'nobody'), (3, 'anon');
"""


def context(role: str = "authenticated", claims: bytes = CLAIMS) -> Step:
    """What a request begins with."""
    return Step("", CONTEXT, (role.encode(), claims), wanted=False)


def context_with(setting: str, value: str, role: str = "authenticated") -> Step:
    """The same, with one setting more."""
    params = (role.encode(), CLAIMS, setting.encode(), value.encode())
    return Step("", WITH_SETTING, params, wanted=False)


@asynccontextmanager
async def connected(place: Place, **settings: str) -> AsyncIterator[wire.Connection]:
    """A session of the door's login, in the test's own database."""
    given = {**session_settings("agon_web"), **settings}
    conn = await wire.connect(place.runtime.urls["agon_web"], settings=given, timeout_s=10)
    try:
        yield conn
    finally:
        conn.close()


async def rows(conn: wire.Connection, *steps: Step) -> list[list[bytes | None]]:
    """The rows of the last step."""
    return (await conn.run(steps))[-1].rows


async def fault(conn: wire.Connection, *steps: Step, rollback: bool = False) -> PostgresFault:
    """Why Postgres refused."""
    with pytest.raises(PostgresError) as caught:
        await conn.run(steps, rollback=rollback)
    return caught.value.fault
