"""How organisations look, over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from agon.commons.organisations import bodies, branding
from agon.web.handlers import Caller, JsonObject, Pools, SignedIn

router = APIRouter(prefix="/api/org", tags=["organisations"])
here_router = APIRouter(prefix="/api/branding", tags=["organisations"])


@here_router.get("")
async def show_branding(caller: Caller, pools: Pools) -> dict[str, Any]:
    """How pages look at the host that was asked: as the organisation whose domain it is."""
    async with pools.as_caller(caller) as conn:
        return await branding.here(conn)


@router.get("/{slug}/branding")
async def show_own_branding(slug: str, caller: SignedIn, pools: Pools) -> dict[str, Any]:
    """Its branding, and what DNS must say of its domain; for admins, and keys with `org:read`."""
    async with pools.as_worker(caller) as conn:
        return await branding.shown(conn, slug)


@router.put("/{slug}/branding", openapi_extra=bodies.BRANDING)
async def put_branding(
    slug: str, caller: SignedIn, pools: Pools, body: JsonObject
) -> dict[str, Any]:
    """Set the whole branding; for admins, and keys with `branding:write`."""
    async with pools.as_worker(caller) as conn:
        return await branding.put(conn, slug, body)


@router.post("/{slug}/branding/check", status_code=202)
async def check_domain(slug: str, caller: SignedIn, pools: Pools) -> dict[str, Any]:
    """Have its domain looked up soon; for admins, and keys with `branding:write`."""
    async with pools.as_worker(caller) as conn:
        return await branding.ask_check(conn, slug)
