"""Twins: each rule finds its own, nothing else does, and what is distinct has none."""

from hypothesis import given, settings
from hypothesis import strategies as st

from agon.challenges.records import account, activity, fingerprint, game
from agon.challenges.twins import (
    DAY_OVERLAP_TOLERANCE_MS,
    OVERLAP_TOLERANCE_MS,
    distinct,
    find_twins,
    split,
)

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
START_MS = 1_793_606_400_000
TRACK = [[0, 525_000, 134_000], [60, 525_010, 134_010]]


def run(start=0, minutes=60, **parts):
    facts = {"format": "fit", "sport": "run", "trust": 3, "distance_mm": 10_000_000}
    start_ms = START_MS + start
    return activity(
        **{**facts, "start_ms": start_ms, "end_ms": start_ms + minutes * 60_000, **parts}
    )


def day(start=0, **parts):
    return run(start, 24 * 60, sport="daily", format="apple", trust=2, steps=9_000, **parts)


def match(start=0, number="1", player="42"):
    return game(
        format="opendota", title="dota2", match_id=number, player_id=player, trust=1, won=True,
        ranked=True, start_ms=START_MS + start, end_ms=START_MS + start + 2_400_000,
    )  # fmt: skip


def rule_between(new, known, **parts):
    found = find_twins([new], [known], **parts)
    return found[0].rule if found else None


def test_equal_source_ids_are_twins_whoever_submits_them():
    new, known = run(provider_id="strava:1"), run(5 * DAY_MS, provider_id="strava:1")
    assert rule_between(new, known) == rule_between(new, known, same_subject=False) == "same_source"
    assert rule_between(new, run(5 * DAY_MS, provider_id="strava:2")) is None
    assert rule_between(run(), run(5 * DAY_MS)) is None, "no id is no id in common"


def test_equal_tracks_are_twins_whoever_submits_them():
    new, known = run(track=TRACK), run(track=TRACK, format="gpx", trust=2)
    assert rule_between(new, known) == rule_between(new, known, same_subject=False) == "same_track"
    assert rule_between(run(track=TRACK), run(DAY_MS, track=TRACK)) is None


def test_a_known_record_may_carry_its_fingerprint_in_place_of_its_track():
    known = run(track=TRACK)
    stored = {key: value for key, value in known.items() if key != "track"}
    stored["fingerprint"] = fingerprint(known)
    assert rule_between(run(track=TRACK), stored, same_subject=False) == "same_track"
    assert (
        rule_between(run(track=TRACK), {**stored, "fingerprint": None}, same_subject=False) is None
    )


def test_one_recording_in_two_formats_is_the_same_activity():
    known = run()
    assert rule_between(run(90_000, 59, distance_mm=10_300_000), known) == "same_activity"
    assert rule_between(run(90_000, 59, distance_mm=10_600_000), known) == "overlap"
    assert rule_between(run(121_000, 58), known) == "overlap"
    assert rule_between(run(), known, same_subject=False) is None


def test_one_person_is_in_one_place():
    known = run()
    assert rule_between(run(HOUR_MS - OVERLAP_TOLERANCE_MS - 1), known) == "overlap"
    assert rule_between(run(HOUR_MS - OVERLAP_TOLERANCE_MS), known) is None
    assert rule_between(run(-30 * 60_000, sport="ride"), known) == "overlap"
    assert rule_between(run(-30 * 60_000, sport="ride"), known, same_subject=False) is None


def test_days_overlap_only_days_and_games_only_games():
    assert rule_between(run(8 * HOUR_MS), day()) is None
    assert rule_between(day(), run(8 * HOUR_MS)) is None
    assert rule_between(match(), run()) is None
    assert rule_between(day(HOUR_MS), day()) == "overlap"
    assert rule_between(match(60_000, "2"), match()) == "overlap"


def test_days_of_a_traveller_are_not_twins_but_a_moved_day_is():
    monday = day()
    assert rule_between(day(DAY_MS - DAY_OVERLAP_TOLERANCE_MS), monday) is None
    week = [day(n * DAY_MS) for n in range(7)]
    for hours in range(24):
        assert find_twins([day(3 * DAY_MS + hours * HOUR_MS)], week)


def test_accounts_have_no_twins():
    one = account(format="steam", title="dota2", player_id="42", trust=1, created_ms=1, public=True)
    assert find_twins([one], [one]) == []
    assert distinct([one, one]) == (one, one)


def test_the_first_rule_wins_and_names_the_first_known_record():
    known = [
        run(5 * DAY_MS),
        run(),
        run(9 * DAY_MS, provider_id="a"),
        run(9 * DAY_MS, provider_id="a"),
    ]
    (found,) = find_twins([run(provider_id="a")], known)
    assert (found.new_index, found.known_index, found.rule) == (0, 2, "same_source")


def test_a_twin_hidden_behind_shorter_records_is_found():
    known = [run(0, 600), *(run(n * HOUR_MS, 1, trust=2) for n in range(1, 9))]
    (found,) = find_twins([run(9 * HOUR_MS, 30)], known)
    assert found.known_index == 0


def test_the_richest_of_each_stays():
    fit, tcx, gpx = (run(format=name, trust=2) for name in ("fit", "tcx", "gpx"))
    fetched, by_hand = run(format="strava", trust=4), run(format="manual", trust=1, manual=True)
    assert distinct([gpx, tcx, fit]) == (fit,)
    assert distinct([by_hand, fit, fetched]) == (fetched,)
    assert split([gpx, fit]) == ((fit,), (gpx,))


def test_of_equal_records_the_one_that_came_first_stays():
    first, second = (
        run() | {"file": file, "received_ms": received_ms}
        for file, received_ms in (("z", START_MS), ("a", START_MS + 1))
    )
    assert distinct([first, second])[0] is distinct([second, first])[0] is first


def test_records_that_touch_all_stay():
    records = [run(0), run(HOUR_MS), match(0), day(0)]
    assert sorted(map(id, distinct(records))) == sorted(map(id, records))


@st.composite
def several(draw):
    """Records of one subject in which twins of all kinds are common."""
    made = []
    for _ in range(draw(st.integers(0, 12))):
        start = draw(st.sampled_from([0, 1_000, 90_000, HOUR_MS, 2 * HOUR_MS, DAY_MS]))
        minutes = draw(st.sampled_from([0, 1, 30, 60, 150]))
        kind = draw(st.sampled_from(["activity", "activity", "daily", "game"]))
        if kind == "daily":
            made.append(day(start, provider_id=draw(st.sampled_from([None, "d"]))))
        elif kind == "game":
            made.append(match(start, draw(st.sampled_from("12"))))
        else:
            facts = {
                "format": draw(st.sampled_from(["fit", "gpx", "manual"])),
                "trust": draw(st.integers(1, 4)),
                "provider_id": draw(st.sampled_from([None, None, "a", "b"])),
                "track": draw(st.sampled_from([None, TRACK])),
            }
            made.append(run(start, minutes, **facts))
    return made


@settings(max_examples=80, deadline=None)
@given(several(), st.randoms(use_true_random=False))
def test_distinct_ignores_order_and_has_nothing_left_to_do(records, random):
    kept, given_way = split(records)
    shuffled = random.sample(records, len(records))
    assert split(shuffled) == (kept, given_way)
    assert distinct(kept) == kept
    assert len(kept) + len(given_way) == len(records)


@settings(max_examples=80, deadline=None)
@given(several())
def test_distinct_leaves_no_twins_and_drops_only_twins(records):
    kept, given_way = split(records)
    for index, record in enumerate(kept):
        others = kept[:index] + kept[index + 1 :]
        found = {twin.rule for twin in find_twins([record], others)}
        assert not found & {"same_source", "overlap"}
    for record in given_way:
        # Its twin may itself have given way to a longer one.
        moment = {"start_ms": record["start_ms"], "end_ms": record["end_ms"]}
        others = [other for other in records if other is not record]
        at_once = any(moment.items() <= other.items() for other in others)
        assert find_twins([record], others) or at_once


def test_a_short_recording_never_takes_a_long_ones_place():
    long = run(0, format="gpx", trust=2)
    short = run(0, format="fit", trust=3)
    short |= {"end_ms": short["start_ms"] + 60_000, "elapsed_ms": 60_000, "distance_mm": 200_000}
    for records in ([long, short], [short, long]):
        assert distinct(records) == (long,)


def test_what_is_only_said_never_takes_the_place_of_what_was_recorded():
    recorded = run(0, format="fit", trust=3)
    said = run(-10 * 60_000, format="manual", trust=1)
    said |= {"end_ms": said["end_ms"] + 9 * HOUR_MS, "elapsed_ms": 10 * HOUR_MS}
    assert distinct([said, recorded]) == (recorded,)


def test_of_one_day_the_most_steps_stay():
    early, late = day(0), day(0)
    late["steps"] += 500
    for records in ([early, late], [late, early]):
        assert distinct(records) == (late,)


@settings(max_examples=40, deadline=None)
@given(several())
def test_distinct_is_the_same_without_tracks(records):
    def bare(made):
        return [{k: v for k, v in record.items() if k != "track"} for record in made]

    assert bare(distinct(records)) == list(distinct(bare(records)))


@settings(max_examples=60, deadline=None)
@given(several(), several())
def test_twins_are_found_as_by_comparing_each_with_each(new, known):
    found = {twin.new_index: twin for twin in find_twins(new, known)}
    for index, record in enumerate(new):
        alone = [bool(find_twins([record], [other])) for other in known]
        assert (index in found) == any(alone)
        if index in found:
            assert alone[found[index].known_index]
