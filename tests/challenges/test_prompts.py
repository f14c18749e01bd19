"""What is told, and when: spans with a beginning and an end, by a clock that stands still."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agon.challenges import prompts
from agon.challenges.prompts import DAY_MS, HOUR_MS, Challenge

END_MS = 1_793_600_000_000
RUN = Challenge(id=7, status="approved", title="“Run”", start_ms=END_MS - 7 * DAY_MS, end_ms=END_MS)
CLAIM = [{"claim_type": "principal", "amount_wei": "1" + "0" * 18}]


def told(challenge: Challenge, now_ms: int) -> str | None:
    prompt = prompts.for_participants(challenge, now_ms)
    return prompt.type if prompt else None


@pytest.mark.parametrize(
    ("now_ms", "type"),
    [
        (END_MS - DAY_MS - 1, None),
        (END_MS - DAY_MS, "challenge_final_push"),
        (END_MS - 1, "challenge_final_push"),
        (END_MS, "proof_window_open"),
        (END_MS + DAY_MS - 1, "proof_window_open"),
        (END_MS + DAY_MS, None),
        (END_MS + 30 * DAY_MS, None),
    ],
)
def test_each_is_told_within_its_span_only(now_ms, type):
    assert told(RUN, now_ms) == type
    first_ms, last_ms = prompts.window(now_ms)
    assert type is None or first_ms <= END_MS <= last_ms


def test_the_push_of_a_short_challenge_is_its_last_quarter():
    short = replace(RUN, start_ms=END_MS - 4 * HOUR_MS)
    assert told(short, END_MS - HOUR_MS - 1) is None
    assert told(short, END_MS - HOUR_MS) == "challenge_final_push"


@pytest.mark.parametrize("type", ["challenge_final_push", "proof_window_open"])
def test_what_was_told_is_not_told_again(type):
    now_ms = END_MS - 1 if type == "challenge_final_push" else END_MS
    assert told(RUN, now_ms) == type
    assert told(replace(RUN, told=(type,)), now_ms) is None
    for status in ("pending", *prompts.ENDED):
        assert told(replace(RUN, status=status), now_ms) is None
    assert told(replace(RUN, end_ms=None), now_ms) is None


def test_a_prompt_says_what_is_left_and_leads_there():
    late = prompts.for_participants(RUN, END_MS - 90 * 60_000)
    assert "“Run” ends in 90 minutes" in late.body
    assert "5 hours" in prompts.for_participants(RUN, END_MS - 5 * HOUR_MS).body
    assert "1 minute," in prompts.for_participants(RUN, END_MS - 1).body
    assert late.data == {"challengeId": 7, "deepLink": "/challenges/7"}
    nameless = replace(RUN, title=None)
    assert "challenge 7" in prompts.for_participants(nameless, END_MS).body


def test_a_claim_is_told_and_once_more_while_it_lies_there():
    over = replace(RUN, status="finalized")
    first = prompts.for_claimant(over, "claim_available", END_MS, CLAIM, END_MS + 5)
    assert (first.tell.type, first.next) == ("claim_available", "claim_reminder")
    assert first.due_ms == END_MS + 5 + 3 * DAY_MS
    assert first.tell.data["claimable"] == CLAIM
    last = prompts.for_claimant(over, "claim_reminder", END_MS, CLAIM, first.due_ms)
    assert (last.tell.type, last.next, last.due_ms) == ("claim_reminder", None, None)


@pytest.mark.parametrize(
    ("changes", "claimable", "now_ms"),
    [
        ({}, [], END_MS),
        ({}, [{"claim_type": "principal", "amount_wei": "0"}], END_MS),
        ({}, CLAIM, END_MS + 30 * DAY_MS),
        ({"status": "approved"}, CLAIM, END_MS),
        ({"status": ""}, CLAIM, END_MS),
    ],
)
def test_where_there_is_nothing_to_claim_nobody_is_told(changes, claimable, now_ms):
    over = replace(RUN, **{"status": "finalized", **changes})
    for type in ("claim_available", "claim_reminder"):
        step = prompts.for_claimant(over, type, END_MS, claimable, now_ms)
        assert step == prompts.ClaimStep()


def test_an_end_of_long_ago_is_asked_about_no_more():
    assert prompts.is_worth_asking(END_MS, END_MS + 30 * DAY_MS - 1)
    assert not prompts.is_worth_asking(END_MS, END_MS + 30 * DAY_MS)


@pytest.mark.parametrize(
    ("type", "status", "ended_ms", "now_ms", "expected"),
    [
        ("proof_deadline", "approved", None, END_MS + 12 * HOUR_MS - 1, "wait"),
        ("proof_deadline", "approved", None, END_MS + 12 * HOUR_MS, "send"),
        ("proof_deadline", "approved", None, END_MS + DAY_MS - 1, "send"),
        ("proof_deadline", "approved", None, END_MS + DAY_MS, "drop"),
        ("proof_deadline", "pending", None, END_MS + 12 * HOUR_MS, "wait"),
        ("proof_deadline", "finalized", END_MS, END_MS + 12 * HOUR_MS, "drop"),
        ("proof_deadline", "canceled", END_MS, END_MS - DAY_MS, "drop"),
        ("finalization", "approved", None, END_MS + 90 * DAY_MS, "wait"),
        ("finalization", "finalized", END_MS, END_MS, "send"),
        ("finalization", "canceled", END_MS, END_MS + 7 * DAY_MS - 1, "send"),
        ("finalization", "finalized", END_MS, END_MS + 7 * DAY_MS, "drop"),
        ("finalization", "finalized", None, END_MS, "drop"),
    ],
)
def test_a_reminder_is_sent_in_time_or_never(type, status, ended_ms, now_ms, expected):
    challenge = replace(RUN, status=status)
    assert prompts.for_subscriber(challenge, type, ended_ms, now_ms) == expected
