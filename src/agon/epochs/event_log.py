"""The log of an epoch as columns: what settlement reads of its events, in order of seq. Pure.

Events are objects, as `agon epoch replay` reads them; of their types settlement reads four:

    slot_claimed      bot, slot                       the slot was free
    slot_overwritten  bot, slot, data.from            another bot held it
    slot_attacked     bot, slot, data.holder          refused by the minimum hold
    vote_cast         wallet, data.target_type, data.target_id, data.score ("0.0000" to "1.0000")

each with seq and at_ms. Others (phases, the settlement itself, what a host tells) are left out, so
that settling again finds the same log. A million objects would take a gigabyte, so each field is a
column of machine integers (about 30 bytes an event); bots, voters and targets are lists, and
columns point into them.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any

from agon.kernel.errors import Refused, refuse

CLAIMED, OVERWRITTEN, ATTACKED = 0, 1, 2
KINDS = {"slot_claimed": CLAIMED, "slot_overwritten": OVERWRITTEN, "slot_attacked": ATTACKED}
OTHER = {OVERWRITTEN: "from", ATTACKED: "holder"}
"""Key of `data` that names the other bot."""
NOT_READ = frozenset({"phase_moved", "epoch_settled", "slot_update", "activity"})
NOBODY = -1
TARGET_TYPES = ("bot", "tempo", "key", "world_theme")
TARGET_ID = "[A-Za-z0-9][A-Za-z0-9#_.:-]{0,99}"
"""As the claim epoch_votes_target_is_a_name has it."""
SCORE_E4_MAX = 10_000
SLOT_COLUMNS = {"seq": "q", "at_ms": "q", "kind": "b", "bot": "i", "slot": "i", "other": "i"}
VOTE_COLUMNS = {"seq": "q", "at_ms": "q", "voter": "i", "target": "i", "score_e4": "i"}
"""Name -> type code of `array`. A score counts in ten-thousandths."""
STEPPED = ("seq", "at_ms")
"""In JSON, such a column holds the differences between neighbours, which are short."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ADDRESS = re.compile(r"0x[0-9a-f]{40}")
_TARGET = re.compile(TARGET_ID)
_SCORE = re.compile(r"0\.[0-9]{4}|1\.0000")

Columns = dict[str, array]


def _empty(codes: Mapping[str, str]) -> Callable[[], Columns]:
    return lambda: {name: array(code) for name, code in codes.items()}


@dataclass(frozen=True, kw_only=True)
class Log:
    """bots, voters: uuids and addresses; targets: (type, id); sorted, once `ordered`."""

    bots: list[str] = field(default_factory=list)
    voters: list[str] = field(default_factory=list)
    targets: list[tuple[str, str]] = field(default_factory=list)
    slots: Columns = field(default_factory=_empty(SLOT_COLUMNS))
    votes: Columns = field(default_factory=_empty(VOTE_COLUMNS))

    def events(self) -> int:
        """How many there are."""
        return len(self.slots["seq"]) + len(self.votes["seq"])

    def as_json(self, starts_at_ms: int) -> dict[str, Any]:
        """For a bundle: lists, with times and seqs as differences from the one before."""
        return {
            "bots": self.bots,
            "voters": self.voters,
            "targets": [list(target) for target in self.targets],
            "slots": _stepped(self.slots, starts_at_ms),
            "votes": _stepped(self.votes, starts_at_ms),
        }


def read(events: Iterable[Mapping[str, Any]]) -> Log:
    """The log of events in any order; the same events give the same log.

    Refused: `log_malformed`, with the seq (or `event_malformed`, see `Reader.add`).
    """
    reader = Reader()
    for event in events:
        reader.add(event)
    return reader.log()


def from_json(document: Mapping[str, Any], starts_at_ms: int) -> Log:
    """The log that `as_json` wrote. Refused: `log_malformed`."""
    log = Log(
        bots=document["bots"],
        voters=document["voters"],
        targets=[(kind, name) for kind, name in document["targets"]],
        slots=_unstepped(document["slots"], SLOT_COLUMNS, starts_at_ms),
        votes=_unstepped(document["votes"], VOTE_COLUMNS, starts_at_ms),
    )
    _check_bounds(log)
    return log


def malformed(seq: int, sentence: str) -> Refused:
    """The refusal of a log that contradicts itself at this event."""
    return refuse(
        "log_malformed",
        "The log of events contradicts itself.",
        details=f"seq {seq}: {sentence}",
        hint="Export it again, whole: every claim of the epoch, each once.",
        status=422,
    )


class Reader:
    """Takes events one by one, and keeps columns of them."""

    def __init__(self) -> None:
        self._bots: dict[str, int] = {}
        self._voters: dict[str, int] = {}
        self._targets: dict[tuple[str, str], int] = {}
        self._scores: dict[str, int] = {}
        self._log = Log()
        slots, votes = self._log.slots, self._log.votes
        self._to_slots = tuple(slots[name].append for name in SLOT_COLUMNS)
        self._to_votes = tuple(votes[name].append for name in VOTE_COLUMNS)

    def add(self, event: Mapping[str, Any]) -> None:
        """One event. Refused: `event_malformed`, with its seq and what is wrong with it."""
        try:
            kind = KINDS.get(event["type"])
            if kind is not None:
                self._add_slot(event, kind)
            elif event["type"] == "vote_cast":
                self._add_vote(event)
            elif event["type"] not in NOT_READ:
                raise ValueError(f"type {str(event['type'])[:80]!r} is not known")
        except KeyError as error:
            raise _event_refused(event, f"{error.args[0]} is missing") from error
        except (ValueError, TypeError, OverflowError) as error:
            raise _event_refused(event, str(error)) from error

    def log(self) -> Log:
        """All of it: events by seq, names sorted. Refused: `log_malformed`."""
        bots, voters, targets = (
            sorted(names) for names in (self._bots, self._voters, self._targets)
        )
        slots, votes = _in_order(self._log.slots), _in_order(self._log.votes)
        places = _places(self._bots, bots)
        for column in ("bot", "other"):
            slots[column] = array("i", map(places.__getitem__, slots[column]))
        votes["voter"] = array("i", map(_places(self._voters, voters).__getitem__, votes["voter"]))
        to_target = _places(self._targets, targets).__getitem__
        votes["target"] = array("i", map(to_target, votes["target"]))
        return Log(bots=bots, voters=voters, targets=targets, slots=slots, votes=votes)

    def _add_slot(self, event: Mapping[str, Any], kind: int) -> None:
        seq, at_ms, slot, name = event["seq"], event["at_ms"], event["slot"], event["bot"]
        if type(seq) is not int or type(at_ms) is not int or type(slot) is not int:
            raise TypeError("seq, at_ms and slot are integers")
        bot = self._bots.get(name)
        if bot is None:
            bot = self._named(self._bots, name, _UUID, "bot")
        other = NOBODY
        if kind:
            other_name = event["data"][OTHER[kind]]
            other = self._bots.get(other_name, NOBODY)
            if other == NOBODY:
                other = self._named(self._bots, other_name, _UUID, OTHER[kind])
        to_seq, to_at, to_kind, to_bot, to_slot, to_other = self._to_slots
        to_seq(seq), to_at(at_ms), to_kind(kind), to_bot(bot), to_slot(slot), to_other(other)

    def _add_vote(self, event: Mapping[str, Any]) -> None:
        seq, at_ms, wallet, data = event["seq"], event["at_ms"], event["wallet"], event["data"]
        if type(seq) is not int or type(at_ms) is not int:
            raise TypeError("seq and at_ms are integers")
        voter = self._voters.get(wallet)
        if voter is None:
            voter = self._named(self._voters, wallet, _ADDRESS, "wallet")
        target = self._targets.get((data["target_type"], data["target_id"]))
        if target is None:
            target = self._target(data["target_type"], data["target_id"])
        score = self._scores.get(data["score"])
        if score is None:
            score = self._score(data["score"])
        to_seq, to_at, to_voter, to_target, to_score = self._to_votes
        to_seq(seq), to_at(at_ms), to_voter(voter), to_target(target), to_score(score)

    def _target(self, kind: str, name: str) -> int:
        if kind not in TARGET_TYPES:
            raise ValueError(f"target_type {str(kind)[:80]!r} is not known")
        if kind == "bot":
            self._named(self._bots, name, _UUID, "target_id")
        elif not _TARGET.fullmatch(name):
            raise ValueError("target_id is no name of 1 to 100 characters")
        return self._targets.setdefault((kind, name), len(self._targets))

    def _score(self, text: str) -> int:
        if not _SCORE.fullmatch(text):
            raise ValueError("score is no decimal from 0.0000 to 1.0000 with four places")
        return self._scores.setdefault(text, int(text.replace(".", "")))

    @staticmethod
    def _named(known: dict[str, int], name: str, form: re.Pattern[str], key: str) -> int:
        if not form.fullmatch(name):
            raise ValueError(f"{key} {name[:80]!r} has another form (lower case)")
        return known.setdefault(name, len(known))


def _event_refused(event: Mapping[str, Any], sentence: str) -> Refused:
    return refuse(
        "event_malformed",
        "An event does not have the form of its type.",
        details=f"seq {str(event.get('seq'))[:80]}: {sentence}",
        hint="docs/epochs.md shows the form of each type.",
        status=422,
    )


def _places(known: Mapping[Any, int], ordered: Sequence[Any]) -> list[int]:
    """Old index -> index in the sorted list; NOBODY, the last, stays NOBODY."""
    places = [NOBODY] * (len(known) + 1)
    for place, name in enumerate(ordered):
        places[known[name]] = place
    return places


def _in_order(columns: Columns) -> Columns:
    """The same events by seq, in a dict of its own."""
    seqs = columns["seq"]
    if any(later <= earlier for earlier, later in pairwise(seqs)):
        order = sorted(range(len(seqs)), key=seqs.__getitem__)
        columns = {
            name: array(column.typecode, map(column.__getitem__, order))
            for name, column in columns.items()
        }
    _check_order(columns["seq"])
    return dict(columns)


def _check_bounds(log: Log) -> None:
    """Whatever a column points to is there: in Python, -1 would be the last of a list."""
    bots = len(log.bots)
    for column, least, end in (
        (log.slots["kind"], CLAIMED, ATTACKED + 1),
        (log.slots["bot"], 0, bots),
        (log.slots["other"], NOBODY, bots),
        (log.votes["voter"], 0, len(log.voters)),
        (log.votes["target"], 0, len(log.targets)),
        (log.votes["score_e4"], 0, SCORE_E4_MAX + 1),
    ):
        if column and not least <= min(column) <= max(column) < end:
            raise malformed(0, f"A column has a number outside {least} to {end - 1}.")
    for names in (log.bots, log.voters, log.targets):
        if any(later <= earlier for earlier, later in pairwise(names)):
            raise malformed(0, "Names stand twice, or out of order.")


def _check_order(seqs: array) -> None:
    for earlier, later in pairwise(seqs):
        if later <= earlier:
            raise malformed(later, "This number stands twice, or out of order.")


def _stepped(columns: Columns, starts_at_ms: int) -> dict[str, list[int]]:
    lists = {name: column.tolist() for name, column in columns.items()}
    for name, origin in zip(STEPPED, (0, starts_at_ms), strict=True):
        lists[name] = [later - earlier for earlier, later in pairwise([origin, *lists[name]])]
    return lists


def _unstepped(
    lists: Mapping[str, list[int]], codes: Mapping[str, str], starts_at_ms: int
) -> Columns:
    columns = {name: array(code, lists[name]) for name, code in codes.items()}
    for name, origin in zip(STEPPED, (0, starts_at_ms), strict=True):
        columns[name] = array("q", accumulate(columns[name], initial=origin))[1:]
    if len({len(column) for column in columns.values()}) != 1:
        raise malformed(0, "Its columns have different lengths.")
    _check_order(columns["seq"])
    return columns
