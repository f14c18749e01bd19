"""What became of what was sent: receipts, blocks that are taken back, nonces used by others.

An attempt that was mined is final when `chain_confirmations` blocks lie on top of it and its block
is still the one of its number. Up to REOPEN_BLOCKS further back a block that is taken back opens
its intents again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agon.commons.chain import rpc
from agon.commons.chain.answers import block_hash, header, malformed, quantity
from agon.commons.chain.outbox import Desk, Turn, open_turns, try_move
from agon.kernel import logs

REOPEN_BLOCKS = 64
SETTLED_MAX = 500
"""Intents that one round ends."""
SEARCH_BLOCKS_MAX = 1 << 20
"""How far back the block is looked for in which a nonce was used."""

log = logs.get("agon.chain")


@dataclass(frozen=True, kw_only=True)
class Head:
    """The newest block, and the blocks below it that were seen to be its ancestors."""

    number: int
    hash: str
    checked: frozenset[tuple[int, str]] = frozenset()


async def settle(desk: Desk, before: Head | None) -> tuple[Head, list[Turn]]:
    """Bring the outbox up to what the chain says. before: the head of the round before.

    Returns the head, and the turns that wait for being mined.
    """
    head = await _head(desk.node)
    turns = await open_turns(desk)
    signers = {turn.signer for turn in turns}
    used = {signer: await used_nonces(desk.node, signer, "latest") for signer in signers}
    mined = [turn for turn in turns if turn.nonce < used[turn.signer]]
    if mined:
        unknown = await _note_mined(desk, mined)
        await _look_for_others(desk, head, unknown)
    head = await _check_blocks(desk, head, before)
    await _end(desk, head)
    gone = {(turn.signer, turn.nonce) for turn in mined}
    return head, [turn for turn in turns if (turn.signer, turn.nonce) not in gone]


async def _head(node: rpc.Node) -> Head:
    newest = header(await node.call("eth_getBlockByNumber", "latest", False))
    if newest is None:
        raise malformed("it knows no newest block")
    return Head(number=newest.number, hash=newest.hash)


async def used_nonces(node: rpc.Node, address: str, block: int | str) -> int:
    """How many transactions of an address were mined up to a block, which is its first unused
    nonce; at 'pending', with those that the node would mine next."""
    at = hex(block) if isinstance(block, int) else block
    return quantity(await node.call("eth_getTransactionCount", address, at))


async def _note_mined(desk: Desk, turns: Sequence[Turn]) -> list[Turn]:
    """Note the receipts of these turns; those without one come back."""
    hashes = [attempt.hash for turn in turns for attempt in turn.attempts]
    said = await desk.node.batch([("eth_getTransactionReceipt", (each,)) for each in hashes])
    receipts = dict(zip(hashes, said, strict=True))
    found = [_mined(each, receipt) for each, receipt in receipts.items() if receipt]
    await desk.conn.executemany("select agon.note_mined($1, $2, $3, $4, $5)", found)
    return [t for t in turns if not any(receipts[attempt.hash] for attempt in t.attempts)]


def _mined(tx_hash: str, receipt: Mapping[str, Any]) -> tuple[Any, ...]:
    created = receipt.get("contractAddress")
    return (
        tx_hash,
        quantity(receipt.get("blockNumber")),
        block_hash(receipt.get("blockHash")),
        quantity(receipt.get("status")) == 1,
        created.lower() if created else None,
    )


async def _check_blocks(desk: Desk, head: Head, before: Head | None) -> Head:
    """Take back what stands on blocks that are no longer in the chain.

    While the head of the round before is still in the chain, so are the blocks that were checked
    below it, and only new ones are asked for. A block that the node does not know (it lags) is left
    as it is; what stands on it is not deep enough to end.
    """
    since = max(0, head.number - desk.confirmations - REOPEN_BLOCKS)
    rows = await desk.conn.fetch("select * from agon.mined_blocks($1, $2)", desk.chain_id, since)
    blocks = {(row["number"], row["hash"]) for row in rows}
    known: frozenset[tuple[int, str]] = frozenset()
    if before and before.checked and await _is_in_chain(desk.node, before):
        known = before.checked
    unchecked = sorted(blocks - known)
    calls = [("eth_getBlockByNumber", (hex(number), False)) for number, _ in unchecked]
    blocks_now = [header(each) for each in await desk.node.batch(calls)]
    right = set(known)
    for (number, stored), block in zip(unchecked, blocks_now, strict=True):
        if block and block.hash == stored:
            right.add((number, stored))
        elif block:
            log.warning("chain.taken_back", block=number, hash=stored)
            undo = desk.conn.execute("select agon.note_unmined($1, $2)", desk.chain_id, stored)
            await try_move(desk, undo, f"those of block {number}")
    checked = frozenset(block for block in blocks & right if block[0] <= head.number)
    return Head(number=head.number, hash=head.hash, checked=checked)


async def _is_in_chain(node: rpc.Node, head: Head) -> bool:
    block = header(await node.call("eth_getBlockByNumber", hex(head.number), False))
    return block is not None and block.hash == head.hash


async def _end(desk: Desk, head: Head) -> None:
    """End what is deep enough, if its block was seen in the chain."""
    final = head.number - desk.confirmations
    rows = await desk.conn.fetch(
        "select * from agon.settle_mined($1, $2, $3, $4)",
        desk.chain_id,
        final,
        [block for _, block in head.checked],
        SETTLED_MAX,
    )
    for row in rows:
        tell = log.error if row["status"] == "held" else log.info
        tell("intent.ended", intent=row["key"], status=row["status"], error=row["error"])


async def _look_for_others(desk: Desk, head: Head, turns: Sequence[Turn]) -> None:
    """Turns whose nonce is used, and none of whose attempts has a receipt.

    One is given another nonce only when the transaction is seen, in a final block, that used its
    own and is none of ours: a receipt may come late, a count may be wrong, and a payment that was
    made must not be made again. Until then it stays as it is, and is told of.
    """
    final = head.number - desk.confirmations
    for turn in turns:
        ours = {attempt.hash for attempt in turn.attempts}
        other = await _who_used(desk.node, turn, final)
        log.error(
            "signer.conflict", signer=turn.signer, nonce=turn.nonce, intent=turn.newest.key,
            other=other, hint="Nobody else may use a signer's key.",
        )  # fmt: skip
        if other is not None and other not in ours:
            used = await used_nonces(desk.node, turn.signer, final)
            again = desk.conn.execute(
                "select agon.requeue_intent($1, $2)", turn.newest.intent_id, used
            )
            await try_move(desk, again, turn.newest.key)


async def _who_used(node: rpc.Node, turn: Turn, final: int) -> str | None:
    """The transaction of a final block that used a nonce; None where none is to be found."""
    if final < 0 or await used_nonces(node, turn.signer, final) <= turn.nonce:
        return None
    number = await _where_used(node, turn, final)
    block = await node.call("eth_getBlockByNumber", hex(number), True) if number else None
    for each in block["transactions"] if block else ():
        if each["from"].lower() == turn.signer and quantity(each["nonce"]) == turn.nonce:
            return block_hash(each["hash"])
    return None


async def _where_used(node: rpc.Node, turn: Turn, final: int) -> int | None:
    """The first block up to `final` that counts a nonce; None where the node keeps no state so far
    back. It lies above `unused` and not above `used`; both are moved until they are neighbours."""
    step, used, unused = 1, final, final - 1
    try:
        while unused >= 0 and await used_nonces(node, turn.signer, unused) > turn.nonce:
            if step > SEARCH_BLOCKS_MAX:
                return None
            step, used, unused = 2 * step, unused, max(-1, unused - 2 * step)
        while used - unused > 1:
            middle = (used + unused) // 2
            if await used_nonces(node, turn.signer, middle) > turn.nonce:
                used = middle
            else:
                unused = middle
    except rpc.Fault as fault:
        log.warning("chain.no_state", error=fault.message)
        return None
    return used
