"""Sending to webhooks: in order, at least once, with one id, signed, and none at another's cost."""

from __future__ import annotations

import asyncio
import hashlib
import json
from uuid import UUID

import pytest
from standardwebhooks import WebhookVerificationError

from agon.kernel import database
from tests.organisations import webhook_worker
from tests.organisations.walks import as_, found
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
from tests.standins.server import broken, hanging
from tests.standins.webhook_sink import sink


async def test_events_of_the_organisation_arrive_signed_and_in_order(place):
    org = await ready(place)
    other = await found(place, "other", "bob")
    async with sink() as at:
        webhook = await hook(place, at, "/a", "member.added", "member.removed")
        late = [f"0x{n}" for n in range(20)]
        await emit(place, org, *late)
        await emit(place, org, "0xno", topic="member.changed")
        await emit(place, org, "0xno", topic="not.known")
        await emit(place, other, "0xno")
        await emit(place, "no-uuid", "0xno")
        await emit(place, org, "0xbye", topic="member.removed")
        async with working(place, at):
            rows = await until(place, webhook, all_delivered(21))
        said = at.verified("/a", webhook["secret"])
        assert [message["data"]["wallet"] for message in said] == [*late, "0xbye"]
        assert at.ids("/a") == [row["id"] for row in rows]
        event = await place.owner.fetchval(
            "select id from agon.events where payload ->> 'wallet' = $1", late[0]
        )
        name = hashlib.sha256(f"{webhook['id']}:{event}".encode()).hexdigest()[:32]
        assert UUID(rows[0]["id"]) == UUID(name), "made again, it would be the same"
        first, heard = rows[0], at.heard("/a")[0]
        assert json.loads(heard.body) == first["payload"] == {
            "type": "member.added", "timestamp": first["payload"]["timestamp"],
            "data": {"org_id": org, "wallet": late[0]},
        }  # fmt: skip
        assert heard.headers["Content-Type"] == "application/json"
        assert first["attempt"] == 1 and first["response_body"] == "thanks"
        with pytest.raises(WebhookVerificationError):
            at.verified("/a", "whsec_" + "A" * 43 + "=")


async def test_who_commits_late_is_not_passed_over(place):
    org = await ready(place)
    async with sink() as at:
        webhook = await hook(place, at, "/a")
        late = await database.connect(place.runtime.urls["agon_owner"])
        async with working(place, at):
            async with late.transaction():
                await late.execute(
                    "select agon.emit('member.added', null, $1)", {"org_id": org, "wallet": "late"}
                )
                await emit(place, org, "early")
                await asyncio.sleep(0.1)
                assert at.heard("/a") == []
            await until(place, webhook, all_delivered(2))
        await late.close()
        said = at.verified("/a", webhook["secret"])
        assert [message["data"]["wallet"] for message in said] == ["late", "early"]


async def test_while_one_waits_the_later_ones_wait_too(place, api):
    org = await ready(place)
    async with sink() as at:
        webhook, calm = await hook(place, at, "/a"), await hook(place, at, "/b")
        at.order("/a", broken(), times=2)
        await emit(place, org, "1", "2", "3")
        async with working(place, at):
            await until(place, calm, all_delivered(3))
            (row,) = await until(place, webhook, lambda rows: rows and rows[0]["response_status"])
            assert (row["state"], row["attempt"], row["response_status"]) == ("waiting", 1, 500)
            seen = await see(api, place, webhook)
            assert (seen["failures"], seen["active"]) == (1, True) and seen["failing_since"]
            await turn_clock(place, seconds=60)
            await until_failed(place, webhook, 2)
            await turn_clock(place, seconds=120)
            await until(place, webhook, all_delivered(3))
        said = at.verified("/a", webhook["secret"])
        assert [message["data"]["wallet"] for message in said] == ["1", "1", "1", "2", "3"]
        assert len(set(at.ids("/a"))) == 3
        seen = await see(api, place, webhook)
        assert (seen["failures"], seen["failing_since"]) == (0, None)


async def test_a_hanging_endpoint_delays_no_other(place):
    org = await ready(place)
    async with sink() as at:
        stuck = [await hook(place, at, f"/stuck{n}") for n in range(3)]
        calm = await hook(place, at, "/calm")
        at.order("/stuck", broken(), times=3)
        at.order("/stuck", hanging(30), times=3)
        await emit(place, org, *map(str, range(5)))
        async with working(place, at):
            await until(place, calm, all_delivered(5))
            for webhook in stuck:
                await until_failed(place, webhook, 1)
        # All of them are due before anybody else, and there is one slot of each kind.
        await turn_clock(place, hours=1)
        await emit(place, org, "late")
        async with working(place, at, slow_max=1, prompt_max=1) as worker:
            await until(place, calm, all_delivered(6))
            attempts = [(await told_of(place, webhook))[0]["attempt"] for webhook in stuck]
            assert sorted(attempts) == [1, 1, 2], "one hangs, and the others wait for its slot"
            worker.cancel()


async def test_who_hangs_at_first_has_a_slot_and_no_more(place):
    org = await ready(place)
    async with sink() as at:
        stuck, calm = await hook(place, at, "/stuck"), await hook(place, at, "/calm")
        at.order("/stuck", hanging(30), times=9)
        await emit(place, org, *map(str, range(5)))
        async with working(place, at, prompt_max=2) as worker:
            await until(place, calm, all_delivered(5))
            assert len(at.heard("/stuck")) == 1
            worker.cancel()
        await turn_clock(place, hours=1)
        async with working(place, at, total_ms=100):
            (row,) = await until(place, stuck, lambda rows: rows[0]["error"])
            assert "outbound_timeout" in row["error"]


async def test_what_is_asked_for_waits_for_what_is_on_its_way(place, api):
    org = await ready(place)
    async with sink() as at:
        at.answer_s = 0.3
        webhook = await hook(place, at, "/a")
        await emit(place, org, "1")
        async with working(place, at), working(place, at):
            await at.until("/a", 1)
            for _ in range(2):
                await api.post(f"{WEBHOOKS}/{webhook['id']}/ping", headers=as_(place, "ada"))
            await until(place, webhook, all_delivered(3))
        assert at.at_once["/a"] == 1 and len(at.heard("/a")) == 3


async def test_two_workers_share_and_send_nothing_twice(place):
    org = await ready(place)
    async with sink() as at:
        at.answer_s = 0.005
        hooks = [await hook(place, at, f"/{n}") for n in range(6)]
        numbers = [str(n) for n in range(15)]
        async with working(place, at), working(place, at), working(place, at, prompt_max=1):
            await emit(place, org, *numbers)
            for webhook in hooks:
                await until(place, webhook, all_delivered(15))
        for n in range(6):
            said = at.verified(f"/{n}")
            assert [message["data"]["wallet"] for message in said] == numbers
            assert at.at_once[f"/{n}"] == 1


async def test_a_worker_killed_between_sending_and_receipt_is_followed_by_another(place):
    org = await ready(place)
    async with sink() as at:
        webhook = await hook(place, at, "/a")
        at.order("/a", hanging(30))
        await emit(place, org, "1", "2")
        async with webhook_worker.process(place, at) as doomed:
            await at.until("/a", 1)
            doomed.kill()
            await doomed.wait()
        await turn_clock(place, seconds=90)
        async with working(place, at):
            rows = await until(place, webhook, all_delivered(2))
        assert at.ids("/a") == [rows[0]["id"], rows[0]["id"], rows[1]["id"]]
        assert [row["attempt"] for row in rows] == [2, 1]
        at.verified("/a", webhook["secret"])


async def test_a_worker_that_ends_before_the_receipt_sends_again_with_the_same_id(place):
    org = await ready(place)
    async with sink() as at:
        webhook = await hook(place, at, "/a")
        at.order("/a", hanging(5))
        await emit(place, org, "1", "2")
        async with working(place, at) as worker:
            await at.until("/a", 1)
            worker.cancel()
        async with working(place, at):
            await asyncio.sleep(0.2)
            assert len(at.heard("/a")) == 1, "it is held, and might be on its way"
            await turn_clock(place, seconds=90)
            await until(place, webhook, all_delivered(2))
        assert at.ids("/a")[0] == at.ids("/a")[1] != at.ids("/a")[2]
        assert [row["attempt"] for row in await told_of(place, webhook)] == [2, 1]


async def test_what_is_noted_by_who_no_longer_holds_it_changes_nothing(place):
    org = await ready(place)
    async with sink() as at:
        webhook = await hook(place, at, "/a")
        await emit(place, org, "1")
        await place.owner.execute("select agon.spread_webhook_events(100)")
        one, two = (f"00000000-0000-4000-8000-00000000000{n}" for n in (1, 2))
        take = "select * from agon.take_deliveries($1::text::uuid, interval '1 minute', 9, 9)"
        note = "select agon.note_delivery($1::text::uuid, $2, 'delivered', 200, '', null, 1, '0')"
        (taken,) = await place.owner.fetch(take, one)
        assert await place.owner.fetch(take, two) == []
        await turn_clock(place, seconds=70)
        assert len(await place.owner.fetch(take, two)) == 1
        assert await place.owner.fetchval(note, one, taken["delivery_id"]) == "late"
        assert (await told_of(place, webhook))[0]["state"] == "waiting"
        for outcome in ("delivered", "late"):
            assert await place.owner.fetchval(note, two, taken["delivery_id"]) == outcome


async def test_both_secrets_sign_while_they_overlap(place, api):
    org = await ready(place)
    async with sink() as at:
        webhook = await hook(place, at, "/a")
        path = f"{WEBHOOKS}/{webhook['id']}/rotate"
        rotated = await api.post(path, params={"overlap_s": 600}, headers=as_(place, "ada"))
        assert rotated.status_code == 200, rotated.text
        old, new = webhook["secret"], rotated.json()["secret"]
        assert old != new
        async with working(place, at):
            await emit(place, org, "1")
            await until(place, webhook, all_delivered(1))
            at.verified("/a", old, new)
            assert len(at.heard("/a")[0].headers["webhook-signature"].split()) == 2
            await turn_clock(place, seconds=601)
            await emit(place, org, "2")
            await until(place, webhook, all_delivered(2))
        at.standin.heard.pop(0)
        at.verified("/a", new)
        with pytest.raises(WebhookVerificationError):
            at.verified("/a", old)
        kept = await place.owner.fetchrow("select * from webhooks")
        assert kept["secret"].startswith("sealed:") and old not in str(dict(kept))


async def test_a_webhook_begins_with_what_happens_after_it(place):
    org = await ready(place)
    async with sink() as at:
        await emit(place, org, "before")
        webhook = await hook(place, at, "/a")
        await emit(place, org, "after")
        async with working(place, at):
            await until(place, webhook, all_delivered(1))
        assert [message["data"]["wallet"] for message in at.verified("/a")] == ["after"]
