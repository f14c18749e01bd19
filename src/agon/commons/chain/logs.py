"""From a node's logs to rows to copy: whose they are, what they say, and that they fit together.

Pure. This is the hot loop of the index: it costs a few microseconds a log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from agon.commons.chain import events
from agon.commons.chain.answers import block_hash, malformed

FOREVER = 1 << 62
"""Until a contract without an end is read."""

Abi = Iterable[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Contract:
    """Whose logs are read, from a block up to, but not including, another."""

    address: str
    name: str
    from_block: int
    to_block: int
    events: tuple[events.Event, ...]


@dataclass(frozen=True, kw_only=True)
class Span:
    """What one first topic of one address means, for a while. middle: of its rows."""

    from_block: int
    to_block: int
    middle: str
    decode: events.Decode


@dataclass(frozen=True, kw_only=True)
class Book:
    """All contracts of a chain. edition: counts their rows and ends, so each change alters it."""

    contracts: tuple[Contract, ...]
    spans: Mapping[tuple[str, str], Sequence[Span]]
    edition: int

    def asked(self, first: int, last: int) -> dict[str, Any] | None:
        """Addresses and topics of the one filter for these blocks; None if no contract is read."""
        read = [c for c in self.contracts if c.from_block <= last and c.to_block > first]
        if not read:
            return None
        topics = {event.topic0 for each in read for event in each.events}
        return {"address": sorted({each.address for each in read}), "topics": [sorted(topics)]}

    def told(self, block: int) -> Iterator[tuple[str, str]]:
        """Address and first topic of each log that may be in a block."""
        for (address, topic), spans in self.spans.items():
            if _span(spans, block):
                yield address, topic

    def quiet_until(self, first: int) -> int:
        """The first block, from this one on, of which a contract is read."""
        waiting = [max(first, c.from_block) for c in self.contracts if c.to_block > first]
        return min(waiting, default=FOREVER)


@dataclass(frozen=True, kw_only=True)
class Harvest:
    """Logs of some blocks as rows for COPY, and what they say of their blocks: hash and seconds
    since 1970, None where the node does not say."""

    rows: bytes
    count: int
    blocks: Mapping[int, tuple[str, int | None]]


EMPTY = Harvest(rows=b"", count=0, blocks={})


def book(rows: Sequence[Mapping[str, Any]], abi_of: Callable[[str, int], Abi]) -> Book:
    """rows: of agon.chain_contracts. Raises Refused `event_unsupported`, and as abi_of does."""
    contracts = tuple(
        Contract(
            address=row["address"],
            name=row["name"],
            from_block=row["from_block"],
            to_block=FOREVER if row["to_block"] is None else row["to_block"],
            events=events.parse(abi_of(row["name"], row["abi_version"])),
        )
        for row in rows
    )
    spans: dict[tuple[str, str], list[Span]] = {}
    for contract in contracts:
        for event in contract.events:
            span = Span(
                from_block=contract.from_block,
                to_block=contract.to_block,
                middle=f"\t{contract.address}\t{contract.name}\t{event.name}\t",
                decode=events.decoder(event),
            )
            spans.setdefault((contract.address, event.topic0), []).append(span)
    ends = sum(row["to_block"] is not None for row in rows)
    return Book(contracts=contracts, spans=spans, edition=len(rows) + ends)


def harvest(answer: Any, book: Book, first: int, last: int) -> Harvest:
    """Read the answer to eth_getLogs for these blocks.

    A row is block, index, transaction, address, contract, event and arguments, as text. Raises
    Refused `chain_answer_malformed` for an answer that contradicts itself or the question,
    `log_malformed`.
    """
    if not isinstance(answer, list):
        raise malformed("logs are no list")
    if not answer:
        return EMPTY
    try:
        return _gather(answer, book, first, last)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise malformed(f"a log lacks its form: {type(error).__name__} {error}") from error


def of_receipts(answer: Sequence[Any]) -> list[Any]:
    """The logs in the receipts of a block, those without a topic aside.

    Raises Refused `chain_answer_malformed`.
    """
    try:
        return [log for receipt in answer for log in receipt["logs"] if log["topics"]]
    except (KeyError, TypeError) as error:
        raise malformed(f"a receipt lacks its logs: {error}") from error


def _gather(answer: list[Any], book: Book, first: int, last: int) -> Harvest:
    blocks: dict[int, tuple[str, int | None]] = {}
    places: list[tuple[int, int]] = []
    rows: list[str] = []
    number, tx_hash = -1, ""
    for log in answer:
        topics = log["topics"]
        height = int(log["blockNumber"], 16)
        if height != number:
            number = height
            block = _block(log, blocks.get(number))
            if not first <= number <= last:
                raise malformed(f"a log of block {number} is not of {first} to {last}")
        elif log["blockHash"] != block[0]:
            raise malformed(f"block {number} has two hashes")
        spans = book.spans.get((log["address"].lower(), topics[0].lower()))
        span = _span(spans, number)
        if span is None:
            continue
        blocks[number] = block
        if log["transactionHash"] != tx_hash:
            tx_hash = block_hash(log["transactionHash"])
        index = int(log["logIndex"], 16)
        if log.get("removed"):
            raise malformed("a log is of a block that was removed")
        args = span.decode(topics, log["data"]).replace("\\", "\\\\")
        places.append((number, index))
        rows.append(f"{number}\t{index}\t{tx_hash}{span.middle}{args}\n")
    if any(after <= before for before, after in pairwise(places)):
        rows = _in_order(places, rows)
    return Harvest(rows="".join(rows).encode(), count=len(rows), blocks=blocks)


def _span(spans: Sequence[Span] | None, number: int) -> Span | None:
    for span in spans or ():
        if span.from_block <= number < span.to_block:
            return span
    return None


def _block(log: Mapping[str, Any], known: tuple[str, int | None] | None) -> tuple[str, int | None]:
    stamp = log.get("blockTimestamp")
    block = (block_hash(log["blockHash"]), None if stamp is None else int(stamp, 16))
    if known is not None and known[0] != block[0]:
        raise malformed("a block has two hashes")
    return known or block


def _in_order(places: list[tuple[int, int]], rows: list[str]) -> list[str]:
    """Rows by place; what was told twice in the same words once."""
    by_place: dict[tuple[int, int], str] = {}
    for place, row in zip(places, rows, strict=True):
        if by_place.setdefault(place, row) != row:
            raise malformed(f"two logs are at place {place[1]} of block {place[0]}")
    return [by_place[place] for place in sorted(by_place)]
