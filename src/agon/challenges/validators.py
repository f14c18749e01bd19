"""Validators: who may vote on challenges, where our signer is ChallengePay's admin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from agon.commons.chain import errands, rpc
from agon.kernel.database import Conn
from agon.kernel.errors import Refused, refuse

PURPOSE = "challenges.validator"
ADMIN_ROLE = bytes(32)
"""OpenZeppelin's DEFAULT_ADMIN_ROLE."""
FUNCTIONS = {"add": "grantRole", "remove": "revokeRole"}


async def change(
    conn: Conn, node: rpc.Node, account: str, act: Literal["add", "remove"]
) -> Mapping[str, Any] | None:
    """Give an account (lower case) VALIDATOR_ROLE, or take it; the intent, None where it is so.

    Refused: `contract_missing`, `signer_missing`, `signer_not_admin`.
    """
    chain_id = await node.chain_id()
    step = await conn.fetchval("select agon.next_validator_act($1, $2, $3)", chain_id, account, act)
    role = await errands.ask(node, "ChallengePay", step["to"], "VALIDATOR_ROLE")
    holds = await errands.ask(node, "ChallengePay", step["to"], "hasRole", role, account)
    if step["under_way"] is None and holds is (act == "add"):
        return None
    signer = await errands.signer(conn, chain_id)
    if not await errands.ask(node, "ChallengePay", step["to"], "hasRole", ADMIN_ROLE, signer):
        raise _not_admin(signer, step["admins"])
    errand = errands.Errand(
        chain_id=chain_id,
        key=step["key"],
        purpose=PURPOSE,
        contract="ChallengePay",
        to=step["to"],
        function=FUNCTIONS[act],
        arguments=(role, account),
        payload={"account": account, "act": act},
    )
    return await errands.mean(conn, node, errand)


def _not_admin(signer: str, admins: Sequence[str]) -> Refused:
    names = ", ".join(admins) or "an address whose logs are not read yet"
    return refuse(
        "signer_not_admin",
        f"Our signer {signer} is no admin of ChallengePay.",
        details=f"admin: {names}",
        hint="The admin calls grantRole or revokeRole with VALIDATOR_ROLE.",
        status=409,
    )
