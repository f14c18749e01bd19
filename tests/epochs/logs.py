"""Logs of days for tests, by hand or drawn; their host keeps to the rules of holding."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

from agon.epochs import profiles

S, F = 1_000, 11_000
"""starts_at and freeze_at of the days in tests: ten seconds of live."""
EPOCH = {"day": "2026-11-02", "starts_at_ms": S, "freeze_at_ms": F, "ends_at_ms": 12_000}


def bot(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-00000000b075"


def wallet(number: int) -> str:
    return f"0x{number:040x}"


def profile(**changes: Any) -> dict[str, Any]:
    """A profile with two slots and short spans, without caps; changes stand at its top level."""
    config = copy.deepcopy(profiles.daily())
    config |= {
        "slots": [{"index": index, "type": "bass", "label": "x"} for index in (0, 1)],
        "minimum_hold_ms": 500,
        "return_ms": 2_000,
        "defense_window_s": 1,
        "caps": {"bot_bps": 10_000},
        "pool_wei": "1000",
    }
    return config | changes


class Host:
    """Writes the log of what bots do, and keeps who holds what."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.holders: dict[int, int] = {}

    def take(self, at_ms: int, who: int, slot: int = 0) -> Host:
        holder = self.holders.get(slot)
        kind = "slot_claimed" if holder is None else "slot_overwritten"
        data = {"code_hash": "ab"} | ({} if holder is None else {"from": bot(holder)})
        self.holders[slot] = who
        return self._note(kind, at_ms, bot=bot(who), slot=slot, data=data)

    def attack(self, at_ms: int, who: int, slot: int = 0) -> Host:
        data = {"holder": bot(self.holders[slot])}
        return self._note("slot_attacked", at_ms, bot=bot(who), slot=slot, data=data)

    def vote(self, at_ms: int, who: int, target: tuple[str, str], score: str) -> Host:
        data = {"target_type": target[0], "target_id": target[1], "score": score}
        return self._note("vote_cast", at_ms, wallet=wallet(who), data=data)

    def move(self, at_ms: int) -> Host:
        return self._note("phase_moved", at_ms, data={"from": "live", "to": "freeze"})

    def _note(self, kind: str, at_ms: int, **parts: Any) -> Host:
        event = {"seq": 2 * len(self.events) + 1, "type": kind, "at_ms": at_ms}
        self.events.append(event | {"bot": None, "slot": None, "wallet": None} | parts)
        return self


OWNERS = {bot(number): wallet(number // 2) if number < 5 else None for number in range(6)}
"""Bots 0 and 1, 2 and 3 have an owner in common; bot 5 has none."""


@st.composite
def hosts(draw: st.DrawFn, acts_max: int = 40) -> Host:
    """Days of six bots and two slots, some of it before S and after F."""
    host = Host()
    at_ms = draw(st.sampled_from((S - 500, S)))
    for _ in range(draw(st.integers(0, acts_max))):
        at_ms += draw(st.integers(0, 900))
        who, slot = draw(st.integers(0, 5)), draw(st.integers(0, 1))
        act = draw(st.sampled_from(("take", "attack", "move")))
        if act == "attack" and host.holders.get(slot, who) != who:
            host.attack(at_ms, who, slot)
        elif act == "take":
            host.take(at_ms, who, slot)
        elif act == "move":
            host.move(at_ms)
    cast = st.tuples(st.integers(0, 7), st.integers(0, 6), st.integers(0, 10_000))
    for voter, target, score in draw(st.lists(cast, max_size=25, unique_by=lambda one: one[:2])):
        on = ("bot", bot(target)) if target < 6 else ("tempo", "120")
        host.vote(draw(st.integers(S - 100, F + 100)), voter, on, f"{score / 10_000:.4f}")
    return host
