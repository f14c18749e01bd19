"""Settlements: an inference that is done becomes an outcome on the chain, call by call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agon.commons.chain import artifacts, calls, intents
from agon.kernel.database import Database

PURPOSE = "challenges.settle"


async def settle(database: Database, challenge_id: int) -> str | None:
    """Mean the next call of ChallengePay for a challenge; its name, or None where there is none.

    The call after it follows when it is confirmed.
    """
    async with database.as_worker() as conn:
        step = await conn.fetchval("select agon.next_settlement($1)", challenge_id)
        if step is None:
            return None
        intent = await intents.mean(
            conn,
            chain_id=step["chain_id"],
            key=step["key"],
            purpose=PURPOSE,
            to=step["to"],
            data=call_data(challenge_id, step),
            payload={"challenge_id": challenge_id, "step": step["step"]},
        )
        await conn.execute("select agon.note_settlement_meant($1, $2)", challenge_id, intent["id"])
        return step["call"]


def call_data(challenge_id: int, step: Mapping[str, Any]) -> bytes:
    """The call of a step, as agon.next_settlement tells it."""
    argument: Any
    match step["call"]:
        case "submitProof":
            argument = bytes.fromhex(step["result_hash"][2:])
        case "markWinners":
            argument = step["winners"]
        case _:
            argument = step["outcome"]
    return calls.encode(artifacts.load("ChallengePay"), step["call"], challenge_id, argument)
