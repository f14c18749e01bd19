"""Registrations: entering a competition, checking in, leaving."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from agon.kernel.database import Actor, Conn, Database
from agon.leagues import boards

Row = dict[str, Any]


async def register(
    conn: Conn, competition_id: UUID, wallet: str | None, team_id: str | None
) -> Row:
    """Register a wallet, by default the caller's only one, or a team; where all places are taken
    it waits.

    Raises PT403 `not_your_participant`, `disqualified`, PT409 `competition_not_open`,
    `registration_closed`, `competition_full`, `team_of_another`, PT422 `entrant_kind`.
    """
    return await conn.fetchval(
        "select to_jsonb(public.register_for_competition($1, $2, $3::text::uuid))",
        competition_id,
        wallet,
        team_id,
    )


async def check_in(conn: Conn, competition_id: UUID, participant: str | None) -> Row:
    """Say that a participant, by default the caller's, is there. Raises PT403
    `not_your_participant`, PT404 `not_registered`, PT409 `check_in_closed`, `not_taking_part`."""
    return await conn.fetchval(
        "select to_jsonb(public.check_in($1, $2))", competition_id, participant
    )


async def set_seeds(conn: Conn, competition_id: UUID, seeds: Any) -> int:
    """Seeds and ratings of participants: how many. Raises PT403 `not_org_admin`, `scope_missing`,
    PT404 `not_registered`, PT409 `competition_not_open`, `seed_taken`."""
    return await conn.fetchval("select public.set_seeds($1, $2)", competition_id, seeds)


async def listed(
    conn: Conn, competition_id: UUID, status: str | None, after: int | None, most: int
) -> list[Row]:
    """In their order; after: the `turn` of the last one seen."""
    rows = await conn.fetch(
        "select to_jsonb(r) as shown from agon.list_registrations($1, $2, $3, $4) r",
        competition_id, status, after, most,
    )  # fmt: skip
    return [row["shown"] for row in rows]


async def withdraw(
    database: Database, actor: Actor, competition_id: UUID, participant: str | None
) -> Row:
    """A participant, by default the caller's, leaves; in a bracket it loses all matches to come.

    Raises PT403 `not_your_participant`, PT404 `not_registered`, PT409 `not_taking_part`; Refused
    `entrant_out` where it plays no more.
    """
    return await _take_out(database, actor, competition_id, (participant, "withdrawn", None))


async def disqualify(
    database: Database, actor: Actor, competition_id: UUID, participant: str, reason: str | None
) -> Row:
    """An organiser puts a participant out. Raises as `withdraw`, PT403 `not_org_admin`,
    `scope_missing`, PT422 `reason_missing`."""
    act = (participant, "disqualified", reason)
    return await _take_out(database, actor, competition_id, act)


async def _take_out(
    database: Database, actor: Actor, competition_id: UUID, act: tuple[str | None, str, str | None]
) -> Row:
    statement = "select agon.take_out($1, $2, $3, $4)"
    async with boards.turn(database, actor, competition_id, or_before=True) as turn:
        out = await turn.conn.fetchval(statement, competition_id, *act)
        if out.get("report"):
            await turn.write(turn.report(out["report"]))
        return out["registration"]
