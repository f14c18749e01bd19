"""A node: a chain of literal blocks that speaks JSON-RPC, and lies where it is told to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from aiohttp import web
from eth_hash.auto import keccak

from tests.standins.server import Standin, serve

CHAIN_ID = 31337
GENESIS_S = 1_700_000_000
BLOCK_S = 2


@dataclass(frozen=True, kw_only=True)
class Log:
    """A log as a contract emits it; its place is given by the block."""

    address: str
    topics: tuple[str, ...]
    data: str = "0x"


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block. salt tells it from another at its height with the same logs."""

    number: int
    parent_hash: str
    logs: tuple[Log, ...]
    salt: int

    @cached_property
    def hash(self) -> str:
        said = f"{self.number} {self.parent_hash} {self.salt} {self.logs}"
        return "0x" + hashlib.sha256(said.encode()).hexdigest()

    @property
    def time_s(self) -> int:
        return GENESIS_S + BLOCK_S * self.number

    def as_json(self) -> dict[str, Any]:
        return {
            "number": hex(self.number),
            "hash": self.hash,
            "parentHash": self.parent_hash,
            "timestamp": hex(self.time_s),
            "logsBloom": f"0x{self.bloom:0512x}",
        }

    @cached_property
    def bloom(self) -> int:
        bits = 0
        for log in self.logs:
            for value in (log.address, *log.topics):
                digest = keccak(bytes.fromhex(value[2:]))
                for at in (0, 2, 4):
                    bits |= 1 << (int.from_bytes(digest[at : at + 2], "big") & 2047)
        return bits

    def logs_as_json(self, *, timed: bool = True) -> list[dict[str, Any]]:
        stamp = {"blockTimestamp": hex(self.time_s)} if timed else {}
        return [
            {
                "address": log.address,
                "topics": list(log.topics),
                "data": log.data,
                "blockNumber": hex(self.number),
                "blockHash": self.hash,
                "transactionHash": "0x" + hashlib.sha256(f"{self.hash} {n}".encode()).hexdigest(),
                "transactionIndex": hex(n),
                "logIndex": hex(n),
                "removed": False,
                **stamp,
            }
            for n, log in enumerate(self.logs)
        ]


class Refusal(Exception):
    """An error that the node answers with."""

    def __init__(self, code: int, message: str):
        super().__init__(message)
        self.code = code


Answering = Callable[[str, list[Any], Any], Any]
"""Method, parameters and the true answer, to what is said instead; may raise Refusal."""


@dataclass(kw_only=True)
class Chain:
    """What the node knows. head: what it says is the latest, if that is not the truth."""

    chain_id: int = CHAIN_ID
    blocks: list[Block] = field(default_factory=list)
    finality: int | None = 10
    head: int | None = None
    timed: bool = True
    receipts: bool = True
    logs_max: int | None = None
    range_max: int | None = None
    refusal: str = "query returned more than {logs} results"
    order: Callable[[list[Any]], list[Any]] = list
    lie: Answering | None = None
    asked: list[tuple[str, list[Any]]] = field(default_factory=list)
    salt: int = 0

    def __post_init__(self) -> None:
        if not self.blocks:
            self.mine([])

    def mine(self, *blocks: Sequence[Log]) -> None:
        """Put blocks with these logs on top."""
        for logs in blocks:
            parent = self.blocks[-1].hash if self.blocks else "0x" + "0" * 64
            number = len(self.blocks)
            self.blocks.append(
                Block(number=number, parent_hash=parent, logs=tuple(logs), salt=self.salt)
            )

    def reorganise(self, depth: int, *blocks: Sequence[Log]) -> None:
        """Forget the newest blocks; these stand in their place."""
        del self.blocks[len(self.blocks) - depth :]
        self.salt += 1
        self.mine(*blocks)

    @property
    def latest(self) -> int:
        return len(self.blocks) - 1 if self.head is None else min(self.head, len(self.blocks) - 1)

    def answer(self, method: str, params: list[Any]) -> Any:
        """The true answer, as far as the node knows."""
        match method:
            case "eth_chainId":
                return hex(self.chain_id)
            case "eth_getBlockByNumber":
                return self._by_tag(params[0])
            case "eth_getBlockByHash":
                found = self._by_hash(params[0])
                return found.as_json() if found else None
            case "eth_getBlockReceipts" if self.receipts:
                found = self._by_hash(params[0])
                return [{"logs": [log]} for log in found.logs_as_json()] if found else None
            case "eth_getLogs":
                return self._logs(params[0])
        raise Refusal(-32601, f"the method {method} does not exist")

    def _by_tag(self, tag: str) -> dict[str, Any] | None:
        if tag == "finalized":
            if self.finality is None:
                raise Refusal(-32602, "invalid block tag: finalized")
            number = max(0, self.latest - self.finality)
        else:
            number = self.latest if tag == "latest" else int(tag, 16)
        return self.blocks[number].as_json() if number <= self.latest else None

    def _by_hash(self, wanted: str) -> Block | None:
        return next((b for b in self.blocks[: self.latest + 1] if b.hash == wanted), None)

    def _logs(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        if "blockHash" in asked:
            block = self._by_hash(asked["blockHash"])
            if block is None:
                raise Refusal(-32000, "unknown block")
            blocks = [block]
        else:
            first, last = int(asked["fromBlock"], 16), int(asked["toBlock"], 16)
            if self.range_max is not None and last - first + 1 > self.range_max:
                raise Refusal(-32600, self._refused(first, first + self.range_max - 1))
            blocks = self.blocks[first : min(last, self.latest) + 1]
        found = [
            log
            for block in blocks
            for log in block.logs_as_json(timed=self.timed)
            if log["address"] in asked["address"] and log["topics"][0] in asked["topics"][0]
        ]
        if self.logs_max is not None and len(found) > self.logs_max:
            raise Refusal(-32005, self._refused(blocks[0].number, self._fitting(blocks)))
        return found

    def _fitting(self, blocks: Sequence[Block]) -> int:
        count, last = 0, blocks[0].number
        for block in blocks:
            count += len(block.logs)
            if count > (self.logs_max or 0):
                break
            last = block.number
        return last

    def _refused(self, first: int, last: int) -> str:
        return self.refusal.format(
            logs=self.logs_max, blocks=self.range_max, first=hex(first), last=hex(last)
        )


@asynccontextmanager
async def standin(chain: Chain) -> AsyncIterator[Standin]:
    """The node at POST /. Faults of HTTP are ordered as of every party, for the path `/`."""

    def one(call: dict[str, Any]) -> dict[str, Any]:
        method, params = call["method"], call["params"]
        chain.asked.append((method, params))
        said: dict[str, Any] = {"jsonrpc": "2.0", "id": call["id"]}
        try:
            try:
                answer = chain.answer(method, params)
            except Refusal as refusal:
                answer = refusal
            answer = chain.lie(method, params, answer) if chain.lie else answer
            if isinstance(answer, Refusal):
                raise answer
            return said | {"result": answer}
        except Refusal as refusal:
            return said | {"error": {"code": refusal.code, "message": str(refusal)}}

    async def speak(request: web.Request) -> web.Response:
        asked = json.loads(await request.read())
        if isinstance(asked, list):
            return web.json_response(chain.order([one(call) for call in asked]))
        return web.json_response(one(asked))

    async with serve({"POST /": speak}) as running:
        yield running
