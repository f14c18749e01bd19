"""Drawing: a bracket as lines of text."""

import random

import pytest

from agon.leagues.brackets import drawing
from tests.leagues.playouts import DOUBLE, FORMATS, GROUPS, SINGLE, SWISS, start, step, win


def test_a_final_is_the_root_and_its_branches_are_where_the_two_came_from():
    bracket = start(SINGLE, 4)
    bracket.report({"match": "w.1.1", "scores": [[2, 1]]})
    bracket.report({"match": "w.1.2", "kind": "forfeit", "by": "e3"})
    assert drawing.lines(bracket, {"e1": "Ann", "e4": "Dan"}) == [
        "w.2.1   Ann v e2  (to play)",
        "├─ w.1.1   Ann * 2:1 Dan",
        "└─ w.1.2   e2 * 0:0 e3  (forfeit)",
        "",
        "p.1.1   Dan v e3  (to play)",
    ]


def test_slots_that_are_open_say_who_will_come():
    assert drawing.lines(start(DOUBLE, 3)) == [
        "gf.1    winner of w.2.1 v winner of l.2.1",
        "├─ w.2.1   e1 v winner of w.1.2",
        "│  └─ w.1.2   e2 v e3  (to play)",
        "└─ l.2.1   loser of w.2.1 v winner of l.1.1",
        "   └─ l.1.1   bye v loser of w.1.2",
    ]
    assert "w.1.1   group 1, place 1 v group 2, place 2" in "\n".join(
        drawing.lines(start(GROUPS, 8))
    )


def test_tables_stand_above_their_rounds():
    bracket = start({**SWISS, "rounds": 1}, 3)
    bracket.report(win("s.1.1"))
    assert drawing.lines(bracket) == [
        "Standings",
        "   1  e1     1-0-0     3",
        "   2  e3     1-0-0     3",
        "   3  e2     0-0-1     0",
        "",
        "s.1.1   e1 * 1:0 e2",
        "s.1.2   e3 * v bye",
        "",
        "Champion: e1",
    ]


@pytest.mark.parametrize("config", FORMATS, ids=lambda config: config["kind"])
def test_every_moment_can_be_drawn(config):
    bracket, chance = start(config, 9), random.Random(2)
    while step(bracket, chance, rough=True):
        assert drawing.lines(bracket)
    drawn = drawing.lines(bracket)
    played = [each.id for each in bracket.matches.values() if each.result is not None]
    assert all(any(f"{match} " in line for line in drawn) for match in played)
