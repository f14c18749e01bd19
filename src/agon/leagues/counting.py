"""Counting: what changed in competitions goes into records and leaderboards, and from there into
the standings of seasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from agon.kernel.database import Database
from agon.leagues import decimals, leaderboard, ratings, scoring

BATCH = 1_000
"""Participants, or wallets, that one transaction counts."""

Row = dict[str, Any]


async def count(database: Database, competition_id: UUID) -> int:
    """Count the participants of a competition whose results changed: how many."""
    counted = 0
    while True:
        async with database.as_worker() as conn:
            case = await conn.fetchval(
                "select agon.take_stale_records($1, $2)", competition_id, BATCH
            )
            if case is None:
                return counted
            rows = [_record(case, entrant) for entrant in case["entrants"] or ()]
            await conn.execute("select agon.write_records($1, $2)", competition_id, rows)
            counted += len(rows)


async def stand(database: Database, season_id: UUID) -> int:
    """Compute the standings of a season that no longer hold: how many."""
    computed = 0
    while True:
        async with database.as_worker() as conn:
            case = await conn.fetchval("select agon.take_stale_standings($1, $2)", season_id, BATCH)
            if case is None:
                return computed
            config = case["scoring_config"]
            rows = [_standing(each, config) for each in case["wallets"]]
            await conn.execute("select agon.write_standings($1, $2)", season_id, rows)
            computed += len(rows)


async def rate(database: Database, season_id: UUID) -> bool:
    """Bring the ratings of a season up to its completed competitions; False where they were."""
    async with database.as_worker() as conn:
        case = await conn.fetchval("select agon.take_ratings($1)", season_id)
        if case is None:
            return False
        begun = {wallet: _rating(own) for wallet, own in (case["begun"] or {}).items()}
        rated = ratings.rate(begun, scoring.played(case["competitions"]))
        rows = [
            {
                "wallet": wallet,
                "mu": decimals.text(own.mu, ratings.PLACES),
                "sigma": decimals.text(own.sigma, ratings.PLACES),
                "matches": own.matches,
            }
            for wallet, own in rated.items()
            if own != begun.get(wallet)
        ]
        await conn.execute(
            "select agon.write_ratings($1, $2, $3, $4)",
            season_id,
            rows,
            case["again"],
            [UUID(each["id"]) for each in case["competitions"]],
        )
        return True


def _record(case: Mapping[str, Any], entrant: Mapping[str, Any]) -> Row:
    entry = None
    if "results" in entrant:
        results = entrant["results"]
    else:
        results = [
            [0, None, 0 if each["pass"] else None, "verdict"]
            for each in entrant["scores"]
            if case["type"] == leaderboard.CHALLENGE
        ]
        own = leaderboard.entry(case["type"], entrant, case["rules"])
        if own is not None and entrant["registered"]:
            entry = {
                "score": decimals.text(own.score, leaderboard.SCORE_PLACES),
                "passed": own.passed,
                "failed": own.failed,
                "scores": own.scores,
                "key": leaderboard.key(own).hex(),
            }
    record = scoring.tally([entrant], results)[0]
    return {
        "participant": entrant["participant"],
        "wins": record.wins,
        "draws": record.draws,
        "losses": record.losses,
        "entry": entry,
    }


def _standing(case: Mapping[str, Any], config: Mapping[str, Any]) -> Row:
    records = (
        (
            decimals.units(each["weight"], scoring.WEIGHT_PLACES),
            scoring.Record(
                wins=each["wins"],
                draws=each["draws"],
                losses=each["losses"],
                first=each["from"],
                last=each["to"],
            ),
        )
        for each in case["records"]
    )
    found = scoring.standing(case["wallet"], records, config)
    found.rating = _rating(case["rating"]) if case["rating"] else None
    return {
        **scoring.counted(found),
        "key": scoring.key(found, config).hex() if found.entered else None,
    }


def _rating(given: Mapping[str, Any]) -> ratings.Rating:
    return ratings.Rating(
        mu=decimals.units(given["mu"], ratings.PLACES),
        sigma=decimals.units(given["sigma"], ratings.PLACES),
        matches=given["matches"],
    )
