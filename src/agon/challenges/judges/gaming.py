"""The judge of games: matches of Dota 2, League of Legends and others."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from agon.challenges import rules
from agon.challenges.judges.admission import Admission, by_trust, refused
from agon.challenges.judges.verdict import Verdict
from agon.challenges.judges.weighing import invalid, weigh
from agon.challenges.records import Record
from agon.challenges.rule_tree import Condition, Scope, Score

JUDGE = "gaming"
KDA_SCALE = 1000

Accounts = dict[tuple[str, str], list[Record]]


def judge(
    rule: dict[str, Any], records: Iterable[Record], *, enrolled_ms: int | None = None
) -> Verdict:
    """The verdict on a subject's games that started at enrolled_ms or later, None: at any time.

    Account records among the records answer what a rule asks of the players' accounts.
    """
    tree, mistakes = rules.read(rule, JUDGE)
    if tree is None:
        return invalid(JUDGE, mistakes)
    records = list(records)
    admit = partial(_admit, accounts=_accounts(records), enrolled_ms=enrolled_ms)
    return weigh(JUDGE, tree, records, admit, _amount)


def _accounts(records: Iterable[Record]) -> Accounts:
    accounts: Accounts = {}
    for record in records:
        if record["type"] == "account":
            accounts.setdefault((record["title"], record["player_id"]), []).append(record)
    return accounts


def _admit(
    record: Record,
    scope: Scope,
    sports: frozenset[str],
    *,
    accounts: Accounts,
    enrolled_ms: int | None,
) -> Admission:
    if record["type"] != "game":
        return refused("wrong_kind")
    if record["void"]:
        return refused("game_void")
    if not scope.window.holds(record["start_ms"], record["end_ms"]):
        return refused("outside_window")
    if enrolled_ms is not None and record["start_ms"] < enrolled_ms:
        return refused("before_enrolment")
    strange = [
        f"{name}_not_asked"
        for name, values in scope.wanted
        if (record[name] or "").casefold() not in values
    ]
    if scope.ranked_only and not record["ranked"]:
        strange.append("not_ranked")
    strange += _account_refusals(record, scope, accounts)
    return refused(*strange) if strange else by_trust(record, scope)


def _account_refusals(record: Record, scope: Scope, accounts: Accounts) -> list[str]:
    """What the player's account lacks. Of several records of it, the best known answer counts."""
    if not scope.asks_account:
        return []
    known = [
        account
        for account in accounts.get((record["title"], record["player_id"]), ())
        if account["trust"] >= scope.trust
    ]
    if not known:
        return ["account_unknown"]
    born = min((one["created_ms"] for one in known if one["created_ms"] is not None), default=None)
    level = max((one["level"] or 0 for one in known), default=0)
    lacks = []
    if scope.account_age_ms and (born is None or record["start_ms"] - born < scope.account_age_ms):
        lacks.append("account_too_new")
    if level < scope.level:
        lacks.append("account_level_low")
    if scope.public and not all(one["public"] for one in known):
        lacks.append("account_private")
    return lacks


def _amount(record: Record, asked: Condition | Score) -> tuple[int, int] | None:
    """What a game gives to a metric; a game that the player left is no win."""
    if asked.metric in ("wins", "win_streak"):
        return int(record["won"] is True and not record["left_early"]), 0
    if asked.metric == "matches":
        return 1, 0
    if asked.metric == "kda":
        kills, deaths, assists = record["kills"], record["deaths"], record["assists"]
        if kills is None or deaths is None or assists is None:
            return None
        return (kills + assists) * KDA_SCALE, deaths
    value = record[asked.metric]
    return None if value is None else (value, 0)
