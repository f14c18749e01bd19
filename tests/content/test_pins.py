"""Pins: a published file is kept at a Kubo node and at a pinning service, under the same id."""

from __future__ import annotations

import pytest

from agon.commons.content import pins
from agon.kernel import cid as cids
from agon.kernel import outside
from agon.kernel.jobs import Work, drain
from tests.content.walks import beside, noise, published, work
from tests.places import Place
from tests.standins import kubo
from tests.standins.server import Fault, broken, truncated


async def rows(place: Place) -> dict[str, tuple[str, str]]:
    """By place: status, and the code of the last error."""
    found = await place.owner.fetch(
        """
        select target, status, substring(coalesce(last_error, trouble) from '\\[(.*?)\\]')
        from agon.pins left join agon.outside_work on key = cid || ' ' || target
        """
    )
    return {row[0]: tuple(row)[1:] for row in found}


async def attempt(worker: Work, cid: str, target: str) -> str | None:
    """One turn of the job: the code for which it waits, if it does."""
    later = await outside.carry(worker, pins.PINNING, f"{cid} {target}")
    return later and later.why.partition("]")[0].removeprefix("[")


async def waits(place: Place, running: kubo.Ipfs, cid: str, target: str) -> str | None:
    """The same, at both places."""
    return await attempt(beside(place, running, "kubo", "service"), cid, target)


async def wanted(place: Place, running: kubo.Ipfs, *parties: str) -> str:
    """A published file whose pinning is queued."""
    cid = await published(place)
    await pins.want(place.database, beside(place, running, *parties).runtime.settings, cid)
    return cid


async def test_what_is_published_is_pinned_at_every_configured_place(place):
    async with kubo.standin() as running:
        cid = await published(place)
        await drain(beside(place, running, "kubo", "service"))
        assert running.held == {cid: b'{"name":"Agon"}'}
        assert [pin["pin"]["cid"] for pin in running.pins] == [cid]
        found = await rows(place)
        assert {target: row[0] for target, row in found.items()} == {
            "kubo": "pinned", "service": "pinned",
        }  # fmt: skip


async def test_nothing_is_pinned_where_nothing_is_configured(place):
    await published(place)
    await place.work()
    assert await rows(place) == {}


async def test_a_private_file_is_not_pinned(place):
    async with kubo.standin() as running:
        await place.owner.execute(
            """
            insert into agon.files (cid, sha256, bytes, media_type)
            values ($1, repeat('0', 64), 1, 'a/b')
            """,
            cids.of_bytes(b"p"),
        )
        settings = beside(place, running, "kubo").runtime.settings
        assert await pins.want(place.database, settings, cids.of_bytes(b"p")) == 0
        assert await rows(place) == {}


@pytest.mark.parametrize("profile", [cids.UNIXFS_V1_2025, cids.KUBO_DEFAULT])
async def test_a_node_cuts_a_large_file_as_its_profile_says(place, profile):
    async with kubo.standin() as running:
        data = noise(3_000_000)
        cid = await published(place, data, "application/octet-stream", profile)
        await drain(beside(place, running, "kubo"))
        assert running.held == {cid: data}
        assert (await rows(place))["kubo"][0] == "pinned"


async def test_a_node_that_cuts_otherwise_is_not_believed(place):
    async with kubo.standin(cids.KUBO_DEFAULT) as running:
        cid = await published(place, noise(600_000), "application/octet-stream")
        worker = beside(place, running, "kubo")
        await drain(worker)
        assert await rows(place) == {"kubo": ("failed", "pin_differs")}
        heard = len(running.party.heard)
        assert await attempt(worker, cid, "kubo") is None
        assert len(running.party.heard) == heard


async def test_pinning_twice_is_pinning_once(place):
    async with kubo.standin() as running:
        cid = await wanted(place, running, "kubo", "service")
        worker = beside(place, running, "kubo", "service")
        for target in ("kubo", "service") * 2:
            assert await attempt(worker, cid, target) is None
        assert await pins.want(worker.database, worker.runtime.settings, cid) == 0
        assert len(running.party.heard) == 3


async def test_a_worker_that_died_before_the_receipt_asks_for_no_second_pin(place):
    async with kubo.standin() as running:
        cid = await wanted(place, running, "service")
        assert await waits(place, running, cid, "service") == "pin_waits"
        running.pins[0]["status"] = "pinned"
        worker = beside(place, running, "service")
        assert await attempt(worker, cid, "service") is None
        assert len(running.pins) == 1
        assert await rows(place) == {"service": ("pinned", None)}


async def test_a_service_that_gave_up_is_asked_again(place):
    async with kubo.standin() as running:
        cid = await wanted(place, running, "service")
        assert await waits(place, running, cid, "service") == "pin_waits"
        running.pins[0]["status"] = "failed"
        running.held[cid] = b""
        worker = beside(place, running, "service")
        assert await attempt(worker, cid, "service") is None
        assert len(running.pins) == 2


@pytest.mark.parametrize(
    ("target", "path", "fault", "code"),
    [
        ("kubo", "/api/v0/add", broken(500), "pin_failed"),
        ("kubo", "/api/v0/add", broken(403), "pin_failed"),
        ("kubo", "/api/v0/add", Fault(status=200, body=b"[]"), "pin_failed"),
        ("kubo", "/api/v0/add", truncated(), "pin_failed"),
        ("service", "/pins", broken(500), "pin_failed"),
        ("service", "/pins", broken(401), "pin_failed"),
        ("service", "/pins", Fault(status=200, body=b'{"results":7}'), "pin_failed"),
        ("service", "/pins", Fault(status=200, body=b'{"results":[7]}'), "pin_failed"),
        ("service", "/pins", truncated(), "outbound_malformed"),
    ],
)
async def test_trouble_waits_for_the_next_attempt(place, target, path, fault, code):
    async with kubo.standin() as running:
        cid = await wanted(place, running, "kubo", "service")
        running.held[cid] = b""
        running.party.order(path, fault)
        assert await waits(place, running, cid, target) == code
        assert (await rows(place))[target] == ("queued", code)
        worker = beside(place, running, "kubo", "service")
        assert await attempt(worker, cid, target) is None
        assert (await rows(place))[target] == ("pinned", None)


async def test_a_service_that_answers_about_another_file_is_not_believed(place):
    async with kubo.standin() as running:
        cid = await wanted(place, running, "service")
        other = cids.of_bytes(b"other")
        answer = b'{"results":[{"status":"pinned","pin":{"cid":"%s"}}]}' % other.encode()
        running.party.order("/pins", Fault(status=200, body=answer))
        worker = beside(place, running, "service")
        assert await attempt(worker, cid, "service") is None
        assert await rows(place) == {"service": ("failed", "pin_differs")}


async def test_a_pin_that_was_tried_too_often_fails_until_it_is_published_again(place):
    async with kubo.standin() as running:
        cid = await wanted(place, running, "kubo")
        await place.owner.execute(
            "update agon.outside_work set attempts = $1", pins.PINNING.attempts_max - 1
        )
        running.party.order("/api/v0/add", broken())
        worker = beside(place, running, "kubo")
        assert await attempt(worker, cid, "kubo") is None
        assert (await rows(place))["kubo"] == ("failed", "pin_failed")
        await published(place)
        await drain(worker)
        assert (await rows(place))["kubo"] == ("pinned", None)


async def test_a_place_that_is_no_longer_configured_is_not_asked(place):
    async with kubo.standin() as running:
        cid = await wanted(place, running, "kubo")
        worker = work(place)
        assert await attempt(worker, cid, "kubo") == "pin_not_configured"


async def test_the_token_is_sent_to_the_service_alone(place):
    async with kubo.standin() as running:
        await published(place)
        await drain(beside(place, running, "kubo", "service"))
        told = {heard.path: "Authorization" in heard.headers for heard in running.party.heard}
        assert told == {"/api/v0/add": False, "/pins": True}
