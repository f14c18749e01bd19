"""A node that knows one block and who owns each token there, asked through OwnersLens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from agon.commons.chain import artifacts, rpc
from tests.standins.server import Standin, Waits, calling, serve

WORD = 64


@dataclass(kw_only=True)
class LensNode:
    """owners: by contract and token, those missing do not exist; faults: JSON-RPC errors for the
    next `eth_call`s; answers: what those calls give instead; called: (contract, tokens, block)."""

    party: Standin
    chain_id: int = 31337
    mined_s: int = 0
    block_hash: str = "0x" + "aa" * 32
    owners: dict[tuple[str, int], str] = field(default_factory=dict)
    faults: list[dict[str, Any]] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    called: list[tuple[str, list[int], str]] = field(default_factory=list)

    def look(self, call: dict[str, str], block: str) -> Any:
        """One word a token."""
        code = artifacts.load("OwnersLens").bytecode.hex()
        data = call["data"].removeprefix("0x")
        assert call.keys() == {"data"}
        assert data.startswith(code)
        words = [data[at : at + WORD] for at in range(len(code), len(data), WORD)]
        contract, tokens = "0x" + words[0][24:], [int(word, 16) for word in words[3:]]
        assert [int(word, 16) for word in words[1:3]] == [WORD, len(tokens)]
        self.called.append((contract, tokens, block))
        if self.answers:
            return self.answers.pop(0)
        found = (self.owners.get((contract, token), "0x0") for token in tokens)
        return "0x" + "".join(owner.removeprefix("0x").zfill(WORD) for owner in found)

    def block(self, number: str, _whole: bool) -> dict[str, str]:
        """Every block is the same, save its number."""
        return {
            "number": number, "hash": self.block_hash, "parentHash": "0x" + "ab" * 32,
            "timestamp": hex(self.mined_s),
        }  # fmt: skip


@asynccontextmanager
async def running() -> AsyncIterator[LensNode]:
    """The node, for the length of the block."""

    async def answer(request: web.Request) -> web.Response:
        asked = await request.json()
        every = [_answered(node, each) for each in (asked if isinstance(asked, list) else [asked])]
        return web.json_response(every if isinstance(asked, list) else every[0])

    async with serve({"POST /": answer}) as party:
        node = LensNode(party=party)
        yield node


@asynccontextmanager
async def spoken_to() -> AsyncIterator[tuple[LensNode, rpc.Node]]:
    """The node, and our side of it."""
    async with running() as node, calling(node.party) as client:
        yield node, rpc.Node(client, node.party.url, sleep=Waits())


def _answered(node: LensNode, asked: dict[str, Any]) -> dict[str, Any]:
    said = {"jsonrpc": "2.0", "id": asked["id"]}
    if asked["method"] == "eth_call" and node.faults:
        return said | {"error": node.faults.pop(0)}
    methods: dict[str, Callable[..., Any]] = {
        "eth_chainId": lambda: hex(node.chain_id),
        "eth_getBlockByNumber": node.block,
        "eth_call": node.look,
    }
    return said | {"result": methods[asked["method"]](*asked["params"])}
