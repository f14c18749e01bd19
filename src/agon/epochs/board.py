"""The live board in Redis: what stands under which key, and what follows from it.

A board is two hashes, which expire together: the mark (what it is, and by slot the seq of the claim
that holds it) and the slots themselves, as JSON. A caller's cooldowns of one bot are a third.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

FREE = 0
"""The seq of a slot that nobody has claimed yet."""
BOT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

Slot = dict[str, Any]
Seqs = Mapping[int, int]
"""By slot, the seq of the claim that holds it."""


def keys(epoch: str) -> list[str]:
    """Of an epoch's mark and slots; the braces keep them together on a cluster."""
    return [f"agon:board:{{{epoch}}}:mark", f"agon:board:{{{epoch}}}:slots"]


def cooldown_key(epoch: str, claims: str, bot: str) -> str:
    """Of what a caller with these claims was told about a bot: a stranger is never told it."""
    caller = hashlib.sha256(claims.encode()).hexdigest()
    return f"agon:cooldown:{{{epoch}}}:{caller}:{bot}"


def named_bot(claims: Mapping[str, Any], asked: object) -> str | None:
    """The bot that a claim names, or its credential; None for all else, which Postgres decides."""
    bot = claims.get("bot_identity_id") if asked is None else asked
    return bot if isinstance(bot, str) and BOT_ID.fullmatch(bot) else None


def is_ahead(kept: Seqs, held: Seqs) -> bool:
    """Whether Redis (kept) tells of claims that Postgres (held), asked later, has never seen: then
    it tells of another past, from which Postgres was set back."""
    return any(seq > held.get(slot, FREE) for slot, seq in kept.items())


def behind(kept: Seqs, held: Seqs) -> list[int]:
    """The slots that Redis lacks, or of which it knows an older holder."""
    return [slot for slot, seq in held.items() if slot not in kept or kept[slot] < seq]


def lines(slots: Sequence[Slot]) -> list[str | int]:
    """Slots as the scripts take them: index, seq and JSON of each."""
    return [
        part
        for slot in slots
        for part in (slot["index"], slot["seq"] or FREE, json.dumps(slot, ensure_ascii=False))
    ]


def shown(day: date, at_ms: int, slots: bytes) -> dict[str, Any]:
    """A board as it is answered with: {day, as_of, slots}. slots: JSON, in any order."""
    listed = sorted(json.loads(slots), key=lambda slot: slot["index"])
    return {"day": day.isoformat(), "as_of": instant(at_ms).isoformat(), "slots": listed}


def refusal(
    latest_ms: int, bot_ms: int, slot_ms: int, hold_ms: int, slot: Slot, bot: str
) -> dict[str, Any] | None:
    """What Postgres would answer to a claim that comes within a cooldown; None where that is not
    sure. latest_ms: no later can it be for the claim; bot_ms, slot_ms: until when the bot may not
    claim any slot, and this one (0: it may); hold_ms: how long a claim of a slot binds."""
    if max(bot_ms, slot_ms) <= latest_ms or slot["holder"] == bot:
        return None
    ends = [instant(ms) for ms in (bot_ms, slot_ms) if ms]
    if slot["held_since"] is not None:
        ends.append(datetime.fromisoformat(slot["held_since"]) + hold_ms * MILLISECOND)
    return {
        "accepted": False,
        "reason": "bot_cooldown" if bot_ms > latest_ms else "slot_cooldown",
        "seq": None,
        "slot": slot,
        "next_claim_at": max(ends).isoformat(),
        "cooldowns": {
            "bot": instant(bot_ms).isoformat() if bot_ms else None,
            "slot": instant(slot_ms).isoformat() if slot_ms else None,
        },
    }


def cooldowns_ms(answer: Mapping[str, Any]) -> list[int]:
    """Of a claim's answer: until when the bot may claim no slot, and not this one; 0: it may."""
    told = answer["cooldowns"]
    return [
        (datetime.fromisoformat(until) - BEGINNING) // MILLISECOND if until else 0
        for until in (told["bot"], told["slot"])
    ]


def instant(ms: int) -> datetime:
    """The instant so many milliseconds after 1970."""
    return BEGINNING + ms * MILLISECOND
