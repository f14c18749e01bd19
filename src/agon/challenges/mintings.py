"""Mintings: achievements of a finalized challenge, each meant once."""

from __future__ import annotations

from agon.commons.chain import artifacts, calls, intents
from agon.kernel.database import Database

PURPOSE = "challenges.mint"
MINTS_PER_TURN_MAX = 200


async def mint(database: Database, challenge_id: int) -> int:
    """Mean every achievement of a challenge that is not meant yet; says how many."""
    contract = artifacts.load("ChallengeAchievement")
    meant = 0
    while True:
        async with database.as_worker() as conn:
            due = await conn.fetchval(
                "select agon.next_mints($1, $2)", challenge_id, MINTS_PER_TURN_MAX
            )
            for each in due:
                await intents.mean(
                    conn,
                    chain_id=each["chain_id"],
                    key=each["key"],
                    purpose=PURPOSE,
                    to=each["to"],
                    data=calls.encode(
                        contract, "mint", each["recipient"], challenge_id, each["number"]
                    ),
                    payload={"challenge_id": challenge_id, "recipient": each["recipient"]},
                )
        if not due:
            return meant
        meant += len(due)
