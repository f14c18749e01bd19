"""Leaderboards: scores from verdicts and organisers, and how such a competition ends."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from agon.kernel.database import Actor, Conn, Database
from agon.leagues import competitions, leaderboard, prizes, seasons

Row = dict[str, Any]


async def shown(
    conn: Conn, competition_id: UUID, first: int, around: str | None, most: int
) -> list[Row]:
    """Entries from a rank on, or with a participant in their middle; none where it has no rank.
    Raises PT404 `competition_unknown`."""
    await competitions.shown(conn, competition_id)
    begun = await seasons.first_rank(conn, competition_id, first, around, most)
    rows = await conn.fetch(
        "select shown from agon.list_leaderboard($1, $2, $3) as shown", competition_id, begun, most
    )
    return [row["shown"] for row in rows]


async def scores(
    conn: Conn, competition_id: UUID, wallet: str | None, after: int | None, most: int
) -> list[Row]:
    """What counts, in turn, and what was taken back. Raises PT404 `competition_unknown`."""
    await competitions.shown(conn, competition_id)
    rows = await conn.fetch(
        "select shown from agon.list_scores($1, $2, $3, $4) as shown",
        competition_id, wallet, after, most,
    )  # fmt: skip
    return [row["shown"] for row in rows]


async def post(conn: Conn, competition_id: UUID, posted: Any) -> list[Row]:
    """Post scores: [{wallet, score, key}], all or none.

    Raises PT403 `not_org_admin`, `scope_missing`, `own_score`, PT404 `not_registered`, PT409
    `not_scored`, `competition_not_active`, `key_taken`, PT422 `scores_malformed`,
    `score_malformed`, `field_unknown`.
    """
    rows = await conn.fetch(
        "select to_jsonb(s) || jsonb_build_object('score', trim_scale(s.score)::text) as shown"
        " from public.post_scores($1, $2) s",
        competition_id,
        posted,
    )
    return [row["shown"] for row in rows]


async def revert(conn: Conn, competition_id: UUID, score_id: UUID, reason: str | None) -> Row:
    """A posted score counts no longer. Raises PT403 `not_org_admin`, `scope_missing`, `own_score`,
    PT404 `score_unknown`, PT409 `competition_not_active`, PT422 `reason_missing`."""
    return await conn.fetchval(
        "select to_jsonb(s) || jsonb_build_object('score', trim_scale(s.score)::text)"
        " from public.revert_score($1, $2, $3) s",
        competition_id,
        score_id,
        reason,
    )


async def complete(
    database: Database, actor: Actor, competition_id: UUID, *, by_itself: bool = False
) -> Row | None:
    """End a competition of type challenge or leaderboard with its places and prizes; None where
    it is completed already, or by_itself where it is not over.

    Raises PT403 `not_org_admin`, `scope_missing`, PT409 `competition_not_active`,
    `competition_not_over`, `not_scored`; Refused `result_large`.
    """
    async with database.as_worker(actor) as conn:
        case = await conn.fetchval(
            "select agon.take_leaderboard_end($1, $2)", competition_id, by_itself
        )
        if case is None:
            return None
        result = leaderboard.bundle(case["inputs"], case["rules"])
        placements, config = result.output["placements"], case["prize_config"]
        shared = prizes.bundle(placements, result.cid, config) if config else None
        return await conn.fetchval(
            "select to_jsonb(agon.end_leaderboard($1, $2, $3, $4, $5, $6))",
            competition_id,
            result.cid,
            result.data,
            placements,
            shared.cid if shared else None,
            shared.data if shared else None,
        )
