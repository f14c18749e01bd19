"""Replay, undo and preview: the same results bring back the same bracket."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agon.kernel import results
from agon.kernel.errors import Refused
from agon.leagues.brackets import replay
from tests.leagues.playouts import (
    FORMATS,
    SINGLE,
    names,
    play_out,
    rough_out,
    start,
    state,
    step,
    win,
)

KINDS = {(replay.KIND.name, replay.KIND.version): replay.KIND}
BRACKETS = st.tuples(
    st.sampled_from(FORMATS), st.integers(5, 14), st.integers(0, 10**9), st.integers(0, 60)
)


def begun(drawn):
    """A bracket after so many rough reports, and its chance."""
    config, count, seed, steps = drawn
    chance = random.Random(seed)
    bracket = start(config, count)
    for _ in range(steps):
        step(bracket, chance, rough=True)
    return bracket, chance


def undoable(bracket):
    return [match.id for match in bracket.matches.values() if match.result is not None]


@settings(max_examples=250, deadline=None)
@given(BRACKETS)
def test_a_replay_of_what_was_reported_is_the_same_bracket(drawn):
    bracket, _ = begun(drawn)
    assert state(replay.play(bracket.config, bracket.entrants, bracket.reported())) == state(
        bracket
    )


@settings(max_examples=250, deadline=None)
@given(BRACKETS)
def test_undo_followed_by_the_same_results_is_identity(drawn):
    bracket, chance = begun(drawn)
    before, reports = state(bracket), bracket.reported()
    for match in chance.sample(undoable(bracket), min(3, len(undoable(bracket)))):
        undone = bracket.undo(match)
        assert bracket.match(match).is_open()
        kept = [report for report in reports if report not in undone.reverted]
        assert bracket.reported() == kept  # and nothing that still stands is touched
        again = replay.play(bracket.config, bracket.entrants, kept)
        assert state(again) == state(bracket)
        for report in undone.reverted:
            bracket.report(report)
        assert state(bracket) == before
        reports = bracket.reported()


@settings(max_examples=150, deadline=None)
@given(BRACKETS)
def test_a_preview_says_what_an_undo_does_and_changes_nothing(drawn):
    bracket, chance = begun(drawn)
    if not undoable(bracket):
        return
    match = chance.choice(undoable(bracket))
    before, reports = state(bracket), bracket.reported()
    preview = bracket.preview_undo(match)
    assert (state(bracket), bracket.reported()) == (before, reports)
    undone = bracket.undo(match)
    assert (preview.reverted, preview.removed) == (undone.reverted, undone.removed)
    assert [each.id for each in preview.changed] == [each.id for each in undone.changed]


@settings(max_examples=100, deadline=None)
@given(BRACKETS)
def test_a_report_names_every_match_that_it_changed(drawn):
    bracket, chance = begun(drawn)

    def seen():
        return {
            each.id: (each.a, each.b, each.state, each.winner, each.result)
            for each in bracket.matches.values()
        }

    before = seen()
    report_of = bracket.report
    named = []
    bracket.report = lambda report: named.extend(each.id for each in report_of(report))
    step(bracket, chance, rough=True)
    after = seen()
    differ = {each for each in before.keys() | after.keys() if before.get(each) != after.get(each)}
    assert differ <= set(named)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(FORMATS), st.integers(5, 12), st.integers(0, 10**9))
def test_the_order_of_results_that_do_not_depend_on_each_other_changes_nothing(config, count, seed):
    chance = random.Random(seed)
    bracket = play_out(start(config, count), chance)
    reports = bracket.reported()
    chance.shuffle(reports)
    again = replay.play(config, bracket.entrants, reports)
    assert replay.output(again) == replay.output(bracket)


@pytest.mark.parametrize("config", FORMATS, ids=lambda config: config["kind"])
def test_a_bundle_is_verified_by_anyone(config):
    bracket = rough_out(start(config, 9), random.Random(5))
    bundle = replay.bundle(bracket)
    assert bundle.output == replay.output(bracket)
    assert results.verify(bundle.data, KINDS, bundle.cid).ok
    document = json.loads(bundle.data)
    document["output"]["champion"] = "e10"
    forged = results.verify(results.canonical(document), KINDS)
    assert [each.pointer for each in forged.differences] == ["/champion"]


def test_the_output_says_where_everyone_ended():
    bracket = start({"version": 1, "kind": "single_elimination"}, 3)
    bracket.report(win("w.1.2"))
    assert replay.output(bracket)["outcome"] == "open"
    assert replay.output(bracket)["placements"] == []
    bracket.report({"match": "w.2.1", "kind": "walkover", "winner": "e2"})
    assert replay.output(bracket) == {
        "outcome": "won",
        "champion": "e2",
        "placements": [
            {"entrant": "e2", "from": 1, "to": 1},
            {"entrant": "e1", "from": 2, "to": 2},
            {"entrant": "e3", "from": 3, "to": 3},
        ],
        "standings": [],
        "matches": [
            ["w.1.1", 1, 0, "completed", None, 1, None],
            ["w.1.2", 2, 3, "completed", "score", 2, [1, 0]],
            ["w.2.1", 1, 2, "completed", "walkover", 2, [0, 0]],
        ],
    }


@pytest.mark.parametrize(("reports", "code"), [
    ([win("w.2.1")], "match_not_ready"),
    ([win("w.1.1"), win("w.1.1", 1)], "match_decided"),
    ([win("w.7.1")], "match_unknown"),
    ([{"match": 3, "scores": [[1, 0]]}], "match_unknown"),
    (["w.1.1"], "result_malformed"),
])  # fmt: skip
def test_a_list_with_a_result_that_never_fits_is_refused(reports, code):
    with pytest.raises(Refused) as refused:
        replay.play(SINGLE, names(4), reports)
    assert refused.value.refusal.code == code


@pytest.mark.prove
@settings(max_examples=1500, deadline=None)
@given(
    st.tuples(
        st.sampled_from(FORMATS), st.integers(5, 40), st.integers(0, 10**9), st.integers(0, 300)
    )
)
def test_undo_is_identity_in_large_brackets_too(drawn):
    bracket, chance = begun(drawn)
    before = state(bracket)
    for match in chance.sample(undoable(bracket), min(5, len(undoable(bracket)))):
        for report in bracket.undo(match).reverted:
            bracket.report(report)
        assert state(bracket) == before
    assert state(replay.play(bracket.config, bracket.entrants, bracket.reported())) == before
