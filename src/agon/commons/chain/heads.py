"""Where the chain stands, seen against what we hold: does it follow on, lag behind, or part ways.

Blocks are told apart by their hashes alone. A node that lacks what we hold proves nothing; one that
holds another block at that height does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agon.commons.chain import rpc
from agon.commons.chain.answers import Header, header, malformed, quantity

COMPARED_FIRST = 4
"""Blocks that the first step back compares; each further step takes twice as many."""

NO_TAG_CODES = (-32601, -32602, -39001)
NO_TAG_WORDS = re.compile(r"finalized|tag|invalid|support|not found|unknown", re.I)


@dataclass(frozen=True, kw_only=True)
class Survey:
    """The head, the last block that is final, and how the chain stands to our newest block."""

    chain_id: int
    head: Header
    finalized: int
    standing: Literal["follows", "behind", "parted"]


def asked_for(number: int | str) -> rpc.Call:
    """The call for a block by number or tag, without its transactions."""
    return "eth_getBlockByNumber", (hex(number) if isinstance(number, int) else number, False)


async def headers(node: rpc.Node, numbers: Sequence[int]) -> list[Header | None]:
    """Blocks by number, as the node holds them now."""
    found = [header(each) for each in await node.batch([asked_for(n) for n in numbers])]
    for number, each in zip(numbers, found, strict=True):
        if each and each.number != number:
            raise malformed(f"it gives block {each.number} for {number}")
    return found


async def survey(node: rpc.Node, chain: Mapping[str, Any] | None, confirmations: int) -> Survey:
    """Ask for head, finality and our newest block at once.

    chain: as agon.read_chain answers, if there is one. Where the node does not say what is
    finalized, it is what has so many blocks on top.
    """
    newest = chain["next_block"] - 1 if chain and chain["tip"] else None
    calls = [("eth_chainId", ()), asked_for("latest"), asked_for("finalized")]
    if newest is not None:
        calls.append(asked_for(newest))
    answers = await node.settle(calls)
    finalized = _finalized(answers.pop(2))
    for answer in answers:
        if isinstance(answer, rpc.Fault):
            raise answer
    head = header(answers[1])
    if head is None:
        raise malformed("it has no latest block")
    deep_enough = head.number - confirmations if finalized is None else finalized
    return Survey(
        chain_id=quantity(answers[0]),
        head=head,
        finalized=min(head.number, deep_enough),
        standing="follows" if newest is None else _standing(chain, head, header(answers[2])),
    )


def _finalized(answer: Any) -> int | None:
    if isinstance(answer, rpc.Fault):
        if answer.code not in NO_TAG_CODES and not NO_TAG_WORDS.search(answer.message):
            raise answer
        return None
    found = header(answer)
    return found.number if found else None


def _standing(
    chain: Mapping[str, Any], head: Header, newest: Header | None
) -> Literal["follows", "behind", "parted"]:
    if newest is None or newest.number > head.number:
        return "behind"
    return "follows" if newest.hash == chain["tip"] else "parted"


async def common_ancestor(node: rpc.Node, kept: Sequence[tuple[int, str]]) -> int | None:
    """The newest block that both hold; None if the node holds another at each height.

    kept: numbers and hashes up to the node's head, the newest first. Raises Refused
    `chain_answer_malformed` if the node lacks one of them.
    """
    rest, step = kept, COMPARED_FIRST
    while rest:
        compared, rest = rest[:step], rest[step:]
        step *= 2
        there = await headers(node, [number for number, _ in compared])
        for (number, known), found in zip(compared, there, strict=True):
            if found is None:
                raise malformed(f"it lacks block {number}, below its head")
            if found.hash == known:
                return number
    return None
