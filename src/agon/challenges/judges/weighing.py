"""Weighing: records against a rule, condition by condition, and the verdict that comes of it.

What fitness and gaming have in common. They bring two functions: which records count (`Admit`),
and what a record gives to a metric (`Amount`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from agon.challenges import windows
from agon.challenges.judges.admission import Admission, refused
from agon.challenges.judges.tally import Entry, Tally, score, tally
from agon.challenges.judges.verdict import SENTENCES, Reason, Verdict, id_of
from agon.challenges.quantities import DOWN, QUANTITIES, show, whole
from agon.challenges.records import Record
from agon.challenges.rule_syntax import Mistake
from agon.challenges.rule_tree import Condition, Group, Rule, Scope, Score, conditions
from agon.challenges.twins import split

METADATA_ITEMS_MAX = 50
"""Items of one list in a verdict's metadata; the rest is counted."""

Admit = Callable[[Record, Scope, frozenset[str]], Admission]
Amount = Callable[[Record, Condition | Score], tuple[int, int] | None]


@dataclass
class Book:
    """What became of each record, by index: counted with its admission, or refused why."""

    records: Sequence[Record]
    counted: dict[int, Admission] = field(default_factory=dict)
    refused: dict[int, dict[str, Any]] = field(default_factory=dict)

    def note(self, index: int, admission: Admission) -> None:
        if admission.refusals:
            self.refused.setdefault(index, {}).update(admission.refusals)
        else:
            self.counted[index] = admission

    def ignored(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Records that count nowhere, with the reasons of all conditions."""
        for index in sorted(self.refused.keys() - self.counted.keys()):
            yield index, self.refused[index]


def weigh(
    judge: str, rule: Rule, records: Iterable[Record], admit: Admit, amount: Amount
) -> Verdict:
    """The verdict on records under a rule that demands something."""
    kept, twins = split(records)
    kept = [record for record in kept if record["type"] != "account"]
    book = Book(records=[*kept, *twins])
    for index in range(len(kept), len(book.records)):
        book.note(index, refused("duplicate"))
    admissions: dict[tuple[Scope, frozenset[str]], list[Admission]] = {}

    def entries_of(asked: Condition | Score, notes: Book | None) -> list[Entry]:
        key = asked.scope, asked.sports
        if key not in admissions:
            admissions[key] = [admit(record, *key) for record in kept]
        return list(_entries(asked, kept, admissions[key], amount, notes))

    asked = list(conditions(rule.demand))
    entries = [entries_of(condition, book) for condition in asked]
    tallies = {id(c): tally(c, found) for c, found in zip(asked, entries, strict=True)}
    met = _is_met(rule.demand, tallies)
    rank = score(rule.score, entries_of(rule.score, None)) if rule.score else None
    return Verdict(
        passed=met,
        reasons=() if met else tuple(_reasons(rule.demand, tallies, book)),
        score=None if rank is None else whole(rank),
        metadata={
            "judge": judge,
            "conditions": [
                _condition_json(condition, tallies[id(condition)], len(found))
                for condition, found in zip(asked, entries, strict=True)
            ],
            "groups": list(_groups_json(rule.demand, tallies)),
            "score": _score_json(rule.score),
            **book_json(book),
        },
    )


def invalid(judge: str, mistakes: Sequence[Mistake]) -> Verdict:
    """The verdict under a rule that nothing can be judged by."""
    listed = [{"pointer": one.pointer, "sentence": one.sentence} for one in mistakes]
    return Verdict(
        passed=False,
        reasons=(Reason(code="rule_invalid", sentence=SENTENCES["rule_invalid"]),),
        metadata={"judge": judge, "mistakes": listed},
    )


def reasons_of(book: Book) -> Iterator[Reason]:
    """Why records count nowhere: one reason a code, with the number of records."""
    counts = Counter(code for _, codes in book.ignored() for code in codes)
    for code, sentence in SENTENCES.items():
        if code in counts:
            number = f"{counts[code]} record{'s' if counts[code] > 1 else ''}"
            text = f"Not counted, {number}: {sentence[0].lower()}{sentence[1:]}"
            yield Reason(code=code, sentence=text)


def book_json(book: Book) -> dict[str, Any]:
    """The records' part of the metadata."""
    flags = (
        {"id": id_of(book.records[index]), "code": flag.code, "facts": flag.facts}
        for index in sorted(book.counted)
        for flag in book.counted[index].flags
    )
    ignored = (
        {"id": id_of(book.records[index]), "codes": sorted(codes), "facts": _known(codes)}
        for index, codes in book.ignored()
    )
    return {
        "counted": listing(id_of(book.records[index]) for index in sorted(book.counted)),
        "ignored": listing(ignored),
        "flags": listing(flags),
    }


def _known(codes: dict[str, Any]) -> dict[str, Any]:
    return {code: facts for code, facts in sorted(codes.items()) if facts}


def listing(items: Iterable[Any]) -> dict[str, Any]:
    """How many there are, and the first METADATA_ITEMS_MAX of them."""
    every = list(items)
    return {"count": len(every), "first": every[:METADATA_ITEMS_MAX]}


def _entries(
    asked: Condition | Score,
    records: Sequence[Record],
    admissions: Sequence[Admission],
    amount: Amount,
    book: Book | None,
) -> Iterator[Entry]:
    for index, (record, admission) in enumerate(zip(records, admissions, strict=True)):
        found = None if admission.refusals else amount(record, asked)
        if found is None and not admission.refusals:
            admission = refused("metric_missing")
        if book is not None:
            book.note(index, admission)
        if found is not None:
            day = _day(record, asked.scope.window.zone)
            yield Entry(day=day, amount=found[0], base=found[1])


def _day(record: Record, zone: str) -> date:
    """The day of a record: a day of steps has its own, everything else begins on one."""
    if record.get("sport") == "daily" and record["utc_offset_s"] is not None:
        return windows.day_by_offset(record["start_ms"], record["utc_offset_s"])
    return windows.day_of(record["start_ms"], zone)


def _is_met(node: Condition | Group, tallies: dict[int, Tally]) -> bool:
    if isinstance(node, Condition):
        return tallies[id(node)].met
    return _met_parts(node, tallies) >= node.needed


def _met_parts(group: Group, tallies: dict[int, Tally]) -> int:
    return sum(_is_met(part, tallies) for part in group.parts)


def _unmet(node: Condition | Group, tallies: dict[int, Tally]) -> Iterator[Condition]:
    """The conditions because of which a rule is not met."""
    if _is_met(node, tallies):
        return
    if isinstance(node, Condition):
        yield node
    else:
        for part in node.parts:
            yield from _unmet(part, tallies)


def _reasons(demand: Condition | Group, tallies: dict[int, Tally], book: Book) -> Iterator[Reason]:
    if not book.records:
        yield Reason(code="no_evidence", sentence=SENTENCES["no_evidence"])
    for condition in _unmet(demand, tallies):
        counts = bool(tallies[id(condition)].days)
        code = "target_not_met" if counts else "nothing_counts"
        outcome = "not reached" if counts else "no record counts"
        yield Reason(code=code, sentence=f"{condition.asked}: {outcome}.")
    yield from reasons_of(book)


def _condition_json(condition: Condition, found: Tally, records: int) -> dict[str, Any]:
    quantity = QUANTITIES[condition.metric]
    ones = "activities" if quantity.family == "activity" else "games"
    unit = {"per_day": "days", "count": ones}.get(condition.aggregate)
    up = condition.compare in DOWN
    shown = (
        f"{found.value} of {found.target} {unit}"
        if unit
        else show(found.value, condition.metric, condition.unit, up=up)
    )
    return {
        "pointer": condition.pointer,
        "asked": condition.asked,
        "shown": shown,
        "value": whole(found.value),
        "target": whole(found.target),
        "unit": unit or quantity.base,
        "met": found.met,
        "records": records,
        "days": listing([day.isoformat(), whole(value)] for day, value in found.days.items()),
    }


def _groups_json(node: Condition | Group, tallies: dict[int, Tally]) -> Iterator[dict[str, Any]]:
    if isinstance(node, Group):
        yield {
            "pointer": node.pointer,
            "word": node.word,
            "value": _met_parts(node, tallies),
            "target": node.needed,
            "met": _is_met(node, tallies),
        }
        for part in node.parts:
            yield from _groups_json(part, tallies)


def _score_json(asked: Score | None) -> dict[str, Any] | None:
    if asked is None:
        return None
    return {
        "metric": asked.metric,
        "aggregate": asked.aggregate,
        "order": asked.order,
        "unit": QUANTITIES[asked.metric].base,
    }
