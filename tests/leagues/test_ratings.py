"""Ratings: OpenSkill's, in whole units, the same from any beginning."""

from __future__ import annotations

import random

from agon.leagues import ratings
from agon.leagues.ratings import BEGINNER, Played, Rating
from tests.places import wallet

A, B, C, D = (wallet(name) for name in "abcd")


def test_a_win_raises_the_winner_and_a_draw_pulls_together():
    after = ratings.rate({}, [Played(a=[A], b=[B], winner=0)])
    assert after[A].mu > BEGINNER.mu > after[B].mu
    assert after[A].sigma < BEGINNER.sigma
    assert after[A].matches == after[B].matches == 1
    # Slot b wins the same.
    assert ratings.rate({}, [Played(a=[B], b=[A], winner=1)])[A] == after[A]
    drawn = ratings.rate(after, [Played(a=[A], b=[B], winner=None)])
    assert after[A].mu > drawn[A].mu > drawn[B].mu > after[B].mu
    assert BEGINNER.ordinal == 250_000 - 3 * 83_333


def test_values_are_those_of_the_library_to_four_places():
    # With s = sigma^2 + tau^2 and c^2 = 2 (s + beta^2), a win between beginners is worth s / 2c.
    after = ratings.rate({}, [Played(a=[A], b=[B], winner=0)])
    assert after[A] == Rating(mu=276_354, sigma=80_659, matches=1)
    assert after[B] == Rating(mu=223_646, sigma=80_659, matches=1)


def test_going_on_equals_beginning_anew():
    rng = random.Random(4)
    names = [wallet(str(n)) for n in range(9)]
    matches = []
    for _ in range(200):
        some = rng.sample(names, rng.choice([2, 4]))
        half = len(some) // 2
        matches.append(Played(a=some[:half], b=some[half:], winner=rng.choice([0, 1, None])))
    whole = ratings.rate({}, matches)
    cut = rng.randint(1, 199)
    assert ratings.rate(ratings.rate({}, matches[:cut]), matches[cut:]) == whole
    assert sum(own.matches for own in whole.values()) == sum(len(m.a) + len(m.b) for m in matches)


def test_nobody_is_rated_by_nobody_s_defeat():
    assert ratings.rate({}, [Played(a=[A], b=[], winner=0)]) == {}
    assert ratings.rate({}, []) == {}
    team = ratings.rate({}, [Played(a=[A, B], b=[C, D], winner=0)])
    assert team[A] == team[B] and team[C] == team[D]
