"""A user's wallets: linking further ones by a signed message (EIP-4361), and parting from them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from agon.auth import bodies, proofs
from agon.auth.bodies import Body
from agon.auth.desk import PREFIX, MemberDesk
from agon.auth.refusals import AuthRoute, validation_failed
from agon.commons.people import wallets

router = APIRouter(prefix=f"{PREFIX}/user/wallets", tags=["auth"], route_class=AuthRoute)


@router.get("")
async def list_wallets(desk: MemberDesk) -> dict[str, Any]:
    """The caller's wallets, the oldest first."""
    async with desk.acting() as conn:
        return {"wallets": await wallets.listed(conn)}


@router.post("", status_code=201, openapi_extra=bodies.described("message", "signature"))
async def link_wallet(desk: MemberDesk, body: Body) -> dict[str, Any]:
    """Link a wallet that signed `message`, with its `signature`; each message works once."""
    message, signature = body.get("message"), body.get("signature")
    if not isinstance(message, str) or not isinstance(signature, str):
        raise validation_failed("message and signature are required")
    by_contract = await proofs.is_by_contract(desk, message, signature)
    async with desk.acting() as conn:
        proof = await proofs.of_wallet(conn, desk, message, signature, by_contract=by_contract)
        return await wallets.link_own(conn, proof.address, proof.claims())


@router.delete("/{address}")
async def unlink_wallet(address: str, desk: MemberDesk) -> dict[str, bool]:
    """Take a wallet from the account; never the last way into it."""
    async with desk.acting() as conn:
        return {"removed": await wallets.unlink(conn, address)}
