"""Inferences: the AIVM is asked to go over a challenge's verdicts; the indexer sees the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agon.challenges import outcomes
from agon.commons.chain import artifacts, calls, intents
from agon.kernel.database import Conn, Database
from agon.kernel.errors import Refused, refuse

PURPOSE = "challenges.request_inference"


async def infer(database: Database, challenge_id: int, fee_wei: int) -> str:
    """Claim the challenge's job and mean its request: meant | failed | nothing.

    Safe to run any number of times. Never marks a job done: that is the indexer's.
    """
    async with database.as_worker() as conn:
        job = await conn.fetchrow("select * from agon.claim_aivm_job($1)", challenge_id)
    if job["id"] is None:
        return "nothing"
    try:
        async with database.as_worker() as conn:
            await _request(conn, job, fee_wei)
    except Refused as refused:
        async with database.as_worker() as conn:
            await conn.execute("select agon.fail_aivm_job($1, $2)", challenge_id, str(refused))
        return "failed"
    return "meant"


async def _request(conn: Conn, job: Mapping[str, Any], fee_wei: int) -> None:
    challenge_id = job["challenge_id"]
    case = await conn.fetchval("select agon.load_outcome($1)", challenge_id)
    if case["aivm"] is None:
        raise refuse("aivm_missing", "No AIVM is known on this chain.", hint="agon chain deploy")
    found = outcomes.decide(challenge_id, case["verdicts"])
    intent = await intents.mean(
        conn,
        chain_id=case["chain_id"],
        key=f"{PURPOSE}:{challenge_id}:{job['attempts']}:{found.prompt_hash[2:18]}",
        purpose=PURPOSE,
        to=case["aivm"],
        data=request_data(challenge_id, case, found.prompt_hash),
        value_wei=fee_wei,
        payload={"challenge_id": challenge_id},
    )
    await conn.execute(
        "select agon.note_inference_meant($1, $2, $3, $4, $5, $6, $7)",
        challenge_id,
        intent["id"],
        found.prompt_hash,
        found.bundle.cid,
        found.bundle.data,
        found.outcome,
        list(found.winners),
    )


def request_data(challenge_id: int, case: Mapping[str, Any], prompt_hash: str) -> bytes:
    """The call of the AIVM. The prompt's number is the challenge's, its configuration the
    description's hash."""
    return calls.encode(
        artifacts.load("AIVM"),
        "request",
        case["model_id"],
        bytes.fromhex(prompt_hash[2:]),
        challenge_id.to_bytes(32),
        bytes.fromhex(case["model_hash"][2:]),
        bytes.fromhex(case["content_hash"][2:]),
    )
