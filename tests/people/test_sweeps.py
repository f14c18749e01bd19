"""What is old goes by the clock: sessions that nobody refreshed, and what has run out."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from tests import places

NOW = datetime.now(UTC)


async def session_of(place, age_days, refreshed_days=None):
    """A session, and a network that was seen then."""
    ada = await place.own(f"user of {age_days} and {refreshed_days}")
    begun = NOW - timedelta(days=age_days)
    refreshed = None if refreshed_days is None else NOW - timedelta(days=refreshed_days)
    await place.owner.execute(
        "insert into agon.known_networks values ($1, '203.0.113.1', $2)",
        uuid.UUID(ada.user_id),
        refreshed or begun,
    )
    return await place.owner.fetchval(
        "insert into agon.sessions (user_id, amr, created_at, refreshed_at) "
        "values ($1, '[]', $2, $3) returning id",
        uuid.UUID(ada.user_id),
        begun,
        refreshed,
    )


async def swept(place):
    days = place.runtime.settings["session_days"]
    await place.owner.execute("select agon.sweep_people($1)", days)
    rows = await place.owner.fetch("select id from agon.sessions")
    return {row["id"] for row in rows}


async def test_sessions_that_nobody_refreshed_end(place):
    old, left = await session_of(place, 181), await session_of(place, 400, 181)
    young, used = await session_of(place, 179), await session_of(place, 400, 179)
    assert await swept(place) == {young, used}
    assert {old, left}.isdisjoint(await swept(place))
    assert await place.owner.fetchval("select count(*) from agon.known_networks") == 2


async def test_without_an_age_sessions_stay(server, tmp_path):
    environ = {"AGON_SESSION_DAYS": "0"}
    async with places.opened(server, "agon_sweeps_never", tmp_path, environ) as place:
        old = await session_of(place, 4000)
        assert await swept(place) == {old}


async def test_what_has_run_out_is_forgotten_and_nothing_else(place):
    await place.owner.execute(
        """
        insert into agon.rate_counters values
          ('over', 1, now() - interval '2 hours'), ('open', 1, now() + interval '1 hour');
        insert into agon.used_messages values
          (sha256('over'), now() - interval '2 hours'), (sha256('open'), now());
        insert into agon.flow_states (provider, created_at) values
          ('github', now() - interval '16 minutes'), ('github', now()),
          ('email', now() - interval '26 hours'), ('email', now() - interval '23 hours');
        """
    )
    await swept(place)
    counts = await place.owner.fetchrow(
        """
        select (select array_agg(counter) from agon.rate_counters),
          (select count(*) from agon.used_messages),
          (select array_agg(provider order by provider) from agon.flow_states)
        """
    )
    assert tuple(counts) == (["open"], 1, ["email", "github"])


async def test_the_sweep_is_the_engines(place):
    ada = await place.own("ada")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with place.database.as_caller(ada) as conn:
            await conn.execute("select agon.sweep_people('0')")
