"""The judge of games: which games count, what they add up to, and what accounts must have."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agon.challenges import judges
from agon.challenges.judges import gaming
from agon.challenges.records import account, activity, game
from agon.challenges.windows import moment
from agon.kernel.results import canonical

WEEK = {"start": "2026-11-02", "end": "2026-11-09", "zone": "UTC"}
MONDAY_MS = moment("2026-11-02", "UTC")
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def match(day=0, won=True, hour=20, **parts):
    start_ms = MONDAY_MS + day * DAY_MS + hour * HOUR_MS
    facts = {
        "format": "opendota", "title": "dota2", "match_id": str(1000 * day + hour), "trust": 4,
        "player_id": "42", "start_ms": start_ms, "end_ms": start_ms + 40 * 60_000, "won": won,
        "ranked": True, "mode": "22", "queue": "ranked", "role": "mid", "hero": "74", "kills": 10,
        "deaths": 4, "assists": 12,
    }  # fmt: skip
    return game(**{**facts, **parts})


def steam(**parts):
    facts = {"created_ms": MONDAY_MS - 400 * DAY_MS, "public": True, "level": 30}
    return account(
        **{"format": "steam", "title": "dota2", "player_id": "42", "trust": 4, **facts, **parts}
    )


def asked(metric="wins", target=1, compare=">=", **parts):
    return {
        "version": 1, "window": WEEK, "metric": metric, "compare": compare, "target": target,
        **parts,
    }  # fmt: skip


def judged(rule, *records, enrolled_ms=None):
    return gaming.judge(rule, records, enrolled_ms=enrolled_ms)


def codes(verdict):
    return [reason.code for reason in verdict.reasons]


STRICT = {
    "titles": ["dota2"], "ranked_only": True, "roles": ["Mid"], "heroes": ["74", "1"],
    "modes": ["22"], "queues": ["Ranked"], "trust": 2,
}  # fmt: skip


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"void": "remake"}, "game_void"),
        ({"hour": -1}, "outside_window"),
        ({"day": 6, "hour": 23, "end_ms": MONDAY_MS + 7 * DAY_MS + 1}, "outside_window"),
        ({"title": "lol"}, "title_not_asked"),
        ({"role": "carry"}, "role_not_asked"),
        ({"role": None}, "role_not_asked"),
        ({"hero": "2"}, "hero_not_asked"),
        ({"mode": "23"}, "mode_not_asked"),
        ({"queue": "normal"}, "queue_not_asked"),
        ({"ranked": False}, "not_ranked"),
        ({"trust": 1}, "trust_too_low"),
        ({"manual": True}, "manual_entry"),
    ],
)
def test_a_game_that_was_not_asked_for_does_not_count(parts, code):
    verdict = judged(asked(**STRICT), match(**parts))
    assert codes(verdict) == ["nothing_counts", code]
    assert judged(asked(**STRICT), match(**parts), match(3)).passed


def test_a_game_counts_from_enrolment_on():
    start_ms = match()["start_ms"]
    assert judged(asked(), match(), enrolled_ms=start_ms).passed
    late = judged(asked(), match(), enrolled_ms=start_ms + 1)
    assert codes(late) == ["nothing_counts", "before_enrolment"]


def test_a_game_may_end_with_the_window_and_not_after_it():
    last = {"day": 6, "hour": 23}
    assert judged(asked(), match(**last, end_ms=MONDAY_MS + 7 * DAY_MS)).passed
    assert not judged(asked(), match(**last, end_ms=MONDAY_MS + 7 * DAY_MS + 1)).passed


@pytest.mark.parametrize("parts", [{"won": False}, {"won": None}, {"left_early": True}])
def test_a_game_not_won_to_the_end_is_a_match_but_no_win(parts):
    assert codes(judged(asked(), match(**parts))) == ["target_not_met"]
    assert judged(asked("matches"), match(**parts)).passed
    streak = asked("win_streak", 3)
    assert judged(streak, match(0), match(1), match(2), match(3, **parts)).passed
    assert not judged(streak, match(0), match(1), match(2, **parts), match(3)).passed


def test_a_streak_follows_the_order_of_starts_not_of_records():
    games = [match(2), match(0), match(1, won=False), match(3)]
    assert judged(asked("win_streak", 2), *games).passed
    assert not judged(asked("win_streak", 3), *games).passed


@pytest.mark.parametrize(
    ("rule", "value", "met"),
    [
        (asked("kills", 25), 25, True),
        (asked("kills", 26), 25, False),
        (asked("kills", 15, aggregate="best"), 15, True),
        (asked("deaths", 0, "<=", aggregate="best"), 0, True),
        (asked("assists", 4, aggregate="count", times=2), 1, False),
        (asked("kda", "8.25"), 8_250, True),
        (asked("kda", "8.251"), 8_250, False),
        (asked("kda", 18, aggregate="best"), 18_000, True),
        (asked("wins", 1, aggregate="per_day", days=2), 1, False),
    ],
)
def test_aggregates(rule, value, met):
    records = (
        match(0, kills=15, deaths=0, assists=3),
        match(1, False, kills=10, deaths=4, assists=5),
    )
    records = (*records, match(2, False, kills=None, deaths=None, assists=None))
    verdict = judged(rule, *records)
    assert (verdict.metadata["conditions"][0]["value"], verdict.passed) == (value, met)


def test_a_game_without_the_numbers_does_not_count_for_them():
    assert "metric_missing" in codes(judged(asked("kda", 1), match(assists=None)))
    assert judged(asked("kills", 1), match(assists=None)).passed


@pytest.mark.parametrize(
    ("rule", "known", "code"),
    [
        ({"min_account_age_days": 400}, {}, None),
        ({"min_account_age_days": 402}, {}, "account_too_new"),
        ({"min_account_age_days": 1}, {"created_ms": None}, "account_too_new"),
        ({"min_level": 30}, {}, None),
        ({"min_level": 31}, {}, "account_level_low"),
        ({"min_level": 1}, {"level": None}, "account_level_low"),
        ({"public_only": True}, {}, None),
        ({"public_only": True}, {"public": False}, "account_private"),
        ({"public_only": True}, {"public": None}, "account_private"),
        ({"public_only": True, "trust": 2}, {"trust": 1}, "account_unknown"),
        ({"min_level": 1}, {"player_id": "43"}, "account_unknown"),
        ({"min_level": 1}, {"title": "cs"}, "account_unknown"),
    ],
)
def test_a_rule_may_ask_for_an_account(rule, known, code):
    verdict = judged(asked(**rule), match(), steam(**known))
    assert verdict.passed is (code is None)
    assert codes(verdict) == ([] if code is None else ["nothing_counts", code])


def test_without_an_account_record_such_a_rule_is_not_met():
    assert codes(judged(asked(min_level=1), match())) == ["nothing_counts", "account_unknown"]
    assert judged(asked(), match()).passed


def test_one_match_counts_once_and_two_at_a_time_do_not():
    again = match(format="steam", trust=1)
    at_the_same_time = match(match_id="9", player_id="43", start_ms=match()["start_ms"] + 60_000)
    verdict = judged(asked("matches", 2), match(), again, at_the_same_time)
    assert not verdict.passed
    assert "duplicate" in codes(verdict)


def test_an_activity_is_no_game():
    run = activity(
        format="fit", sport="run", start_ms=MONDAY_MS, end_ms=MONDAY_MS + HOUR_MS, trust=3
    )
    assert codes(judged(asked(), run)) == ["nothing_counts", "wrong_kind"]


def test_a_rule_for_activities_is_not_judged():
    rule = asked("distance", unit="km")
    assert codes(judged(rule, match())) == ["rule_invalid"]


def test_a_score_counts_what_the_rule_counts():
    rule = asked(target=9, ranked_only=True, score={"metric": "wins", "order": "desc"})
    assert judged(rule, match(0), match(1), match(2, ranked=False), match(3, False)).score == 2


games = st.lists(
    st.builds(
        match,
        day=st.integers(-1, 7),
        hour=st.integers(0, 23),
        won=st.sampled_from([True, False, None]),
        ranked=st.booleans(),
        left_early=st.booleans(),
        void=st.sampled_from([None, None, "remake"]),
        kills=st.none() | st.integers(0, 40),
        deaths=st.none() | st.integers(0, 40),
        trust=st.integers(1, 4),
        role=st.sampled_from([None, "mid", "Support"]),
    ),
    max_size=8,
)
game_rules = st.sampled_from(
    [
        asked(),
        asked("kda", "2.5", ranked_only=True),
        asked("win_streak", 2, roles=["support"]),
        asked("deaths", 5, "<", aggregate="count", times=2, trust=3),
        asked("matches", 1, aggregate="per_day", days=3, min_level=10),
    ]
)


@settings(max_examples=80, deadline=None)
@given(game_rules, games, st.booleans(), st.randoms(use_true_random=False))
def test_same_games_same_bytes_in_any_order(rule, records, known, random):
    records = [*records, steam()] if known else records
    inputs = {"judge": "gaming", "records": records, "enrolled_ms": MONDAY_MS + DAY_MS}
    output = canonical(judges.recompute(inputs, rule))
    shuffled = random.sample(records, len(records))
    assert canonical(judges.recompute({**inputs, "records": shuffled}, rule)) == output


@settings(max_examples=80, deadline=None)
@given(games)
def test_wins_streaks_and_matches_stand_in_order(records):
    def value(metric):
        return judged(asked(metric, 0), *records).metadata["conditions"][0]["value"]

    assert value("win_streak") <= value("wins") <= value("matches") <= len(records)
