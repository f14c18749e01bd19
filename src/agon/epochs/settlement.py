"""The settlement of an epoch: from its log to what each bot is paid, as a result. Pure.

A result of kind `epochs.settlement`, version 1:

    inputs  {"epoch": {"day", "starts_at_ms", "freeze_at_ms", "ends_at_ms"},
             "log": the log as columns (event_log.py),
             "owners": {bot: address or null, at the moment that the profile names},
             "pool_wei": decimal string}
    rules   the profile
    output  {"outcome": one of OUTCOMES, "caps": "held" or "raised",
             "bots": [{"bot", "owner", "occupied_ms", "claims", "defense_ms", "vote_quality",
                       "raw_score", "share", "bps", "wei"}, ...] in the order of log.bots,
             "totals": {"occupied_ms", "claims", "defense_ms", "votes", "bps", "wei"},
             "voter_weights_milli": in the order of log.voters}

vote_quality has 6 places and raw_score 8, rounded down; share has 12 and adds up to 1 exactly. The
formulas stand in contributions.py, vote_quality.py and shares.py. A bot whose owner is nobody is
not paid; the others share the pool. bps add up to 10,000 and wei to the pool, or both to 0, where
the outcome says why: nobody contributed, or no bot that did has an owner. Wei come from the same
exact parts as bps, and not from bps, which are too coarse.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from agon.epochs import contributions, event_log, profiles, shares, vote_quality
from agon.epochs.event_log import Log
from agon.epochs.shares import WHOLE_BPS
from agon.kernel import results
from agon.kernel.errors import Refused, refuse

PAID, NO_CONTRIBUTION, NO_RECIPIENT = "paid", "no_contribution", "no_recipient"
OUTCOMES = (PAID, NO_CONTRIBUTION, NO_RECIPIENT)
SCORE_PLACES = 8
SHARE_PLACES = 12
QUALITY_PLACES = 6
BUNDLED_EVENTS_MAX = 10_000_000
"""Each takes about 17 bytes, and 230 of memory while the bundle is made. Beyond some 3 million the
log is attached (`results.INLINE_BYTES_MAX`)."""
EPOCH_KEYS = ("day", "starts_at_ms", "freeze_at_ms", "ends_at_ms")

_WEI = re.compile(r"0|[1-9][0-9]{0,77}")
_ADDRESS = re.compile(r"0x[0-9a-f]{40}")


def bundle(
    log: Log,
    epoch: Mapping[str, Any],
    owners: Mapping[str, str | None],
    pool_wei: str,
    profile: Mapping[str, Any],
) -> results.Bundle:
    """The result of an epoch. owners: of bots that the log does not name, nothing is kept.

    Refused: `log_malformed`, `epoch_malformed`; `result_large` beyond BUNDLED_EVENTS_MAX.
    """
    if log.events() > BUNDLED_EVENTS_MAX:
        raise refuse(
            "result_large",
            "The log has more events than a result can carry.",
            details=f"{log.events()} events, the limit is {BUNDLED_EVENTS_MAX}.",
            hint="It can be settled and replayed, but not bundled.",
            status=413,
        )
    _check(epoch, owners, pool_wei)
    inputs = {
        "epoch": {key: epoch[key] for key in EPOCH_KEYS},
        "log": log.as_json(epoch["starts_at_ms"]),
        "owners": {bot: owners.get(bot) for bot in log.bots},
        "pool_wei": pool_wei,
    }
    return results.bundle(KIND, inputs, profile, attachable=("log",))


def recompute(inputs: Mapping[str, Any], rules: Mapping[str, Any]) -> dict[str, Any]:
    """The output of a result, from its inputs and rules alone."""
    epoch = inputs["epoch"]
    log = event_log.from_json(inputs["log"], epoch["starts_at_ms"])
    return settle(log, epoch, inputs["owners"], inputs["pool_wei"], rules)


def settle(
    log: Log,
    epoch: Mapping[str, Any],
    owners: Mapping[str, str | None],
    pool_wei: str,
    profile: Mapping[str, Any],
) -> dict[str, Any]:
    """The output. Time and memory grow with the events; a log of 10^7 needs no bundle for it.

    Refused: `log_malformed`, `epoch_malformed`.
    """
    _check(epoch, owners, pool_wei)
    owned = [owners.get(bot) for bot in log.bots]
    deeds = contributions.tally(log, owned, _slot_rules(epoch, profile))
    quality = vote_quality.weigh(log, owned, deeds.occupied_ms, _vote_rules(epoch, profile))
    scoring = profile["scoring"]
    weights = shares.weigh(
        (
            (scoring["occupied_bps"], deeds.occupied_ms),
            (scoring["claims_bps"], deeds.claims),
            (scoring["defense_bps"], deeds.defense_ms),
            (scoring["votes_bps"], quality.micro),
        )
    )
    payable = [weight if owner else 0 for weight, owner in zip(weights.by_bot, owned, strict=True)]
    caps = profile["caps"]
    amounts = shares.cap(payable, owned, caps["bot_bps"], caps.get("owner_bps", WHOLE_BPS))
    columns = {
        "bot": log.bots,
        "owner": owned,
        "occupied_ms": deeds.occupied_ms,
        "claims": deeds.claims,
        "defense_ms": deeds.defense_ms,
        "vote_quality": [_decimal(micro, QUALITY_PLACES) for micro in quality.micro],
        "raw_score": _raw_scores(weights),
        "share": _shares(weights.by_bot, log.bots),
        "bps": shares.apportion(amounts.by_bot, WHOLE_BPS, log.bots),
        "wei": shares.apportion(amounts.by_bot, int(pool_wei), log.bots),
    }
    totals = {key: sum(columns[key]) for key in ("occupied_ms", "claims", "defense_ms", "bps")}
    wei = columns["wei"]
    columns["wei"] = [str(each) for each in wei]
    return {
        "outcome": _outcome(weights.by_bot, payable),
        "caps": "raised" if amounts.raised else "held",
        "bots": [
            dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
        ],
        "totals": {**totals, "votes": quality.counted, "wei": str(sum(wei))},
        "voter_weights_milli": quality.weight_milli,
    }


KIND = results.Kind(name="epochs.settlement", version=1, recompute=recompute)


def _check(epoch: Mapping[str, Any], owners: Mapping[str, str | None], pool_wei: str) -> None:
    times = [epoch.get(key) for key in EPOCH_KEYS[1:]]
    whole = all(type(at) is int for at in times) and isinstance(epoch.get("day"), str)
    if not whole or not 0 <= times[0] < times[1] <= times[2]:
        raise _malformed(
            f"times {times}", "day is a text and 0 <= starts_at_ms < freeze_at_ms <= ends_at_ms."
        )
    if not _WEI.fullmatch(pool_wei) or int(pool_wei) >= profiles.WEI_END:
        raise _malformed(f"pool_wei {pool_wei[:80]}", "pool_wei is a decimal string below 2^256.")
    for bot, owner in owners.items():
        if owner is not None and not _ADDRESS.fullmatch(str(owner)):
            raise _malformed(f"owner of {bot}", "An owner is an address in lower case, or null.")


def _malformed(details: str, hint: str) -> Refused:
    sentence = "An epoch cannot be settled with these times, owners or pool."
    return refuse("epoch_malformed", sentence, details=details, hint=hint, status=422)


def _slot_rules(epoch: Mapping[str, Any], profile: Mapping[str, Any]) -> contributions.Rules:
    return contributions.Rules(
        starts_at_ms=epoch["starts_at_ms"],
        freeze_at_ms=epoch["freeze_at_ms"],
        minimum_hold_ms=profile["minimum_hold_ms"],
        return_ms=profiles.return_ms(profile),
        defense_window_ms=profile["defense_window_s"] * 1000,
        slots=frozenset(slot["index"] for slot in profile["slots"]),
    )


def _vote_rules(epoch: Mapping[str, Any], profile: Mapping[str, Any]) -> vote_quality.Rules:
    return vote_quality.Rules(
        starts_at_ms=epoch["starts_at_ms"],
        freeze_at_ms=epoch["freeze_at_ms"],
        weight_bps={kind: each["weight_bps"] for kind, each in profile["votes"]["kinds"].items()},
        shrinkage_votes=profiles.shrinkage_votes(profile),
    )


def _outcome(weights: Sequence[int], payable: Sequence[int]) -> str:
    if any(payable):
        return PAID
    return NO_RECIPIENT if any(weights) else NO_CONTRIBUTION


def _raw_scores(weights: shares.Weights) -> list[str]:
    scale = 10**SCORE_PLACES
    return [_decimal(each * scale // weights.whole, SCORE_PLACES) for each in weights.by_bot]


def _shares(weights: Sequence[int], bots: Sequence[str]) -> list[str]:
    total = sum(weights)
    parts = [Fraction(weight, total or 1) for weight in weights]
    return [
        _decimal(each, SHARE_PLACES) for each in shares.apportion(parts, 10**SHARE_PLACES, bots)
    ]


def _decimal(units: int, places: int) -> str:
    """An integer of units of 10^-places as text: 1500000 with 6 places is 1.500000."""
    return f"{units // 10**places}.{units % 10**places:0{places}}"
