"""The live board and claims over HTTP: what Redis may answer, where there is one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request

from agon.epochs import bodies, live
from agon.web.handlers import Caller, JsonObject, Pools


@asynccontextmanager
async def opened(app: FastAPI) -> AsyncIterator[None]:
    """The server's Redis, for as long as it runs."""
    async with live.opened(app.state.runtime) as found:
        app.state.live = found
        yield
    app.state.live = None


def live_of(request: Request) -> live.Live | None:
    """The server's Redis; None where there is none."""
    return getattr(request.app.state, "live", None)


router = APIRouter(prefix="/api", tags=["epochs"], lifespan=opened)

Live = Annotated[live.Live | None, Depends(live_of)]


@router.get("/epochs/{day}/board")
async def show_board(day: date, caller: Caller, pools: Pools, found: Live) -> dict[str, Any]:
    """Who holds which slot now, and with which code. While the day is live, this may be behind by a
    moment: `as_of` says from when on it was true."""
    return await live.show_board(pools, found, caller, day)


@router.post("/epochs/{day}/claims", openapi_extra=bodies.CLAIM)
async def claim_slot(
    day: date, caller: Caller, pools: Pools, body: JsonObject, found: Live
) -> dict[str, Any]:
    """Claim a slot for a bot of the caller's, or of the credential's. A claim that comes too early
    is answered with accepted: false, and with the time to come again."""
    return await live.claim_slot(
        pools, found, caller, day=day, slot_index=body.get("slot_index"),
        code=body.get("code"), bot=body.get("bot_identity_id"),
    )  # fmt: skip
