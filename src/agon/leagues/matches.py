"""Matches: results reported, confirmed, decided and taken back; disputes resolved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from agon.kernel.database import ENGINE, Actor, Conn, Database
from agon.leagues import boards
from agon.leagues.brackets import replay, reports
from agon.leagues.brackets.playing import Undone

BY_DISPUTE = "A dispute was decided."
"""The reason of such an undo. What was said in the dispute is not for everyone."""

Row = dict[str, Any]


async def report(
    database: Database, actor: Actor, competition_id: UUID, key: str, result: Mapping[str, Any]
) -> Row:
    """A result (reports.py has its forms), by who plays in the match or by an organiser: the match,
    decided, or with what is reported.

    Raises PT403 `not_your_participant`, `not_yours_to_say`, `scope_missing`, PT404 `match_unknown`,
    PT409 `match_not_ready`, `match_decided`, `match_disputed`, `match_canceled`, `match_blocked`,
    `reported_otherwise`; Refused as `Bracket.report`.
    """
    stated = read(key, result)
    async with boards.turn(database, actor, competition_id) as turn:
        stands = await turn.conn.fetchval(
            "select agon.take_report($1, $2, $3)", competition_id, key, stated
        )
        if stands:
            await turn.write(turn.report(stated))
        else:
            turn.try_out(stated)
        return await _match(turn.conn, competition_id, key)


async def confirm(database: Database, actor: Actor, competition_id: UUID, key: str) -> Row:
    """What was reported stands, by the other side, an organiser, or the worker in time: the match.

    Raises PT403 `own_report`, `not_your_participant`, `scope_missing`, PT409 `nothing_reported`
    and as `report`.
    """
    async with boards.turn(database, actor, competition_id) as turn:
        stated = await turn.conn.fetchval(
            "select agon.take_confirmation($1, $2)", competition_id, key
        )
        await turn.write(turn.report(stated))
        return await _match(turn.conn, competition_id, key)


async def undo(
    database: Database, actor: Actor, competition_id: UUID, key: str, reason: str | None
) -> Row:
    """Take the result of a match back, with all that came of it; as `preview_undo` answers.

    Raises PT403 `not_org_admin`, `scope_missing`, `own_match`, PT404 `match_unknown`, PT422
    `reason_missing`; Refused `match_open`, `match_not_played`.
    """
    async with boards.turn(database, actor, competition_id) as turn:
        await turn.conn.execute("select agon.take_undo($1, $2)", competition_id, key)
        return _undone(await _undo(turn, competition_id, key, reason))


async def preview_undo(database: Database, actor: Actor, competition_id: UUID, key: str) -> Row:
    """What an undo would take back: {reverted: results, changed: keys of matches, removed: keys of
    Swiss matches that would be paired anew}. Raises as `undo`."""
    async with boards.turn(database, actor, competition_id) as turn:
        await turn.conn.execute("select agon.take_undo($1, $2)", competition_id, key)
        return _undone(turn.bracket.preview_undo(key))


async def resolve(
    database: Database, actor: Actor, competition_id: UUID, dispute_id: UUID,
    decision: Mapping[str, Any],
) -> Row:  # fmt: skip
    """Decide on a dispute: the dispute.

    decision: {resolution: upheld, replayed, overturned or dismissed, note, result with
    overturned}. Raises PT403 `not_org_admin`, `scope_missing`, `own_match`, PT404
    `dispute_unknown`, PT409 `dispute_over`, PT422 `resolution_unknown`, `resolution_result`,
    `reason_missing`; Refused as `Bracket.report`.
    """
    async with boards.turn(database, actor, competition_id) as turn:
        result = decision.get("result")
        key = await turn.conn.fetchval(
            "select agon.match_of_dispute($1, $2)", competition_id, dispute_id
        )
        plan = await turn.conn.fetchval(
            "select agon.take_resolution($1, $2, $3, $4, $5)",
            competition_id,
            dispute_id,
            decision.get("resolution"),
            decision.get("note"),
            read(key, result) if result is not None else None,
        )
        if plan["undo"]:
            await _undo(turn, competition_id, key, BY_DISPUTE)
        if plan.get("report"):
            await turn.conn.execute(
                "select agon.decide_by_resolution($1, $2, $3)", competition_id, key, plan["report"]
            )
            await turn.write(turn.report(plan["report"]))
        return plan["dispute"]


async def decide_by_challenge(database: Database, competition_id: UUID, key: str) -> bool:
    """Decide a match by its challenge, which is over; False where that tells the two not apart."""
    async with boards.turn(database, ENGINE, competition_id) as turn:
        stated = await turn.conn.fetchval(
            "select agon.take_challenge_outcome($1, $2)", competition_id, key
        )
        if stated is not None:
            await turn.write(turn.report(stated))
        return stated is not None


async def bracket(conn: Conn, competition_id: UUID) -> Row:
    """A bracket as it stands: {version, format, entrants, and the output of its result}. Raises
    PT404 `competition_unknown`, PT409 `bracket_missing`."""
    board = await boards.seen(conn, competition_id)
    made = board.bracket
    return {
        "version": board.version,
        "format": made.config,
        "entrants": made.entrants,
        **replay.output(made),
    }


async def names(conn: Conn, entrants: Sequence[str]) -> dict[str, str]:
    """What people call entrants: the names of teams, and of profiles that have one."""
    rows = await conn.fetch(
        """
        select t.id::text as entrant, t.name from public.teams t where t.id::text = any ($1)
        union all
        select p.wallet, p.display_name from public.user_profiles p
        where p.wallet = any ($1) and p.display_name is not null
        """,
        list(entrants),
    )
    return {row["entrant"]: row["name"] for row in rows}


async def listed(
    conn: Conn, competition_id: UUID, sought: Mapping[str, str | None], most: int
) -> list[Row]:
    """Matches by round and number. sought: {status, participant, after}, where after is the key of
    the last one seen."""
    rows = await conn.fetch(
        "select to_jsonb(m) as shown from agon.list_matches($1, $2, $3, $4, $5) m",
        competition_id, sought.get("status"), sought.get("participant"), sought.get("after"), most,
    )  # fmt: skip
    return [row["shown"] for row in rows]


async def events(
    conn: Conn, competition_id: UUID, key: str | None, after: int | None, most: int
) -> list[Row]:
    """What was done, in order; after: the id of the last one seen."""
    rows = await conn.fetch(
        "select to_jsonb(e) as shown from agon.list_match_events($1, $2, $3, $4) e",
        competition_id, key, after, most,
    )  # fmt: skip
    return [row["shown"] for row in rows]


async def disputes(conn: Conn, competition_id: UUID, status: str | None, most: int) -> list[Row]:
    """Disputes that the caller may see, each with the key of its `match`."""
    rows = await conn.fetch(
        "select shown from agon.list_disputes($1, $2, $3) as shown", competition_id, status, most
    )
    return [row["shown"] for row in rows]


async def file_dispute(conn: Conn, competition_id: UUID, filed: Mapping[str, Any]) -> Row:
    """Dispute a result. filed: {match, reason, evidence_url}.

    Raises PT403 `not_in_match`, PT404 `match_unknown`, PT409 `not_disputable`, `disputed_before`,
    PT422 `reason_missing`.
    """
    return await conn.fetchval(
        "select to_jsonb(public.file_dispute($1, $2, $3, $4))",
        competition_id, filed.get("match"), filed.get("reason"), filed.get("evidence_url"),
    )  # fmt: skip


async def schedule(conn: Conn, competition_id: UUID, key: str, changes: Mapping[str, Any]) -> Row:
    """When it is played, and which challenge decides it. Raises PT403 `not_org_admin`,
    `scope_missing`, PT404 `match_unknown`, PT422 `field_unknown`."""
    return await conn.fetchval(
        "select to_jsonb(public.schedule_match($1, $2, $3))", competition_id, key, dict(changes)
    )


def read(key: str, result: object) -> dict[str, Any]:
    """A result as it is compared and kept: with its match and kind, participants in lower case.
    Raises Refused `result_malformed`."""
    stated = {"kind": "score", **result, "match": key} if isinstance(result, Mapping) else result
    reports.kind_of(stated)
    assert isinstance(stated, dict)
    return {
        name: value.lower() if name in ("by", "winner") and isinstance(value, str) else value
        for name, value in stated.items()
    }


async def _undo(turn: boards.Turn, competition_id: UUID, key: str, reason: str | None) -> Undone:
    undone = turn.undo(key)
    reverted = list(undone.reverted)
    await turn.conn.execute("select agon.note_undone($1, $2, $3)", competition_id, reverted, reason)
    await turn.write(undone.changed, undone.removed)
    return undone


def _undone(undone: Undone) -> Row:
    return {
        "reverted": list(undone.reverted),
        "changed": [match.id for match in undone.changed],
        "removed": list(undone.removed),
    }


async def _match(conn: Conn, competition_id: UUID, key: str) -> Row:
    return await conn.fetchval("select agon.show_match($1, $2)", competition_id, key)
