"""Linked accounts over HTTP."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Cookie, Response
from fastapi.responses import RedirectResponse

from agon.challenges import accounts, bodies
from agon.challenges.subjects import subject_of
from agon.commons.people import wallets
from agon.web.handlers import Caller, JsonObject, Pools, Process

router = APIRouter(prefix="/api/accounts", tags=["accounts"])

BINDER_COOKIE = "agon_linking"
BINDER_BYTES = 32
BINDER_S = 600
"""As long as a state holds."""


def bind(answer: Response, process: Process, binder: str) -> None:
    """Keep the binder in the browser that starts, so that only it can finish."""
    answer.set_cookie(
        BINDER_COOKIE,
        binder,
        max_age=BINDER_S,
        path=router.prefix,
        secure=(process.settings["public_url"] or "").startswith("https://"),
        httponly=True,
        samesite="lax",
    )


@router.get("/link")
async def list_accounts(subject: str, caller: Caller, pools: Pools) -> list[dict[str, Any]]:
    """The accounts of one of the caller's wallets; never their tokens."""
    async with pools.as_caller(caller) as conn:
        return await accounts.list_linked(conn, wallets.address(subject))


@router.post("/link", status_code=201, openapi_extra=bodies.LINKING)
async def link_account(
    caller: Caller, pools: Pools, process: Process, body: JsonObject, answer: Response
) -> dict[str, Any]:
    """Link an account: with an `external_id` where the provider has no OAuth (OpenDota), else the
    answer's `authorize_url` is where to send the person."""
    subject, provider = subject_of(body), str(body.get("provider", ""))
    binder = secrets.token_urlsafe(BINDER_BYTES)
    async with pools.as_worker(caller) as conn:
        linked = await accounts.link(
            conn, process.settings, subject, provider, body.get("external_id"), binder
        )
    if "authorize_url" in linked:
        bind(answer, process, binder)
    return linked


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
    binder = secrets.token_urlsafe(BINDER_BYTES)
    async with pools.as_worker(caller) as conn:
        url = await accounts.start_linking(
            conn, process.settings, wallets.address(subject), provider, binder
        )
    answer = RedirectResponse(url, status_code=302)
    bind(answer, process, binder)
    return answer


@router.get("/{provider}/callback")
async def callback(
    provider: str,
    pools: Pools,
    process: Process,
    state: str = "",
    code: str = "",
    binder: Annotated[str, Cookie(alias=BINDER_COOKIE)] = "",
) -> dict[str, Any]:
    """Where the provider sends people back to, with a code that is exchanged for tokens."""
    async with process.outbound() as client:
        subject = await accounts.finish_linking(
            pools, client, process.settings, provider, state + binder, code
        )
    return {"linked": True, "provider": provider, "subject": subject}
