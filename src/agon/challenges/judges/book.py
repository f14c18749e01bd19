"""The book of a judgement: what became of each record, and how a verdict tells it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from agon.challenges.judges.admission import Admission
from agon.challenges.judges.verdict import SENTENCES, Reason, id_of
from agon.challenges.plausibility import Facts, Finding
from agon.challenges.records import Record

METADATA_ITEMS_MAX = 50
"""Items of one list in a verdict's metadata; the rest is counted."""


@dataclass
class Book:
    """What became of each record, by index: counted with its admission, or refused why."""

    records: Sequence[Record]
    counted: dict[int, Admission] = field(default_factory=dict)
    refused: dict[int, dict[str, Facts]] = field(default_factory=dict)

    def note(self, index: int, admission: Admission) -> None:
        if admission.refusals:
            self.refused.setdefault(index, {}).update(admission.refusals)
        else:
            self.counted[index] = admission

    def ignored(self) -> Iterator[tuple[int, dict[str, Facts]]]:
        """Records that count nowhere, with the reasons of all conditions."""
        for index in sorted(self.refused.keys() - self.counted.keys()):
            yield index, self.refused[index]


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
    counted, ignored = sorted(book.counted), list(book.ignored())
    flags = [(index, flag) for index in counted for flag in book.counted[index].flags]
    return {
        "counted": listing(counted, lambda index: id_of(book.records[index])),
        "ignored": listing(ignored, lambda row: _ignored_json(book.records[row[0]], row[1])),
        "flags": listing(flags, lambda row: _flag_json(book.records[row[0]], row[1])),
    }


def listing(items: Sequence[Any], shown: Callable[[Any], Any]) -> dict[str, Any]:
    """How many there are, and the first METADATA_ITEMS_MAX of them as they are shown."""
    return {"count": len(items), "first": [shown(item) for item in items[:METADATA_ITEMS_MAX]]}


def _ignored_json(record: Record, refusals: dict[str, Facts]) -> dict[str, Any]:
    facts = {code: known for code, known in sorted(refusals.items()) if known}
    return {"id": id_of(record), "codes": sorted(refusals), "facts": facts}


def _flag_json(record: Record, flag: Finding) -> dict[str, Any]:
    return {"id": id_of(record), "code": flag.code, "facts": flag.facts}
