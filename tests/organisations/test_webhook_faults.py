"""Endpoints that fail: tried again for a day, then paused; resumed, skipped, and asked by hand."""

from __future__ import annotations

from datetime import datetime

import pytest

from agon.commons.organisations.webhook_messages import wait_s
from tests.organisations.walks import as_, told
from tests.organisations.webhook_walks import (
    WEBHOOKS,
    all_delivered,
    emit,
    hook,
    ready,
    see,
    told_of,
    turn_clock,
    until,
    until_failed,
    working,
)
from tests.places import wallet
from tests.standins.names import PUBLIC, Names
from tests.standins.server import Fault, broken, rate_limited
from tests.standins.webhook_sink import busy, gone, redirecting, sink


def tried(count):
    return lambda rows: rows and rows[0]["attempt"] == count and rows[0]["response_ms"] is not None


def wallets(at, path="/a"):
    return [message["data"].get("wallet") for message in at.verified(path)]


async def test_what_takes_nothing_for_a_day_is_paused_and_goes_on_where_it_stopped(place, api):
    org = await ready(place)
    async with sink() as at:
        webhook = await hook(place, at, "/a", "member.added")
        watcher = await hook(place, at, "/watcher", "webhook.paused")
        at.order("/a", broken(), times=3)
        await emit(place, org, "1", "2")
        async with working(place, at):
            for attempt, hours in ((1, 0), (2, 12), (3, 24.1)):
                assert (await see(api, place, webhook))["active"], attempt
                await turn_clock(place, hours=hours)
                await until_failed(place, webhook, attempt)
            await until(place, watcher, all_delivered(1))
            seen = await see(api, place, webhook)
            assert (seen["active"], seen["paused_reason"], seen["failures"]) == (
                False,
                "failing",
                3,
            )
            (event,) = await told(place, "webhook.paused")
            assert event == {"org_id": org, "webhook_id": webhook["id"], "reason": "failing"}
            rows = await place.owner.fetch("select wallet, type from notifications order by wallet")
            admins = sorted((wallet("ada"), wallet("abe")))
            assert [tuple(row) for row in rows] == [(each, "webhook_paused") for each in admins]
            await turn_clock(place, hours=72)
            await emit(place, org, "3")
            await until(place, watcher, all_delivered(1))
            assert len(at.heard("/a")) == 3
            path = f"{WEBHOOKS}/{webhook['id']}/resume"
            resumed = await api.post(path, headers=as_(place, "abe"))
            assert resumed.json()["active"] and resumed.json()["failures"] == 0
            await until(place, webhook, all_delivered(3))
        assert wallets(at) == ["1", "1", "1", "1", "2", "3"]


async def test_gone_pauses_at_once_and_what_waits_can_be_left_out(place, api):
    org = await ready(place)
    async with sink() as at:
        webhook = await hook(place, at, "/a", "member.added")
        path = f"{WEBHOOKS}/{webhook['id']}/resume"
        at.order("/a", gone(), times=2)
        await emit(place, org, "1", "2", "3")
        async with working(place, at):
            (row,) = await until(place, webhook, tried(1))
            assert (row["response_status"], row["response_body"]) == (410, "no such endpoint")
            assert (await see(api, place, webhook))["paused_reason"] == "gone"
            skipped = await api.post(path, params={"skip": "one"}, headers=as_(place, "ada"))
            assert skipped.status_code == 200, skipped.text
            rows = await until(place, webhook, lambda rows: len(rows) == 2 and tried(1)(rows[1:]))
            assert [row["state"] for row in rows] == ["failed", "waiting"]
            assert (await see(api, place, webhook))["paused_reason"] == "gone"
            await api.post(path, params={"skip": "all"}, headers=as_(place, "ada"))
            await emit(place, org, "4")
            await until(place, webhook, lambda rows: rows[-1]["state"] == "delivered")
        assert wallets(at) == ["1", "2", "4"]
        refused = await api.post(path, params={"skip": "some"}, headers=as_(place, "ada"))
        assert refused.json()["code"] == "skip_unknown"


async def test_a_pause_by_hand_keeps_the_place_and_tells_nobody_in_person(place, api):
    org = await ready(place)
    async with sink() as at:
        webhook = await hook(place, at, "/a", "member.added")
        path = f"{WEBHOOKS}/{webhook['id']}"
        for _ in range(2):
            paused = await api.patch(path, json={"active": False}, headers=as_(place, "ada"))
            assert paused.json()["paused_reason"] == "asked"
        await emit(place, org, "1")
        async with working(place, at):
            await emit(place, org, "2")
            pinged = await api.post(f"{path}/ping", headers=as_(place, "ada"))
            assert (pinged.status_code, pinged.json()["state"]) == (202, "waiting"), pinged.text
            (ping,) = await until(place, webhook, all_delivered(1))
            assert (ping["event"], ping["attempt"]) == ("webhook.ping", 1)
            await api.patch(path, json={"active": True}, headers=as_(place, "ada"))
            await until(place, webhook, all_delivered(3))
        assert wallets(at) == [None, "1", "2"]
        assert len(await told(place, "webhook.paused")) == 1
        assert await place.owner.fetchval("select count(*) from notifications") == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_a_failure_and_is_not_followed(place, status):
    org = await ready(place)
    async with sink() as at:
        webhook = await hook(place, at, "/a")
        at.order("/a", redirecting(at.url("/b"), status))
        await emit(place, org, "1")
        async with working(place, at):
            (row,) = await until(place, webhook, tried(1))
        assert (row["state"], row["response_status"]) == ("waiting", status)
        assert at.heard("/b") == []


async def test_an_endpoint_may_ask_for_a_pause_within_bounds(place):
    org = await ready(place)
    asked = (busy(1800), busy(10**8, 502), rate_limited(1800), busy(1800, 400))
    async with sink() as at:
        hooks = [await hook(place, at, f"/{n}") for n in range(len(asked))]
        for n, fault in enumerate(asked):
            at.order(f"/{n}", fault)
        await emit(place, org, "1")
        async with working(place, at):
            waits = []
            for webhook in hooks:
                (row,) = await until(place, webhook, tried(1))
                times = (row["next_retry_at"], row["attempted_at"])
                later, now = map(datetime.fromisoformat, times)
                waits.append(round((later - now).total_seconds(), -2))
        assert waits == [1800, 3600, 1800, 1800]


async def test_of_an_answer_the_beginning_is_kept(place):
    org = await ready(place)
    async with sink() as at:
        large, slow = await hook(place, at, "/large"), await hook(place, at, "/slow/x")
        at.order("/large", Fault(status=201, body=b"\0\xff" + b"x" * 5_000_000))
        await emit(place, org, "1")
        async with working(place, at, total_ms=500):
            (row,) = await until(place, large, all_delivered(1))
            assert row["response_body"] == "\ufffd\ufffd" + "x" * 1022
            # It said 200 in time, and does not end.
            (row,) = await until(place, slow, all_delivered(1))
            assert row["response_body"].startswith("drip drip")
            assert 400 < row["response_ms"] < 2000


async def test_a_delivery_is_sent_once_more_by_hand(place, api):
    org = await ready(place)
    async with sink() as at:
        webhook = await hook(place, at, "/a")
        path = f"{WEBHOOKS}/{webhook['id']}"
        await emit(place, org, "1", "2")

        async def again(row):
            done = await api.post(
                f"{path}/deliveries/{row['id']}/redeliver", headers=as_(place, "ada")
            )
            return done.status_code, done.json()

        async with working(place, at):
            one, _ = await until(place, webhook, all_delivered(2))
            status, body = await again(one)
            assert (status, body["state"], body["id"]) == (202, "waiting", one["id"])
            await until(
                place, webhook, lambda rows: rows[0]["attempt"] == 2 and not rows[0]["asked_at"]
            )
            assert at.ids("/a")[2] == at.ids("/a")[0]
            # What is asked for is sent once, whatever comes of it, and pauses nothing.
            at.order("/a", gone())
            await again(one)
            await until(place, webhook, lambda rows: rows[0]["response_status"] == 410)
            assert (await see(api, place, webhook))["active"]
            # The one whose turn it is need not wait.
            at.order("/a", busy(3600))
            await emit(place, org, "3")
            rows = await until(place, webhook, lambda rows: len(rows) == 3 and tried(1)(rows[2:]))
            assert (await again(rows[2]))[0] == 202
            await until(place, webhook, all_delivered(3))
            at.order("/a", gone())
            await emit(place, org, "4")
            rows = await until(place, webhook, lambda rows: len(rows) == 4 and tried(1)(rows[3:]))
            status, body = await again(rows[3])
            assert (status, body["code"]) == (409, "webhook_paused")
            status, body = await again({"id": "00000000-0000-4000-8000-000000000000"})
            assert (status, body["code"]) == (404, "delivery_unknown")
        await place.owner.execute(
            "insert into webhook_deliveries (webhook_id, event, payload, asked_at) "
            "select $1, 'webhook.ping', '{}', now() from generate_series(1, 100)",
            webhook["id"],
        )
        refused = await api.post(f"{path}/ping", headers=as_(place, "ada"))
        assert refused.json()["code"] == "too_many_redeliveries"


async def test_a_name_that_turns_private_is_not_called(place):
    org = await ready(place)
    async with sink() as at:
        port = at.standin.address[1]
        webhook = await hook(place, at, "/a")
        await place.owner.execute(
            "update webhooks set url = $1", f"https://rebound.example:{port}/a"
        )
        await emit(place, org, "1")
        names = Names(PUBLIC, "127.0.0.1", "169.254.169.254", "fd00:ec2::254")
        async with working(place, at, names=names, total_ms=300):
            for attempt in (1, 2, 3, 4):
                (row,) = await until(place, webhook, tried(attempt))
                forbidden = "outbound_forbidden_address" in row["error"]
                assert forbidden == (attempt > 1), row["error"]
                await place.owner.execute(
                    "update webhook_deliveries set response_ms = null, next_retry_at = now()"
                )
                await place.owner.execute("update agon.webhook_turns set due_at = now()")
        assert len(names.asked) >= 4 and at.standin.heard == []


async def test_an_endpoint_without_a_usable_secret_fails_alone(place):
    org = await ready(place)
    async with sink() as at:
        broken_one, calm = await hook(place, at, "/broken"), await hook(place, at, "/calm")
        await place.owner.execute(
            "update webhooks w set secret = o.secret from webhooks o where o.id = $1 and w.id = $2",
            calm["id"],
            broken_one["id"],
        )
        await emit(place, org, "1")
        async with working(place, at):
            await until(place, calm, all_delivered(1))
            (row,) = await until(place, broken_one, tried(1))
        assert "sealed_tampered" in row["error"] and at.heard("/broken") == []


def test_waits_grow_with_full_jitter_within_bounds():
    assert [wait_s(n, 0.5, None) for n in (0, 1, 2, 3)] == [5, 10, 20, 40]
    assert wait_s(0, 0.0, None) == 1
    assert wait_s(10**6, 0.999999, None) <= 4 * 3600
    assert [wait_s(0, 0.5, asked) for asked in (3, 600, 10**9)] == [5, 600, 3600]


async def test_old_deliveries_go_and_those_that_wait_stay(place):
    org = await ready(place)
    async with sink() as at:
        done, waits = await hook(place, at, "/done"), await hook(place, at, "/waits")
        at.order("/waits", broken())
        await emit(place, org, "1")
        async with working(place, at):
            await until(place, done, all_delivered(1))
            await until(place, waits, tried(1))
        forget = "select agon.forget_deliveries(interval '30 days')"
        assert await place.owner.fetchval(forget) == 0
        await turn_clock(place, hours=31 * 24)
        assert await place.owner.fetchval(forget) == 1
        assert (await told_of(place, done), len(await told_of(place, waits))) == ([], 1)
