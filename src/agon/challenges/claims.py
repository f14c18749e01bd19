"""Claims: what wallets say that they took out, and what they could take out now."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from agon.commons.chain import artifacts, calls, rpc
from agon.commons.chain.answers import quantity
from agon.kernel.database import Actor, Conn, Database
from agon.kernel.errors import refuse
from agon.kernel.runtime import Runtime

CLAIM_TYPES = (
    "principal",
    "cashback",
    "validator_reward",
    "validator_reject",
    "reject_creator",
    "reject_contribution",
    "treasury_eth",
)
WEI = re.compile(r"0|[1-9][0-9]{0,77}")
WEI_END = 2**256
METADATA_BYTES_MAX = 8 * 1024
CALL_FAILED = "chain_call_failed"
"""The code of a refusal: the node answers, but not what this call would do."""


async def report(conn: Conn, subject: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Keep a claim that one of the caller's wallets has made.

    body: {challenge_id, claim_type, tx_hash?, amount_wei? (decimal string), metadata?}. Raises
    Refused `<field>_malformed`, `metadata_too_large`, and the database's refusals.
    """
    challenge_id, tx_hash, metadata = (body.get(k) for k in ("challenge_id", "tx_hash", "metadata"))
    if type(challenge_id) is not int or not 0 <= challenge_id < 2**63:
        raise _malformed("challenge_id", "the number of a challenge")
    if tx_hash is not None and not re.fullmatch("0x[0-9a-fA-F]{64}", str(tx_hash)):
        raise _malformed("tx_hash", "0x and 64 hexadecimal digits")
    if metadata is not None and not isinstance(metadata, dict):
        raise _malformed("metadata", "an object")
    if len(json.dumps(metadata)) > METADATA_BYTES_MAX:
        raise refuse(
            "metadata_too_large",
            f"metadata is at most {METADATA_BYTES_MAX} bytes of JSON.",
            details="/metadata",
            status=413,
        )
    claim_type = body.get("claim_type")
    return await conn.fetchval(
        "select agon.report_claim($1, $2, $3, $4, $5, $6)",
        challenge_id,
        subject,
        None if claim_type is None else str(claim_type),
        _wei(body.get("amount_wei", "0")),
        tx_hash,
        metadata,
    )


async def lifecycle(
    database: Database, runtime: Runtime, caller: Actor, challenge_id: int, subject: str
) -> dict[str, Any]:
    """The stage of one of the caller's wallets with a challenge, as agon.resolve_lifecycle says."""
    async with database.as_worker(caller) as conn:
        asked = await conn.fetchval("select agon.claim_calls($1, $2)", challenge_id, subject)
    claimable = None
    if asked and runtime.settings["rpc_url"]:
        async with rpc.connect(runtime) as node:
            claimable = await simulate(node, challenge_id, subject, asked)
    async with database.as_worker(caller) as conn:
        return await conn.fetchval(
            "select agon.resolve_lifecycle($1, $2, $3)", challenge_id, subject, claimable
        )


async def simulate(
    node: rpc.Node, challenge_id: int, subject: str, asked: Sequence[Mapping[str, Any]]
) -> list[dict[str, str]]:
    """What each claim would pay the wallet at the newest block: [{claim_type, amount_wei}].

    A contract that reverts pays nothing. Raises Refused `chain_call_failed`,
    `chain_answer_malformed` where the node cannot say.
    """
    answers = await node.settle(
        [("eth_call", _call(challenge_id, subject, each)) for each in asked]
    )
    found = []
    for each, answer in zip(asked, answers, strict=True):
        if isinstance(answer, rpc.Fault):
            if _is_revert(answer):
                continue
            raise refuse(
                CALL_FAILED,
                "The node cannot say what a claim would pay.",
                details=str(answer),
                hint="Try again later.",
                status=502,
            )
        found.append({"claim_type": each["claim_type"], "amount_wei": str(quantity(answer))})
    return found


def eligibility(lifecycle: Mapping[str, Any]) -> dict[str, Any]:
    """Of a lifecycle, what can be claimed. Pure."""
    keys = ("challenge_id", "subject", "claim_eligible", "reward", "claimable", "claimed")
    return {key: lifecycle[key] for key in keys} | {"sentence": _sentence(lifecycle)}


def _sentence(lifecycle: Mapping[str, Any]) -> str:
    if not lifecycle["on_chain"]:
        return "This challenge does not stand on a chain, so there is nothing to claim."
    if not lifecycle["simulated"]:
        return "No chain is configured here, so nobody can say what could be claimed."
    return lifecycle["sentence"]


def _call(challenge_id: int, subject: str, each: Mapping[str, Any]) -> list[Any]:
    data = calls.encode(artifacts.load(each["contract"]), each["call"], challenge_id)
    return [{"from": subject, "to": each["to"], "data": "0x" + data.hex()}, "latest"]


def _is_revert(fault: rpc.Fault) -> bool:
    """Code 3 by geth's convention; older nodes say it in words."""
    return fault.code == 3 or "revert" in fault.message.lower()


def _wei(amount: object) -> int:
    text = str(amount) if isinstance(amount, str | int) and not isinstance(amount, bool) else ""
    if not WEI.fullmatch(text) or int(text) >= WEI_END:
        raise _malformed("amount_wei", "wei in decimal digits")
    return int(text)


def _malformed(field: str, what: str) -> Exception:
    return refuse(f"{field}_malformed", f"{field} is not {what}.", details=f"/{field}", status=422)
