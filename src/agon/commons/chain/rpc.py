"""A node, spoken to in JSON-RPC 2.0 over HTTP: bounded, patient, and believed in nothing unsaid.

An answer that is cut off, not JSON, or not to what was asked is an error, never an empty result.
The node's own errors are `Fault`, a kind of Refused; so is all else that goes wrong.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from agon.commons.chain.answers import malformed, quantity
from agon.kernel import errors
from agon.kernel.runtime import Runtime

ANSWER_BYTES_MAX = 64 * 1024 * 1024
BATCH_CALLS_MAX = 100
"""Fewer once the node says that a batch is too large."""
RATE_RETRIES_MAX = 4
"""After a node's JSON error; waits double from RATE_WAIT_FIRST_S."""
RATE_WAIT_FIRST_S = 1.0

TOO_LARGE = 413
"""The code of a Fault that stands for an answer larger than we take, or a proxy lets through."""

RATE_CODES = (429, -32029)
RATE_WORDS = re.compile(
    r"rate.?limit|too many requests|requests? (count|limit|per)|compute units|capacity|throttl",
    re.I,
)

_IN_WORDS = {
    "outbound_rate_limited": (
        "chain_rate_limited", "The node asks for fewer requests.", "Try again later.", 503,
    ),
    "outbound_timeout": (
        "chain_timeout", "The node did not answer in time.", "Try again later.", 504,
    ),
    "outbound_unreachable": (
        "chain_unreachable",
        "The node could not be reached, or broke off its answer.",
        "Check AGON_RPC_URL, and that the node runs.",
        503,
    ),
}  # fmt: skip

Call = tuple[str, Sequence[Any]]


class Fault(errors.Refused):
    """A JSON-RPC error: the node understood, and says no. Whoever does not expect it answers
    `chain_fault`."""

    def __init__(self, code: int, message: str, data: Any = None):
        self.code, self.message, self.data = code, message, data
        super().__init__(
            errors.Refusal(
                code="chain_fault",
                message="The node refuses what it was asked.",
                details=str(self),
                hint="Try again later; `agon doctor` says how the node is.",
                status=503,
            )
        )

    def __str__(self) -> str:
        return f"{self.message} ({self.code})"


class Node:
    """A node at a URL. Make one with `connect`."""

    def __init__(
        self, client: Any, url: str, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ):
        self._client, self._url, self._sleep = client, url, sleep
        self._asked, self._batch_calls = 0, BATCH_CALLS_MAX

    async def call(self, method: str, *params: Any) -> Any:
        """The result of one call. Raises Fault; Refused `chain_unreachable`, `chain_timeout`,
        `chain_rate_limited`, `chain_answer_malformed`."""
        return (await self.batch([(method, params)]))[0]

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        """The results of several calls, in their order. Raises as `call`, the first Fault."""
        return _certain(await self.settle(calls))

    async def settle(self, calls: Sequence[Call]) -> list[Any]:
        """As `batch`; the Fault of a call stands where its result would."""
        answers: list[Any] = []
        while len(answers) < len(calls):
            some = calls[len(answers) : len(answers) + self._batch_calls]
            said = await self._patiently(some)
            if len(some) > 1 and all(_is_batch_limit(each) for each in said):
                self._batch_calls = len(some) // 2
            else:
                answers += said
        return answers

    async def chain_id(self) -> int:
        """The EIP-155 number of the node's chain."""
        return quantity(await self.call("eth_chainId"))

    async def _patiently(self, calls: Sequence[Call]) -> list[Any]:
        for attempt in range(RATE_RETRIES_MAX + 1):
            answers = await self._ask(calls)
            limited = next((each for each in answers if _is_rate_limit(each)), None)
            if limited is None:
                return answers
            if attempt < RATE_RETRIES_MAX:
                await self._sleep(RATE_WAIT_FIRST_S * 2**attempt)
        raise errors.refuse(
            "chain_rate_limited",
            "The node asks for fewer requests.",
            details=str(limited),
            hint="Try again later, or use a node with a higher limit.",
            status=503,
        )

    async def _ask(self, calls: Sequence[Call]) -> list[Any]:
        first = self._asked
        self._asked += len(calls)
        asked = [
            {"jsonrpc": "2.0", "id": first + n, "method": method, "params": list(params)}
            for n, (method, params) in enumerate(calls)
        ]
        is_single = len(asked) == 1
        said = await self._post(asked[0] if is_single else asked)
        if isinstance(said, dict) and said.get("error") is not None:
            return [_fault(said["error"])] * len(calls)
        items = [said] if is_single else said
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise malformed("it is not what JSON-RPC answers")
        by_id = {item["id"]: item for item in items if type(item.get("id")) is int}
        if len(by_id) != len(items) or by_id.keys() != set(range(first, first + len(calls))):
            raise malformed("it does not hold one answer to each call")
        return [_result(by_id[first + n]) for n in range(len(calls))]

    async def _post(self, asked: Any) -> Any:
        try:
            answer = await self._client.request(
                "POST",
                self._url,
                headers={"Content-Type": "application/json"},
                body=json.dumps(asked).encode(),
                limit_bytes=ANSWER_BYTES_MAX,
            )
            if answer.status == TOO_LARGE:
                raise Fault(TOO_LARGE, "The node's proxy finds this too large.")
            said = answer.json() if answer.status == 200 else _error_of(answer)
        except Fault:
            raise
        except errors.Refused as refused:
            raise _translated(refused.refusal) from refused
        return said


@asynccontextmanager
async def connect(runtime: Runtime) -> AsyncIterator[Node]:
    """The configured node, for the length of the block. Raises Refused `chain_unset`."""
    url = runtime.settings["rpc_url"]
    if url is None:
        raise errors.refuse(
            "chain_unset",
            "No chain is configured.",
            hint="Set AGON_RPC_URL to the JSON-RPC address of a node.",
            status=409,
        )
    async with runtime.outbound(url) as client:
        yield Node(client, url)


def _certain(answers: list[Any]) -> list[Any]:
    for answer in answers:
        if isinstance(answer, Fault):
            raise answer
    return answers


def _is_rate_limit(answer: Any) -> bool:
    return isinstance(answer, Fault) and (
        answer.code in RATE_CODES or RATE_WORDS.search(answer.message) is not None
    )


def _is_batch_limit(answer: Any) -> bool:
    return isinstance(answer, Fault) and "batch" in answer.message.lower()


def _result(item: dict[str, Any]) -> Any:
    if item.get("error") is not None:
        return _fault(item["error"])
    if "result" not in item:
        raise malformed("a call has neither result nor error")
    return item["result"]


def _fault(error: Any) -> Fault:
    if not isinstance(error, dict) or not isinstance(error.get("code"), int):
        raise malformed("its error has no code")
    return Fault(error["code"], str(error.get("message", "")), error.get("data"))


def _error_of(answer: Any) -> Any:
    """The JSON-RPC error that some nodes send with another status than 200."""
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        said = None
    items = said if isinstance(said, list) else [said]
    if said and all(isinstance(item, dict) and item.get("error") for item in items):
        return said
    raise errors.refuse(
        "chain_unreachable",
        f"The node answers {answer.status}.",
        hint="Check AGON_RPC_URL, and the node.",
        status=503,
    )


def _translated(refusal: errors.Refusal) -> Exception:
    """What the client for strangers says, in words about the chain. Whoever asks over HTTP is told
    what is wrong, and not where: the address is a secret."""
    if refusal.code == "outbound_too_large":
        return Fault(TOO_LARGE, refusal.message)
    if refusal.code == "outbound_malformed":
        return malformed("it is cut off, or not JSON")
    if refusal.code not in _IN_WORDS:
        return errors.Refused(refusal)
    code, message, hint, status = _IN_WORDS[refusal.code]
    details = (refusal.details or "").partition(":")[0] or None
    return errors.refuse(code, message, details=details, hint=hint, status=status)
