"""Competitions: drafted, opened, started with a bracket, completed with a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from agon.kernel.database import ENGINE, Conn, Database
from agon.leagues import boards, leaderboard, prizes, settings
from agon.leagues.brackets import replay, seeding
from agon.leagues.brackets.playing import Bracket

ROWS_MAX = 1000
"""Rows that one answer has at most."""

Row = dict[str, Any]


async def create(conn: Conn, org: str | None, draft: Mapping[str, Any]) -> Row:
    """A draft of an organisation, by its slug.

    Raises Refused `settings_malformed`, `format_malformed`, `prizes_malformed`, PT403
    `not_org_admin`, `scope_missing`, PT404 `org_unknown`, PT422 `field_unknown`.
    """
    _check(draft)
    return await conn.fetchval("select to_jsonb(agon.create_competition($1, $2))", org, dict(draft))


async def update(conn: Conn, competition_id: UUID, changes: Mapping[str, Any]) -> Row:
    """Change it as far as its status leaves it. Raises as `create`, PT409 `competition_stands`."""
    _check(changes)
    return await conn.fetchval(
        "select to_jsonb(agon.update_competition($1, $2))", competition_id, dict(changes)
    )


async def open_(conn: Conn, competition_id: UUID) -> Row:
    """Publish it. Raises PT403 `not_org_admin`, `scope_missing`, PT409 `format_missing`."""
    return await conn.fetchval("select to_jsonb(public.open_competition($1))", competition_id)


async def cancel(conn: Conn, competition_id: UUID) -> Row:
    """End it without a result. Raises PT403 `not_org_admin`, `scope_missing`."""
    return await conn.fetchval("select to_jsonb(public.cancel_competition($1))", competition_id)


async def shown(conn: Conn, competition_id: UUID) -> Row:
    """It, with its organisation and how many are registered. Raises PT404
    `competition_unknown`."""
    return await conn.fetchval("select agon.show_competition($1)", competition_id)


async def listed(
    conn: Conn,
    org: str | None = None,
    status: str | None = None,
    type: str | None = None,
    before: UUID | None = None,
    most: int = ROWS_MAX,
) -> list[Row]:
    """Competitions, the newest first."""
    rows = await conn.fetch(
        "select shown from agon.list_competitions($1, $2, $3, $4, $5) as shown",
        org, status, type, before, most,
    )  # fmt: skip
    return [row["shown"] for row in rows]


async def start(conn: Conn, competition_id: UUID) -> None:
    """Seed those who take part, and make the bracket; once it is active, again changes nothing.

    Raises PT403 `not_org_admin`, `scope_missing`, PT409 `competition_not_open`,
    `check_in_not_over`, `entrants_few`; Refused `entrants_few`, `bracket_large`,
    `entrants_malformed`.
    """
    case = await conn.fetchval("select agon.take_start($1)", competition_id)
    if case is None:
        return
    entrants = ordered(case)
    bracket = Bracket(case["format"], entrants) if case["type"] == "bracket" else None
    await conn.execute("select agon.begin_competition($1, $2)", competition_id, entrants)
    if bracket is not None:
        rows = [boards.row(match, entrants) for match in bracket.matches.values()]
        await boards.write(conn, competition_id, rows, bracket.completed)


def ordered(case: Mapping[str, Any]) -> list[str]:
    """The entrants of a start (agon.take_start), the first seed first."""
    entrants = [each["participant"] for each in case["entrants"]]
    if case["method"] == "random":
        return seeding.shuffled(entrants, case["seed"])
    key = "rating" if case["method"] == "rating" else "seed"
    given = {each["participant"]: each[key] for each in case["entrants"] if each[key] is not None}
    return (seeding.by_rating if key == "rating" else seeding.manual)(entrants, given)


async def complete(database: Database, competition_id: UUID) -> Row | None:
    """End a bracket that is played, with its result and prizes; None where it is not the time."""
    async with boards.turn(database, ENGINE, competition_id) as turn:
        case = await turn.conn.fetchval("select agon.take_completion($1)", competition_id)
        if case is None:
            return None
        result = replay.bundle(turn.bracket)
        placements: Sequence[Row] = result.output["placements"]
        config = case["prize_config"]
        shared = prizes.bundle(placements, result.cid, config) if config else None
        return await turn.conn.fetchval(
            "select to_jsonb(agon.complete_competition($1, $2, $3, $4, $5, $6))",
            competition_id,
            result.cid,
            result.data,
            placements,
            shared.cid if shared else None,
            shared.data if shared else None,
        )


def _check(given: Mapping[str, Any]) -> None:
    if "settings" in given:
        settings.check(given["settings"])
    if "rules" in given:
        leaderboard.check(given["rules"])
    if given.get("prize_config"):
        prizes.check(given["prize_config"])
