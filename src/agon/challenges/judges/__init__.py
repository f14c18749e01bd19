"""Judges: from a rule and records to a verdict. Pure, so anyone can judge again.

A judge is `judge(rule, records, *, enrolled_ms=None) -> Verdict`. It reads every key of a record
but `track`, and needs no clock: whoever stored a record noted its `received_ms` on it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agon.challenges.judges import fitness, gaming, passthrough
from agon.challenges.judges.verdict import Reason, Verdict
from agon.kernel.zones import timezone_data

__all__ = ["JUDGES", "Reason", "Verdict", "recompute", "timezone_data"]

JUDGES: dict[str, Callable[..., Verdict]] = {
    "fitness": fitness.judge,
    "gaming": gaming.judge,
    "passthrough": passthrough.judge,
}


def recompute(inputs: dict[str, Any], rules: dict[str, Any]) -> dict[str, Any]:
    """The output of a result of kind `challenges.verdict`, version 1.

    inputs: {"judge": a key of JUDGES, "records": [...], "enrolled_ms": ms or null}; what else
    stands there (files, time-zone data's release) tells where they came from and is not read.
    rules: the rule, as `rules.with_timeline` made it. Same inputs, same bytes.
    """
    judge = JUDGES[inputs["judge"]]
    return judge(rules, inputs["records"], enrolled_ms=inputs.get("enrolled_ms")).as_json()
