"""When the schema cache reads the schema again, and when not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from importlib.resources import files
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from agon.kernel import migrate
from agon.kernel.database import Database
from agon.kernel.errors import Refused
from agon.rest.schema_cache import SchemaCache
from agon.systems import SYSTEMS
from tests.places import TEMPLATE, Place
from tests.servers import TestServer

PATIENCE_S = 20
NEVER_S = 3600
SOON_S = 0.02
TRIES = round(PATIENCE_S / SOON_S)
A_WHILE_S = 0.4


def known(cache: SchemaCache, table: str) -> bool:
    return ("public", table) in cache.current.tables


async def until(is_so: Callable[[], bool]) -> None:
    for _ in range(TRIES):
        if is_so():
            return
        await asyncio.sleep(SOON_S)
    pytest.fail(f"not so after {TRIES * SOON_S} s")


def silent(place: Place) -> SchemaCache:
    """A cache that does not look for itself."""
    return SchemaCache(place.database, ("public",), poll_s=NEVER_S, pause_s=NEVER_S)


async def test_the_schema_is_there_once_the_cache_is_ready(place: Place) -> None:
    async with silent(place) as cache:
        await cache.ready()
        assert known(cache, "challenges")
        assert cache.version == 1


async def test_a_notification_reloads(place: Place) -> None:
    async with silent(place) as cache:
        await cache.ready()
        for number, payload in enumerate(("reload schema", "")):
            await place.owner.execute(f"create table public.more_{number} (id integer)")
            assert not known(cache, f"more_{number}")
            await place.owner.execute("select pg_notify('pgrst', $1)", payload)
            await until(lambda number=number: known(cache, f"more_{number}"))


async def test_notifications_that_come_together_reload_once(place: Place) -> None:
    async with silent(place) as cache:
        await cache.ready()
        for number in range(20):
            await place.owner.execute(f"create table public.more_{number} (id integer)")
            await place.owner.execute("notify pgrst, 'reload schema'")
        await until(lambda: known(cache, "more_19"))
        assert cache.version <= 10


async def test_other_notifications_do_not_reload(place: Place) -> None:
    async with silent(place) as cache:
        await cache.ready()
        await place.owner.execute("create table public.more (id integer)")
        await place.owner.execute("notify pgrst, 'reload config'")
        await place.owner.execute("notify other, 'reload schema'")
        await asyncio.sleep(A_WHILE_S)
        assert not known(cache, "more")


async def test_a_change_that_nobody_told_is_seen_by_looking(place: Place) -> None:
    async with SchemaCache(place.database, ("public",), poll_s=SOON_S) as cache:
        await cache.ready()
        await place.owner.execute("create table public.more (id integer)")
        await until(lambda: known(cache, "more"))
        await place.owner.execute("alter table public.more add column name text")
        await until(lambda: "name" in cache.current.tables["public", "more"].columns)
        await place.owner.execute("drop table public.more")
        await until(lambda: not known(cache, "more"))


async def test_looking_without_a_change_leaves_the_catalogue(place: Place) -> None:
    async with SchemaCache(place.database, ("public",), poll_s=SOON_S) as cache:
        await cache.ready()
        before = cache.current
        await place.owner.execute("create table agon.more (id integer)")
        await asyncio.sleep(A_WHILE_S)
        assert cache.current is before
        assert cache.version == 1


async def test_a_miss_reloads(place: Place) -> None:
    async with silent(place) as cache:
        await cache.ready()
        await place.owner.execute("create table public.more (id integer)")
        assert await cache.miss()
        assert known(cache, "more")
        assert cache.version == 2


async def test_a_miss_of_what_is_nowhere_changes_nothing(place: Place) -> None:
    async with silent(place) as cache:
        await cache.ready()
        assert not await cache.miss()
        assert cache.version == 1


async def test_misses_at_once_share_a_reload(place: Place) -> None:
    async with silent(place) as cache:
        await cache.ready()
        await place.owner.execute("create table public.more (id integer)")
        assert await asyncio.gather(*(cache.miss() for _ in range(10))) == [True] * 10
        assert cache.version == 2


async def test_a_second_miss_waits_for_the_pause(place: Place) -> None:
    async with silent(place) as cache:
        await cache.ready()
        assert not await cache.miss()
        await place.owner.execute("create table public.more (id integer)")
        assert not await cache.miss()
        assert not known(cache, "more")
    async with SchemaCache(place.database, ("public",), poll_s=NEVER_S, pause_s=0) as cache:
        await cache.ready()
        assert not await cache.miss()
        await place.owner.execute("create table public.evermore (id integer)")
        assert await cache.miss()


async def test_a_miss_in_an_old_catalogue_is_answered_at_once(place: Place) -> None:
    async with silent(place) as cache:
        await cache.ready()
        old = cache.version
        await place.owner.execute("create table public.more (id integer)")
        assert await cache.miss(old)
        assert await cache.miss(old)
        assert not await cache.miss(cache.version)


async def test_a_caller_that_gives_up_does_not_take_the_reload_along(place: Place) -> None:
    async with silent(place) as cache:
        await cache.ready()
        await place.owner.execute("create table public.more (id integer)")
        impatient, patient = asyncio.create_task(cache.miss()), asyncio.create_task(cache.miss())
        await asyncio.sleep(0)
        impatient.cancel()
        assert await patient
        assert known(cache, "more")


async def cut(place: Place) -> None:
    """Ends every connection of agon_web but the one that does it."""
    async with place.database.connection("agon_web") as conn:
        ended = await conn.fetch(
            """
            select pg_terminate_backend(pid) from pg_stat_activity
            where usename = current_user and datname = current_database()
              and pid <> pg_backend_pid()
            """
        )
        assert ended


async def test_a_lost_connection_comes_back_and_looks_again(place: Place) -> None:
    async with silent(place) as cache:
        await cache.ready()
        await place.owner.execute("create table public.more (id integer)")
        assert known(cache, "challenges") and not known(cache, "more")
        await cut(place)
        await until(lambda: known(cache, "more"))
        await place.owner.execute("create table public.evermore (id integer)")
        await place.owner.execute("notify pgrst")
        await until(lambda: known(cache, "evermore"))


async def test_an_absent_database_is_waited_for(place: Place) -> None:
    present = urlsplit(place.runtime.urls["agon_web"])
    late = f"{present.path.strip('/')}_late"
    url = urlunsplit(present._replace(path=f"/{late}"))
    async with Database({"agon_web": url}) as absent, SchemaCache(absent, ("public",)) as cache:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(cache.ready(), A_WHILE_S)
        with pytest.raises(Refused) as refused:
            _ = cache.current
        assert (refused.value.refusal.code, refused.value.refusal.status) == ("PGRST002", 503)
        with pytest.raises(Refused):
            await cache.miss()
        await place.owner.execute(f"create database {late} template {TEMPLATE}")
        async with asyncio.timeout(PATIENCE_S):
            await cache.ready()
        assert known(cache, "challenges")


async def connections(place: Place) -> int:
    return await place.owner.fetchval(
        """
        select count(*) from pg_stat_activity
        where datname = current_database() and usename = 'agon_web'
        """
    )


async def test_the_connection_that_listens_is_closed_with_the_cache(place: Place) -> None:
    async with silent(place) as cache:
        await cache.ready()
        before = await connections(place)
    for _ in range(TRIES):
        if await connections(place) == before - 1:
            return
        await asyncio.sleep(SOON_S)
    pytest.fail("it is still open")


async def test_a_cache_can_stop_before_it_is_ready(place: Place) -> None:
    async with silent(place) as cache:
        waiting = asyncio.create_task(cache.ready())
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def heard(place: Place, act: Callable[[asyncpg.Connection], Awaitable[object]]) -> list[str]:
    """What was said on pgrst when the act was done, and before a last word."""
    said: asyncio.Queue[str] = asyncio.Queue()

    def listen(_conn: object, _pid: int, _channel: str, payload: object) -> None:
        said.put_nowait(str(payload))

    await place.owner.add_listener("pgrst", listen)
    await act(place.owner)
    await place.owner.execute("notify pgrst, 'the end'")
    words = []
    async with asyncio.timeout(PATIENCE_S):
        while (word := await said.get()) != "the end":
            words.append(word)
    await place.owner.remove_listener("pgrst", listen)
    return words


async def test_a_migration_tells_the_listeners(place: Place) -> None:
    text = "create view public.more as select 1 as id"
    file = migrate.File(package="tests", name="more.sql", kind="rules", text=text)
    migrated = [*migrate.collect(SYSTEMS), file]
    async with silent(place) as cache:
        await cache.ready()
        assert await heard(place, lambda conn: migrate.run(conn, migrated)) == ["reload schema"]
        await until(lambda: known(cache, "more"))


async def test_a_migration_without_work_tells_nothing(place: Place) -> None:
    assert await heard(place, lambda conn: migrate.run(conn, migrate.collect(SYSTEMS))) == []


async def apply_schema_rules(conn: asyncpg.Connection) -> None:
    text = files("agon.rest").joinpath("schema.sql").read_text("utf-8")
    for _, statement in migrate.statements(text):
        await conn.execute(statement)


async def event_triggers(conn: asyncpg.Connection) -> list[str]:
    rows = await conn.fetch("select evtname from pg_event_trigger order by evtname")
    return [row["evtname"] for row in rows]


async def test_an_owner_who_is_no_superuser_does_without_event_triggers(place: Place) -> None:
    await apply_schema_rules(place.owner)
    await apply_schema_rules(place.owner)
    assert await event_triggers(place.owner) == []


async def test_a_superuser_has_every_change_told(place: Place, server: TestServer) -> None:
    if server.is_embedded:
        pytest.skip("the embedded server has no login of a superuser")
    name = await place.owner.fetchval("select current_database()")
    root = await asyncpg.connect(user="postgres", host=str(server.sockets), database=name)
    try:
        await apply_schema_rules(root)
        await apply_schema_rules(root)
        assert await event_triggers(root) == ["agon_schema_changed", "agon_schema_dropped"]
    finally:
        await root.close()
    for act, told in (
        ("create table public.more (id integer)", True),
        ("alter table public.more add column name text", True),
        ("create temporary table passing as select 1 as id", False),
        ("drop table passing", False),
        ("insert into public.more (id) values (1)", False),
        ("grant select on public.more to anon", False),
        ("create function public.fresh() returns integer language sql as 'select 1'", True),
        ("drop function public.fresh()", True),
        ("alter table public.more drop column name", True),
        ("drop table public.more", True),
    ):
        assert bool(await heard(place, lambda conn, act=act: conn.execute(act))) == told, act
