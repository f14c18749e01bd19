"""A node in front of anvil that answers `eth_sendRawTransaction` as bad nodes do, when ordered to.

Lies: `accept_500`, `accept_cut` and `accept_hang` take the bytes, and answer 500, hang up, or say
nothing for HANG_S; `drop` says ok and takes nothing; `refuse_500` takes nothing and answers 500;
any other text is an error's message, and nothing is taken.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from tests.standins.server import Standin, serve

SENDS = "eth_sendRawTransaction"
HANG_S = 3
HASH_OF_NOTHING = "0x" + "00" * 32


@dataclass(kw_only=True)
class SenderNode:
    """lies: for the next sends, None for an honest answer; chance: says what to do with each after
    those; sent: every raw transaction that came in; answers: for other methods, by name."""

    url: str
    standin: Standin
    lies: list[str | None] = field(default_factory=list)
    chance: Callable[[], str | None] = lambda: None
    sent: list[str] = field(default_factory=list)
    answers: dict[str, Callable[[list[Any]], Any]] = field(default_factory=dict)
    lied: list[str] = field(default_factory=list)

    def next_lie(self) -> str | None:
        lie = self.lies.pop(0) if self.lies else self.chance()
        if lie:
            self.lied.append(lie)
        return lie


def now_and_then(seed: int, share: float, *lies: str) -> Callable[[], str | None]:
    """One of these lies with this probability."""
    dice = random.Random(seed)
    return lambda: dice.choice(lies) if dice.random() < share else None


@asynccontextmanager
async def in_front_of(url: str) -> AsyncIterator[SenderNode]:
    """The node, passing on to the one at a URL whatever it does not lie about."""
    async with aiohttp.ClientSession() as http:

        async def answer(request: web.Request) -> web.StreamResponse:
            asked = await request.json()
            if isinstance(asked, dict) and asked["method"] == SENDS:
                return await _send(node, http, url, request, asked)
            said = await _pass_on(http, url, asked)
            pairs = [(asked, said)] if isinstance(asked, dict) else zip(asked, said, strict=True)
            for question, reply in pairs:
                _amend(node, question, reply)
            return web.json_response(said)

        async with serve({"POST /": answer}) as standin:
            node = SenderNode(url=standin.url + "/", standin=standin)
            yield node


async def _send(
    node: SenderNode, http: aiohttp.ClientSession, url: str, request: web.Request,
    asked: Mapping[str, Any],
) -> web.StreamResponse:  # fmt: skip
    node.sent.append(asked["params"][0])
    lie = node.next_lie()
    if lie is None or lie.startswith("accept"):
        said = await _pass_on(http, url, asked)
    match lie:
        case None:
            return web.json_response(said)
        case "accept_500" | "refuse_500":
            return web.Response(status=500, text="<html>Internal Server Error</html>")
        case "accept_cut":
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        case "accept_hang":
            await asyncio.sleep(HANG_S)
            return web.Response()
        case "drop":
            return web.json_response(
                {"jsonrpc": "2.0", "id": asked["id"], "result": HASH_OF_NOTHING}
            )
    error = {"code": -32000, "message": lie}
    return web.json_response({"jsonrpc": "2.0", "id": asked["id"], "error": error})


def _reply(asked: Mapping[str, Any], **said: Any) -> web.Response:
    return web.json_response({"jsonrpc": "2.0", "id": asked["id"], **said})


async def _pass_on(http: aiohttp.ClientSession, url: str, asked: Any) -> Any:
    async with http.post(url, json=asked) as response:
        said = await response.json()
    if isinstance(said, list):  # anvil answers a batch as it likes; ours goes by position
        order = {reply["id"]: reply for reply in said}
        said = [order[question["id"]] for question in asked]
    return said


def _amend(node: SenderNode, question: Mapping[str, Any], reply: dict[str, Any]) -> None:
    if change := node.answers.get(question["method"]):
        reply.pop("error", None)
        reply["result"] = change(question["params"])
