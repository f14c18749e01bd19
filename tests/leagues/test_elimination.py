"""Single elimination: one champion, byes for the best, ranges of places."""

import random

import pytest

from agon.kernel.errors import Refused
from agon.leagues.brackets import replay
from tests.leagues.playouts import (
    SINGLE,
    losses,
    placements,
    play_out,
    ready,
    start,
    state,
    win,
)

BEST_OF = {
    "version": 1,
    "kind": "single_elimination",
    "best_of": {"default": 3, "by_round": {"w.-1": 5, "w.1": 1}},
}


def sweep(counts):
    for count in counts:
        bracket = play_out(start(SINGLE, count), random.Random(count))
        won = replay.champion(bracket)
        played = sum(match.result is not None for match in bracket.matches.values())
        assert played == count - 1 + (count >= 4)
        # Who lost a semifinal has lost once or twice: third place is played for.
        lost = losses(bracket)
        assert lost[won] == 0
        assert all(lost[each] in (1, 2) for each in range(count) if each != won)
        placed = replay.placed(bracket)
        assert sorted(each.entrant for each in placed) == list(range(count))
        assert (placed[0].entrant, placed[0].first, placed[0].last) == (won, 1, 1)
        assert placed[-1].last == count


def test_each_size_ends_with_one_champion():
    sweep([*range(2, 34), 63, 64, 65, 100, 129, 300])


@pytest.mark.prove
def test_every_size_ends_with_one_champion():
    sweep(range(2, 301))


def test_byes_fall_to_the_best_and_are_no_matches_played():
    bracket = start(SINGLE, 5)
    first = [bracket.match(f"w.1.{number}") for number in range(1, 5)]
    assert [(match.a, match.b) for match in first] == [(0, -1), (3, 4), (1, -1), (2, -1)]
    assert [match.state for match in first] == ["completed", "ready", "completed", "completed"]
    assert all(match.result is None for match in first)
    assert ready(bracket) == ["w.1.2", "w.2.2"]
    for code, match in (("match_not_played", "w.1.1"), ("match_open", "w.1.2")):
        with pytest.raises(Refused) as refused:
            bracket.undo(match)
        assert refused.value.refusal.code == code


def test_places_are_ranges():
    assert placements(play_out(start(SINGLE, 16), random.Random(1))) == {
        (1, 1): 1, (2, 2): 1, (3, 3): 1, (4, 4): 1, (5, 8): 4, (9, 16): 8
    }  # fmt: skip
    plain = {**SINGLE, "third_place": False}
    assert placements(play_out(start(plain, 6), random.Random(1))) == {
        (1, 1): 1, (2, 2): 1, (3, 4): 2, (5, 6): 2
    }  # fmt: skip
    assert placements(play_out(start(SINGLE, 2), random.Random(1))) == {(1, 1): 1, (2, 2): 1}
    assert placements(play_out(start(SINGLE, 3), random.Random(1))) == {
        (1, 1): 1, (2, 2): 1, (3, 3): 1
    }  # fmt: skip


def test_nobody_advances_from_a_double_forfeit():
    bracket = start({**SINGLE, "third_place": False}, 8)
    bracket.report({"match": "w.1.1", "kind": "double_forfeit"})
    bracket.report(win("w.1.2"))  # seed 4 against 5
    semifinal = bracket.match("w.2.1")
    assert (semifinal.state, semifinal.winner, semifinal.result) == ("completed", 3, None)
    for match in ("w.1.3", "w.1.4", "w.2.2", "w.3.1"):
        bracket.report(win(match))
    assert replay.champion(bracket) == 3
    assert placements(bracket) == {(1, 1): 1, (2, 2): 1, (3, 3): 1, (4, 8): 5}


def test_two_double_forfeits_leave_a_match_canceled_and_a_final_without_a_match():
    bracket = start({**SINGLE, "third_place": False}, 8)
    for match in ("w.1.1", "w.1.2"):
        bracket.report({"match": match, "kind": "double_forfeit"})
    assert bracket.match("w.2.1").state == "canceled"
    for match in ("w.1.3", "w.1.4", "w.2.2"):
        bracket.report(win(match))
    assert bracket.completed
    assert replay.champion(bracket) == 1
    assert bracket.match("w.3.1").result is None


def test_a_final_that_nobody_wins_leaves_the_first_place_free():
    bracket = start(SINGLE, 2)
    bracket.report({"match": "w.1.1", "kind": "double_forfeit"})
    assert replay.output(bracket)["outcome"] == "no_champion"
    assert placements(bracket) == {(2, 3): 2}


def test_who_is_disqualified_forfeits_also_what_it_would_go_on_to():
    bracket = start(SINGLE, 8)
    bracket.report(win("w.1.1"))
    bracket.report({"kind": "disqualified", "by": "e1"})  # it waits for the semifinal
    assert bracket.match("w.2.1").state == "waiting"
    bracket.report(win("w.1.2"))
    semifinal, third = bracket.match("w.2.1"), bracket.match("p.1.1")
    assert (semifinal.winner, semifinal.result.kind) == (3, "disqualified")
    for match in ("w.1.3", "w.1.4", "w.2.2"):
        bracket.report(win(match))
    assert third.result.kind == "disqualified"
    with pytest.raises(Refused) as refused:
        bracket.report({"kind": "disqualified", "by": "e1"})
    assert refused.value.refusal.code == "entrant_out"
    # Undoing what the disqualification decided undoes it, with what came of it.
    assert bracket.undo("w.2.1").reverted == ({"kind": "disqualified", "by": "e1"},)
    assert semifinal.state == "ready"


def test_nobody_who_is_disqualified_becomes_champion_by_a_bye():
    bracket = start({**SINGLE, "third_place": False}, 4)
    bracket.report(win("w.1.1"))
    bracket.report({"kind": "disqualified", "by": "e1"})
    bracket.report({"match": "w.1.2", "kind": "double_forfeit"})
    assert replay.output(bracket)["outcome"] == "no_champion"
    bracket.undo("w.1.2")
    bracket.report(win("w.1.2"))
    assert replay.output(bracket)["champion"] == "e2"


def test_a_best_of_n_is_decided_by_its_games():
    bracket = start(BEST_OF, 4)
    bracket.report({"match": "w.1.1", "scores": [[3, 1]]})
    bracket.report({"match": "w.1.2", "scores": [[0, 1]]})
    final = bracket.match("w.2.1")
    assert final.best_of == 5
    before = state(bracket)
    wrong = {
        "games_undecided": [[1, 0], [1, 0]],
        "games_too_many": [[1, 0]] * 4,
        "draw_not_allowed": [[1, 1]],
        "result_malformed": [[1, -1]],
    }
    for code, games in wrong.items():
        with pytest.raises(Refused) as refused:
            bracket.report({"match": "w.2.1", "scores": games})
        assert refused.value.refusal.code == code
    assert state(bracket) == before
    bracket.report({"match": "w.2.1", "scores": [[2, 1], [0, 4], [1, 0], [7, 6]]})
    assert (final.result.score, final.winner) == ((3, 1), 0)


@pytest.mark.parametrize("report", [
    None, [], {"match": "w.1.1"}, {"match": "w.1.1", "scores": 3},
    {"match": "w.1.1", "scores": []}, {"match": "w.1.1", "scores": [[1]]},
    {"match": "w.1.1", "scores": [[1, True]]}, {"match": "w.1.1", "scores": [[1.0, 0]]},
    {"match": "w.1.1", "scores": [[1, 10**9 + 1]]}, {"match": "w.1.1", "kind": "won"},
    {"match": "w.1.1", "kind": ["score"]}, {"match": "w.1.1", "kind": "forfeit"},
    {"match": "w.1.1", "kind": "forfeit", "by": "e2"},
    {"match": "w.1.1", "kind": "walkover", "by": "e1"},
    {"match": "w.1.1", "kind": "double_forfeit", "by": "e1"},
    {"match": "w.1.1", "scores": [[1, 0]], "note": "x"},
])  # fmt: skip
def test_what_is_no_result_is_refused(report):
    bracket = start(SINGLE, 4)
    with pytest.raises(Refused) as refused:
        bracket.report(report)
    assert refused.value.refusal.code == "result_malformed"


def test_a_match_takes_one_result_and_in_its_time():
    bracket = start(SINGLE, 4)
    bracket.report({"match": "w.1.1", "kind": "walkover", "winner": "e4"})
    assert bracket.match("w.1.1").winner == 3
    for match, code in (
        ("w.1.1", "match_decided"),
        ("w.2.1", "match_not_ready"),
        ("w.9.1", "match_unknown"),
        (7, "match_unknown"),
    ):
        with pytest.raises(Refused) as refused:
            bracket.report({"match": match, "scores": [[1, 0]]})
        assert refused.value.refusal.code == code
    with pytest.raises(Refused) as refused:
        bracket.report({"kind": "disqualified", "by": "stranger"})
    assert refused.value.refusal.code == "entrant_out"
