"""A competition of type challenge or leaderboard: from scores to places. Pure, no floats.

The rules are `rules.scoring` of the competition, as leaderboard.schema.json publishes them. Scores
have 6 decimal places. Of a team count the scores of the wallets on its roster when it started.

Who has not qualified has no place. Others are ordered by

    challenge, passes       points; the sum of scores, as `order` has it; fewer failed
    challenge, scores       the sum of scores; more passed; fewer failed
    ... less is better      more passed; the sum of scores; fewer failed
    leaderboard             the value that was taken

and whom nothing separates share a range of places, as in a bracket.

A result of kind `leagues.leaderboard`, version 1:

    inputs  {"competition": id, "type", "entrants": [{"participant", "wallets", "scores": [
             {"wallet", "challenge": id or null, "pass", "score": decimal string or null, "of": CID
             of the verdict or null}, ...] in the order in which they came}, ...]}
    rules   rules.scoring
    output  {"placements": [{"entrant", "from", "to"}, ...] from the first to the last,
             "entries": [{"entrant", "score", "passed", "failed", "scores"}, ...] in that order;
             score is what was counted, as a decimal string}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agon.kernel import results
from agon.kernel.errors import refuse
from agon.leagues import decimals, forms, ranking

SCHEMA = "leaderboard.schema.json"
SCORE_PLACES = 6
CHALLENGE = "challenge"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """How an entrant stands. score: what counts, in units of 10^-SCORE_PLACES; passed, failed:
    verdicts; scores: how many; values: what orders it, each the higher the better."""

    participant: str
    score: int
    passed: int
    failed: int
    scores: int
    values: tuple[int, ...]


def check(rules: object) -> None:
    """Refuse rules of a competition whose `scoring` is malformed: `rules_malformed`, with each
    place."""
    if not isinstance(rules, Mapping) or "scoring" not in rules:
        return
    found = list(forms.mistakes(rules["scoring"], SCHEMA))
    if found:
        raise refuse(
            "rules_malformed",
            "A competition cannot be scored by this.",
            details="\n".join(f"/scoring{each}" for each in found),
            hint="leaderboard.schema.json, in the package agon.leagues, describes each key.",
            status=422,
        )


def schema() -> dict[str, Any]:
    """The form of `rules.scoring` as a JSON Schema, draft 2020-12."""
    return forms.schema(SCHEMA)


def bundle(case: Mapping[str, Any], rules: Mapping[str, Any]) -> results.Bundle:
    """The places of these inputs. Refused: `result_large`."""
    return results.bundle(KIND, case, rules)


def recompute(inputs: Mapping[str, Any], rules: Mapping[str, Any]) -> dict[str, Any]:
    """The output of a result, from its inputs and rules alone."""
    check({"scoring": rules})
    entries = (entry(inputs["type"], each, rules) for each in inputs["entrants"])
    ordered = ranking.ranked(
        (each.values, each.participant, each) for each in entries if each is not None
    )
    return {
        "placements": [
            {"entrant": each.row.participant, "from": each.first, "to": each.last}
            for each in ordered
        ],
        "entries": [
            {
                "entrant": each.row.participant,
                "score": decimals.text(each.row.score, SCORE_PLACES),
                "passed": each.row.passed,
                "failed": each.row.failed,
                "scores": each.row.scores,
            }
            for each in ordered
        ],
    }


def entry(type: str, entrant: Mapping[str, Any], rules: Mapping[str, Any]) -> Entry | None:
    """How an entrant stands; None while it has not qualified."""
    read = [_read(each) for each in entrant["scores"]]
    passed = sum(each.passed for each in read)
    failed = sum(not each.passed for each in read)
    if type == CHALLENGE:
        score, values = _by_challenges(read, passed, failed, rules)
        counted = passed
    else:
        score, counted = _by_scores(read, rules)
        values = (_towards(score, rules),)
    if counted < rules.get("qualify", 1):
        return None
    return Entry(
        participant=entrant["participant"],
        score=score,
        passed=passed,
        failed=failed,
        scores=len(read),
        values=values,
    )


def key(entry: Entry) -> bytes:
    """Where it stands among the others (ranking.py)."""
    return ranking.key(entry.values, entry.participant)


KIND = results.Kind(name="leagues.leaderboard", version=1, recompute=recompute)


@dataclass(frozen=True, slots=True)
class _Score:
    wallet: str
    passed: bool
    score: int | None


def _read(given: Mapping[str, Any]) -> _Score:
    score = given["score"]
    units = None if score is None else decimals.units(score, SCORE_PLACES)
    return _Score(given["wallet"], given["pass"], units)


def _by_challenges(
    read: Iterable[_Score], passed: int, failed: int, rules: Mapping[str, Any]
) -> tuple[int, tuple[int, ...]]:
    total = sum(each.score or 0 for each in read if each.passed)
    towards = _towards(total, rules)
    if rules.get("count", "passes") == "passes":
        points = rules.get("pass", 1) * passed + rules.get("fail", 0) * failed
        return points * 10**SCORE_PLACES, (points, towards, -failed)
    if rules.get("order", "desc") == "asc":
        return total, (passed, towards, -failed)
    return total, (towards, passed, -failed)


def _by_scores(read: Sequence[_Score], rules: Mapping[str, Any]) -> tuple[int, int]:
    """What was taken of all wallets, and of how many scores."""
    by_wallet: dict[str, list[int]] = {}
    for each in read:
        if each.score is not None and (each.passed or not rules.get("require_pass", True)):
            by_wallet.setdefault(each.wallet, []).append(each.score)
    if not by_wallet:
        return 0, 0
    better = max if rules.get("order", "desc") == "desc" else min
    taken = {"best": better, "sum": sum, "last": _last}[rules.get("take", "best")]
    own = [taken(scores) for scores in by_wallet.values()]
    together = sum(own) if rules.get("team", "sum") == "sum" else better(own)
    return together, sum(len(scores) for scores in by_wallet.values())


def _last(scores: Sequence[int]) -> int:
    return scores[-1]


def _towards(score: int, rules: Mapping[str, Any]) -> int:
    return score if rules.get("order", "desc") == "desc" else -score
