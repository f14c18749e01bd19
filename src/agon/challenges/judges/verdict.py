"""What a judge answers: a value, whatever the evidence is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from agon.challenges.plausibility import CHECKS
from agon.challenges.records import Record
from agon.challenges.windows import TIME_MAX_MS, rfc3339

REASONS = {
    "rule_invalid": "The rule has mistakes, so nothing can be judged by it.",
    "no_evidence": "No record was submitted.",
    "nothing_counts": "No record counts.",
    "target_not_met": "What counts does not reach the target.",
    "duplicate": "It is the same activity or game as another record, which counts in its place.",
    "wrong_kind": "It is a kind of record that the challenge does not ask for.",
    "game_void": "The game does not count at all: a remake, bots, too short or cut off.",
    "outside_window": "It starts before the window or ends after it.",
    "before_enrolment": "The game started before the participant enrolled.",
    "sport_not_asked": "The rule does not ask for its sport.",
    "sport_unknown": "Its file names no sport, and the rule does not say what it counts as.",
    "title_not_asked": "The rule does not ask for this game.",
    "role_not_asked": "The rule does not ask for its role.",
    "hero_not_asked": "The rule does not ask for its hero.",
    "mode_not_asked": "The rule does not ask for its game mode.",
    "queue_not_asked": "The rule does not ask for its queue.",
    "not_ranked": "The rule asks for ranked games.",
    "account_unknown": "The rule asks about the player's account, and no record shows it.",
    "account_too_new": "The account was too young when the game started.",
    "account_level_low": "The account's level is too low.",
    "account_private": "The account is not public.",
    "trust_too_low": "The rule asks for evidence of a higher trust level.",
    "flags_refused": "It has a doubtful trait, and the rule refuses those.",
    "below_minimum": "It is less than the rule's minimum for one activity.",
    "metric_missing": "It does not say what the condition measures.",
}
"""Reasons of judges; those of the traits of single records are in `plausibility.CHECKS`.

Verdicts are public, their metadata is not: no sentence holds a time, a place or a measured value.
"""
SENTENCES = REASONS | {check.code: check.sentence for check in CHECKS}


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why something does not count, or a rule is not met: a stable code and a sentence."""

    code: str
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """passed, and why not; score in the metric's base unit or None; metadata: the breakdown."""

    passed: bool
    reasons: tuple[Reason, ...]
    score: int | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The output of result kind `challenges.verdict`, version 1."""
        return {
            "pass": self.passed,
            "reasons": [
                {"code": reason.code, "sentence": reason.sentence} for reason in self.reasons
            ],
            "score": self.score,
            "metadata": self.metadata,
        }


def id_of(record: Record) -> str:
    """What metadata call a record: its id at its source, else what it is and when it began."""
    if record["provider_id"]:
        return str(record["provider_id"])
    return f"{record['sport']}@{_when(record['start_ms'])}"


def _when(at_ms: int) -> str:
    return rfc3339(at_ms) if 0 <= at_ms < TIME_MAX_MS else f"{at_ms} ms"
