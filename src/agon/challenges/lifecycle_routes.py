"""How a wallet stands with a challenge: its stage, and what it can claim."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from agon.challenges import claims
from agon.commons.people import wallets
from agon.web.handlers import Caller, Pools, Process, RowId

router = APIRouter(prefix="/api/challenges", tags=["challenges"])


@router.get("/{challenge_id}/lifecycle")
async def show_lifecycle(
    challenge_id: RowId, subject: str, caller: Caller, pools: Pools, process: Process
) -> dict[str, Any]:
    """The stage of one of the caller's wallets; what it can claim is asked of the chain."""
    address = wallets.address(subject)
    return await claims.lifecycle(pools, process, caller, challenge_id, address)


@router.get("/{challenge_id}/claim")
async def show_claim(
    challenge_id: RowId, subject: str, caller: Caller, pools: Pools, process: Process
) -> dict[str, Any]:
    """What one of the caller's wallets can claim, and has claimed; wei in decimal strings."""
    address = wallets.address(subject)
    return claims.eligibility(await claims.lifecycle(pools, process, caller, challenge_id, address))
