"""Admission: whether a record counts under a scope, and what is doubtful about it."""

from __future__ import annotations

from dataclasses import dataclass, field

from agon.challenges.plausibility import Facts, Finding, examine
from agon.challenges.records import Record
from agon.challenges.rule_tree import Scope


@dataclass(frozen=True, kw_only=True)
class Admission:
    """refusals: code -> facts, empty if the record counts; flags: findings that do not refuse."""

    refusals: dict[str, Facts] = field(default_factory=dict)
    flags: tuple[Finding, ...] = ()


def refused(*codes: str) -> Admission:
    """An admission that says no, without facts."""
    return Admission(refusals={code: {} for code in codes})


def by_trust(record: Record, scope: Scope) -> Admission:
    """What trust and plausibility say: the last question to a record that was asked for."""
    findings = examine(record)
    refusals = {
        finding.code: finding.facts
        for finding in findings
        if finding.level == "reject" or (finding.level == "rule" and not _allows(scope, finding))
    }
    flags = tuple(finding for finding in findings if finding.level == "flag")
    if record["trust"] < scope.trust:
        refusals["trust_too_low"] = {"trust": record["trust"], "needed": scope.trust}
    if flags and not scope.flags:
        refusals["flags_refused"] = {}
    return Admission(refusals=refusals, flags=flags)


def _allows(scope: Scope, finding: Finding) -> bool:
    return scope.manual if finding.code == "manual_entry" else scope.trainer
