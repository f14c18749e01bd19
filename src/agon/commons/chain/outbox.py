"""The outbox as the sender sees it: what it works with, and the attempts that are under way."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from agon.commons.chain.fees import Fees
from agon.commons.chain.rpc import Node
from agon.commons.chain.signing import Privates
from agon.kernel import logs
from agon.kernel.database import Conn

log = logs.get("agon.chain")


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What a round of sending uses.

    conn: the connection that holds the sender's lock; everything is written over it, so that who
    loses it writes nothing more. confirmations: blocks on top of a final one; stuck_s: after which
    more is offered; fee_wei_max: for one unit of gas.
    """

    conn: Conn
    node: Node
    chain_id: int
    privates: Privates
    confirmations: int
    stuck_s: int
    fee_wei_max: int


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """Signed bytes at an intent of which nothing is mined yet.

    is_empty: nothing to ourselves, to free the nonce; refusals: in a row; age_s: since it was
    signed; unsent_s: since a node last took it, None if none did.
    """

    intent_id: int
    key: str
    to: str | None
    data: bytes
    value: int
    signer: str
    nonce: int
    fees: Fees
    gas_limit: int
    is_empty: bool = False
    hash: str = ""
    raw: bytes = b""
    refusals: int = 0
    age_s: float = 0
    unsent_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class Turn:
    """The attempts of one nonce, the newest last."""

    signer: str
    nonce: int
    attempts: Sequence[Attempt]

    @property
    def newest(self) -> Attempt:
        return self.attempts[-1]


async def open_turns(desk: Desk) -> list[Turn]:
    """What is under way and not mined, by signer and nonce."""
    rows = await desk.conn.fetch("select * from agon.open_attempts($1)", desk.chain_id)
    return _turns(map(_attempt, rows))


async def try_move(desk: Desk, move: Awaitable[Any], key: str) -> str | None:
    """Move an intent, unless its purpose refuses: that is told, and holds up no other intent.

    Returns why, if it was refused. A lost connection ends the round.
    """
    try:
        await move
    except Exception as error:
        if desk.conn.is_closed():
            raise
        log.error("intent.held", key=key, why=f"{type(error).__name__}: {error}")
        return f"{type(error).__name__}: {error}"
    return None


def _turns(attempts: Iterable[Attempt]) -> list[Turn]:
    groups = groupby(attempts, key=lambda attempt: (attempt.signer, attempt.nonce))
    return [Turn(signer=key[0], nonce=key[1], attempts=tuple(group)) for key, group in groups]


def _attempt(row: Mapping[str, Any]) -> Attempt:
    is_empty = row["is_empty"]
    return Attempt(
        intent_id=row["intent_id"],
        key=row["key"],
        to=row["signer"] if is_empty else row["to_address"],
        data=b"" if is_empty else row["data"],
        value=0 if is_empty else int(row["value_wei"]),
        signer=row["signer"],
        nonce=row["nonce"],
        hash=row["hash"],
        raw=row["raw"],
        fees=Fees(max_fee=int(row["max_fee_wei"]), priority_fee=int(row["priority_fee_wei"])),
        gas_limit=row["gas_limit"],
        is_empty=is_empty,
        refusals=row["refusals"],
        age_s=row["age_s"],
        unsent_s=row["unsent_s"],
    )
