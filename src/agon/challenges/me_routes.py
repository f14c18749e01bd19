"""What is the caller's own, on the chain: claims, achievements, reputation."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from agon.challenges import bodies, claims
from agon.challenges.subjects import subject_of
from agon.commons.people import wallets
from agon.web.handlers import Caller, JsonObject, Pools, SignedIn

router = APIRouter(prefix="/api/me", tags=["me"])


@router.get("/claims")
async def list_claims(
    caller: SignedIn, pools: Pools, subject: str | None = None
) -> list[dict[str, Any]]:
    """What the caller's wallets have claimed, newest first; amounts in wei, as decimal strings."""
    own = None if subject is None else wallets.address(subject)
    async with pools.as_caller(caller) as conn:
        rows = await conn.fetch("select * from public.my_claims($1) as claim", own)
        return [row["claim"] for row in rows]


@router.post("/claims", status_code=201, openapi_extra=bodies.CLAIM)
async def report_claim(caller: Caller, pools: Pools, body: JsonObject) -> dict[str, Any]:
    """Report a claim that one of the caller's wallets has made; what the chain says of it counts
    more. A second time answers with the same row."""
    subject = subject_of(body)
    async with pools.as_worker(caller) as conn:
        return await claims.report(conn, subject, body)


@router.get("/achievements")
async def list_achievements(caller: SignedIn, pools: Pools) -> list[dict[str, Any]]:
    """The achievements of the caller's wallets, newest first."""
    async with pools.as_caller(caller) as conn:
        rows = await conn.fetch("select to_jsonb(m) as row from public.my_achievements() m")
        return [row["row"] for row in rows]


@router.get("/reputation")
async def show_reputation(caller: SignedIn, pools: Pools) -> list[dict[str, Any]]:
    """The reputation of each of the caller's wallets."""
    async with pools.as_caller(caller) as conn:
        rows = await conn.fetch("select * from public.my_reputation() as row")
        return [row["row"] for row in rows]
