"""Seeding: orders that anyone can repeat."""

from itertools import permutations

import pytest

from agon.kernel.errors import Refused
from agon.leagues.brackets import seeding
from tests.leagues.playouts import names


def test_the_best_seeds_meet_last():
    assert seeding.inner_outer(2) == [1, 2]
    assert seeding.inner_outer(16) == [1, 16, 8, 9, 4, 13, 5, 12, 2, 15, 7, 10, 3, 14, 6, 11]
    for size in (4, 64, 1024):
        order = seeding.inner_outer(size)
        assert sorted(order) == list(range(1, size + 1))
        # If the better seed always wins, the first and the last that are left meet.
        while size > 1:
            assert all(sum(order[at : at + 2]) == size + 1 for at in range(0, size, 2))
            order = [min(order[at : at + 2]) for at in range(0, size, 2)]
            size //= 2


def test_a_bracket_holds_a_power_of_two():
    assert [seeding.size_for(count) for count in (2, 3, 4, 5, 8, 9, 65_536)] == [
        2, 4, 4, 8, 8, 16, 65_536
    ]  # fmt: skip


def test_chance_can_be_repeated_and_the_order_of_input_changes_nothing():
    drawn = {tuple(seeding.shuffled(order, "block 7")) for order in permutations(names(5))}
    assert len(drawn) == 1
    # As `printf 'block 7\ne1' | sha256sum` and so on say, sorted.
    assert drawn.pop() == ("e1", "e3", "e4", "e5", "e2")
    assert seeding.shuffled(names(50), "a") != seeding.shuffled(names(50), "b")
    assert sorted(seeding.shuffled(names(50), "a")) == sorted(names(50))


def test_ratings_seed_from_the_highest_and_equals_by_id():
    ratings = {"c": 1500, "a": 1500, "d": 1700}
    assert seeding.by_rating(["b", "c", "d", "a"], ratings) == ["d", "a", "c", "b"]


def test_seeds_by_hand_come_before_the_others_in_their_order():
    assert seeding.manual(["x", "y", "z", "w"], {"z": 1, "y": 9}) == ["z", "y", "x", "w"]


@pytest.mark.parametrize("entrants", [
    [], ["a"], ["a", "a"], ["a", ""], ["a", "b" * 101], ["a", 7], names(65_537),
])  # fmt: skip
def test_what_is_no_list_of_different_ids_is_refused(entrants):
    with pytest.raises(Refused) as refused:
        seeding.check(entrants)
    assert refused.value.refusal.code == "entrants_malformed"


def test_a_seed_is_given_once_and_chance_needs_one():
    for act in (
        lambda: seeding.manual(["a", "b"], {"a": 1, "b": 1}),
        lambda: seeding.shuffled(["a", "b"], ""),
    ):
        with pytest.raises(Refused) as refused:
            act()
        assert refused.value.refusal.code == "entrants_malformed"
