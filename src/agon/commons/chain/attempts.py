"""Attempts in the making: new ones under the signer's next nonces, and dearer ones in place of
others. They are stored when a function returns, and sent by nobody yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace as changed
from typing import Any

from agon.commons.chain import faults, fees, rpc, signing
from agon.commons.chain.answers import quantity
from agon.commons.chain.fees import Fees, Market
from agon.commons.chain.outbox import Attempt, Desk, Turn, try_move
from agon.commons.chain.settling import used_nonces
from agon.kernel import logs

log = logs.get("agon.chain")

Row = Mapping[str, Any]

KEEP = "select agon.keep_attempt($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"


async def sign_new(
    at: Desk, market: Market, signer: Row, queued: Sequence[Row], turns: Sequence[Turn]
) -> list[Attempt]:
    """Give nonces to the intents that the chain would accept now, oldest first.

    One that the chain would refuse fails, and costs no nonce; but not while older ones are under
    way, on whose effect it may depend. turns: what waits for being mined.
    """
    offered = fees.choose(market)
    if not _may_offer(at, offered):
        return []
    oldest = min((turn.newest.intent_id for turn in turns), default=None)
    fit = await sort_out(at, signer["address"], queued, oldest)
    if not fit:
        return []
    if signer["next_nonce"] is None:
        await _open_nonces(at, signer["address"])
    try:
        return await _sign_all(at, signer, offered, fit)
    except Exception as error:
        if at.conn.is_closed():
            raise
        log.warning("intents.signed_singly", why=f"{type(error).__name__}: {error}")
        return await _sign_each(at, signer, offered, fit)


async def replace(
    at: Desk, market: Market, attempt: Attempt, *, empty: bool = False
) -> Attempt | None:
    """The same nonce for more; None where that would cost more than we may offer.

    empty: nothing to ourselves, which frees the nonce of bytes that no node will take.
    """
    offered = fees.bump(attempt.fees, market)
    if not _may_offer(at, offered):
        return None
    instead = changed(attempt, fees=offered, is_empty=empty or attempt.is_empty)
    if empty:
        own = attempt.signer
        gas = quantity(await at.node.call("eth_estimateGas", {"from": own, "to": own}))
        instead = changed(instead, to=own, data=b"", value=0, gas_limit=fees.limit(gas))
    signer = await at.conn.fetchrow(
        "select * from agon.find_signer($1, $2)", at.chain_id, attempt.signer
    )
    instead = _signed(at, signer, instead)
    await at.conn.execute(KEEP, *_kept(instead, replaces=attempt.hash))
    log.warning("chain.replaced", key=attempt.key, nonce=attempt.nonce, empty=instead.is_empty)
    return instead


async def sort_out(
    at: Desk, address: str, queued: Sequence[Row], oldest: int | None
) -> list[tuple[Row, int]]:
    """The intents that would be mined now, each with its gas limit; the others fail, or wait.

    oldest: the first intent under way, on whose effect later ones may depend.
    """
    answered = await _tried(at, address, queued)
    fit: list[tuple[Row, int]] = []
    for intent, answer in zip(queued, answered, strict=True):
        if isinstance(answer, int):
            fit.append((intent, fees.limit(answer)))
            oldest = min(oldest or intent["id"], intent["id"])
        elif not faults.is_revert(answer.code, answer.message):
            await hold(at, intent, answer.message)
        elif oldest is not None and oldest < intent["id"]:
            await hold(at, intent, f"would be refused before what is under way: {answer.message}")
        else:
            await fail(at, intent, _reason(answer))
    return fit


async def hold(at: Desk, intent: Row, why: str) -> None:
    """Leave an intent in the queue, and say why, once."""
    if await at.conn.fetchval("select agon.hold_intent($1, $2)", intent["id"], why):
        log.warning("intent.waits", key=intent["key"], why=why)


async def fail(at: Desk, intent: Row, why: str) -> None:
    """End an intent that was never sent."""
    move = at.conn.execute("select agon.fail_intent($1, $2)", intent["id"], why)
    if await try_move(at, move, intent["key"]) is None:
        log.warning("intent.failed", key=intent["key"], why=why)


async def _tried(at: Desk, address: str, intents: Sequence[Row]) -> list[int | rpc.Fault]:
    """The gas that each intent would use if it were mined now, or what the node says against it."""
    answered = await at.node.settle([("eth_estimateGas", (_call(address, i),)) for i in intents])
    return [each if isinstance(each, rpc.Fault) else quantity(each) for each in answered]


def _call(address: str, intent: Row) -> dict[str, str]:
    data, value = "0x" + intent["data"].hex(), hex(int(intent["value_wei"]))
    call = {"from": address, "data": data, "value": value}
    return call | ({"to": intent["to_address"]} if intent["to_address"] else {})


def _reason(fault: rpc.Fault) -> str:
    data = fault.data if isinstance(fault.data, str) else ""
    return f"the chain would refuse it: {fault.message} {data}".rstrip()


async def _open_nonces(at: Desk, address: str) -> None:
    """A signer's first nonce here; what others have put in the pool comes before it."""
    counts = [await used_nonces(at.node, address, block) for block in ("latest", "pending")]
    await at.conn.execute("select agon.open_nonces($1, $2, $3)", at.chain_id, address, max(counts))


async def _sign_all(
    at: Desk, signer: Row, offered: Fees, fit: Sequence[tuple[Row, int]]
) -> list[Attempt]:
    """Sign and store in one transaction, holding the signer's nonces."""
    async with at.conn.transaction():
        first = await at.conn.fetchval(
            "select next_nonce from agon.lock_signer($1, $2)", at.chain_id, signer["address"]
        )
        signed = [
            _signed(at, signer, _draft(signer["address"], nonce, intent, gas_limit, offered))
            for nonce, (intent, gas_limit) in enumerate(fit, first)
        ]
        await at.conn.executemany(KEEP, [_kept(attempt) for attempt in signed])
    return signed


async def _sign_each(
    at: Desk, signer: Row, offered: Fees, fit: Sequence[tuple[Row, int]]
) -> list[Attempt]:
    """One of them is refused by its purpose: it waits, and holds up no other."""
    signed: list[Attempt] = []

    async def sign(intent: Row, gas_limit: int) -> None:
        signed.extend(await _sign_all(at, signer, offered, [(intent, gas_limit)]))

    for intent, gas_limit in fit:
        if why := await try_move(at, sign(intent, gas_limit), intent["key"]):
            await hold(at, intent, why)
    return signed


def _draft(address: str, nonce: int, intent: Row, gas_limit: int, offered: Fees) -> Attempt:
    return Attempt(
        intent_id=intent["id"],
        key=intent["key"],
        to=intent["to_address"],
        data=intent["data"],
        value=int(intent["value_wei"]),
        signer=address,
        nonce=nonce,
        fees=offered,
        gas_limit=gas_limit,
    )


def _signed(at: Desk, signer: Row, attempt: Attempt) -> Attempt:
    """The attempt with its bytes, as it stands before anything has happened to it."""
    draft = signing.Draft(
        chain_id=at.chain_id,
        nonce=attempt.nonce,
        to=attempt.to,
        data=attempt.data,
        value=attempt.value,
        gas_limit=attempt.gas_limit,
        fees=attempt.fees,
    )
    made = signing.sign(at.privates, signer["address"], signer["sealed_key"], draft)
    return changed(attempt, hash=made.hash, raw=made.raw, refusals=0, age_s=0, unsent_s=None)


def _kept(attempt: Attempt, replaces: str | None = None) -> tuple[Any, ...]:
    return (
        attempt.intent_id,
        attempt.signer,
        attempt.nonce,
        attempt.hash,
        attempt.raw,
        attempt.fees.max_fee,
        attempt.fees.priority_fee,
        attempt.gas_limit,
        replaces,
        attempt.is_empty,
    )


def _may_offer(at: Desk, offered: Fees) -> bool:
    """Whether an offer is within the operator's limit; it is told where it is not."""
    if offered.max_fee <= at.fee_wei_max:
        return True
    log.error(
        "chain.too_dear", needed_wei=str(offered.max_fee), limit_wei=str(at.fee_wei_max),
        hint="Wait, or raise AGON_CHAIN_FEE_GWEI_MAX.",
    )  # fmt: skip
    return False
