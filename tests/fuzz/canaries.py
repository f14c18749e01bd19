"""A database of rows that callers must not see, its data door, and what an answer must not hold."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests import places, servers
from tests.fuzz.traffic import Request
from tests.places import Place
from tests.rest.cinema import ids, service, user
from tests.rest.doors import served

SCHEMA = Path(__file__).with_name("canaries.sql")
HIDDEN = {
    "anon": ("adaqx", "bobqx", "vaultqx", "payqx"),
    "ada": ("bobqx", "vaultqx", "payqx"),
}
"""The words that no answer may hold, by caller; also not in the hexadecimal of a bytea."""
VISIBLE = {
    "anon": {"notes": 1, "my_notes": 1, "folders": 0, "links": 0},
    "ada": {"notes": 3, "my_notes": 3, "folders": 2, "links": 2},
}
"""How many rows a caller sees of a relation; no filter finds more."""
SETTINGS = {
    "AGON_REST_AGGREGATES": "true",
    "AGON_REST_EXPLAIN": "true",
    "AGON_REST_TX_ROLLBACK": "true",
    "AGON_REST_CONNECTIONS": "1",
    "AGON_STATEMENT_MS_ANON": "20000",
    "AGON_STATEMENT_MS_AUTHENTICATED": "20000",
}


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer. headers: by lower-case name."""

    status: int
    headers: dict[str, str]
    body: bytes

    def holds(self, word: str) -> bool:
        """Whether a word stands in it, in any case, or as a bytea."""
        sent = self.body.lower() + json.dumps(self.headers).lower().encode()
        return word.encode() in sent or word.encode().hex().encode() in sent


@dataclass(kw_only=True)
class Canaries:
    """The door to the rows. answered: how many requests were answered with rows, of those that
    `hold` has tried."""

    api: httpx.AsyncClient
    place: Place
    others: str
    answered: int = 0

    async def send(self, request: Request) -> Reply:
        """The answer to a request; what a server would make of its bytes stands in the scope."""
        sent: list[dict[str, Any]] = []
        arriving = [{"type": "http.request", "body": request.body, "more_body": False}]
        headers = {b"host": b"agon.test", **request.headers}
        who = {"anon": dict, "service_role": lambda: service(self.api)}.get(
            request.who, lambda: user(self.api, request.who)
        )()
        headers |= {name.encode(): value.encode() for name, value in who.items()}

        async def receive() -> dict[str, Any]:
            return arriving.pop() if arriving else await asyncio.Future()  # it stays

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self.api.app(
            {
                "type": "http", "method": request.method, "path": f"/rest/v1{request.path}",
                "query_string": request.query, "headers": list(headers.items()),
                "client": ("127.0.0.1", 1), "scheme": "http", "server": ("agon.test", 80),
            },
            receive, send,
        )  # fmt: skip
        start, body = sent
        said = {name.decode("ascii"): value.decode("latin-1") for name, value in start["headers"]}
        return Reply(status=start["status"], headers=said, body=body["body"])

    async def whoami(self) -> dict[str, Any]:
        """What anon's next plain request finds."""
        reply = await self.send(Request(who="anon", method="GET", path="/rpc/whoami"))
        assert reply.status == 200, reply
        return json.loads(reply.body)

    async def restore(self) -> None:
        """Undo what was written. Raises AssertionError where it was not the caller's to write."""
        assert await self.place.owner.fetchval("select fuzz.others()") == self.others
        await self.place.owner.execute("select fuzz.refill()")


@asynccontextmanager
async def opened(
    server: servers.TestServer, name: str, folder: Path, **environ: str
) -> AsyncIterator[Canaries]:
    """A database of its own, with its door."""
    async with places.opened(server, name, folder) as place:
        script = SCHEMA.read_text("utf-8")
        await place.owner.execute(script.replace(":ada:", ids("ada")).replace(":bob:", ids("bob")))
        async with served(place, **SETTINGS, **environ) as api:
            others = await place.owner.fetchval("select fuzz.others()")
            yield Canaries(api=api, place=place, others=others)
