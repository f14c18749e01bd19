"""Result bundles of every system, by their content id."""

from __future__ import annotations

from fastapi import APIRouter, Response

from agon.kernel.errors import refuse
from agon.web.handlers import Caller, Pools

router = APIRouter(prefix="/api/results", tags=["results"])


@router.get("/{cid}")
async def show_result(cid: str, caller: Caller, pools: Pools) -> Response:
    """A result bundle, or a file that is attached to one, byte for byte as it was stored."""
    async with pools.as_caller(caller) as conn:
        found = await conn.fetchrow("select kind, bundle from agon.results where cid = $1", cid)
    if found is None:
        raise refuse(
            "result_unknown",
            "There is no such result, or it is not yours to read.",
            hint="Bundles with somebody's evidence are shown to that wallet's owner.",
            status=404,
        )
    headers = {"ETag": f'"{cid}"', "Cache-Control": "private, immutable"}
    # A part of JSON is none.
    media_type = "application/octet-stream" if found["kind"] == "attachment" else "application/json"
    return Response(found["bundle"], media_type=media_type, headers=headers)
