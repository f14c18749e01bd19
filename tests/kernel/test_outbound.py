"""The client for calls to strangers: where it goes, how long it waits, how much it takes."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import cache
from typing import Any

import pytest
from aiohttp import web

from agon.kernel import outbound
from agon.kernel.errors import Refused, retry_after_s
from tests.places import refusal_of
from tests.standins import server
from tests.standins.server import Standin, Waits, calling

BOMB_BYTES = 20 * 1024 * 1024


async def answer(request: web.Request) -> web.Response:
    return web.json_response({"ok": True})


async def redirect(request: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": request.query["to"]})


async def loop(request: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": "/loop"})


def encoded(body: bytes, encoding: str = "gzip") -> Callable[[web.Request], Awaitable[Any]]:
    async def send(request: web.Request) -> web.Response:
        return web.Response(body=body, headers={"Content-Encoding": encoding})

    return send


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(1_000):
        await response.write(b"x" * 10_000)
    return response


async def broken_off(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b"half")
    assert request.transport is not None
    request.transport.close()
    return response


@cache
def bomb() -> bytes:
    packer = zlib.compressobj(wbits=31)
    block = bytes(1024 * 1024)
    packed = b"".join(packer.compress(block) for _ in range(BOMB_BYTES // len(block)))
    return packed + packer.flush()


@pytest.fixture
async def party() -> AsyncIterator[Standin]:
    routes = {
        "GET /": answer,
        "POST /": answer,
        "GET /redirect": redirect,
        "POST /redirect": redirect,
        "GET /loop": loop,
        "GET /gzip": encoded(gzip.compress(b'{"zipped": 1}')),
        "GET /bomb": encoded(bomb()),
        "GET /half-gzip": encoded(gzip.compress(b"x" * 1_000)[:-9]),
        "GET /two-gzips": encoded(gzip.compress(b"a") + gzip.compress(b"b")),
        "GET /not-gzip": encoded(b"plain"),
        "GET /brotli": encoded(b"plain", "br"),
        "GET /endless": endless,
        "POST /endless": endless,
        "GET /broken-off": broken_off,
    }
    async with server.serve(routes) as running:
        yield running


class TestRequests:
    async def test_what_is_sent_arrives(self, party: Standin) -> None:
        async with calling(party) as client:
            await client.request(
                "POST", f"{party.url}/?a=1", params={"b": "x y"}, headers={"X-Key": "k"}, body=b"{}"
            )
            await client.request("POST", party.url, form={"grant_type": "refresh_token"})
        first, second = party.heard
        assert first.query == {"a": "1", "b": "x y"}
        assert (first.headers["X-Key"], first.body) == ("k", b"{}")
        assert second.body == b"grant_type=refresh_token"

    async def test_proxies_of_the_environment_are_ignored(
        self, party: Standin, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        async with calling(party) as client:
            assert (await client.request("GET", party.url)).status == 200

    async def test_a_configured_proxy_is_used(self, party: Standin) -> None:
        exempt = frozenset({("far.example", 80)})
        async with calling(party, exempt=exempt, proxy=party.url) as client:
            assert (await client.request("GET", "http://far.example/")).status == 200
        assert party.heard[0].headers["Host"] == "far.example"

    async def test_an_answer_that_is_no_json_is_refused(self, party: Standin) -> None:
        party.order("/", server.broken())
        party.order("/", server.truncated())
        async with calling(party) as client:
            for _ in range(2):
                received = await client.request("GET", party.url)
                with pytest.raises(Refused, match="outbound_malformed"):
                    received.json()
            assert (await client.request("GET", party.url)).json() == {"ok": True}


class TestRedirects:
    async def test_a_redirect_is_followed(self, party: Standin) -> None:
        async with calling(party) as client:
            received = await client.request("GET", f"{party.url}/redirect", params={"to": "/"})
        assert received.json() == {"ok": True}

    async def test_a_redirect_to_a_private_address_is_refused(self, party: Standin) -> None:
        async with calling(party) as client:
            for target in ("https://10.0.0.1/", "http://127.0.0.1:1/", "file:///etc/passwd"):
                request = client.request("GET", f"{party.url}/redirect", params={"to": target})
                assert (await refusal_of(request)).code == "outbound_forbidden_address"

    async def test_keys_do_not_follow_to_another_origin(self, party: Standin) -> None:
        headers = {"X-Riot-Token": "key"}
        other_routes = {"GET /": answer}
        async with server.serve(other_routes) as other, calling(party, other) as client:
            for target in (f"{party.url}/", f"{other.url}/"):
                url = f"{party.url}/redirect"
                await client.request("GET", url, params={"to": target}, headers=headers)
        assert party.heard[1].headers["X-Riot-Token"] == "key"
        assert "X-Riot-Token" not in other.heard[0].headers

    async def test_a_circle_ends(self, party: Standin) -> None:
        async with calling(party) as client:
            found = await refusal_of(client.request("GET", f"{party.url}/loop"))
        assert found.code == "outbound_redirects"
        assert len(party.heard) == outbound.REDIRECTS_MAX + 1

    async def test_a_post_is_not_sent_on(self, party: Standin) -> None:
        async with calling(party) as client:
            received = await client.request("POST", f"{party.url}/redirect", params={"to": "/"})
        assert received.status == 302
        assert len(party.heard) == 1


class TestLimits:
    async def test_a_party_that_hangs_is_left(self, party: Standin) -> None:
        party.order("/", server.hanging(5))
        async with calling(party, total_ms=100) as client:
            assert (await refusal_of(client.request("GET", party.url))).code == "outbound_timeout"

    async def test_a_party_that_is_not_there_is_unreachable(self, party: Standin) -> None:
        async with server.serve({}) as gone:
            pass
        async with calling(gone) as client:
            assert (
                await refusal_of(client.request("GET", gone.url))
            ).code == "outbound_unreachable"

    async def test_an_answer_that_breaks_off_is_not_half_taken(self, party: Standin) -> None:
        async with calling(party) as client:
            found = await refusal_of(client.request("GET", f"{party.url}/broken-off"))
        assert found.code == "outbound_unreachable"

    async def test_an_endless_answer_is_cut_off(self, party: Standin) -> None:
        async with calling(party) as client:
            request = client.request("GET", f"{party.url}/endless", limit_bytes=50_000)
            assert (await refusal_of(request)).code == "outbound_too_large"

    async def test_the_limit_itself_is_allowed(self, party: Standin) -> None:
        size = len(b'{"ok": true}')
        async with calling(party) as client:
            assert (await client.request("GET", party.url, limit_bytes=size)).status == 200
            request = client.request("GET", party.url, limit_bytes=size - 1)
            assert (await refusal_of(request)).code == "outbound_too_large"

    async def test_gzip_is_unpacked_and_a_bomb_is_not(self, party: Standin) -> None:
        async with calling(party) as client:
            assert (await client.request("GET", f"{party.url}/gzip")).json() == {"zipped": 1}
            tracemalloc.start()
            found = await refusal_of(client.request("GET", f"{party.url}/bomb", limit_bytes=1_000))
            _, peak_bytes = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert found.code == "outbound_too_large"
        assert peak_bytes < BOMB_BYTES // 10

    @pytest.mark.parametrize("path", ["half-gzip", "two-gzips", "not-gzip", "brotli"])
    async def test_an_encoding_that_is_not_whole_gzip_is_refused(
        self, party: Standin, path: str
    ) -> None:
        async with calling(party) as client:
            found = await refusal_of(client.request("GET", f"{party.url}/{path}"))
        assert found.code == "outbound_malformed"


class TestRetries:
    async def test_retry_after_is_obeyed(self, party: Standin) -> None:
        party.order("/", server.rate_limited(7))
        waits = Waits()
        async with calling(party, waits=waits) as client:
            assert (await client.request("POST", party.url)).status == 200
        assert waits == [7]

    async def test_retry_after_may_be_a_date(self, party: Standin) -> None:
        dates = {
            "Date": "Sun, 01 Nov 2026 07:30:00 GMT",
            "Retry-After": "Sun, 01 Nov 2026 07:30:09 GMT",
        }
        party.order("/", server.Fault(status=503, headers=dates))
        waits = Waits()
        async with calling(party, waits=waits) as client:
            assert (await client.request("GET", party.url)).status == 200
        assert waits == [9]

    @pytest.mark.parametrize("told", ["soon", "-5", "1.5", "٣", ""])
    async def test_without_a_readable_wait_it_doubles(self, party: Standin, told: str) -> None:
        fault = server.Fault(status=429, headers={"Retry-After": told})
        party.order("/", fault, times=outbound.RETRIES_MAX)
        waits = Waits()
        async with calling(party, waits=waits) as client:
            assert (await client.request("GET", party.url)).status == 200
        assert waits == [1, 2, 4]

    async def test_patience_ends(self, party: Standin) -> None:
        party.order("/", server.rate_limited(1), times=99)
        async with calling(party) as client:
            found = await refusal_of(client.request("GET", party.url))
        assert found.code == "outbound_rate_limited"
        assert retry_after_s(found) == 1
        assert len(party.heard) == outbound.RETRIES_MAX + 1

    async def test_a_long_wait_is_left_to_the_caller(self, party: Standin) -> None:
        party.order("/", server.rate_limited(outbound.RETRY_WAIT_S_MAX + 1))
        waits = Waits()
        async with calling(party, waits=waits) as client:
            found = await refusal_of(client.request("GET", party.url))
        assert retry_after_s(found) == outbound.RETRY_WAIT_S_MAX + 1
        assert waits == []

    async def test_no_wait_named_is_none(self, party: Standin) -> None:
        party.order("/", server.rate_limited())
        async with calling(party) as client:
            found = await refusal_of(client.request("GET", party.url, retries=0))
        assert retry_after_s(found) is None

    async def test_only_what_may_be_repeated_is_repeated_at_503(self, party: Standin) -> None:
        party.order("/", server.broken(503), times=2)
        waits = Waits()
        async with calling(party, waits=waits) as client:
            assert (await client.request("POST", party.url, body=b"pay")).status == 503
            assert (await client.request("GET", party.url)).status == 200
        assert waits == [1]

    async def test_other_failures_are_answers(self, party: Standin) -> None:
        party.order("/", server.broken(500))
        async with calling(party) as client:
            assert (await client.request("GET", party.url)).status == 500
        assert len(party.heard) == 1

    async def test_the_last_503_is_an_answer(self, party: Standin) -> None:
        party.order("/", server.broken(503), times=99)
        async with calling(party) as client:
            assert (await client.request("GET", party.url)).status == 503
        assert len(party.heard) == outbound.RETRIES_MAX + 1


async def test_many_requests_share_the_connections(party: Standin) -> None:
    async with calling(party) as client:
        received = await asyncio.gather(*(client.request("GET", party.url) for _ in range(100)))
    assert {one.status for one in received} == {200}


class TestTelling:
    async def tell(self, party: Standin, path: str, **limits: int) -> outbound.Answer:
        given = {"excerpt_bytes": 100, "total_ms": 1000} | limits
        async with calling(party) as client:
            return await client.tell(
                f"{party.url}{path}", b"{}", headers={"webhook-id": "1"}, **given
            )

    async def test_something_is_told_once(self, party: Standin) -> None:
        party.order("/", server.rate_limited(1))
        received = await self.tell(party, "/")
        assert (received.status, outbound.asked_wait_s(received.headers)) == (429, 1)
        (heard,) = party.heard
        assert (heard.method, heard.headers["webhook-id"], heard.body) == ("POST", "1", b"{}")

    async def test_no_redirect_is_followed(self, party: Standin) -> None:
        assert (await self.tell(party, "/redirect?to=/")).status == 302
        assert party.paths() == ["/redirect"]

    async def test_of_the_answer_the_beginning_is_read(self, party: Standin) -> None:
        assert (await self.tell(party, "/endless")).body == b"x" * 100

    async def test_who_does_not_answer_in_time_is_left(self, party: Standin) -> None:
        party.order("/", server.hanging(5))
        assert (await refusal_of(self.tell(party, "/", total_ms=100))).code == "outbound_timeout"
