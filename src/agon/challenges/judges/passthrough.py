"""The judge for models that judge elsewhere: it asks only that there is evidence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agon.challenges import rules
from agon.challenges.judges.admission import Admission, by_trust, refused
from agon.challenges.judges.book import Book, book_json, reasons_of
from agon.challenges.judges.verdict import SENTENCES, Reason, Verdict
from agon.challenges.judges.weighing import invalid
from agon.challenges.records import Record
from agon.challenges.rule_tree import Scope
from agon.challenges.twins import split

JUDGE = "passthrough"


def judge(
    rule: dict[str, Any], records: Iterable[Record], *, enrolled_ms: int | None = None
) -> Verdict:
    """Passes where one activity or game counts under the rule's top settings.

    A rule without `version` is another model's: then only the language's defaults apply.
    """
    tree, mistakes = rules.read(rule, JUDGE)
    if tree is None:
        return invalid(JUDGE, mistakes)
    kept, twins = split(records)
    book = Book(records=[*kept, *twins])
    for index, record in enumerate(book.records):
        twin = index >= len(kept)
        book.note(index, refused("duplicate") if twin else _admit(record, tree.scope))
    reasons = [] if book.counted else [_nothing(book), *reasons_of(book)]
    return Verdict(
        passed=bool(book.counted),
        reasons=tuple(reasons),
        metadata={"judge": JUDGE, **book_json(book)},
    )


def _admit(record: Record, scope: Scope) -> Admission:
    if record["type"] == "account":
        return refused("wrong_kind")
    if not scope.window.holds(record["start_ms"], record["end_ms"]):
        return refused("outside_window")
    return by_trust(record, scope)


def _nothing(book: Book) -> Reason:
    code = "nothing_counts" if book.records else "no_evidence"
    return Reason(code=code, sentence=SENTENCES[code])
