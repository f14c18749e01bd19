"""What bots did with slots: by hand, and against a count of each millisecond."""

import random

import pytest
from hypothesis import given, settings

from agon.epochs import contributions, event_log
from agon.kernel.errors import Refused
from tests.epochs.logs import OWNERS, F, Host, S, bot, hosts

RULES = contributions.Rules(
    starts_at_ms=S,
    freeze_at_ms=F,
    minimum_hold_ms=500,
    return_ms=2_000,
    defense_window_ms=1_000,
    slots=frozenset((0, 1)),
)


def deeds_of(host, owners=OWNERS):
    """{bot's number: (occupied ms, claims, defence ms)} of the bots in the log."""
    log = event_log.read(host.events)
    found = contributions.tally(log, [owners.get(name) for name in log.bots], RULES)
    rows = zip(found.occupied_ms, found.claims, found.defense_ms, strict=True)
    return {int(name[:8], 16): row for name, row in zip(log.bots, rows, strict=True)}


def test_a_slot_is_occupied_from_its_claim_to_the_next_or_to_freeze():
    host = Host().take(S, 0).take(S + 3_000, 2).take(S + 1_000, 4, slot=1)
    assert deeds_of(host) == {0: (3_000, 1, 0), 2: (7_000, 1, 0), 4: (9_000, 1, 0)}


def test_only_live_is_occupied_and_only_claims_in_it_count():
    host = Host().take(S - 900, 0).take(S + 600, 2).take(F, 4)
    assert deeds_of(host) == {0: (600, 0, 0), 2: (9_400, 1, 0), 4: (0, 0, 0)}


def test_a_claim_counts_once_it_is_held_for_the_minimum():
    host = Host().take(S, 0).take(S + 499, 2).take(S + 999, 4).take(F - 499, 0)
    assert {who: row[1] for who, row in deeds_of(host).items()} == {0: 0, 2: 1, 4: 1}


def test_two_bots_that_pass_a_slot_to_and_fro_count_once_in_the_time():
    host = Host()
    for turn in range(8):  # bot 0 at 0, 1000, 2000, 3000 and bot 2 half a second later
        host.take(S + 500 * turn, 2 * (turn % 2))
    assert {who: row[1] for who, row in deeds_of(host).items()} == {0: 2, 2: 2}


def test_a_ring_of_three_is_no_way_around_it():
    host = Host()
    for turn in range(6):
        host.take(S + 500 * turn, 2 * (turn % 3))
    assert [row[1] for row in deeds_of(host).values()] == [1, 1, 1]


def test_what_a_bot_had_on_one_slot_does_not_bind_it_on_another():
    host = Host().take(S, 0).take(S + 600, 0, slot=1)
    assert deeds_of(host)[0][1] == 2


def test_a_claim_that_does_not_count_does_not_keep_the_next_from_counting():
    host = Host().take(S, 0).take(S + 100, 2).take(S + 200, 0)
    assert deeds_of(host)[0][1] == 1


def test_new_code_in_the_own_slot_is_no_claim():
    host = Host().take(S, 0).take(S + 3_000, 0)
    assert deeds_of(host) == {0: (10_000, 1, 0)}


def test_defence_is_the_union_of_windows():
    host = Host().take(S, 0).attack(S + 100, 2).attack(S + 700, 3).attack(S + 5_000, 4)
    assert deeds_of(host)[0] == (10_000, 1, 1_600 + 1_000)


def test_defence_ends_with_the_hold_and_with_live():
    lost = Host().take(S, 0).attack(S + 100, 2).take(S + 400, 2)
    assert deeds_of(lost)[0][2] == 300
    late = Host().take(S, 0).attack(F - 200, 2)
    assert deeds_of(late)[0][2] == 200
    early = Host().take(S - 900, 0).attack(S - 300, 2)
    assert deeds_of(early)[0][2] == 700


def test_an_attack_by_a_bot_of_the_same_owner_opens_nothing():
    assert deeds_of(Host().take(S, 0).attack(S + 100, 1))[0][2] == 0
    assert deeds_of(Host().take(S, 5).attack(S + 100, 6))[5][2] == 1_000  # owners unknown


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"type": "slot_claimed"}, "its holder is"),
        ({"data": {"from": bot(4)}}, "its holder is"),
        ({"type": "slot_attacked", "data": {"holder": bot(2)}}, "its holder is"),
        ({"type": "slot_attacked", "bot": bot(0), "data": {"holder": bot(0)}}, "attacks itself"),
        ({"slot": 7}, "no slot 7"),
        ({"at_ms": S + 1}, "earlier"),
        ({"seq": 1}, "stands twice"),
    ],
)
def test_a_log_that_contradicts_itself_is_refused(change, says):
    host = Host().take(S + 5, 0).take(S + 900, 2)
    host.events[-1] |= change
    with pytest.raises(Refused, match="log_malformed") as refused:
        deeds_of(host)
    assert says in refused.value.refusal.details


def test_a_log_without_its_first_claim_is_refused():
    host = Host().take(S, 0).take(S + 900, 2)
    del host.events[0]
    with pytest.raises(Refused, match="log_malformed") as refused:
        deeds_of(host)
    assert "its holder is nobody" in refused.value.refusal.details


def counted_by_the_millisecond(host):
    """The formulas of the module, term by term: slow, and plainly what they say."""
    holds = []  # [bot, slot, a, e, attacks]
    for event in host.events:
        open_hold = next(
            (hold for hold in holds if hold[1] == event["slot"] and hold[3] is None), None
        )
        if event["type"] == "slot_attacked":
            attacker, holder = OWNERS.get(event["bot"]), OWNERS.get(open_hold[0])
            if attacker is None or attacker != holder:
                open_hold[4].append(event["at_ms"])
        elif event["slot"] is not None and (open_hold is None or open_hold[0] != event["bot"]):
            if open_hold:
                open_hold[3] = event["at_ms"]
            holds.append([event["bot"], event["slot"], event["at_ms"], None, []])
    deeds = {event["bot"]: [0, 0, 0] for event in host.events if event["bot"]}
    counted = []
    for name, slot, a, e, attacks in holds:
        end = 10**9 if e is None else e
        own = {ms for ms in range(S, F) if a <= ms < end}
        deeds[name][0] += len(own)
        deeds[name][2] += len({ms for t in attacks for ms in range(t, t + 1_000)} & own)
        held = S <= a < F and min(end, F) - a >= 500
        if held and not any((name, slot) == mark[:2] and a - mark[2] < 2_000 for mark in counted):
            counted.append((name, slot, a))
            deeds[name][1] += 1
    return {int(name[:8], 16): tuple(row) for name, row in deeds.items()}


@settings(max_examples=60, deadline=None)
@given(hosts())
def test_one_pass_agrees_with_the_formulas(host):
    found = deeds_of(host)
    expected = counted_by_the_millisecond(host)
    assert {who: row for who, row in found.items() if who in expected} == expected


@settings(max_examples=100, deadline=None)
@given(hosts())
def test_occupied_time_is_at_most_slots_times_duration(host):
    rows = deeds_of(host).values()
    assert sum(occupied for occupied, _, _ in rows) <= 2 * (F - S)
    assert all(0 <= defended <= occupied for occupied, _, defended in rows)


def test_slots_that_are_never_empty_are_occupied_in_full():
    chance = random.Random(5)
    host = Host().take(S, 0, 0).take(S, 1, 1)
    for at_ms in range(S, F, 37):
        host.take(at_ms, chance.randrange(6), chance.randrange(2))
    assert sum(row[0] for row in deeds_of(host).values()) == 2 * (F - S)
