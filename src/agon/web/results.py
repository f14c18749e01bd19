"""Result bundles of every system, by their content id."""

from __future__ import annotations

from fastapi import APIRouter, Response

from agon.kernel.errors import refuse
from agon.web.handlers import Caller, Pools

router = APIRouter(prefix="/api/results", tags=["results"])


@router.get("/{cid}")
async def show_result(cid: str, caller: Caller, pools: Pools) -> Response:
    """A result bundle, byte for byte as it was stored."""
    async with pools.as_caller(caller) as conn:
        data = await conn.fetchval("select bundle from agon.results where cid = $1", cid)
    if data is None:
        raise refuse(
            "result_unknown",
            "There is no such result, or it is not yours to read.",
            hint="Bundles with somebody's evidence are shown to that wallet's owner.",
            status=404,
        )
    headers = {"ETag": f'"{cid}"', "Cache-Control": "private, immutable"}
    return Response(data, media_type="application/json", headers=headers)
