"""GET /ipfs/{cid}: published files, as gateways of IPFS serve them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from agon.commons.content import files, publishing
from agon.kernel.database import ANONYMOUS
from agon.web import etags
from agon.web.handlers import Pools, Process

router = APIRouter(tags=["content"])

YEAR_S = 365 * 86_400
SHOWN = frozenset(
    (
        "application/json", "audio/mpeg", "audio/ogg", "image/avif", "image/gif", "image/jpeg",
        "image/png", "image/webp", "model/gltf-binary", "text/plain", "video/mp4", "video/webm",
    )
)  # fmt: skip
"""Media types that a browser shows without running any of it; it downloads all others."""


@router.get("/ipfs/{cid}", response_class=FileResponse)
@router.head("/ipfs/{cid}", include_in_schema=False)
async def show_content(cid: str, request: Request, pools: Pools, process: Process) -> Response:
    """A published file, whole or in ranges. It never changes, so it may be kept for ever."""
    async with pools.as_caller(ANONYMOUS) as conn:
        shown = await publishing.show(conn, cid)
    headers = headers_of(cid, shown["media_type"])
    if etags.holds(request.headers.get("if-none-match", ""), cid):
        return Response(status_code=304, headers=headers)
    path = await asyncio.to_thread(files.locate, files.folder(process), cid)
    return FileResponse(path, headers=headers, media_type=shown["media_type"])


def headers_of(cid: str, media_type: str) -> Mapping[str, str]:
    """What keeps these bytes in caches, usable from any page, and from acting as one of ours."""
    kind = "inline" if media_type in SHOWN else "attachment"
    return {
        "ETag": f'"{cid}"',
        "Cache-Control": f"public, max-age={YEAR_S}, immutable",
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Content-Disposition": f'{kind}; filename="{cid}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
    }
