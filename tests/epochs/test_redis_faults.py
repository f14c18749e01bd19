"""Whatever befalls a Redis, Postgres decides, and nothing old is served."""

from __future__ import annotations

import asyncio
import time

import pytest

from agon.epochs import board, checks, live
from tests.epochs import boards, days
from tests.epochs.boards import QUICK
from tests.epochs.days import DAY, FREEZES


@pytest.fixture
async def at(server, tmp_path):
    """A place with a Redis."""
    async with boards.opened(server, tmp_path) as opened:
        yield opened


async def expire(at):
    """Let the board expire, as one that nobody keeps."""
    (epoch,) = await at.kept(1)
    for key in board.keys(epoch):
        await at.redis.ask("PEXPIRE", key, 50)
    await asyncio.sleep(0.05)


async def test_without_redis_at_the_start_postgres_serves_and_then_redis_does(at):
    await at.redis.kill()
    at.day = await days.live(at.place, None, "ada", "bob")
    await days.on_true_clock(at.day)
    assert await at.kept()
    assert (await at.claim("ada"))["accepted"]
    assert (await at.claim("ada", 1))["reason"] == "bot_cooldown"
    assert await at.answered() == await at.held()
    assert await at.shown() is None
    await at.redis.start()
    await asyncio.sleep(live.PAUSE_S)
    await at.kept()
    assert await at.shown() == await at.held()
    # What was told while there was no Redis, it learns when Postgres tells it again.
    assert await at.early("ada", 1) is None
    await at.claim("ada", 1)
    assert await at.early("ada", 1)


async def test_a_redis_that_dies_and_comes_back_empty_is_filled_from_postgres(at, monkeypatch):
    monkeypatch.setattr(live, "PAUSE_S", 0)
    await at.begin()
    await at.claim("ada")
    await at.redis.kill()
    assert (await at.claim("bob", 1))["accepted"]
    assert (await at.claim("bob", 2))["reason"] == "bot_cooldown"
    assert await at.shown() is None
    await at.redis.start()
    assert await at.shown() is None and await at.early("ada", 2) is None
    await at.kept()
    assert await at.shown() == await at.held()
    assert (await at.redis.ask("DBSIZE")) == 2


async def test_an_older_snapshot_is_mended_by_a_round_or_has_expired(at, monkeypatch):
    monkeypatch.setattr(live, "PAUSE_S", 0)
    await at.begin(QUICK)
    await at.claim("ada")
    await at.redis.ask("SAVE")
    await at.day.claim("bob")
    await at.day.claim("bob", 3)
    await at.kept()
    await at.redis.kill()
    await at.redis.start()
    assert (await at.shown())[0]["holder"] == at.day.bots["ada"]
    (epoch,) = await at.kept(2)
    assert await at.shown() == await at.held()
    for key in board.keys(epoch):
        await at.redis.ask("PEXPIRE", key, 200)
    await at.redis.ask("SAVE")
    await at.redis.kill()
    await asyncio.sleep(0.2)
    await at.redis.start()
    assert await at.shown() is None


async def test_a_board_that_nobody_keeps_is_not_served(at):
    await at.begin()
    await at.claim("ada")
    await expire(at)
    assert await at.shown() is None
    assert await at.early("ada", 1) is None
    assert await at.answered() == await at.held()
    # What was told before the board was gone counts no more, though it is still there.
    await at.kept()
    assert await at.shown() and await at.early("ada", 1) is None


async def test_a_round_that_was_held_up_serves_nothing_old(at, monkeypatch):
    monkeypatch.setattr(live, "FRESH_MS", 100)
    await days.live(at.place, None, "ada")
    (epoch,) = await at.kept(1)
    at.live.learn(DAY, epoch)
    seen = await at.live.look(epoch)
    (row,) = await at.place.owner.fetch("select * from agon.live_boards()")
    slots = await at.held()
    await asyncio.sleep(0.1)
    await at.live.put(seen, row, slots)
    assert await at.shown() is None


async def test_who_writes_late_overwrites_nothing_newer(at):
    await at.begin(QUICK)
    (epoch,) = await at.kept()
    seen = await at.live.look(epoch)
    (row,) = await at.place.owner.fetch("select * from agon.live_boards()")
    old = await at.held()
    first = await at.day.claim("ada")
    second = await at.day.claim("bob")
    for answer in (second, first, second):
        at.live.note(at.place.actor("ada"), DAY, at.day.bots["ada"], answer)
        await at.live.told()
    assert await at.shown() == await at.held()
    await at.live.put(seen, row, old)
    assert await at.shown() == await at.held()
    # Nor does one whose board was given up meanwhile bring it back.
    await at.live.forget(epoch, await at.live.look(epoch))
    await at.live.put(seen, row, old)
    at.live.note(at.place.actor("ada"), DAY, at.day.bots["ada"], first)
    await at.live.told()
    assert await at.shown() is None


async def test_what_postgres_never_said_is_given_up(at):
    await at.begin()
    await at.claim("ada")
    (epoch,) = await at.kept()
    mark, slots = board.keys(epoch)
    await at.redis.ask("HSET", mark, "0", 10**9)
    await at.kept(2)
    assert await at.shown() is None
    await at.kept()
    assert await at.shown() == await at.held()
    assert await at.early("ada", 1) is None
    # Redis made room with one of the two hashes: what is left is no board.
    for key in (slots, mark):
        await at.redis.ask("DEL", key)
        assert await at.shown() is None
        await at.kept()
        assert await at.shown() == await at.held()


async def test_a_key_that_is_somebody_elses_leaves_it_to_postgres(at):
    await at.begin()
    (epoch,) = await at.kept()
    for key in board.keys(epoch):
        await at.redis.ask("SET", key, "x")
    assert (await at.claim("ada"))["accepted"]
    assert await at.answered() == await at.held()


async def test_a_slow_redis_holds_up_no_claim_for_long(at):
    await at.begin(QUICK)
    async with live.opened(at.place.runtime) as asked:
        asked.learn(DAY, (await at.kept())[0])
        await at.redis.ask("CLIENT", "PAUSE", 9000)
        started = time.monotonic()
        answers = [await at.claim("ada", slot, asked) for slot in range(4)]
    assert all(answer["accepted"] for answer in answers)
    # It is asked once, and then left alone.
    assert live.ANSWER_S_MAX < time.monotonic() - started < 3


async def test_a_day_that_is_frozen_is_kept_no_more(at):
    at.day = await days.live(at.place, None, "ada")
    (epoch,) = await at.kept()
    expires = [await at.redis.ask("PEXPIRETIME", key) for key in board.keys(epoch)]
    await at.day.at(FREEZES)
    await at.day.advance()
    assert await at.kept() == []
    assert [await at.redis.ask("PEXPIRETIME", key) for key in board.keys(epoch)] == expires
    assert await at.answered() == await at.held()


async def test_the_doctor_says_whether_redis_answers(at):
    assert (await checks.check_redis(at.place.runtime)).state == "ok"
    at.place.runtime.settings.values["redis_url"] = at.redis.url.replace(
        "unix://", "unix://u:secret@"
    )
    await at.redis.kill()
    found = await checks.check_redis(at.place.runtime)
    assert found.state == "wrong" and "secret" not in found.text
