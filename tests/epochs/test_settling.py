"""Settling a day from its tables: what is written, once."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from agon.commons.content import files
from agon.epochs import jobs as epoch_jobs
from agon.epochs import settling
from agon.kernel.errors import Refused
from tests.epochs import days
from tests.epochs.days import ARCHIVES, DAY, ENDS, FREEZES
from tests.epochs.settled import (
    POOL,
    bundle_of,
    ended,
    paid,
    played,
    profile,
    settle,
    work_of,
)
from tests.places import wallet

WRITTEN = (
    "public.epochs", "public.epoch_contributions", "public.epoch_payouts",
    "public.epoch_editions", "public.epoch_votes", "public.epoch_events", "agon.results",
    "agon.files", "agon.pgqueuer",
)  # fmt: skip


async def rows_of(place) -> dict[str, list[Any]]:
    return {
        table: await place.owner.fetch(f"select t::text as row from {table} t order by 1")
        for table in WRITTEN
    }


async def test_the_worker_settles_a_day_once_it_is_in_settle(place):
    day = await played(place)
    assert await place.owner.fetchval("select phase from epochs") == "settle"
    await place.work()
    bundle = await bundle_of(place)
    epoch = await place.owner.fetchrow("select * from epochs")
    assert (epoch["result_cid"], epoch["outcome"], epoch["number"]) == (
        bundle.cid, "paid", 20260302,
    )  # fmt: skip
    contributions = {
        str(row["bot_identity_id"]): row
        for row in await place.owner.fetch("select * from epoch_contributions")
    }
    assert set(contributions) == set(day.bots.values())
    for told in bundle.output["bots"]:
        row = contributions[told["bot"]]
        assert row["owner_address"] == told["owner"]
        assert row["occupied_seconds"] == told["occupied_ms"] // 1000
        assert row["defense_seconds"] == told["defense_ms"] // 1000
        assert row["successful_claims"] == told["claims"]
        for column, key in (
            ("vote_quality", "vote_quality"), ("raw_score", "raw_score"),
            ("normalized_share", "share"),
        ):  # fmt: skip
            assert str(row[column]) == told[key]
    assert sum(row["normalized_share"] for row in contributions.values()) == 1
    payouts = await place.owner.fetch("select *, amount_wei::text as wei from epoch_payouts")
    assert {str(p["bot_identity_id"]): (p["wei"], p["bps"]) for p in payouts} == {
        told["bot"]: (told["wei"], told["bps"]) for told in bundle.output["bots"]
    }
    assert sum(int(p["wei"]) for p in payouts) == POOL
    assert sum(p["bps"] for p in payouts) == 10_000
    assert {p["status"] for p in payouts} == {"pending"}
    edition = await place.owner.fetchrow("select * from epoch_editions")
    assert (edition["token_id"], edition["status"]) == (20260302, "pending")
    (event,) = await day.events("epoch_settled")
    assert event["data"] == {"result_cid": bundle.cid}


async def test_files_and_events_name_the_result(place):
    day = await played(place)
    await place.work()
    bundle = await bundle_of(place)
    uris = await place.owner.fetchrow(
        "select e.summary_uri, d.metadata_uri from epochs e join epoch_editions d on true"
    )
    root = files.folder(place.runtime)
    summary, metadata = (
        json.loads(files.locate(root, uri.removeprefix("ipfs://")).read_bytes()) for uri in uris
    )
    published = await place.owner.fetchval(
        "select count(*) from agon.files "
        "where published_at is not null and 'ipfs://' || cid = any ($1)",
        list(uris),
    )
    assert published == 2
    assert summary["result_cid"] == metadata["properties"]["result_cid"] == bundle.cid
    assert metadata["properties"]["summary_uri"] == uris["summary_uri"]
    assert summary["totals"] == bundle.output["totals"]
    assert summary["profile"] == {"key": "test", "version": 1}
    told = await place.owner.fetchrow("select * from agon.events where topic = 'epoch.settled'")
    assert told["key"] == "2026-03-02"
    payload = told["payload"]
    assert (payload["result_cid"], payload["outcome"], payload["number"]) == (
        bundle.cid, "paid", 20260302,
    )  # fmt: skip
    assert {share["bot"] for share in payload["shares"]} == set(day.bots.values())
    assert sum(int(share["wei"]) for share in payload["shares"]) == POOL
    shares = [Decimal(share["share"]) for share in payload["shares"]]
    assert shares == sorted(shares, reverse=True)


async def test_votes_weigh_what_the_settlement_makes_of_them(place):
    # gus, whom nobody agrees with, weighs least.
    await played(place)
    before = "select count(*) from epoch_votes where effective_weight <> raw_weight"
    assert await place.owner.fetchval(before) == 0
    await settle(place)
    bundle = json.loads((await bundle_of(place)).data)
    weights = dict(
        zip(
            bundle["inputs"]["log"]["voters"],
            bundle["output"]["voter_weights_milli"],
            strict=True,
        )
    )
    rows = await place.owner.fetch("select * from epoch_votes")
    assert len({row["effective_weight"] for row in rows}) > 1
    for row in rows:
        exact = row["raw_weight"] * weights[row["voter_address"]] / 1000
        assert row["effective_weight"] == exact.quantize(Decimal("0.0001"))
    assert min(weights, key=weights.__getitem__) == wallet("gus")


async def test_a_second_run_changes_nothing(place):
    await played(place)
    assert await settle(place) == "settled"
    before = await rows_of(place)
    assert await settle(place) == "settled"
    await epoch_jobs.settle(work_of(place), {"day": str(DAY)})
    await place.owner.execute("select agon.enqueue_epoch_settlements()")
    assert await rows_of(place) == before


async def test_two_workers_at_once_settle_once(place):
    day = await played(place)
    log = await settling.read_log(place.database, DAY)
    async with place.database.as_worker() as conn:
        case = await conn.fetchval("select agon.load_settlement($1)", DAY)
    # The second would write something else, had the first not been there.
    case["head"]["pool_wei"] = "1"
    other = settling.decide(case, log)
    root = files.folder(place.runtime)

    async def write() -> None:
        async with place.database.as_worker() as conn:
            await settling.write(conn, root, DAY, other)

    await asyncio.gather(*(settle(place) for _ in range(3)), write())
    assert len(await day.events("epoch_settled")) == 1
    cids = await place.owner.fetch("select cid from agon.results")
    assert [row["cid"] for row in cids] == [(await bundle_of(place)).cid]
    assert await place.owner.fetchval("select count(*) from epoch_editions") == 1
    files_kept = "select count(*) from agon.files where published_at is not null"
    assert await place.owner.fetchval(files_kept) == 2
    told = "select count(*) from agon.events where topic = 'epoch.settled'"
    assert await place.owner.fetchval(told) == 1


async def test_a_settled_day_goes_into_the_archive(place):
    day = await played(place)
    await place.work()
    moment = "select max(execute_after) from agon.pgqueuer where dedupe_key like '%:archive'"
    assert await place.owner.fetchval(moment) in (ARCHIVES, None)  # None: it was due and done
    cooldowns = "select count(*) from agon.epoch_cooldowns"
    assert await place.owner.fetchval(cooldowns) > 0
    await day.at(ARCHIVES)
    assert await day.advance() == [("settle", "archive")]
    assert await place.owner.fetchval(cooldowns) == 0, "nobody asks for them any more"
    assert await settle(place) == "settled"


async def test_a_day_is_settled_in_a_process_where_its_log_is_long(place, monkeypatch):
    monkeypatch.setattr(settling, "EVENTS_INLINE_MAX", 0)
    monkeypatch.setattr(settling, "FETCHED_ROWS", 2)
    await played(place)
    assert await settle(place) == "settled"
    assert (await bundle_of(place)).output["outcome"] == "paid"


async def test_a_day_without_contribution_pays_nobody_and_says_so(place):
    day = await days.live(place, profile(), "ada")
    await place.own("dan")
    await day.vote("dan", day.bots["ada"], "1", kind="bot")
    await ended(day)
    await place.work()
    assert (await bundle_of(place)).output["outcome"] == "no_contribution"
    epoch = await place.owner.fetchrow("select * from epochs")
    assert epoch["outcome"] == "no_contribution"
    assert await paid(place) == {}
    (row,) = await place.owner.fetch("select * from epoch_contributions")
    assert (row["normalized_share"], row["owner_address"]) == (0, wallet("ada"))
    assert await place.owner.fetchval("select status from epoch_editions") == "pending"
    await day.at(ARCHIVES)
    assert await day.advance() == [("settle", "archive")]


async def test_a_day_of_which_nobody_knows_anything_is_settled_too(place):
    day = await days.opened(place, profile())
    await ended(day)
    assert await settle(place) == "settled"
    assert await place.owner.fetchval("select outcome from epochs") == "no_contribution"
    assert await place.owner.fetchval("select count(*) from epoch_contributions") == 0


async def test_a_day_is_not_settled_before_its_time(place):
    day = await days.live(place, profile(), "ada")
    for instant in (0, FREEZES, ENDS):
        await day.at(instant)
        await day.advance()
        assert await settle(place) == "early"
        with pytest.raises(Refused) as error:
            async with place.database.as_worker() as conn:
                await conn.fetchrow("select * from agon.take_settlement($1)", DAY)
        assert error.value.refusal.code == "epoch_not_over"
    with pytest.raises(Refused) as error:
        await settling.settle(work_of(place), date(2026, 3, 9))
    assert error.value.refusal.code == "epoch_unknown"


async def test_a_log_that_contradicts_itself_settles_nothing_and_is_asked_for_again(place):
    await played(place)
    await place.owner.execute(
        "insert into epoch_events (epoch_id, event_type, occurred_at, actor_bot_identity_id, "
        "slot_index, payload) select e.epoch_id, 'slot_claimed', e.occurred_at, "
        "e.actor_bot_identity_id, e.slot_index, e.payload from epoch_events e "
        "where e.event_type = 'slot_claimed' limit 1"
    )
    with pytest.raises(Refused) as error:
        await settle(place)
    assert error.value.refusal.code == "log_malformed"
    await place.work()
    assert await place.owner.fetchval("select result_cid from epochs") is None
    await place.owner.execute("select agon.enqueue_epoch_settlements()")
    waiting = "select count(*) from agon.pgqueuer where entrypoint = 'epochs.settle'"
    assert await place.owner.fetchval(waiting) == 1
