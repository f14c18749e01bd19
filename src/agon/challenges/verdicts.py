"""Verdicts: the newest evidence of a participant, judged by the challenge's rule, with a bundle."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agon.challenges import judges, rules
from agon.challenges.records import Record, evidence_hash
from agon.kernel import results
from agon.kernel.database import Database

RECORDS_INLINE_MAX = 500
"""More are judged in a thread, so that the worker's heartbeat goes on."""

KIND = results.Kind(name="challenges.verdict", version=1, recompute=judges.recompute)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A verdict as the table stores it, and the bundle that proves it."""

    verdict: Mapping[str, Any]
    bundle: results.Bundle


async def judge(database: Database, challenge_id: int, subject: str) -> str:
    """Judge the newest evidence and record the verdict.

    Returns recorded | unchanged | stale | closed | nothing. Safe to run any number of times.
    """
    case = await database.ask("select agon.load_case($1, $2)", challenge_id, subject)
    if case is None or not case["evidence"]:
        return "nothing"
    large = sum(len(row["data"]) for row in case["evidence"]) > RECORDS_INLINE_MAX
    decision = await asyncio.to_thread(decide, case) if large else decide(case)
    return await database.ask(
        "select agon.record_verdict($1, $2, $3, $4, $5)",
        challenge_id,
        subject,
        [row["id"] for row in case["evidence"]],
        decision.verdict,
        decision.bundle.data,
    )


def decide(case: Mapping[str, Any]) -> Decision:
    """The verdict of a case as `agon.load_case` gives it. Pure."""
    records = [record for row in case["evidence"] for record in row["data"]]
    return decide_on(
        judge=case["judge"],
        rule=rule_of(case["challenge"]),
        records=records,
        enrolled_ms=case["enrolled_ms"],
    )


def decide_on(
    *, judge: str, rule: dict[str, Any], records: list[Record], enrolled_ms: int | None = None
) -> Decision:
    """The verdict of a judge over records, and its bundle. Pure."""
    inputs = {
        "judge": judge,
        "records": [seen(record) for record in records],
        "enrolled_ms": enrolled_ms,
        "files": sorted({record["file"] for record in records if record.get("file")}),
        "timezone_data": judges.timezone_data(),
    }
    bundle = results.bundle(KIND, inputs, rule)
    output = bundle.output
    verdict = {
        "pass": output["pass"],
        "reasons": [reason["sentence"] for reason in output["reasons"]],
        "evidence_hash": evidence_hash(records),
        "evaluator": judge,
        "score": output["score"],
        "metadata": {**output["metadata"], "reasons": output["reasons"]},
        "result_cid": bundle.cid,
        "enrolled_ms": enrolled_ms,
    }
    return Decision(verdict=verdict, bundle=bundle)


def seen(record: Record) -> Record:
    """The record as a judge sees it: without positions, which no rule asks for."""
    return {key: value for key, value in record.items() if key != "track"}


def rule_of(challenge: Mapping[str, Any]) -> dict[str, Any]:
    """The challenge's rule, with its timeline as the window where the rule names none."""
    timeline = challenge.get("timeline") or {}
    return rules.with_timeline(rules.rule_of(challenge), timeline.get("start"), timeline.get("end"))
