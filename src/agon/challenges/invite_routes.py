"""Invites over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from agon.challenges import bodies, invites, links
from agon.challenges.subjects import subject_of
from agon.commons.people import wallets
from agon.web.handlers import ROW_ID_MAX, Caller, JsonObject, Pools, SignedIn

router = APIRouter(prefix="/api/invites", tags=["invites"])

Number = Annotated[int | None, Query(ge=0, le=ROW_ID_MAX)]


@router.get("")
async def list_invites(
    caller: SignedIn,
    pools: Pools,
    challenge_id: Number = None,
    before: str | None = None,
    limit: Annotated[int, Query(ge=1, le=invites.LISTED_MAX)] = 50,
) -> list[dict[str, Any]]:
    """Invites that the caller sent or got, the newest first. `before` takes the id of the last
    one of an earlier answer."""
    async with pools.as_caller(caller) as conn:
        rows = await conn.fetch(
            "select to_jsonb(i) from agon.list_invites($1, $2, $3) i", challenge_id, before, limit
        )
        return [row[0] for row in rows]


@router.post("", status_code=201, openapi_extra=bodies.INVITE)
async def create_invite(caller: Caller, pools: Pools, body: JsonObject) -> dict[str, Any]:
    """Invite somebody by wallet, mail or Steam64 id, in the name of one of the caller's wallets."""
    async with pools.as_worker(caller) as conn:
        return await invites.create(conn, wallets.address(subject_of(body)), body)


@router.get("/{invite_id}")
async def show_invite(
    invite_id: str, caller: Caller, pools: Pools, token: str = ""
) -> dict[str, Any]:
    """An invite, for who sent it, whom it is for, or who has the `token` of its mail."""
    async with pools.as_caller(caller) as conn:
        return await conn.fetchval(
            "select to_jsonb(agon.find_invite($1, $2))", invite_id, links.digest(token)
        )


@router.post("/{invite_id}/accept", openapi_extra=bodies.ACCEPTANCE)
async def accept_invite(
    invite_id: str, caller: Caller, pools: Pools, body: JsonObject
) -> dict[str, Any]:
    """Accept an invite with one of the caller's wallets, and join the challenge; one on a chain
    is joined by the wallet's own transaction."""
    async with pools.as_worker(caller) as conn:
        return await conn.fetchval(
            "select to_jsonb(agon.accept_invite($1, $2, $3))",
            invite_id,
            wallets.address(subject_of(body)),
            links.digest(str(body.get("token", ""))),
        )
