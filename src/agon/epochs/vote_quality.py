"""What votes weigh, and what they say of a bot. Pure, integers only; each `//` rounds down.

A vote (voter i, target t) with score x in 0 .. 10^4 counts if it was cast in [S, F) and not by the
owner of the bot that it is on. k_t is the raw weight of its kind in basis points, n_t the number of
votes on t that count, X_t the sum of their scores, K = 10^4 x shrinkage.

Agreement of a vote, leaving it out, in millionths (n_t > 1):
    a_it = 10^6 - 100 |n_t x - X_t| // (n_t - 1)
since |x - (X_t - x) / (n_t - 1)| = |n_t x - X_t| / (n_t - 1) is how far it is from the mean of the
others. With A_i = sum of k_t a_it and N_i = sum of k_t over the voter's votes with n_t > 1, P and Q
the sums of A_i and N_i over all voters, the voter's weight in thousandths is the voter's mean
agreement in proportion to everybody's, drawn towards 1 by K:
    w_i = 1000 + 1000 (A_i Q - N_i P) // ((N_i + K) P), then within 500 .. 2000
and 1000 where P = 0. It does not depend on what the voter owns.

Quality of bot b in millionths, drawn towards 0 by K; 0 for a bot that held no slot in [S, F):
    q_b = 100 sum(k w_i x) // (sum(k w_i) + 1000 K), over the votes on b that count

The rule is our own: agreement leaves the voter's own votes out and is shrunk by n / (n + K), as
ratings of few votes are. It is a mean absolute deviation and no log score, which integers cannot
have. How many votes an address or a session may cast, the engine decides when they are cast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from agon.epochs.event_log import Log, malformed

WHOLE_BPS = 10_000
AGREEMENT_WHOLE = 1_000_000
WEIGHT_ONE = 1_000
WEIGHT_MIN, WEIGHT_MAX = 500, 2_000


@dataclass(frozen=True, kw_only=True)
class Rules:
    """S and F; raw weight in basis points by kind of target; shrinkage in votes."""

    starts_at_ms: int
    freeze_at_ms: int
    weight_bps: Mapping[str, int]
    shrinkage_votes: int


@dataclass(frozen=True, kw_only=True)
class Quality:
    """weight_milli: by the voter's place in the log; micro: by the bot's; counted: votes."""

    weight_milli: list[int]
    micro: list[int]
    counted: int


def weigh(
    log: Log, owners: Sequence[str | None], occupied_ms: Sequence[int], rules: Rules
) -> Quality:
    """Voters' weights and bots' quality. owners, occupied_ms: in the order of log.bots.

    Refused: `log_malformed` for a vote cast twice, or on a kind that the profile does not have.
    """
    raw_bps = _raw_weights(log, rules)
    votes = _counted(log, owners, rules)
    weights = _voter_weights(log, votes, raw_bps, rules.shrinkage_votes * WHOLE_BPS)
    places = {name: place for place, name in enumerate(log.bots)}
    bot_of = [places[name] if kind == "bot" else None for kind, name in log.targets]
    weight_sums, score_sums = [0] * len(log.bots), [0] * len(log.bots)
    for voter, target, score in votes:
        bot = bot_of[target]
        if bot is not None and occupied_ms[bot]:
            weight = raw_bps[target] * weights[voter]
            weight_sums[bot] += weight
            score_sums[bot] += weight * score
    prior = rules.shrinkage_votes * WHOLE_BPS * WEIGHT_ONE
    micro = [
        100 * scores // (weight + prior)
        for scores, weight in zip(score_sums, weight_sums, strict=True)
    ]
    return Quality(weight_milli=weights, micro=micro, counted=len(votes))


def _raw_weights(log: Log, rules: Rules) -> list[int]:
    """By the target's place in the log."""
    for kind, name in log.targets:
        if kind not in rules.weight_bps:
            raise malformed(0, f"The profile has no votes on {kind}, such as {name}.")
    return [rules.weight_bps[kind] for kind, _ in log.targets]


def _counted(log: Log, owners: Sequence[str | None], rules: Rules) -> list[tuple[int, int, int]]:
    """(voter, target, score) of each vote that counts."""
    columns = log.votes
    targets = len(log.targets)
    keys = sorted(
        voter * targets + target
        for voter, target in zip(columns["voter"], columns["target"], strict=True)
    )
    for earlier, later in pairwise(keys):
        if earlier == later:
            voter, kind = log.voters[later // targets], log.targets[later % targets]
            raise malformed(0, f"{voter} votes twice on {kind[0]} {kind[1]}.")
    owner_of = dict(zip(log.bots, owners, strict=True))
    own = [owner_of[name] if kind == "bot" else None for kind, name in log.targets]
    return [
        (voter, target, score)
        for at_ms, voter, target, score in zip(
            columns["at_ms"], columns["voter"], columns["target"], columns["score_e4"], strict=True
        )
        if rules.starts_at_ms <= at_ms < rules.freeze_at_ms and log.voters[voter] != own[target]
    ]


def _voter_weights(
    log: Log, votes: Sequence[tuple[int, int, int]], raw_bps: Sequence[int], prior: int
) -> list[int]:
    counts, sums = [0] * len(log.targets), [0] * len(log.targets)
    for _, target, score in votes:
        counts[target] += 1
        sums[target] += score
    agreements, masses = [0] * len(log.voters), [0] * len(log.voters)
    for voter, target, score in votes:
        count = counts[target]
        if count > 1:
            apart = 100 * abs(count * score - sums[target]) // (count - 1)
            agreements[voter] += raw_bps[target] * (AGREEMENT_WHOLE - apart)
            masses[voter] += raw_bps[target]
    whole, mass = sum(agreements), sum(masses)
    if not whole:
        return [WEIGHT_ONE] * len(log.voters)
    weights = (
        WEIGHT_ONE + WEIGHT_ONE * (own * mass - part * whole) // ((part + prior) * whole)
        for own, part in zip(agreements, masses, strict=True)
    )
    return [min(max(weight, WEIGHT_MIN), WEIGHT_MAX) for weight in weights]
