"""Competitions and registrations over HTTP: read, call one function, answer."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from agon.leagues import bodies, competitions, prizes, registrations, settings
from agon.leagues.brackets import format as formats
from agon.web.handlers import ROW_ID_MAX, Caller, JsonObject, Pools, SignedIn

router = APIRouter(prefix="/api/competitions", tags=["competitions"])

Row = dict[str, Any]
Most = Annotated[int, Query(ge=1, le=competitions.ROWS_MAX)]
After = Annotated[int | None, Query(ge=0, le=ROW_ID_MAX)]


@router.get("")
async def list_competitions(
    caller: Caller,
    pools: Pools,
    org: str | None = None,
    status: str | None = None,
    type: str | None = None,
    before: UUID | None = None,
    limit: Most = 100,
) -> list[Row]:
    """Competitions, the newest first; `before` takes the id of the last one seen."""
    async with pools.as_caller(caller) as conn:
        return await competitions.listed(conn, org, status, type, before, limit)


@router.post("", status_code=201, openapi_extra=bodies.CREATE)
async def create_competition(caller: SignedIn, pools: Pools, body: JsonObject) -> Row:
    """A draft, by an admin of the organisation or a key with `competitions:write`."""
    org = body.pop("org", None)
    async with pools.as_worker(caller) as conn:
        return await competitions.create(conn, org, body)


@router.get("/schemas")
async def show_schemas(_caller: Caller) -> dict[str, Row]:
    """The JSON Schemas of settings, of their format, and of prize_config."""
    return {
        "settings": settings.schema(),
        "format": formats.schema(),
        "prize_config": prizes.schema(),
    }


@router.get("/{competition}")
async def show_competition(competition: UUID, caller: Caller, pools: Pools) -> Row:
    """A competition, with its organisation and how many are registered."""
    async with pools.as_caller(caller) as conn:
        return await competitions.shown(conn, competition)


@router.patch("/{competition}", openapi_extra=bodies.UPDATE)
async def update_competition(
    competition: UUID, caller: SignedIn, pools: Pools, body: JsonObject
) -> Row:
    """Change what its status leaves open; what is left out stays."""
    async with pools.as_worker(caller) as conn:
        return await competitions.update(conn, competition, body)


@router.post("/{competition}/open")
async def open_competition(competition: UUID, caller: SignedIn, pools: Pools) -> Row:
    """Publish a draft."""
    async with pools.as_caller(caller) as conn:
        return await competitions.open_(conn, competition)


@router.post("/{competition}/start")
async def start_competition(competition: UUID, caller: SignedIn, pools: Pools) -> Row:
    """Begin: who did not check in is out, the rosters stand, and the bracket is made."""
    async with pools.as_worker(caller) as conn:
        await competitions.start(conn, competition)
    async with pools.as_caller(caller) as conn:
        return await competitions.shown(conn, competition)


@router.post("/{competition}/cancel")
async def cancel_competition(competition: UUID, caller: SignedIn, pools: Pools) -> Row:
    """End a competition without a result."""
    async with pools.as_caller(caller) as conn:
        return await competitions.cancel(conn, competition)


@router.get("/{competition}/registrations")
async def list_registrations(
    competition: UUID,
    caller: Caller,
    pools: Pools,
    status: str | None = None,
    after: After = None,
    limit: Most = competitions.ROWS_MAX,
) -> list[Row]:
    """Who is registered, in turn; `after` takes the `turn` of the last one seen."""
    async with pools.as_caller(caller) as conn:
        return await registrations.listed(conn, competition, status, after, limit)


@router.post("/{competition}/register", status_code=201, openapi_extra=bodies.REGISTER)
async def register(competition: UUID, caller: SignedIn, pools: Pools, body: JsonObject) -> Row:
    """Register a wallet or a team; where all places are taken it waits."""
    async with pools.as_caller(caller) as conn:
        return await registrations.register(
            conn, competition, body.get("wallet"), body.get("team_id")
        )


@router.post("/{competition}/check-in")
async def check_in(
    competition: UUID, caller: SignedIn, pools: Pools, participant: str | None = None
) -> Row:
    """Say that a participant is there; by default the caller's."""
    async with pools.as_caller(caller) as conn:
        return await registrations.check_in(conn, competition, participant)


@router.post("/{competition}/withdraw")
async def withdraw(
    competition: UUID, caller: SignedIn, pools: Pools, participant: str | None = None
) -> Row:
    """Leave; in a bracket all matches to come are lost."""
    return await registrations.withdraw(pools, caller, competition, participant)


@router.post("/{competition}/disqualify", openapi_extra=bodies.DISQUALIFY)
async def disqualify(competition: UUID, caller: SignedIn, pools: Pools, body: JsonObject) -> Row:
    """Put a participant out, by an admin or a key with `registrations:write`."""
    participant, reason = str(body.get("participant")), body.get("reason")
    return await registrations.disqualify(pools, caller, competition, participant, reason)


@router.put("/{competition}/seeds", openapi_extra=bodies.SEEDS)
async def set_seeds(
    competition: UUID, caller: SignedIn, pools: Pools, body: JsonObject
) -> dict[str, int]:
    """Seeds and ratings before the start, by an admin or a key with `registrations:write`."""
    async with pools.as_caller(caller) as conn:
        return {"changed": await registrations.set_seeds(conn, competition, body.get("seeds"))}
