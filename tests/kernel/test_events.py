"""The outbox: in commit order, each event once per reader, nothing skipped."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from agon.kernel import clock, database, doctor, events
from agon.kernel.manifest import Subscription, System


async def _read_all(place, reader: str) -> list[str]:
    seen: list[str] = []

    async def note(_conn: database.Conn, event: events.Event) -> None:
        seen.append(event.key or "")

    while await events.pump(place.database, reader, ["test.happened"], note):
        pass
    return seen


async def _emit(conn: database.Conn, key: str, topic: str = "test.happened") -> None:
    await conn.execute("select agon.emit($1, $2)", topic, key)


async def test_a_reader_sees_each_event_once_in_order(place):
    for key in ("a", "b", "c"):
        await _emit(place.owner, key)
    assert await _read_all(place, "one") == ["a", "b", "c"]
    assert await _read_all(place, "one") == []
    assert await _read_all(place, "two") == ["a", "b", "c"]


async def test_a_reader_sees_its_topics_only(place):
    await _emit(place.owner, "other", "test.elsewhere")
    await _emit(place.owner, "mine")
    assert await _read_all(place, "one") == ["mine"]


async def test_a_late_commit_is_never_skipped(place):
    slow = await database.connect(place.runtime.urls["agon_owner"])
    transaction = slow.transaction()
    await transaction.start()
    await _emit(slow, "early id, late commit")
    await _emit(place.owner, "late id, early commit")
    # The later id waits: whoever went by ids would now pass the earlier one.
    assert await _read_all(place, "one") == []
    await transaction.commit()
    await slow.close()
    assert await _read_all(place, "one") == ["early id, late commit", "late id, early commit"]


async def test_a_rolled_back_event_never_happened(place):
    with pytest.raises(RuntimeError):
        async with place.owner.transaction():
            await _emit(place.owner, "undone")
            raise RuntimeError("and back")
    await _emit(place.owner, "done")
    assert await _read_all(place, "one") == ["done"]


async def _fail(_conn: database.Conn, _event: events.Event) -> None:
    raise RuntimeError("not now")


@pytest.fixture
def process(place):
    """The place's process, with a subscription of its own."""
    one = Subscription(name="one", topic="test.happened", run="tests.kernel.test_events:_fail")
    example = System(name="example", package="tests.kernel", subscriptions=(one,))
    found = replace(place.runtime, systems=(example,))
    found.__dict__["urls"] = place.runtime.urls
    return found


async def test_a_failing_reader_gets_the_event_again_after_a_pause(place):
    await _emit(place.owner, "a")
    assert await events.pump(place.database, "one", ["test.happened"], _fail) == 0
    assert await _read_all(place, "one") == []
    await place.set_clock(clock.now() + timedelta(seconds=2))
    assert await _read_all(place, "one") == ["a"]
    assert await place.owner.fetchval("select tries from agon.event_cursors") == 0


async def test_an_event_that_fails_undoes_its_own_acts_and_none_before_it(place):
    for key in ("a", "b", "bad", "c"):
        await _emit(place.owner, key)

    async def take(conn: database.Conn, event: events.Event) -> None:
        await conn.execute(
            "insert into agon.pgqueuer (priority, status, entrypoint) values (0, 'queued', $1)",
            event.key,
        )
        if event.key == "bad":
            raise RuntimeError("not now")

    assert await events.pump(place.database, "one", ["test.happened"], take) == 2
    taken = await place.owner.fetch("select entrypoint from agon.pgqueuer order by id")
    assert [row[0] for row in taken] == ["a", "b"]
    await place.set_clock(clock.now() + timedelta(seconds=2))
    assert await _read_all(place, "one") == ["bad", "c"]


async def test_an_event_is_parked_after_its_last_try_and_those_behind_it_go_on(place, process):
    for key in ("bad", "good"):
        await _emit(place.owner, key)
    now = clock.now()
    for number in range(events.TRIES_MAX):
        await place.set_clock(now + number * events.PAUSE_LONGEST)
        read = await events.pump(place.database, "one", ["test.happened"], _fail)
        assert read == (number == events.TRIES_MAX - 1)
    (parked,) = await place.owner.fetch("select * from agon.list_parked_events()")
    assert (parked["reader"], parked["key"]) == ("one", "bad")
    assert "not now" in parked["trouble"]
    assert await _read_all(place, "one") == ["good"]
    assert (await doctor.check_events(process)).state == "wrong"

    with pytest.raises(RuntimeError):
        await events.retry(place.database, "one", parked["id"], _fail)
    taken: list[str | None] = []

    async def take(_conn: database.Conn, event: events.Event) -> None:
        taken.append(event.key)

    assert await events.retry(place.database, "one", parked["id"], take)
    assert not await events.retry(place.database, "one", parked["id"], take)
    assert taken == ["bad"]
    assert (await doctor.check_events(process)).state == "ok"


async def test_the_doctor_sees_a_subscription_that_is_not_read(place, process):
    await _emit(place.owner, "a")
    assert (await doctor.check_events(process)).state == "ok"
    await place.set_clock(clock.now() + timedelta(hours=1))
    finding = await doctor.check_events(process)
    assert (finding.state, "one" in finding.text) == ("wrong", True)


async def test_events_only_grow(place):
    await _emit(place.owner, "a")
    with pytest.raises(Exception, match="only grows"):
        await place.owner.execute("update agon.events set key = 'b'")


async def test_no_client_may_emit(place):
    async with place.database.as_caller(place.actor("ada")) as conn:
        with pytest.raises(Exception, match="permission denied"):
            await _emit(conn, "forged")
