"""Linked accounts over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import RedirectResponse

from agon.challenges import accounts
from agon.commons.people import wallets
from agon.web.handlers import Caller, JsonObject, Pools, Process

router = APIRouter(prefix="/api/accounts", tags=["accounts"])


@router.get("/link")
async def list_accounts(subject: str, caller: Caller, pools: Pools) -> list[dict[str, Any]]:
    """The accounts of one of the caller's wallets; never their tokens."""
    async with pools.as_caller(caller) as conn:
        return await accounts.list_linked(conn, wallets.address(subject))


@router.post("/link", status_code=201)
async def link_account(
    caller: Caller, pools: Pools, process: Process, body: JsonObject
) -> dict[str, Any]:
    """Link an account: with an `external_id` where the provider has no OAuth (OpenDota), else the
    answer's `authorize_url` is where to send the person."""
    subject = wallets.address(str(body.get("subject", "")))
    async with pools.as_worker(caller) as conn:
        return await accounts.link(
            conn, process.settings, subject, str(body.get("provider", "")), body.get("external_id")
        )


@router.delete("/link")
async def unlink_account(
    subject: str, provider: str, caller: Caller, pools: Pools
) -> dict[str, bool]:
    """Forget an account and its tokens."""
    async with pools.as_worker(caller) as conn:
        removed = await conn.fetchval("select agon.unlink_account($1, $2)", subject, provider)
        return {"removed": removed}


@router.get("/{provider}/authorize")
async def authorize(
    provider: str, subject: str, caller: Caller, pools: Pools, process: Process
) -> RedirectResponse:
    """Send a person to the provider."""
    async with pools.as_worker(caller) as conn:
        url = await accounts.start_linking(
            conn, process.settings, wallets.address(subject), provider
        )
    return RedirectResponse(url, status_code=302)


@router.get("/{provider}/callback")
async def callback(
    provider: str, pools: Pools, process: Process, state: str = "", code: str = ""
) -> dict[str, Any]:
    """Where the provider sends people back to, with a code that is exchanged for tokens."""
    async with process.outbound() as client:
        subject = await accounts.finish_linking(
            pools, client, process.settings, accounts.keys_of(process), provider, state, code
        )
    return {"linked": True, "provider": provider, "subject": subject}
