"""Seasons over HTTP: read, call one function, answer."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from agon.leagues import leaderboard, scoring, season_bodies, seasons
from agon.web.handlers import ROW_ID_MAX, Caller, JsonObject, Pools, SignedIn

router = APIRouter(prefix="/api", tags=["seasons"])

Row = dict[str, Any]
Most = Annotated[int, Query(ge=1, le=seasons.ROWS_MAX)]
First = Annotated[int, Query(ge=1, le=ROW_ID_MAX, alias="from")]


@router.get("/org/{slug}/seasons")
async def list_seasons(
    slug: str,
    caller: Caller,
    pools: Pools,
    status: str | None = None,
    before: UUID | None = None,
    limit: Most = 100,
) -> list[Row]:
    """Seasons of an organisation, the newest first; `before` takes the id of the last one seen."""
    async with pools.as_caller(caller) as conn:
        return await seasons.listed(conn, slug, status, before, limit)


@router.post("/org/{slug}/seasons", status_code=201, openapi_extra=season_bodies.SEASON)
async def create_season(slug: str, caller: SignedIn, pools: Pools, body: JsonObject) -> Row:
    """A season, by an admin of the organisation or a key with `seasons:write`."""
    async with pools.as_worker(caller) as conn:
        return await seasons.create(conn, slug, body)


@router.get("/seasons/schemas")
async def show_schemas(_caller: Caller) -> dict[str, Row]:
    """The JSON Schemas of a season's scoring_config, and of `scoring` in a competition's rules."""
    return {"scoring_config": scoring.schema(), "rules.scoring": leaderboard.schema()}


@router.get("/seasons/{season}")
async def show_season(season: UUID, caller: Caller, pools: Pools) -> Row:
    """A season; `result_cid` names the newest bundle of its standings."""
    async with pools.as_caller(caller) as conn:
        return await seasons.shown(conn, season)


@router.patch("/seasons/{season}", openapi_extra=season_bodies.SEASON_UPDATE)
async def update_season(season: UUID, caller: SignedIn, pools: Pools, body: JsonObject) -> Row:
    """Change an active season; what is left out stays."""
    async with pools.as_worker(caller) as conn:
        return await seasons.update(conn, season, body)


@router.post("/seasons/{season}/snapshot")
async def make_snapshot(season: UUID, caller: SignedIn, pools: Pools) -> Row:
    """A bundle of the standings as they follow from all results now, at most once a minute."""
    return await seasons.snapshot(pools, caller, season)


@router.post("/seasons/{season}/complete")
async def complete_season(season: UUID, caller: SignedIn, pools: Pools) -> Row:
    """End a season whose competitions are over."""
    return await seasons.complete(pools, caller, season)


@router.get("/seasons/{season}/competitions")
async def list_season_competitions(season: UUID, caller: Caller, pools: Pools) -> list[Row]:
    """What a season counts, each with its weight."""
    async with pools.as_caller(caller) as conn:
        return await seasons.competitions(conn, season)


@router.put("/seasons/{season}/competitions/{competition}", openapi_extra=season_bodies.WEIGHT)
async def add_season_competition(
    season: UUID, competition: UUID, caller: SignedIn, pools: Pools, body: JsonObject
) -> Row:
    """Count a competition of the organisation, or count it by another weight."""
    async with pools.as_caller(caller) as conn:
        return await seasons.add(conn, season, competition, body.get("weight"))


@router.delete("/seasons/{season}/competitions/{competition}")
async def remove_season_competition(
    season: UUID, competition: UUID, caller: SignedIn, pools: Pools
) -> dict[str, bool]:
    """Count a competition no longer."""
    async with pools.as_caller(caller) as conn:
        return {"removed": await seasons.remove(conn, season, competition)}


@router.get("/seasons/{season}/standings")
async def list_standings(
    season: UUID,
    caller: Caller,
    pools: Pools,
    first: First = 1,
    around: str | None = None,
    limit: Most = 100,
) -> list[Row]:
    """Standings from a rank on, or with the wallet `around` in their middle."""
    async with pools.as_caller(caller) as conn:
        return await seasons.standings(conn, season, first, around, limit)


@router.get("/player/{wallet}/seasons")
async def list_player_seasons(wallet: str, caller: Caller, pools: Pools) -> list[Row]:
    """How a wallet stands, with its rank, in each of its seasons."""
    async with pools.as_caller(caller) as conn:
        return await seasons.of_player(conn, wallet)
