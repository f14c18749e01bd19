"""Content of others: fetched through a gateway, every byte verified, then kept."""

from __future__ import annotations

import pytest

from agon.commons.content import files, forms, gateway
from agon.kernel import cid as cids
from agon.kernel.errors import Refused
from tests.content.walks import beside, noise, published, work
from tests.places import Place
from tests.standins import kubo
from tests.standins.server import Fault, broken, truncated

SIZES = (1, 262_144, 262_145, 1_048_576, 3_000_000)


async def fetched(place: Place, running: kubo.Ipfs, cid: str) -> bytes:
    worker = beside(place, running, "gateway")
    return await gateway.fetch(worker.database, worker.runtime, cid)


async def refusal(place: Place, running: kubo.Ipfs, cid: str) -> str:
    with pytest.raises(Refused) as refused:
        await fetched(place, running, cid)
    return refused.value.refusal.code


@pytest.mark.parametrize("profile", files.PROFILES.values(), ids=lambda profile: profile.name)
@pytest.mark.parametrize("size", SIZES)
async def test_content_of_every_profile_is_fetched_once_and_kept(place, profile, size):
    data = noise(size)
    cid = cids.of_bytes(data, profile)
    async with kubo.standin() as running:
        running.held[cid] = data
        assert await fetched(place, running, cid) == data
        assert await fetched(place, running, cid) == data
        assert running.party.paths() == [f"/ipfs/{cid}"]
    row = await place.owner.fetchrow("select cid, bytes, published_at from agon.files")
    assert tuple(row) == (cid, size, None)


async def test_what_was_fetched_is_not_published(place, api):
    async with kubo.standin() as running:
        cid = cids.of_bytes(b"others'")
        running.held[cid] = b"others'"
        await fetched(place, running, cid)
    assert (await api.get(f"/ipfs/{cid}")).status_code == 404


async def test_what_we_hold_is_not_asked_for(place):
    async with kubo.standin() as running:
        cid = await published(place)
        assert await fetched(place, running, cid) == b'{"name":"Agon"}'
        assert running.party.heard == []


@pytest.mark.parametrize("change", ["flipped", "shorter", "longer", "another"])
async def test_bytes_that_do_not_make_the_id_are_not_taken(place, change):
    data = noise(2_000_000)
    cid = cids.of_bytes(data)
    wrong = {
        "flipped": data[:-1] + bytes([data[-1] ^ 1]),
        "shorter": data[:-1],
        "longer": data + b"\0",
        "another": b"x",
    }
    async with kubo.standin() as running:
        running.held[cid] = wrong[change]
        assert await refusal(place, running, cid) == "content_differs"
        assert await place.owner.fetchval("select count(*) from agon.files") == 0
        running.held[cid] = data
        assert await fetched(place, running, cid) == data


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (broken(500), "gateway_failed"),
        (broken(404), "content_missing"),
        (broken(410), "content_missing"),
        (Fault(status=200, body=b"<html>not found</html>"), "content_differs"),
        (Fault(status=200, body=b""), "content_empty"),
        (truncated(), "content_differs"),
    ],
)
async def test_a_gateway_that_fails_gives_nothing(place, fault, code):
    async with kubo.standin() as running:
        cid = cids.of_bytes(b"content")
        running.held[cid] = b"content"
        running.party.order("/ipfs", fault)
        assert await refusal(place, running, cid) == code
        assert await fetched(place, running, cid) == b"content"


async def test_content_is_bounded(place, monkeypatch):
    monkeypatch.setattr(forms, "CONTENT_BYTES_MAX", 1000)
    async with kubo.standin() as running:
        cid = cids.of_bytes(noise(1001))
        running.held[cid] = noise(1001)
        assert await refusal(place, running, cid) == "outbound_too_large"


async def test_without_a_gateway_only_what_we_hold_is_found(place):
    worker = work(place)
    for cid, code in ((cids.of_bytes(b"x"), "content_missing"), ("Qm", "cid_malformed")):
        with pytest.raises(Refused) as refused:
            await gateway.fetch(worker.database, worker.runtime, cid)
        assert refused.value.refusal.code == code
        if code == "content_missing":
            assert "AGON_IPFS_GATEWAY_URL" in (refused.value.refusal.hint or "")
