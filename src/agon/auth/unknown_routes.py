"""What is no path of this door, or takes another method: refused as auth clients read it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.routing import Match

from agon.auth.desk import PREFIX
from agon.auth.refusals import AuthRoute
from agon.kernel.errors import refuse
from agon.web.doors import METHODS

router = APIRouter(prefix=PREFIX, tags=["auth"], route_class=AuthRoute)


@router.api_route("", methods=list(METHODS), include_in_schema=False)
@router.api_route("/{path:path}", methods=list(METHODS), include_in_schema=False)
async def refuse_unknown(request: Request) -> None:
    """Always refused. Its router comes last, so whatever it gets is no other route's."""
    for route in request.app.routes:
        if route.matches(request.scope)[0] is Match.PARTIAL:
            raise refuse("method_not_allowed", "Method not allowed", status=405)
    raise refuse("not_found", "There is no such path", status=404)
