"""Leaderboards over HTTP: read, call one function, answer."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from agon.leagues import competitions, leaderboards, season_bodies, seasons
from agon.web.handlers import ROW_ID_MAX, Caller, JsonObject, Pools, SignedIn

router = APIRouter(prefix="/api/competitions", tags=["competitions"])

Row = dict[str, Any]
Most = Annotated[int, Query(ge=1, le=seasons.ROWS_MAX)]
First = Annotated[int, Query(ge=1, le=ROW_ID_MAX, alias="from")]
After = Annotated[int | None, Query(ge=0, le=ROW_ID_MAX)]


@router.get("/{competition}/leaderboard")
async def show_leaderboard(
    competition: UUID,
    caller: Caller,
    pools: Pools,
    first: First = 1,
    around: str | None = None,
    limit: Most = 100,
) -> list[Row]:
    """Entries from a rank on, or with the participant `around` in their middle."""
    async with pools.as_caller(caller) as conn:
        return await leaderboards.shown(conn, competition, first, around, limit)


@router.get("/{competition}/scores")
async def list_scores(
    competition: UUID,
    caller: Caller,
    pools: Pools,
    wallet: str | None = None,
    after: After = None,
    limit: Most = 100,
) -> list[Row]:
    """What counts, and what was taken back; `after` takes the `turn` of the last one seen."""
    async with pools.as_caller(caller) as conn:
        return await leaderboards.scores(conn, competition, wallet, after, limit)


@router.post("/{competition}/scores", status_code=201, openapi_extra=season_bodies.SCORES)
async def post_scores(
    competition: UUID, caller: SignedIn, pools: Pools, body: JsonObject
) -> list[Row]:
    """Post scores, all or none, by an admin or a key with `results:write`; each key once."""
    async with pools.as_caller(caller) as conn:
        return await leaderboards.post(conn, competition, body.get("scores"))


@router.post("/{competition}/scores/{score}/revert", openapi_extra=season_bodies.REVERT)
async def revert_score(
    competition: UUID, score: UUID, caller: SignedIn, pools: Pools, body: JsonObject
) -> Row:
    """Take a posted score back."""
    async with pools.as_caller(caller) as conn:
        return await leaderboards.revert(conn, competition, score, body.get("reason"))


@router.post("/{competition}/complete")
async def complete_competition(competition: UUID, caller: SignedIn, pools: Pools) -> Row:
    """End a competition of type challenge or leaderboard, once ends_at has passed."""
    await leaderboards.complete(pools, caller, competition)
    async with pools.as_caller(caller) as conn:
        return await competitions.shown(conn, competition)
