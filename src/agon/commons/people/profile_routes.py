"""Profiles over HTTP: one's own, everybody's, and pictures with their cache headers."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response

from agon.commons.people import pictures, wallets
from agon.kernel.errors import Refusal, Refused
from agon.web import etags
from agon.web.handlers import Caller, JsonObject, Pools, SignedIn, bounded

router = APIRouter(prefix="/api", tags=["profiles"])

YEAR_S = 365 * 86_400
FRESH_S = 60
"""How long an address that names no version may be kept without asking again."""

_TEXT_OR_NULL = {"type": ["string", "null"]}
_PROFILE_SCHEMA = {
    "type": "object",
    "required": ["wallet", "display_name", "bio"],
    "properties": {
        "wallet": {"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"},
        "display_name": {**_TEXT_OR_NULL, "maxLength": 50, "description": "One line."},
        "bio": {**_TEXT_OR_NULL, "maxLength": 500},
    },
}
PROFILE = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": _PROFILE_SCHEMA}}}
}
_BINARY = {"schema": {"type": "string", "format": "binary"}}
AVATAR = {
    "requestBody": {
        "required": True,
        "content": {f"image/{kind}": _BINARY for kind in ("jpeg", "png", "webp")},
    }
}


@router.get("/me/profile")
async def show_own_profile(wallet: str, caller: Caller, pools: Pools) -> dict[str, Any]:
    """The profile of one of the caller's wallets."""
    async with pools.as_caller(caller) as conn:
        return await conn.fetchval("select agon.show_own_profile($1)", wallet)


@router.put("/me/profile", openapi_extra=PROFILE)
async def put_profile(caller: Caller, pools: Pools, body: JsonObject) -> dict[str, Any]:
    """Set display name and bio of one of the caller's wallets; null is none."""
    async with pools.as_worker(caller) as conn:
        return await conn.fetchval(
            "select agon.put_profile($1, $2, $3)",
            body.get("wallet"),
            body.get("display_name"),
            body.get("bio"),
        )


@router.put("/me/profile/avatar", openapi_extra=AVATAR)
async def put_avatar(
    wallet: str, request: Request, caller: SignedIn, pools: Pools
) -> dict[str, Any]:
    """Set the picture of one of the caller's wallets: the body is a JPEG, PNG or WebP file. Its
    middle is kept, as a square of 512 pixels at most, without metadata."""
    async with pools.as_worker(caller) as conn:
        await conn.execute("select agon.begin_avatar($1)", wallet)
    picture = await _redrawn(request)
    async with pools.as_worker(caller) as conn:
        return await conn.fetchval(
            "select agon.put_avatar($1, $2, $3)", wallet, picture.data, picture.mime
        )


@router.delete("/me/profile/avatar")
async def remove_avatar(wallet: str, caller: Caller, pools: Pools) -> dict[str, Any]:
    """Take the picture away."""
    async with pools.as_worker(caller) as conn:
        return await conn.fetchval("select agon.remove_avatar($1)", wallet)


@router.get("/player/{wallet}")
async def show_player(wallet: str, caller: Caller, pools: Pools) -> dict[str, Any]:
    """What everybody may see of a wallet; nulls where it has said nothing."""
    async with pools.as_caller(caller) as conn:
        return await conn.fetchval("select agon.show_profile($1)", wallet)


@router.get("/player/{wallet}/avatar", response_class=Response)
async def show_avatar(
    wallet: str, request: Request, caller: Caller, pools: Pools, v: str = ""
) -> Response:
    """A wallet's picture. `avatar_url` names its version in `v`, and may be kept for ever."""
    known = etags.asked(request.headers.get("if-none-match", ""))
    async with pools.as_caller(caller) as conn:
        row = await conn.fetchrow(
            "select * from agon.show_avatar($1, $2)", wallets.address(wallet), list(known)
        )
    is_version = len(v) >= 8 and row["avatar_hash"].startswith(v)
    headers = {
        "ETag": f'"{row["avatar_hash"]}"',
        "Cache-Control": f"public, max-age={YEAR_S}, immutable"
        if is_version
        else f"public, max-age={FRESH_S}, must-revalidate",
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
    }
    if row["avatar"] is None:
        return Response(status_code=304, headers=headers)
    return Response(row["avatar"], headers=headers, media_type=row["avatar_mime"])


async def _redrawn(request: Request) -> pictures.Picture:
    """The picture of a request's body, drawn in a process of its own. Raises Refused `image_…`."""
    too_large = Refused(pictures.TOO_LARGE)
    data = await bounded(request, pictures.UPLOAD_BYTES_MAX, too_large).body()
    processes = request.app.state.processes
    if processes is None:
        found = await asyncio.to_thread(pictures.redraw, data)
    else:
        found = await processes.run(pictures.redraw, data)
    if isinstance(found, Refusal):
        raise Refused(found)
    return found
