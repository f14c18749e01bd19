"""docs/rules.md: its examples are judged, its tables are those of the code."""

import io
import json
import re
from pathlib import Path

import pytest

from agon.challenges import judges, quantities, rules
from agon.challenges.judges.verdict import REASONS
from agon.challenges.plausibility import CHECKS
from agon.challenges.quantities import QUANTITIES
from agon.challenges.readers import manual
from agon.challenges.records import Source

DOCUMENT = Path(__file__).parents[2] / "docs/rules.md"


def blocks(kind):
    text = DOCUMENT.read_text("utf-8")
    return [json.loads(found) for found in re.findall(rf"```json {kind}\n(.*?)```", text, re.S)]


def examples():
    fences = (rf"```json {kind}\n(.*?)```\n" for kind in ("rule", "evidence", "verdict"))
    pattern = r"### (\w+)\n.*?" + "".join(fences)
    return re.findall(pattern, DOCUMENT.read_text("utf-8"), re.S)


@pytest.mark.parametrize(
    ("metric", "written", "evidence", "answer"), examples(), ids=lambda part: part[:16].split()[0]
)
def test_the_document_is_right(metric, written, evidence, answer):
    reading = manual.read(io.BytesIO(evidence.encode()), Source(provider="manual"))
    judge = "fitness" if QUANTITIES[metric].family == "activity" else "gaming"
    written, answer = json.loads(written), json.loads(answer)
    verdict = judges.JUDGES[judge](written, reading.records)
    (condition,) = verdict.metadata["conditions"]
    assert written["metric"] == metric
    assert verdict.passed is answer.pop("pass")
    assert {key: condition[key] for key in answer} == answer
    assert not judges.JUDGES[judge](written, []).passed
    assert not judges.JUDGES[judge]({**written, "manual": "refuse"}, reading.records).passed


def test_the_document_has_an_example_of_each_metric_and_only_valid_rules():
    assert [metric for metric, *_ in examples()] == list(QUANTITIES)
    assert len(blocks("rule")) == len(QUANTITIES) + 2
    assert [rules.check(found) for found in blocks("rule")] == [()] * len(blocks("rule"))


def rows(heading):
    section = DOCUMENT.read_text("utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.M)


def test_the_documents_tables_are_those_of_the_code():
    assert rows("Reasons") == list(REASONS.items())
    assert rows("Plausibility") == [
        (
            check.code,
            f"{check.level} | {', '.join(check.sports or ['all records'])} | {check.sentence}",
        )
        for check in CHECKS
    ]
    metrics = {name: text.split(" | ")[0] for name, text in rows("Metrics")}
    assert list(metrics) == list(QUANTITIES)
    assert [re.findall(r"`([^`]+)`", units) for units in metrics.values()] == [
        list(quantities.units_of(metric)) for metric in QUANTITIES
    ]
