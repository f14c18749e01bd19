"""Sending: sign, store, commit, and only then send; after a stop, the same bytes again.

One process sends at a time: it holds a session lock in Postgres, and writes over that connection
alone. Whatever is lost between two steps is found again in the next round: bytes that were stored
are sent again, and what was mined is recognised by its hash.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from agon.commons.chain import attempts, faults, fees, rpc, safe, settling
from agon.commons.chain.answers import quantity
from agon.commons.chain.fees import Market
from agon.commons.chain.outbox import Attempt, Desk, Turn, try_move
from agon.commons.chain.settling import Head
from agon.kernel import logs
from agon.kernel.database import Conn
from agon.kernel.errors import Refused
from agon.kernel.jobs import Work
from agon.kernel.runtime import Runtime

IN_FLIGHT_MAX = 64
"""Attempts of a signer that wait for being mined; nodes keep no more of an account (geth: 64)."""
RESEND_S = 15
"""After which a node is given bytes again that it took, but that are not mined."""
REFUSALS_MAX = 3
"""In a row, of bytes that no node will ever take; then an empty transaction frees their nonce."""
GIVE_UP_S = 24 * 3600
"""After which bytes that no node has taken, for reasons that we do not know, are given up so."""
GWEI = 10**9
CHANNEL = "agon_chain_send"
LOCK = "select pg_try_advisory_lock(hashtextextended('agon chain sender', 0))"

log = logs.get("agon.chain")


async def run(work: Work, stop: asyncio.Event) -> None:
    """Send until told to stop, or wait for the process that does."""
    if work.runtime.settings["rpc_url"] is None:
        await stop.wait()
        return
    poll_s = work.runtime.settings["chain_poll_ms"] / 1000
    woken = asyncio.Event()
    async with work.database.dedicated("agon_worker") as conn:
        while not await conn.fetchval(LOCK):
            if await _pause(poll_s, stop):
                return
        await conn.add_listener(CHANNEL, lambda *_: woken.set())
        async with rpc.connect(work.runtime) as node, _service(work.runtime) as service:
            at = head = None
            while not stop.is_set():
                woken.clear()
                try:
                    at = at or await desk(work.runtime, conn, node)
                    head = await once(at, head, service)
                except Refused as error:
                    log.warning("chain.sending_waits", why=str(error))
                await _pause(poll_s, stop, woken)


async def wake(work: Work, _payload: Mapping[str, Any]) -> None:
    """Something is meant: whoever sends need not wait for its next turn."""
    await work.database.ask("select pg_notify($1, '')", CHANNEL)


@asynccontextmanager
async def _service(runtime: Runtime) -> AsyncIterator[safe.Service | None]:
    url = runtime.settings["safe_url"]
    if url is None:
        yield None
        return
    async with runtime.outbound(url) as client:
        yield safe.Service(client=client, url=url, key=runtime.settings["safe_api_key"])


async def desk(runtime: Runtime, conn: Conn, node: rpc.Node) -> Desk:
    """What a round needs, from this process's settings and keys."""
    settings = runtime.settings
    return Desk(
        conn=conn,
        node=node,
        chain_id=await node.chain_id(),
        privates=runtime.sealing_keys,
        confirmations=settings["chain_confirmations"],
        stuck_s=settings["chain_stuck_s"],
        fee_wei_max=settings["chain_fee_gwei_max"] * GWEI,
    )


async def once(at: Desk, before: Head | None, service: safe.Service | None = None) -> Head:
    """One round: what became of what was sent, what must be sent again or replaced, what is new.

    before: of the round before, None after a start, when everything that waits is sent again;
    service: where a Safe's proposals go.
    """
    head, turns = await settling.settle(at, before)
    signer = await at.conn.fetchrow("select * from agon.find_signer($1)", at.chain_id)
    # A reorganisation may bring back more than are let out together.
    room = max(0, IN_FLIGHT_MAX - sum(turn.signer == signer["address"] for turn in turns))
    queued = await at.conn.fetch("select * from agon.queued_intents($1, $2)", at.chain_id, room)
    if turns or (queued and signer["kind"] == "key"):
        market = await _market(at.node)
        await _send_all(at, market, await _due(at, market, turns, everything=before is None))
        if queued and signer["kind"] == "key":
            new = await attempts.sign_new(at, market, signer, queued, turns)
            await _send_all(at, market, new)
    if queued and signer["kind"] == "safe":
        await safe.propose(at, service, signer, queued)
    if service:
        await safe.follow(at, service, head)
    if queued and signer["kind"] is None:
        log.warning("chain.no_signer", waiting=len(queued), hint="agon chain signer add")
    return head


async def _market(node: rpc.Node) -> Market:
    history = await node.call(
        "eth_feeHistory", hex(fees.HISTORY_BLOCKS), "latest", [fees.REWARD_PERCENTILE]
    )
    try:
        suggested = quantity(await node.call("eth_maxPriorityFeePerGas"))
    except rpc.Fault as fault:  # not every node has the method
        log.debug("chain.no_suggestion", error=fault.message)
        suggested = 0
    return fees.read(history, suggested)


async def _due(
    at: Desk, market: Market, turns: Sequence[Turn], *, everything: bool
) -> list[Attempt]:
    """What to send now, in the order of nonces: what no node took, what one took long ago, and
    replacements of what is stuck."""
    due, signers = [], set()
    for turn in turns:
        attempt, is_first = turn.newest, turn.signer not in signers
        signers.add(turn.signer)
        if _is_stuck(at, market, attempt, is_first=is_first):
            due.append(await attempts.replace(at, market, attempt) or attempt)
        elif everything or attempt.unsent_s is None or attempt.unsent_s >= RESEND_S:
            due.append(attempt)
    return due


def _is_stuck(at: Desk, market: Market, attempt: Attempt, *, is_first: bool) -> bool:
    """Whether to offer more. Only the first nonce of a signer can be stuck for its own sake; those
    behind it are, if they could not be mined even when their turn comes."""
    late = attempt.unsent_s is not None and attempt.age_s >= at.stuck_s
    return late and (is_first or fees.is_low(attempt.fees, market))


async def _send_all(at: Desk, market: Market, due: Sequence[Attempt]) -> None:
    """Send one after the other, for nonces depend on each other. Where an answer is lost, the rest
    waits for the next round: the same bytes go out again."""
    taken = []
    for attempt in due:
        try:
            taken += await _send(at, market, attempt)
        except Refused as refused:
            log.warning("chain.answer_lost", key=attempt.key, why=str(refused))
            break
    if taken and await try_move(at, _note_sent(at, taken), "all of these"):
        for tx_hash in taken:
            await try_move(at, _note_sent(at, [tx_hash]), tx_hash)


async def _note_sent(at: Desk, hashes: list[str]) -> None:
    await at.conn.execute("select agon.note_sent($1)", hashes)


async def _send(at: Desk, market: Market, attempt: Attempt) -> list[str]:
    """Give bytes to the node, and a replacement with them if it asks for more. Returns the hashes
    that it has now."""
    fault = await _offer(at.node, attempt)
    kind = faults.of_sending(fault.message) if fault else "known"
    if kind == "known":
        return [attempt.hash]
    if kind == "nonce_low":  # by one of ours, or by a stranger's: the next round tells
        return []
    count = await at.conn.fetchval("select agon.note_refused($1, $2)", attempt.hash, fault.message)
    log.warning("chain.refused", key=attempt.key, kind=kind, times=count, why=fault.message)
    give_up = (kind == "permanent" and count >= REFUSALS_MAX) or (
        kind == "unclear" and attempt.unsent_s is None and attempt.age_s >= GIVE_UP_S
    )
    if kind == "underpriced" or (give_up and not attempt.is_empty):
        instead = await attempts.replace(at, market, attempt, empty=give_up)
        if instead and await _offer(at.node, instead) is None:
            return [instead.hash]
    return []


async def _offer(node: rpc.Node, attempt: Attempt) -> rpc.Fault | None:
    try:
        await node.call("eth_sendRawTransaction", "0x" + attempt.raw.hex())
    except rpc.Fault as fault:
        return fault
    return None


async def _pause(seconds: float, *events: asyncio.Event) -> bool:
    """Wait for one of the events, or so long. Whether the first has come."""
    waiters = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waiters, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for waiter in waiters:
        waiter.cancel()
    return events[0].is_set()
