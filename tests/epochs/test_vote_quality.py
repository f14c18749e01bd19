"""What votes weigh: agreement with the others, shrinkage, and quality of bots."""

from fractions import Fraction
from math import floor

import pytest
from hypothesis import given, settings

from agon.epochs import event_log, vote_quality
from agon.kernel.errors import Refused
from tests.epochs.logs import OWNERS, F, Host, S, bot, hosts, wallet

WEIGHT_BPS = {"bot": 10_000, "tempo": 5_000}
RULES = vote_quality.Rules(
    starts_at_ms=S, freeze_at_ms=F, weight_bps=WEIGHT_BPS, shrinkage_votes=20
)
VOTER = 100
"""From here on, wallets that own no bot."""


def weighed(host, occupied=None):
    """The log, and its quality; each bot held a slot, unless said otherwise."""
    log = event_log.read(host.events)
    held = [1 if occupied is None else occupied.get(name, 0) for name in log.bots]
    return log, vote_quality.weigh(log, [OWNERS.get(name) for name in log.bots], held, RULES)


BOT = ("bot", bot(0))


def ballots(*scores, on=BOT):
    host = Host()
    for voter, score in enumerate(scores):
        host.vote(S, VOTER + voter, on, score)
    return host


def test_voters_who_agree_alike_weigh_one():
    assert weighed(ballots("0.7000", "0.7000", "0.7000"))[1].weight_milli == [1_000] * 3


def test_who_agrees_with_the_others_weighs_more_and_who_does_not_less():
    _, found = weighed(ballots("0.9000", "0.9000", "0.9000", "0.0000"))
    like, *_, unlike = found.weight_milli
    assert found.weight_milli == [like, like, like, unlike]
    assert unlike < 1_000 < like


def test_agreement_leaves_the_vote_itself_out():
    # Each of two sees only the other: apart by 0.6, whatever the scale of the target.
    _, found = weighed(ballots("0.2000", "0.8000"))
    assert found.weight_milli == [1_000, 1_000]
    # A vote that nobody else has cast agrees with nothing, and leaves its voter where it was.
    assert weighed(ballots("0.2000"))[1].weight_milli == [1_000]


def test_few_votes_move_a_weight_little_and_many_more():
    def weight_after(count):
        host = Host()
        for target in range(count):
            for voter, score in enumerate(("0.9000", "0.9000", "0.9000", "0.1000")):
                host.vote(S, VOTER + voter, ("tempo", str(target)), score)
        return weighed(host)[1].weight_milli[-1]

    falling = [weight_after(count) for count in (1, 5, 20, 100, 1_000)]
    assert falling == sorted(falling, reverse=True)
    assert falling[0] > 980
    assert falling[-1] >= vote_quality.WEIGHT_MIN


def test_weights_stay_between_a_half_and_two():
    host = Host()
    for target in range(200):
        for voter in range(9):
            host.vote(S, VOTER + voter, ("bot", bot(target)), "1.0000")
        host.vote(S, VOTER + 9, ("bot", bot(target)), "0.0000")
    weights = weighed(host)[1].weight_milli
    assert weights[-1] == 500
    assert max(weights) <= 2_000


def test_where_everybody_disagrees_all_weigh_one():
    assert weighed(ballots("0.0000", "1.0000"))[1].weight_milli == [1_000, 1_000]


def test_quality_is_drawn_towards_nothing():
    # One vote of 1 and weight 1: 1 / (1 + 20) of the whole.
    assert weighed(ballots("1.0000"))[1].micro == [1_000_000 // 21]
    more = weighed(ballots(*["1.0000"] * 20))[1].micro[0]
    assert more == 500_000
    assert weighed(ballots("0.0000"))[1].micro == [0]


def test_a_vote_of_nothing_lowers_the_quality():
    lone = weighed(ballots(*["0.8000"] * 5))[1].micro[0]
    assert weighed(ballots(*["0.8000"] * 5, "0.0000"))[1].micro[0] < lone


def test_a_kind_weighs_as_the_profile_says():
    host = ballots("0.5000", "0.5000").vote(S, VOTER, ("tempo", "120"), "0.5000")
    assert weighed(host.vote(S, VOTER + 1, ("tempo", "120"), "1.0000"))[1].counted == 4


def test_a_vote_on_a_bot_of_the_own_does_not_count():
    host = ballots("0.5000")
    _, found = weighed(host.vote(S, 0, ("bot", bot(1)), "1.0000"))
    assert (found.counted, found.micro) == (1, [500_000 // 21, 0])


def test_a_vote_before_live_or_from_freeze_on_does_not_count():
    host = Host().vote(S - 1, VOTER, ("bot", bot(0)), "1.0000")
    assert weighed(host.vote(F, VOTER + 1, ("bot", bot(0)), "1.0000"))[1].counted == 0
    assert weighed(host)[1].micro == [0]


def test_votes_give_nothing_to_a_bot_that_held_no_slot():
    host = ballots("1.0000").vote(S, VOTER, ("bot", bot(1)), "1.0000")
    assert weighed(host, occupied={bot(1): 5})[1].micro == [0, 1_000_000 // 21]


def test_a_vote_cast_twice_is_refused():
    host = ballots("1.0000").vote(S + 1, VOTER, ("bot", bot(0)), "0.5000")
    with pytest.raises(Refused, match="log_malformed") as refused:
        weighed(host)
    assert f"{wallet(VOTER)} votes twice" in refused.value.refusal.details


def test_a_vote_on_what_the_profile_does_not_have_is_refused():
    with pytest.raises(Refused, match="log_malformed"):
        weighed(ballots("1.0000", on=("key", "C")))


def by_fractions(log, held):
    """The formulas of the module with exact fractions, rounded where it says so."""
    own = dict(zip(log.bots, (OWNERS.get(name) for name in log.bots), strict=True))
    rows = zip(*(log.votes[name] for name in ("at_ms", "voter", "target", "score_e4")), strict=True)
    votes = [
        (voter, log.targets[target], score)
        for at, voter, target, score in rows
        if S <= at < F and own.get(log.targets[target][1]) != log.voters[voter]
    ]
    agreed, mass = [0] * len(log.voters), [0] * len(log.voters)
    for voter, target, score in votes:
        others = [each for who, on, each in votes if on == target and who != voter]
        if others:
            apart = abs(score - Fraction(sum(others), len(others)))
            agreed[voter] += WEIGHT_BPS[target[0]] * (10**6 - floor(100 * apart))
            mass[voter] += WEIGHT_BPS[target[0]]
    mean = Fraction(sum(agreed), sum(mass)) if sum(mass) else 0
    weights = []
    for one, part in zip(agreed, mass, strict=True):
        pull = Fraction(part, part + 200_000)
        ratio = Fraction(one, part) / mean - 1 if part and mean else 0
        weights.append(min(max(1_000 + floor(1_000 * pull * ratio), 500), 2_000))
    micro = []
    for name in log.bots:
        cast = [(weights[who], score) for who, on, score in votes if on == ("bot", name)]
        total = sum(weight for weight, _ in cast) * 10_000
        points = sum(weight * score for weight, score in cast) * 10_000
        micro.append(floor(Fraction(100 * points, total + 200_000_000)) if held(name) else 0)
    return weights, micro


@settings(max_examples=100, deadline=None)
@given(hosts())
def test_integers_agree_with_exact_fractions(host):
    log, found = weighed(host)
    assert (found.weight_milli, found.micro) == by_fractions(log, held=lambda name: True)
    assert all(0 <= each < 10**6 for each in found.micro)
