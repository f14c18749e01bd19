"""Seasons: made, given competitions, their standings read, kept as results, and completed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from agon.kernel.database import ENGINE, Actor, Conn, Database
from agon.kernel.errors import refuse
from agon.leagues import counting, scoring

ROWS_MAX = 1000
"""Rows that one answer has at most."""
END_TRIES_MAX = 10
"""Times that a season is counted before its end, while others still change it."""

Row = dict[str, Any]


async def create(conn: Conn, org: str, draft: Mapping[str, Any]) -> Row:
    """A season of an organisation, by its slug. Raises Refused `scoring_malformed`, PT403
    `not_org_admin`, `scope_missing`, PT404 `org_unknown`, PT422 `field_unknown`."""
    _check(draft)
    made = await conn.fetchval("select (agon.create_season($1, $2)).id", org, dict(draft))
    return await shown(conn, made)


async def update(conn: Conn, season_id: UUID, changes: Mapping[str, Any]) -> Row:
    """Change an active season; with another scoring_config all is counted anew. Raises as `create`,
    PT404 `season_unknown`, PT409 `season_completed`."""
    _check(changes)
    await conn.execute("select agon.update_season($1, $2)", season_id, dict(changes))
    return await shown(conn, season_id)


async def shown(conn: Conn, season_id: UUID) -> Row:
    """It, with its organisation. Raises PT404 `season_unknown`."""
    return await conn.fetchval("select agon.show_season($1)", season_id)


async def listed(
    conn: Conn,
    org: str,
    status: str | None = None,
    before: UUID | None = None,
    most: int = ROWS_MAX,
) -> list[Row]:
    """Seasons of an organisation, the newest first. Raises PT404 `org_unknown`."""
    rows = await conn.fetch(
        "select shown from agon.list_seasons($1, $2, $3, $4) as shown", org, status, before, most
    )
    return [row["shown"] for row in rows]


async def competitions(conn: Conn, season_id: UUID) -> list[Row]:
    """What a season counts: {competition_id, title, type, status, weight, …}. Raises PT404
    `season_unknown`."""
    rows = await conn.fetch(
        "select shown from agon.list_season_competitions($1) as shown", season_id
    )
    return [row["shown"] for row in rows]


async def add(conn: Conn, season_id: UUID, competition_id: UUID, weight: Any) -> Row:
    """Count a competition, or count it by another weight (a decimal).

    Raises PT403 `not_org_admin`, `scope_missing`, PT404 `season_unknown`, `competition_unknown`,
    PT409 `season_completed`, `season_full`, `competition_of_another`, PT422 `weight_malformed`.
    """
    pair = await conn.fetchrow(
        "select season_id, competition_id, trim_scale(weight)::text as weight"
        " from public.add_season_competition($1, $2, $3)",
        season_id, competition_id, "1" if weight is None else str(weight),
    )  # fmt: skip
    return {name: str(value) for name, value in pair.items()}


async def remove(conn: Conn, season_id: UUID, competition_id: UUID) -> bool:
    """Count it no longer; False where it was not. Raises as `add`."""
    return await conn.fetchval(
        "select public.remove_season_competition($1, $2)", season_id, competition_id
    )


async def standings(
    conn: Conn, season_id: UUID, first: int, around: str | None, most: int
) -> list[Row]:
    """Standings from a rank on, or with a wallet in their middle; none where it has no rank.
    Raises PT404 `season_unknown`."""
    await shown(conn, season_id)
    begun = await first_rank(conn, season_id, first, around, most)
    rows = await conn.fetch(
        "select shown from agon.list_standings($1, $2, $3) as shown", season_id, begun, most
    )
    return [row["shown"] for row in rows]


async def first_rank(
    conn: Conn, board_id: UUID, first: int, around: str | None, most: int
) -> int | None:
    """Where a page begins; None where it is around somebody who has no rank."""
    if around is None:
        return first
    return await conn.fetchval(
        "select agon.rank_around($1, $2, $3)", board_id, around.lower(), (most - 1) // 2
    )


async def of_player(conn: Conn, wallet: str) -> list[Row]:
    """How a wallet stands in each of its seasons, the newest first."""
    rows = await conn.fetch("select shown from agon.list_player_seasons($1) as shown", wallet)
    return [row["shown"] for row in rows]


async def settle(database: Database, season_id: UUID) -> None:
    """Count what has changed in all competitions of a season, and its ratings."""
    async with database.as_worker() as conn:
        stale = await conn.fetch("select id from agon.season_work($1) id", season_id)
    for row in stale:
        await counting.count(database, row["id"])
    await counting.stand(database, season_id)
    if await counting.rate(database, season_id):
        await counting.stand(database, season_id)


async def snapshot(database: Database, actor: Actor, season_id: UUID, *, anew: bool = False) -> Row:
    """The season with a bundle of its standings as they follow from all results now; the newest
    one where that is younger than a minute, unless the worker makes it anew.

    Raises PT403 `not_org_admin`, `scope_missing`, PT404 `season_unknown`; Refused `result_large`.
    """
    async with database.as_worker(actor) as conn:
        case = await conn.fetchval("select agon.take_snapshot($1, $2)", season_id, anew)
        if case is not None:
            made = scoring.bundle(case["inputs"], case["scoring_config"])
            await conn.execute(
                "select agon.keep_standings($1, $2, $3)", season_id, made.cid, made.data
            )
        return await shown(conn, season_id)


async def complete(database: Database, actor: Actor, season_id: UUID) -> Row:
    """End a season whose competitions are over: its standings stand, as a result.

    Raises as `snapshot`, PT409 `season_not_over`; Refused `season_busy` where it is never counted,
    since others change it all the time.
    """
    for _ in range(END_TRIES_MAX):
        async with database.as_worker(actor) as conn:
            case = await conn.fetchval("select agon.take_season_end($1)", season_id)
            if case is None:
                return await shown(conn, season_id)
            if case["counted"]:
                made = scoring.bundle(case["inputs"], case["scoring_config"])
                await conn.execute(
                    "select agon.end_season($1, $2, $3)", season_id, made.cid, made.data
                )
                return await shown(conn, season_id)
        await settle(database, season_id)
    raise refuse(
        "season_busy",
        "The standings change all the time.",
        hint="Try again in a moment.",
        status=409,
    )


async def differences(conn: Conn, season_id: UUID) -> list[str]:
    """Wallets whose kept standing or rank is not what follows from all results, in order; of those
    whose results are not counted yet, too."""
    case = await conn.fetchval("select agon.load_season($1)", season_id)
    if case is None:
        return []
    config = case["scoring_config"]
    wanted = {
        each.wallet: {**scoring.shown(each, 0, 0), "key": scoring.key(each, config).hex()}
        for each in scoring.standings(case["inputs"]["competitions"], config)
    }
    rows = await conn.fetchval("select agon.show_rows($1)", season_id)
    kept = {
        row["wallet"]: {"rank": 0, "place": 0}
        | {name: value for name, value in row.items() if value is not None}
        for row in rows
    }
    everybody = wanted.keys() | kept.keys()
    return sorted(wallet for wallet in everybody if wanted.get(wallet) != kept.get(wallet))


async def recount(database: Database, season_id: UUID) -> int:
    """Count a season anew from all its results, as an operator: how many standings were wrong."""
    async with database.as_worker(ENGINE) as conn:
        wrong = await differences(conn, season_id)
        await conn.execute("select agon.recount_season($1)", season_id)
    await settle(database, season_id)
    return len(wrong)


def _check(given: Mapping[str, Any]) -> None:
    if "scoring_config" in given:
        scoring.check(given["scoring_config"])
