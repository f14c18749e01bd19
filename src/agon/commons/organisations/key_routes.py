"""API keys of organisations over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from agon.commons.organisations import bodies, keys
from agon.web.handlers import Caller, JsonObject, Pools, SignedIn

router = APIRouter(prefix="/api/org", tags=["organisations"])
scopes_router = APIRouter(prefix="/api/scopes", tags=["organisations"])


@scopes_router.get("")
async def list_scopes(caller: Caller, pools: Pools) -> list[dict[str, str]]:
    """What a key may be allowed to do."""
    async with pools.as_caller(caller) as conn:
        return await keys.scopes(conn)


@router.get("/{slug}/keys")
async def list_keys(slug: str, caller: SignedIn, pools: Pools) -> list[dict[str, Any]]:
    """Its keys, by their first letters; for admins."""
    async with pools.as_worker(caller) as conn:
        return await keys.listed(conn, slug)


@router.post("/{slug}/keys", status_code=201, openapi_extra=bodies.KEY)
async def issue_key(slug: str, caller: SignedIn, pools: Pools, body: JsonObject) -> dict[str, Any]:
    """A new key, by an admin: shown now, and never again."""
    async with pools.as_worker(caller) as conn:
        return await keys.issue(
            conn,
            slug,
            body.get("label"),
            body.get("scopes"),
            rate_limit=body.get("rate_limit"),
            expires_at=body.get("expires_at"),
        )


@router.delete("/{slug}/keys/{key}")
async def revoke_key(slug: str, key: UUID, caller: SignedIn, pools: Pools) -> dict[str, bool]:
    """End a key, at once."""
    async with pools.as_worker(caller) as conn:
        return {"revoked": await keys.revoke(conn, slug, key)}
