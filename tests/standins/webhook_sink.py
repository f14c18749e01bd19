"""A webhook's endpoint, as an organisation runs one: each path is an endpoint of its own.

It answers 200, unless a fault is ordered: `sink.order("/a", broken())`, `hanging(…)`, `gone()`,
`redirecting(…)`, `busy(…)`. /slow/… answers at once, and its body never ends.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook

from tests.standins.server import Fault, Heard, Standin, serve

DRIP_S = 0.05
POLL_S = 0.01
WAIT_S_MAX = 20


def gone() -> Fault:
    return Fault(status=410, body=b"no such endpoint")


def redirecting(to: str, status: int = 307) -> Fault:
    return Fault(status=status, headers={"Location": to})


def busy(retry_after_s: int, status: int = 503) -> Fault:
    return Fault(status=status, headers={"Retry-After": str(retry_after_s)}, body=b"later")


@dataclass(kw_only=True)
class Sink:
    """A running sink. at_once: the most requests of a path that were under way together."""

    standin: Standin
    under_way: Counter[str] = field(default_factory=Counter)
    at_once: Counter[str] = field(default_factory=Counter)
    answer_s: float = 0

    def url(self, path: str) -> str:
        return self.standin.url + path

    def order(self, path: str, fault: Fault, times: int = 1) -> None:
        self.standin.order(path, fault, times)

    def heard(self, path: str) -> list[Heard]:
        """The requests that a path got, the first one first."""
        return [heard for heard in self.standin.heard if heard.path == path]

    def ids(self, path: str) -> list[str]:
        """The message ids that a path got."""
        return [heard.headers["webhook-id"] for heard in self.heard(path)]

    def verified(self, path: str, *secrets: str) -> list[dict[str, Any]]:
        """The messages of a path, each checked with every secret by the official library. Raises
        WebhookVerificationError."""
        return [verify(heard, secrets) for heard in self.heard(path)]

    async def until(self, path: str, count: int) -> None:
        """Wait until a path has got so many requests. Raises TimeoutError."""
        async with asyncio.timeout(WAIT_S_MAX):
            while True:
                if len(self.heard(path)) >= count:
                    return
                await asyncio.sleep(POLL_S)


def verify(heard: Heard, secrets: Sequence[str]) -> dict[str, Any]:
    """What a request says, if each of these secrets has signed it."""
    message: dict[str, Any] = json.loads(heard.body)
    for secret in secrets:
        message = Webhook(secret).verify(heard.body, dict(heard.headers))
    return message


@asynccontextmanager
async def sink() -> AsyncIterator[Sink]:
    """A sink on a free port of 127.0.0.1, for the length of the block."""

    async def take(request: web.Request) -> web.Response:
        path = request.path
        running.under_way[path] += 1
        running.at_once[path] = max(running.at_once[path], running.under_way[path])
        try:
            await asyncio.sleep(running.answer_s)
        finally:
            running.under_way[path] -= 1
        return web.Response(text="thanks")

    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"drip ")
            await asyncio.sleep(DRIP_S)

    routes = {"POST /slow/{name}": drip, "POST /{name}": take, "GET /{name}": take}
    async with serve(routes) as standin:
        running = Sink(standin=standin)
        yield running
