"""Where the client for strangers goes: public addresses over https, whatever a name answers."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver

from agon.kernel import addresses, outbound
from tests.places import refusal_of
from tests.standins import server
from tests.standins.names import PUBLIC, Names
from tests.standins.server import Standin

NOT_PUBLIC = (
    "0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1",
    "127.1.2.3", "169.254.169.254", "172.16.0.1", "192.0.0.8",
    "192.0.2.1", "192.168.1.1", "192.88.99.1", "198.18.0.1",
    "224.0.0.1", "240.0.0.1", "255.255.255.255", "::",
    "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001:0:53aa:64c:0:fffe:7f00:1",
    "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1",
    "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0",
    "fec0::1", "ff02::1", "ff0e::1",
)  # fmt: skip


@pytest.fixture
async def party() -> AsyncIterator[Standin]:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(headers={"Set-Cookie": "trace=1"})

    async with server.serve({"GET /": answer}) as running:
        yield running


async def get(url: str, names: AbstractResolver | None = None, *exempt: Any) -> int:
    settings = outbound.Settings(exempt=frozenset(exempt))
    async with outbound.client(settings, names=names) as client:
        return (await client.request("GET", url)).status


async def is_forbidden(request: Awaitable[Any]) -> bool:
    return (await refusal_of(request)).code == "outbound_forbidden_address"


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", PUBLIC, "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"],
)
def test_public_addresses_are_public(address: str) -> None:
    assert outbound.is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_others_are_not(address: str) -> None:
    assert not outbound.is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://127.1/",
        "https://localhost/",
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://user:secret@example.com/",
        "https:///",
        "example.com",
        "https://[::1",
        "https://example.com:99999/",
    ],
)
async def test_a_url_to_anywhere_else_is_refused(url: str) -> None:
    assert await is_forbidden(get(url))


async def test_a_name_of_a_private_address_is_refused(party: Standin) -> None:
    names = Names("127.0.0.1")
    assert await is_forbidden(get(f"https://rebound.example:{party.address[1]}/", names))
    assert names.asked == ["rebound.example"]
    assert party.heard == []


async def test_each_resolution_is_checked_anew() -> None:
    resolver = outbound.PublicResolver(Names(PUBLIC, "10.0.0.1"), frozenset())
    assert [found["host"] for found in await resolver.resolve("a.example")] == [PUBLIC]
    assert await is_forbidden(resolver.resolve("a.example"))


async def test_of_mixed_addresses_the_public_ones_are_taken() -> None:
    resolver = outbound.PublicResolver(Names(f"10.0.0.1 {PUBLIC} ::1"), frozenset())
    assert [found["host"] for found in await resolver.resolve("a.example")] == [PUBLIC]


async def test_an_exempt_name_may_be_private_on_its_port_only(party: Standin) -> None:
    port = party.address[1]
    names, exempt = Names("127.0.0.1"), ("party.example", port)
    assert await get(f"http://party.example:{port}/", names, exempt) == 200
    assert await is_forbidden(get(f"https://party.example:{port + 1}/", names, exempt))
    assert await is_forbidden(get(f"https://other.example:{port}/", names, exempt))


async def test_without_exemption_plain_http_is_refused(party: Standin) -> None:
    assert await is_forbidden(get(party.url))
    assert party.heard == []
    assert await get(party.url, None, party.address) == 200


async def test_cookies_are_not_kept(party: Standin) -> None:
    # By name: cookies of a bare address are not kept anyway.
    url, names = f"http://party.example:{party.address[1]}/", Names("127.0.0.1")
    settings = outbound.Settings(exempt=frozenset({("party.example", party.address[1])}))
    async with outbound.client(settings, names=names) as client:
        await client.request("GET", url)
        await client.request("GET", url)
    assert "Cookie" not in party.heard[1].headers


async def test_names_that_hang_hold_up_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(2, 1, 6, "", (PUBLIC, 443))]

    def look(host: str, *_: Any, **__: Any) -> list[Any]:
        if host.startswith("hang"):
            released.wait(5)
        return found

    released, names = threading.Event(), addresses.Names(21)
    monkeypatch.setattr(socket, "getaddrinfo", look)
    hanging = [asyncio.create_task(names.resolve(f"hang{n}.example")) for n in range(20)]
    await asyncio.sleep(0)
    async with asyncio.timeout(2):
        (quick,) = await names.resolve("quick.example", 443)
        assert (quick["host"], quick["port"]) == (PUBLIC, 443)
        assert await asyncio.to_thread(lambda: "our own threads are free")
    released.set()
    await asyncio.gather(*hanging)
    await names.close()


async def test_a_name_that_is_none_cannot_be_reached() -> None:
    assert (await refusal_of(get(f"https://{'a' * 64}.example/"))).code == "outbound_unreachable"
