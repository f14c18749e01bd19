"""Weighing: records against a rule, condition by condition, and the verdict that comes of it.

What fitness and gaming have in common. They bring two functions: which records count (`Admit`),
and what a record gives to a metric (`Amount`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from fractions import Fraction
from typing import Any

from agon.challenges import windows
from agon.challenges.judges.admission import Admission, refused
from agon.challenges.judges.book import Book, book_json, listing, reasons_of
from agon.challenges.judges.tally import Entry, Tally, score, tally
from agon.challenges.judges.verdict import SENTENCES, Reason, Verdict
from agon.challenges.quantities import DOWN, QUANTITIES, show, whole
from agon.challenges.records import Record
from agon.challenges.rule_syntax import Mistake
from agon.challenges.rule_tree import Condition, Group, Rule, Scope, Score, conditions
from agon.challenges.twins import split

Asked = Condition | Score
Admit = Callable[[Record, Scope, frozenset[str]], Admission]
Amount = Callable[[Record, Asked], tuple[int, int] | None]
Heard = dict[tuple[Scope, frozenset[str]], list[tuple[Admission, date | None]]]
"""By scope and sports: the admission of each record, and its day if it counts."""


def weigh(
    judge: str, rule: Rule, records: Iterable[Record], admit: Admit, amount: Amount
) -> Verdict:
    """The verdict on records under a rule that demands something."""
    kept, twins = split(records)
    kept = [record for record in kept if record["type"] != "account"]
    asked = list(conditions(rule.demand))
    heard = _hear([*asked, *filter(None, [rule.score])], kept, admit)
    book = Book(records=[*kept, *twins])
    for index in range(len(kept), len(book.records)):
        book.note(index, refused("duplicate"))
    entries = [list(_entries(one, kept, heard, amount, book)) for one in asked]
    tallies = {id(one): tally(one, found) for one, found in zip(asked, entries, strict=True)}
    met = _is_met(rule.demand, tallies)
    return Verdict(
        passed=met,
        reasons=() if met else tuple(_reasons(rule.demand, tallies, book)),
        score=_score(rule.score, kept, heard, amount),
        metadata={
            "judge": judge,
            "conditions": [
                _condition_json(one, tallies[id(one)], len(found))
                for one, found in zip(asked, entries, strict=True)
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


def _hear(asked: Sequence[Asked], records: Sequence[Record], admit: Admit) -> Heard:
    """What each scope says of each record, once for all conditions that share the scope."""
    keys = dict.fromkeys((one.scope, one.sports) for one in asked)
    heard: Heard = {}
    for scope, sports in keys:
        admissions = [admit(record, scope, sports) for record in records]
        heard[scope, sports] = [
            (admission, None if admission.refusals else _day(record, scope.window.zone))
            for record, admission in zip(records, admissions, strict=True)
        ]
    return heard


def _entries(
    asked: Asked, records: Sequence[Record], heard: Heard, amount: Amount, book: Book
) -> Iterator[Entry]:
    """What the records give to a metric; the book learns which of them count."""
    for index, (admission, day) in enumerate(heard[asked.scope, asked.sports]):
        found = None if day is None else amount(records[index], asked)
        missing = day is not None and found is None
        book.note(index, refused("metric_missing") if missing else admission)
        if day is not None and found is not None:
            yield Entry(day=day, amount=found[0], base=found[1])


def _score(
    asked: Score | None, records: Sequence[Record], heard: Heard, amount: Amount
) -> int | None:
    if asked is None:
        return None
    value = score(asked, list(_entries(asked, records, heard, amount, Book(records=records))))
    return None if value is None else whole(value)


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
        "days": listing(list(found.days.items()), _day_json),
    }


def _day_json(day_and_value: tuple[date, Fraction]) -> list[Any]:
    return [day_and_value[0].isoformat(), whole(day_and_value[1])]


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
