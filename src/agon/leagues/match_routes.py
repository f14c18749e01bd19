"""Brackets, matches and disputes over HTTP: read, call one function, answer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from agon.leagues import bodies, competitions, matches
from agon.leagues.competition_routes import After, Most
from agon.web.handlers import Caller, JsonObject, Pools, SignedIn

router = APIRouter(prefix="/api/competitions/{competition}", tags=["matches"])

Row = dict[str, Any]


@router.get("/bracket")
async def show_bracket(competition: UUID, caller: Caller, pools: Pools) -> Row:
    """The bracket as it stands: format, entrants by seed, tables, matches, champion and places."""
    async with pools.as_caller(caller) as conn:
        return await matches.bracket(conn, competition)


@router.get("/matches")
async def list_matches(
    competition: UUID,
    caller: Caller,
    pools: Pools,
    status: str | None = None,
    participant: str | None = None,
    after: str | None = None,
    limit: Most = competitions.ROWS_MAX,
) -> list[Row]:
    """Matches by round and number; `after` takes the key of the last one seen."""
    sought = {"status": status, "participant": participant, "after": after}
    async with pools.as_caller(caller) as conn:
        return await matches.listed(conn, competition, sought, limit)


@router.get("/events")
async def list_match_events(
    competition: UUID,
    caller: Caller,
    pools: Pools,
    match: str | None = None,
    after: After = None,
    limit: Most = competitions.ROWS_MAX,
) -> list[Row]:
    """What was done in the bracket, in order; `after` takes the id of the last one seen."""
    async with pools.as_caller(caller) as conn:
        return await matches.events(conn, competition, match, after, limit)


@router.patch("/matches/{match}", openapi_extra=bodies.SCHEDULE)
async def schedule_match(
    competition: UUID, match: str, caller: SignedIn, pools: Pools, body: JsonObject
) -> Row:
    """When it is played, and which challenge decides it."""
    async with pools.as_caller(caller) as conn:
        return await matches.schedule(conn, competition, match, body)


@router.post("/matches/{match}/report", openapi_extra=bodies.REPORT)
async def report_result(
    competition: UUID, match: str, caller: SignedIn, pools: Pools, body: JsonObject
) -> Row:
    """A result. One of the two in the match reports it, and the other confirms it, if the settings
    say so; from an organiser it stands at once."""
    return await matches.report(pools, caller, competition, match, body)


@router.post("/matches/{match}/confirm")
async def confirm_result(competition: UUID, match: str, caller: SignedIn, pools: Pools) -> Row:
    """What the other side reported stands."""
    return await matches.confirm(pools, caller, competition, match)


@router.get("/matches/{match}/undo")
async def preview_undo(competition: UUID, match: str, caller: SignedIn, pools: Pools) -> Row:
    """What taking the result back would take back with it. Nothing changes."""
    return await matches.preview_undo(pools, caller, competition, match)


@router.post("/matches/{match}/undo", openapi_extra=bodies.UNDO)
async def undo_result(
    competition: UUID, match: str, caller: SignedIn, pools: Pools, body: JsonObject
) -> Row:
    """Take the result back, with all that came of it; by an organiser who does not play in it."""
    return await matches.undo(pools, caller, competition, match, body.get("reason"))


@router.get("/disputes")
async def list_disputes(
    competition: UUID,
    caller: SignedIn,
    pools: Pools,
    status: str | None = None,
    limit: Most = competitions.ROWS_MAX,
) -> list[Row]:
    """The caller's disputes; all of them for admins, and keys with `disputes:read`."""
    async with pools.as_caller(caller) as conn:
        return await matches.disputes(conn, competition, status, limit)


@router.post("/disputes", status_code=201, openapi_extra=bodies.DISPUTE)
async def file_dispute(competition: UUID, caller: SignedIn, pools: Pools, body: JsonObject) -> Row:
    """Dispute the result of a match that the caller plays in."""
    async with pools.as_caller(caller) as conn:
        return await matches.file_dispute(conn, competition, body)


@router.post("/disputes/{dispute}/resolve", openapi_extra=bodies.RESOLVE)
async def resolve_dispute(
    competition: UUID, dispute: UUID, caller: SignedIn, pools: Pools, body: JsonObject
) -> Row:
    """Decide on a dispute: by an admin who does not play in the match, or a key with
    `disputes:write`."""
    return await matches.resolve(pools, caller, competition, dispute, body)
