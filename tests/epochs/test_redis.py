"""With a Redis: what it serves is what Postgres holds, and it refuses only what Postgres would."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import datetime, timedelta

import httpx
import pytest

from agon.app import opened as doors_opened
from agon.app import serve
from agon.epochs import days as day_acts
from agon.epochs import keeping, live
from agon.kernel.jobs import Work
from tests.epochs import boards, days
from tests.epochs.boards import QUICK
from tests.epochs.days import BOT_S, DAY, STARTS
from tests.places import bearer

PATH = f"/api/epochs/{DAY}"
WAIT_S_MAX = 20


@pytest.fixture
async def at(server, tmp_path):
    """A place with a Redis."""
    async with boards.opened(server, tmp_path) as opened:
        yield opened


@pytest.fixture
async def api(at):
    """The server, with its doors open."""
    app = serve(at.place.runtime, work=False)
    app.state.database, app.state.processes, app.state.live = at.place.database, None, at.live
    async with doors_opened(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://agon.test") as client:
            yield client


def parsed(answer):
    """An answer, its instants as such: Postgres and we write them with other zeros."""
    told = answer["cooldowns"]
    return answer | {
        "next_claim_at": datetime.fromisoformat(answer["next_claim_at"]),
        "cooldowns": {k: v and datetime.fromisoformat(v) for k, v in told.items()},
    }


async def test_a_claim_over_http_is_on_the_board_at_once_and_one_by_rpc_a_round_later(at, api):
    await at.begin()
    ada, bob = (bearer(at.place, at.place.actor(name)) for name in ("ada", "bob"))
    body = {"slot_index": 1, "code": "abc", "bot_identity_id": at.day.bots["ada"]}
    first = (await api.post(f"{PATH}/claims", json=body, headers=ada)).json()
    assert first["accepted"]
    await at.live.told()
    assert await at.shown() == await at.held()
    body = {"slot_index": 2, "code": "cab"}
    key = {"apikey": at.place.runtime.api_keys.publishable}
    second = await api.post("/rest/v1/rpc/claim_slot", json=body, headers=bob | key)
    assert second.json()["accepted"]
    assert (await at.shown())[2]["holder"] is None
    await at.kept(2)
    assert (await api.get(f"{PATH}/board")).json()["slots"] == await at.shown()
    assert await at.shown() == await at.held()
    as_of = datetime.fromisoformat((await at.live.board(DAY))["as_of"])
    assert as_of <= await at.place.owner.fetchval("select now()")


async def test_within_its_cooldown_a_bot_is_told_by_redis_what_postgres_would_tell(at):
    await at.begin()
    assert await at.early("ada") is None
    await at.claim("ada", 0)
    await at.claim("bob", 1)
    for slot in (1, 2):
        told = await at.early("ada", slot)
        assert told["reason"] == "bot_cooldown"
        assert parsed(told) == parsed(await at.day.claim("ada", slot))
        assert await at.claim("ada", slot) == told
    assert len(await at.day.events("slot_attacked")) == 0


async def test_the_cooldown_of_a_slot_is_told_by_redis_too(at):
    config = days.profile(minimum_hold_ms=0, cooldown_ms={"bot": 1, "slot": 60_000})
    await at.begin(config)
    await at.claim("ada")
    await at.claim("bob")
    await asyncio.sleep(0.02)
    await at.kept()
    told = await at.early("ada")
    assert told["reason"] == "slot_cooldown"
    answer = parsed(await at.day.claim("ada"))
    assert parsed(told) == answer
    assert await at.early("ada", 1) is None
    assert (await at.claim("ada", 1))["accepted"]


async def test_an_attack_is_postgres_to_note_and_starts_a_cooldown(at):
    config = days.profile(minimum_hold_ms=60_000, cooldown_ms={"bot": 300, "slot": 60_000})
    await at.begin(config)
    await at.claim("ada")
    assert (await at.claim("bob"))["reason"] == "minimum_hold"
    assert (await at.early("bob", 1))["reason"] == "bot_cooldown"
    await asyncio.sleep(0.3)
    await at.kept()
    assert (await at.claim("bob"))["reason"] == "minimum_hold"
    assert len(await at.day.events("slot_attacked")) == 2


async def test_nobody_else_is_told_of_a_cooldown(at, api):
    await at.begin()
    await at.place.own("eve")
    await at.claim("ada")
    body = {"slot_index": 0, "code": "abc", "bot_identity_id": at.day.bots["ada"]}
    answer = await api.post(f"{PATH}/claims", json=body)
    assert answer.json()["code"] == "sign_in_first"
    answer = await api.post(
        f"{PATH}/claims", json=body, headers=bearer(at.place, at.place.actor("eve"))
    )
    assert answer.json()["code"] == "not_your_bot"
    ada = bearer(at.place, at.place.actor("ada"))
    for wrong, code in (("", "code_missing"), (7, "value_malformed")):
        answer = await api.post(f"{PATH}/claims", json=body | {"code": wrong}, headers=ada)
        assert answer.json()["code"] == code
    answer = await api.post(f"{PATH}/claims", json=body | {"slot_index": 9}, headers=ada)
    assert answer.json()["code"] == "slot_unknown"
    assert (await at.claim("ada"))["reason"] == "holds_already"


@pytest.mark.parametrize("seed", [1, 2])
async def test_redis_never_refuses_what_postgres_would_accept(at, seed):
    chance, seen = random.Random(seed), 0
    config = days.profile(minimum_hold_ms=0, cooldown_ms={"bot": 20, "slot": 45})
    await at.begin(config)
    until = (
        "select max(until_at) from agon.epoch_cooldowns "
        "where bot_identity_id = $1::text::uuid and slot_index in (-1, $2)"
    )
    ends = time.monotonic() + 1.5
    while time.monotonic() < ends:
        if chance.random() < 0.1:
            await at.kept(2)
        name, slot = chance.choice(("ada", "bob")), chance.randrange(3)
        before = await at.place.owner.fetchval("select clock_timestamp()")
        told = await at.early(name, slot)
        known = await at.place.owner.fetchval(until, at.day.bots[name], slot)
        if told:
            seen += 1
            assert before < known
            assert max(u for u in parsed(told)["cooldowns"].values() if u) == known
        elif chance.random() < 0.3:
            await at.claim(name, slot)
    assert seen > 20


async def test_on_a_test_clock_redis_refuses_nothing(at):
    at.day = await days.live(at.place, None, "ada")
    await at.kept()
    await at.answered()
    await at.claim("ada")
    assert await at.early("ada", 1) is None
    assert (await at.claim("ada", 1))["reason"] == "bot_cooldown"
    await at.day.at(BOT_S)
    assert (await at.claim("ada", 1))["accepted"]
    assert await at.shown() == await at.held()


async def test_a_clock_that_is_set_is_seen_by_the_next_round(at):
    await at.begin()
    await at.claim("ada")
    assert await at.early("ada", 1)
    await at.day.at(datetime.now(STARTS.tzinfo) + timedelta(seconds=BOT_S))
    await at.kept(2)
    assert (await at.claim("ada", 1))["accepted"]
    # Set back, it may be earlier than what was done; a claim comes after that, and Redis knows.
    await at.day.at(None)
    await at.kept(2)
    before = await at.place.owner.fetchval("select max(last_event_at) from epoch_slot_states")
    assert datetime.fromisoformat((await at.live.board(DAY))["as_of"]) == before


async def test_another_profile_changes_nothing_of_a_day_that_is_open(at):
    await at.begin()
    await at.claim("ada")
    async with at.place.database.as_worker() as conn:
        await day_acts.keep_profile(conn, "test", QUICK, activate=True)
    await at.kept()
    told = await at.early("ada", 1)
    assert parsed(told) == parsed(await at.day.claim("ada", 1))


async def test_a_board_goes_by_its_epoch_and_databases_may_share_a_redis(at):
    await at.begin()
    await at.claim("ada")
    assert {key.split(b":")[2].strip(b"{}") for key in await at.redis.ask("KEYS", "*")} == {
        (await at.kept())[0].encode()
    }
    at.live.learn(DAY + timedelta(days=1), "00000000-0000-4000-8000-000000000000")
    assert await at.live.board(DAY + timedelta(days=1)) is None
    for n in range(live.DAYS_REMEMBERED_MAX):
        at.live.learn(DAY + timedelta(days=100 + n), "00000000-0000-4000-8000-000000000000")
    assert not at.live.knows(DAY) and await at.shown() is None
    assert await at.answered() == await at.held()
    assert await at.shown() == await at.held()


async def test_after_any_claims_through_both_doors_the_board_is_what_postgres_holds(at, api):
    await at.begin(QUICK, "ada", "bob", "cleo", "dan")
    key = {"apikey": at.place.runtime.api_keys.publishable}
    headers = {name: bearer(at.place, at.place.actor(name)) | key for name in at.day.bots}
    chance, done = random.Random(1), asyncio.Event()
    paths = (f"{PATH}/claims", "/rest/v1/rpc/claim_slot")

    async def keep():
        epochs = []
        while not done.is_set():
            epochs = await keeping.once(at.place.database, at.live, epochs)

    async def watch():
        newest = {}
        while not done.is_set():
            for slot in await at.shown() or ():
                assert (slot["seq"] or 0) >= newest.get(slot["index"], 0)
                newest[slot["index"]] = slot["seq"] or 0
            await asyncio.sleep(0)
        return newest

    async def act(name):
        for _ in range(40):
            body = {"slot_index": chance.randrange(4), "code": f"{chance.randrange(10**6)}"}
            answer = await api.post(chance.choice(paths), json=body, headers=headers[name])
            assert answer.status_code == 200, answer.text

    others = [asyncio.create_task(each()) for each in (keep, keep, watch)]
    await asyncio.gather(*(act(name) for name in at.day.bots))
    done.set()
    *_, newest = await asyncio.gather(*others)
    assert sum(seq > 0 for seq in newest.values()) == 4
    await at.kept(2)
    assert await at.shown() == await at.held()
    states = await at.place.owner.fetch(
        "select slot_index, current_holder_bot_identity_id::text, current_code, held_seq "
        "from epoch_slot_states order by slot_index"
    )
    assert [tuple(row) for row in states] == [
        (s["index"], s["holder"], s["code"], s["seq"]) for s in await at.shown()
    ]


async def test_a_worker_keeps_the_boards_until_it_is_told_to_stop(at):
    at.day = await days.live(at.place, QUICK, "ada")
    await at.answered()
    stop = asyncio.Event()
    work = Work(database=at.place.database, runtime=at.place.runtime)
    running = asyncio.create_task(keeping.run(work, stop))
    async with asyncio.timeout(WAIT_S_MAX):
        await at.day.claim("ada")
        while True:
            if await at.shown() == await at.held():
                break
            await asyncio.sleep(0.01)
        stop.set()
        await running
    at.place.runtime.settings.values["redis_url"] = None
    await keeping.run(work, stop)


async def test_the_servers_redis_is_open_as_long_as_the_server(at):
    app = serve(at.place.runtime, work=False)
    async with app.router.lifespan_context(app):
        await app.state.live.ping()
        assert b"cmd=ping" in await at.redis.ask("CLIENT", "LIST")
    assert app.state.live is None
    assert b"cmd=ping" not in await at.redis.ask("CLIENT", "LIST")
