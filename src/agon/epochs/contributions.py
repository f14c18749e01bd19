"""What each bot did with the slots of an epoch, from its log, in one pass. Pure, integers only.

S = starts_at, F = freeze_at, H = minimum_hold_ms, R = return_ms, W = defense_window_s x 1000.
A hold h of bot b on slot s is [a, e): taken at a by slot_claimed or slot_overwritten, lost at e to
the next slot_overwritten of s, or never, and then e is infinite. The holds of a slot are disjoint.

    occupied_ms(b) = sum over holds h of b of |[a, e) n [S, F)|
    claims(b)      = number of holds h of b that count, in order of time:
                     S <= a < F  and  min(e, F) - a >= H
                     and no hold of b on s that counts has a' with a - a' < R
    defense_ms(b)  = sum over holds h of b of |union over attacks t on h of [t, t + W) n h n [S, F)|

An attack on h is a slot_attacked of s at t, a <= t < e, by a bot of another owner. So
defense_ms(b) <= occupied_ms(b), the sum of all occupied_ms is at most slots x (F - S), and two bots
(or a ring of many) that pass a slot to and fro count one claim each in any R. A bot that writes new
code into its own slot (slot_overwritten from itself) goes on holding it.

The rule is our own. A claim counts once in a stated time for each (bot, slot) and not for each
opponent, since a third bot would evade that; attacks at once count once, as their union.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agon.epochs.event_log import ATTACKED, CLAIMED, NOBODY, Log, malformed


@dataclass(frozen=True, kw_only=True)
class Rules:
    """S and F, the profile's spans in ms, and the slots that there are."""

    starts_at_ms: int
    freeze_at_ms: int
    minimum_hold_ms: int
    return_ms: int
    defense_window_ms: int
    slots: frozenset[int]


@dataclass(frozen=True, kw_only=True)
class Deeds:
    """By the bot's place in the log: ms, a number, ms."""

    occupied_ms: list[int]
    claims: list[int]
    defense_ms: list[int]


def tally(log: Log, owners: Sequence[str | None], rules: Rules) -> Deeds:
    """What the log says that each bot did. owners: address or None, in the order of log.bots.

    Refused: `log_malformed` where an event contradicts the ones before it.
    """
    count = len(log.bots)
    deeds = Deeds(occupied_ms=[0] * count, claims=[0] * count, defense_ms=[0] * count)
    slots = {index: _Slot(rules, deeds) for index in rules.slots}
    columns = log.slots
    rows = zip(
        columns["at_ms"], columns["kind"], columns["bot"], columns["slot"], columns["other"],
        strict=True,
    )  # fmt: skip
    for place, (at_ms, kind, bot, index, other) in enumerate(rows):
        slot = slots.get(index)
        if slot is None:
            raise malformed(columns["seq"][place], f"There is no slot {index}.")
        holder = slot.holder
        if at_ms < slot.last_ms or other != holder or (kind == CLAIMED) != (holder == NOBODY):
            raise _contradiction(log, place, slot)
        slot.last_ms = at_ms
        if kind == ATTACKED:
            if bot == holder:
                raise malformed(columns["seq"][place], "A bot attacks itself.")
            if owners[bot] is None or owners[bot] != owners[holder]:
                slot.attack(at_ms)
        elif bot != holder:
            slot.take(bot, at_ms)
    for slot in slots.values():
        slot.lose(rules.freeze_at_ms)
    return deeds


class _Slot:
    """One slot while the log goes by. Times between begin and end are clipped to [S, F)."""

    __slots__ = (
        "begin_ms", "claim_ms", "counted_ms", "deeds", "defended_from_ms", "defended_to_ms",
        "holder", "last_ms", "rules",
    )  # fmt: skip

    def __init__(self, rules: Rules, deeds: Deeds):
        self.rules = rules
        self.deeds = deeds
        self.holder = NOBODY
        self.last_ms = self.claim_ms = 0
        self.begin_ms = self.defended_from_ms = self.defended_to_ms = 0
        self.counted_ms: dict[int, int] = {}

    def take(self, bot: int, at_ms: int) -> None:
        at = self._clipped(at_ms)
        self.lose(at)
        self.holder = bot
        self.claim_ms = at_ms
        self.begin_ms = self.defended_from_ms = self.defended_to_ms = at

    def attack(self, at_ms: int) -> None:
        """Windows are all equally long, so the one before adds what lies before this one."""
        begin = self._clipped(at_ms)
        self._add_defense(begin)
        self.defended_from_ms = begin
        self.defended_to_ms = self._clipped(at_ms + self.rules.defense_window_ms)

    def lose(self, end: int) -> None:
        """The holder's time is over at `end`, in [S, F]."""
        bot, rules = self.holder, self.rules
        if bot == NOBODY:
            return
        self.deeds.occupied_ms[bot] += end - self.begin_ms
        self._add_defense(end)
        claim = self.claim_ms
        if rules.starts_at_ms <= claim < rules.freeze_at_ms:
            before = self.counted_ms.get(bot)
            returned = before is not None and claim - before < rules.return_ms
            if end - claim >= rules.minimum_hold_ms and not returned:
                self.counted_ms[bot] = claim
                self.deeds.claims[bot] += 1

    def _add_defense(self, until: int) -> None:
        end = min(self.defended_to_ms, until)
        if end > self.defended_from_ms:
            self.deeds.defense_ms[self.holder] += end - self.defended_from_ms

    def _clipped(self, at_ms: int) -> int:
        return min(max(at_ms, self.rules.starts_at_ms), self.rules.freeze_at_ms)


def _contradiction(log: Log, place: int, slot: _Slot):
    seq, index, kind = (log.slots[name][place] for name in ("seq", "slot", "kind"))
    if log.slots["at_ms"][place] < slot.last_ms:
        return malformed(seq, f"It is earlier than the event before it on slot {index}.")
    holder = "nobody" if slot.holder == NOBODY else log.bots[slot.holder]
    other = log.slots["other"][place]
    said = "free" if kind == CLAIMED else f"held by {log.bots[other]}"
    return malformed(seq, f"It says that slot {index} is {said}; its holder is {holder}.")
