"""Challenges to begin from: a rule, a draft, a run that passes, and acts on them."""

from __future__ import annotations

from agon.challenges import challenges
from agon.kernel.database import Actor
from tests.places import Place, refusal_of, wallet
from tests.writers import gpx, tracks

START_MS = 1_793_100_000_000
RULE = {
    "version": 1,
    "sports": ["run"],
    "metric": "distance",
    "unit": "km",
    "aggregate": "total",
    "compare": ">=",
    "target": 10,
}
DRAFT = {
    "title": "Run",
    "model_id": "agon.fitness@1",
    "proof": {"params": {"rule": RULE}},
    "timeline": {"start": 1_793_000_000, "end": 1_793_600_000},
}


async def created(
    place: Place, creator: str = "ada", *, approve: bool = True, **changes: object
) -> int:
    """A challenge of the creator's; returns its id."""
    actor = await place.own(creator)
    async with place.database.as_worker(actor) as conn:
        row = await challenges.create(conn, wallet(creator), {**DRAFT, **changes}, approve=approve)
    return row["id"]


async def call(place: Place, actor: Actor, function: str, *arguments: object) -> dict:
    """An act as a caller; its row."""
    marks = ", ".join(f"${index}" for index in range(1, len(arguments) + 1))
    async with place.database.as_caller(actor) as conn:
        return await conn.fetchval(f"select to_jsonb({function}({marks}))", *arguments)


async def refused(place: Place, actor: Actor, function: str, *arguments: object) -> tuple[str, int]:
    """Code and status of an act's refusal."""
    refusal = await refusal_of(call(place, actor, function, *arguments))
    return refusal.code, refusal.status


def run_file(seed: int = 1, distance_m: int = 11_000, start_ms: int = START_MS) -> bytes:
    """A run that passes, as GPX."""
    track = tracks.run(seed=seed, distance_m=distance_m, pace_s_per_km=330, start_ms=start_ms)
    return gpx.write(track)
