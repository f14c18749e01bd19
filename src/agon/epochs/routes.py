"""Days over HTTP: read, call one function, answer."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from agon.epochs import bodies, claims, credentials, history
from agon.web.handlers import Caller, JsonObject, Pools, SignedIn

router = APIRouter(prefix="/api", tags=["epochs"])

Most = Annotated[int, Query(ge=1, le=history.ROWS_MAX)]


@router.get("/epochs")
async def list_epochs(
    caller: Caller,
    pools: Pools,
    before: date | None = None,
    limit: Annotated[int, Query(ge=1, le=history.DAYS_MAX)] = history.DAYS_MAX,
) -> list[dict[str, Any]]:
    """Days, the newest first."""
    async with pools.as_caller(caller) as conn:
        return await history.days(conn, before, limit)


@router.get("/epochs/{day}")
async def show_epoch(day: date, caller: Caller, pools: Pools) -> dict[str, Any]:
    """A day: its phase, its times, and the profile that it is played by."""
    async with pools.as_caller(caller) as conn:
        return await history.day(conn, day)


@router.get("/epochs/{day}/slots")
async def list_slots(day: date, caller: Caller, pools: Pools) -> list[dict[str, Any]]:
    """The slots of a day, with who holds them, and their code."""
    async with pools.as_caller(caller) as conn:
        return await history.slots(conn, day)


@router.get("/epochs/{day}/events")
async def list_events(
    day: date,
    caller: Caller,
    pools: Pools,
    after: str | None = None,
    type: str | None = None,
    slot: int | None = Query(None, ge=0, le=bodies.SLOT_INDEX_MAX),
    limit: Most = history.ROWS_MAX,
) -> dict[str, Any]:
    """What happened in a day: `after` takes the `next` of an earlier answer. Votes are among the
    events when the day is frozen."""
    sought = history.Sought(after=after, type=type, slot=slot, most=limit)
    async with pools.as_caller(caller) as conn:
        return await history.events(conn, day, sought)


@router.get("/epochs/{day}/votes")
async def list_votes(
    day: date, caller: Caller, pools: Pools, after: UUID | None = None,
    limit: Most = history.ROWS_MAX,
) -> list[dict[str, Any]]:  # fmt: skip
    """Votes of a day, the oldest first: the caller's own, and everybody's once it is frozen."""
    async with pools.as_caller(caller) as conn:
        return await history.votes(conn, day, str(after) if after else None, limit)


@router.get("/epochs/{day}/contributions")
async def list_contributions(
    day: date, caller: Caller, pools: Pools, after: UUID | None = None,
    limit: Most = history.ROWS_MAX,
) -> list[dict[str, Any]]:  # fmt: skip
    """What each bot did in a day, the largest share first: `after` takes the last bot seen. None
    before the day is settled."""
    async with pools.as_caller(caller) as conn:
        return await history.contributions(conn, day, str(after) if after else None, limit)


@router.get("/epochs/{day}/payouts")
async def list_payouts(
    day: date, caller: Caller, pools: Pools, after: UUID | None = None,
    limit: Most = history.ROWS_MAX,
) -> list[dict[str, Any]]:  # fmt: skip
    """Who is paid how much for a day, the largest amount first: `after` takes the last bot seen."""
    async with pools.as_caller(caller) as conn:
        return await history.payouts(conn, day, str(after) if after else None, limit)


@router.get("/epochs/{day}/edition")
async def show_edition(day: date, caller: Caller, pools: Pools) -> dict[str, Any]:
    """The edition of a settled day, and where its metadata is."""
    async with pools.as_caller(caller) as conn:
        return await history.edition(conn, day)


@router.get("/bots/{slug}")
async def show_bot(slug: str, caller: Caller, pools: Pools) -> dict[str, Any]:
    """A bot, its owner, and the slots that it holds."""
    async with pools.as_caller(caller) as conn:
        return await history.bot(conn, slug)


@router.post("/epochs/{day}/votes", status_code=201, openapi_extra=bodies.VOTE)
async def cast_vote(day: date, caller: Caller, pools: Pools, body: JsonObject) -> dict[str, Any]:
    """Vote by one of the caller's wallets."""
    score = body.get("score")
    async with pools.as_caller(caller) as conn:
        return await claims.cast_vote(
            conn,
            day,
            body.get("target_type"),
            body.get("target_id"),
            None if score is None else str(score),
            body.get("voter_address"),
        )


@router.post("/epochs/{day}/events", openapi_extra=bodies.EVENTS)
async def record_events(
    day: date, caller: SignedIn, pools: Pools, body: JsonObject
) -> dict[str, Any]:
    """Tell what an in-memory host saw, each event once by its id; for the service role."""
    async with pools.as_caller(caller) as conn:
        return await claims.record_events(conn, day, body.get("events"))


@router.post("/bots/{slug}/credentials", status_code=201)
async def issue_credential(
    slug: str, caller: SignedIn, pools: Pools, days: int = credentials.DAYS_DEFAULT
) -> dict[str, Any]:
    """A credential for a program that acts as a bot of the caller's: shown now, and never again."""
    async with pools.as_worker(caller) as conn:
        return await credentials.issue(conn, slug, days)


@router.get("/bots/{slug}/credentials")
async def list_credentials(slug: str, caller: SignedIn, pools: Pools) -> list[dict[str, Any]]:
    """The credentials of a bot of the caller's, by their first letters."""
    async with pools.as_worker(caller) as conn:
        return await credentials.listed(conn, slug)


@router.delete("/bots/{slug}/credentials/{credential}")
async def revoke_credential(
    slug: str, credential: UUID, caller: SignedIn, pools: Pools
) -> dict[str, bool]:
    """End a credential, at once."""
    async with pools.as_worker(caller) as conn:
        return {"revoked": await credentials.revoke(conn, slug, str(credential))}
