"""The outbox: in commit order, each event once per reader, nothing skipped."""

from __future__ import annotations

import pytest

from agon.kernel import database, events


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


async def test_a_failing_reader_gets_the_event_again(place):
    await _emit(place.owner, "a")

    async def fail(_conn: database.Conn, _event: events.Event) -> None:
        raise RuntimeError("not now")

    with pytest.raises(RuntimeError):
        await events.pump(place.database, "one", ["test.happened"], fail)
    assert await _read_all(place, "one") == ["a"]


async def test_events_only_grow(place):
    await _emit(place.owner, "a")
    with pytest.raises(Exception, match="only grows"):
        await place.owner.execute("update agon.events set key = 'b'")


async def test_no_client_may_emit(place):
    async with place.database.as_caller(place.actor("ada")) as conn:
        with pytest.raises(Exception, match="permission denied"):
            await _emit(conn, "forged")
