"""Acts of a day: a bot claims a slot, a wallet votes, an in-memory host tells what it saw."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from types import NoneType
from typing import Any

from agon.kernel.database import Conn
from agon.kernel.errors import Refused, value_malformed

CLAIM = "select public.claim_slot($1, $2, $3, $4)"
"""slot_index, code, bot_identity_id, day."""


async def claim_slot(
    conn: Conn, slot_index: int, code: str, bot: str | None = None, day: date | None = None
) -> dict[str, Any]:
    """Claim a slot for a bot: {accepted, reason, seq, slot, next_claim_at, cooldowns: {bot, slot}},
    instants in ISO 8601 or null.

    bot: its id; without it the credential's, or the only one that the caller owns; day: without it
    the one that is live. reason, where it was not accepted: `holds_already`, `bot_cooldown`,
    `slot_cooldown`, `minimum_hold`. Raises PT404 `epoch_unknown`, `slot_unknown`, PT409
    `epoch_not_live`, `bot_not_active`, PT403 `not_your_bot`, PT422 `bot_missing`, `code_missing`,
    `code_too_large`, `code_characters`, Refused `value_malformed`.
    """
    if type(slot_index) not in (int, NoneType):  # asyncpg would cut 1.5 down to 1
        raise Refused(value_malformed(f"slot_index {str(slot_index)[:80]} is no whole number."))
    return await conn.fetchval(CLAIM, slot_index, code, bot, day)


async def cast_vote(
    conn: Conn, day: date | None, target_type: str, target_id: str, score: str, voter: str
) -> dict[str, Any]:
    """Vote by one of the caller's wallets; the vote as it stands, numbers as decimal strings.

    score: decimal, 0 to 1. Raises PT403 `not_your_wallet`, `own_bot`, PT404 `bot_unknown`, PT409
    `epoch_not_live`, `voted_already`, `address_votes_spent`, `session_votes_spent`, PT422
    `vote_kind_unknown`, `vote_target_malformed`, `score_out_of_range`.
    """
    return await conn.fetchval(
        "select public.cast_vote($1, $2, $3::text::numeric, $4, $5)",
        target_type,
        target_id,
        score,
        voter,
        day,
    )


async def record_events(conn: Conn, day: date, events: Sequence[Any]) -> dict[str, int]:
    """Keep what a host tells of a day, each event once by its id: {recorded, known}.

    Raises PT404 `epoch_unknown`, PT409 `epoch_archived`, PT422 `events_malformed`.
    """
    return await conn.fetchval("select public.record_epoch_events($1, $2)", day, events)
