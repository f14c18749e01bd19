"""Tables that only grow: nobody takes a row away, unless what it belongs to goes."""

from __future__ import annotations

import asyncpg
import pytest

from tests.epochs import days

DELETE, UPDATE, TRUNCATE = 8, 16, 32
"""Bits of pg_trigger.tgtype."""
COMES_AND_GOES = ("evidence", "agon.ranks")
"""Unchanged while they stand: evidence is personal, so the service may take it away, and a rank is
taken away and given anew."""


async def test_a_table_that_only_grows_refuses_every_way_to_lose_a_row(place):
    rows = await place.owner.fetch(
        "select tgrelid::regclass::text as name, tgtype::integer as bits from pg_trigger "
        "where tgfoid = 'agon.guard_append_only'::regproc"
    )
    assert len(rows) >= 7
    for name, bits in ((name, bits) for name, bits in rows if name not in COMES_AND_GOES):
        assert bits & (DELETE | UPDATE | TRUNCATE) == DELETE | UPDATE | TRUNCATE, name
        for act in (f"delete from {name}", f"truncate {name} cascade"):
            with pytest.raises(asyncpg.PostgresError) as error:
                await place.owner.execute(act)
            assert error.value.detail == "append_only", act


async def test_with_the_day_that_it_is_about_an_event_goes(place):
    day = await days.live(place)
    assert await day.events()
    with pytest.raises(asyncpg.PostgresError, match="only grows"):
        await place.owner.execute("delete from epoch_events")
    await place.owner.execute("delete from epochs")
    assert await day.events() == []
