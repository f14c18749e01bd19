"""A day to act in: bots with owners, a short profile, and a clock that the test moves."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from agon.epochs import claims, days, profiles
from agon.kernel.database import Actor
from tests.epochs.ledger import Transfer, tell
from tests.places import Place, wallet

DAY = date(2026, 3, 2)
OPENS = datetime.fromisoformat("2026-03-02T00:00:00+00:00")
PREP_S, LIVE_S, FREEZE_S, SNAPSHOT_S, SETTLE_S = 60, 3600, 60, 60, 60
STARTS = OPENS + timedelta(seconds=PREP_S)
FREEZES = STARTS + timedelta(seconds=LIVE_S)
ENDS = FREEZES + timedelta(seconds=FREEZE_S)
SETTLES = ENDS + timedelta(seconds=SNAPSHOT_S)
ARCHIVES = SETTLES + timedelta(seconds=SETTLE_S)
BOT_S, SLOT_S, HOLD_S = 5, 30, 10
"""Of the profile: the cooldowns, and the minimum hold."""


def profile(**changes: Any) -> dict[str, Any]:
    """A profile of four slots of melody and one of drums, whose code has ten letters."""
    config = copy.deepcopy(profiles.daily())
    config |= {
        "zone": "UTC",
        "day_starts": "00:00",
        "phases_s": {
            "prep": PREP_S, "live": LIVE_S, "freeze": FREEZE_S, "snapshot": SNAPSHOT_S,
            "settle": SETTLE_S,
        },
        "slots": [{"index": n, "type": "melody", "label": f"Melody {n}"} for n in range(4)]
        + [{"index": 7, "type": "drums", "label": "Drums"}],
        "slot_types": {
            "melody": {"code_bytes_max": 200, "characters": "abcdefghij é\n-0123456789"},
            "drums": {"code_bytes_max": 8, "characters": "x."},
        },
        "cooldown_ms": {"bot": BOT_S * 1000, "slot": SLOT_S * 1000},
        "minimum_hold_ms": HOLD_S * 1000,
    }  # fmt: skip
    return config | changes


@dataclass(kw_only=True)
class Day:
    """A place in which a day is open. bots: ids by their owners' names."""

    place: Place
    bots: dict[str, str] = field(default_factory=dict)

    async def at(self, instant: datetime | float | None) -> None:
        """Set the clock; a number is seconds into live, None the true time."""
        moment = instant
        if isinstance(instant, int | float):
            moment = STARTS + timedelta(seconds=instant)
        await self.place.set_clock(moment)

    async def advance(self) -> list[tuple[str, str]]:
        """Make the moves that are due by the clock."""
        async with self.place.database.as_worker() as conn:
            return [(m["from_phase"], m["to_phase"]) for m in await days.advance(conn)]

    async def bot(self, name: str, token: int | None = None) -> str:
        """A bot of somebody, who is signed up with that wallet."""
        number = token or len(self.bots) + 1
        transfer = Transfer(block=100 + number, token=number, receiver=wallet(name))
        await tell(self.place.owner, [transfer])
        await self.place.own(name)
        found = await self.place.owner.fetchval(
            "select id::text from bot_identities where token_id = $1", number
        )
        self.bots.setdefault(name, found)
        return found

    async def claim(
        self, who: str | Actor, slot: int = 0, code: str = "abc", bot: str | None = None
    ) -> dict[str, Any]:
        """A claim by somebody's name, for their bot; by an actor, for the named one."""
        actor = self.place.actor(who) if isinstance(who, str) else who
        named = bot or (self.bots.get(who) if isinstance(who, str) else None)
        async with self.place.database.as_caller(actor) as conn:
            return await claims.claim_slot(conn, slot, code, named)

    async def vote(
        self, who: str, target: str = "120", score: str = "0.5", kind: str = "tempo",
        by: str | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """A vote of somebody by their wallet, or by another one."""
        async with self.place.database.as_caller(self.place.actor(who)) as conn:
            return await claims.cast_vote(conn, None, kind, target, score, by or wallet(who))

    async def events(self, *types: str) -> list[dict[str, Any]]:
        """The day's events in the order of seq, of these types or all."""
        rows = await self.place.owner.fetch(
            """
            select agon.show_epoch_event(e) as shown from public.epoch_events e
            where cardinality($1::text[]) = 0 or e.event_type = any ($1) order by e.seq
            """,
            list(types),
        )
        return [row["shown"] for row in rows]


async def opened(place: Place, config: dict[str, Any] | None = None) -> Day:
    """A day in prep, at its first instant."""
    day = Day(place=place)
    await day.at(OPENS)
    async with place.database.as_worker() as conn:
        await days.keep_profile(conn, "test", config or profile(), activate=True)
        await days.open_day(conn)
    return day


async def live(place: Place, config: dict[str, Any] | None = None, *names: str) -> Day:
    """A day that has just begun, with a bot for each name."""
    day = await opened(place, config)
    for name in names:
        await day.bot(name)
    await day.at(0)
    await day.advance()
    return day


async def on_true_clock(day: Day) -> None:
    """Let the true clock run, in a day that is live around it."""
    await day.place.owner.execute(
        "update epochs set opens_at = now() - interval '1 hour', "
        "starts_at = now() - interval '1 hour', freeze_at = now() + interval '1 hour', "
        "ends_at = now() + interval '1 hour', settle_at = now() + interval '1 hour', "
        "archive_at = now() + interval '1 hour'"
    )
    await day.at(None)
