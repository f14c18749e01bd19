"""The settlement of an epoch: sums, invariance, and the cases in which nobody is paid."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agon.epochs import event_log, settlement
from agon.epochs.system import SYSTEM
from agon.kernel import manifest, results
from agon.kernel.errors import Refused
from tests.epochs.logs import EPOCH, OWNERS, F, Host, S, bot, hosts, profile, wallet

KINDS = {(settlement.KIND.name, settlement.KIND.version): settlement.KIND}


def settled(host, owners=OWNERS, pool="1000", epoch=EPOCH, **changes):
    log = event_log.read(host.events)
    return settlement.settle(log, epoch, owners, pool, profile(**changes))


def bundled(events, pool="1000"):
    return settlement.bundle(event_log.read(events), EPOCH, OWNERS, pool, profile())


def busy_day():
    host = Host().take(S, 0).take(S, 2, 1).attack(S + 100, 3).take(S + 3_000, 4)
    host.attack(S + 3_100, 2).take(S + 6_000, 0).vote(S + 1, 100, ("bot", bot(0)), "0.9000")
    return host.vote(S + 2, 101, ("bot", bot(0)), "0.7000").move(F)


def test_a_day_is_settled_part_by_part():
    output = settled(busy_day())
    by_bot = {row["bot"]: row for row in output["bots"]}
    assert [row["bot"] for row in output["bots"]] == sorted(by_bot)
    assert by_bot[bot(0)] == {
        "bot": bot(0),
        "owner": wallet(0),
        "occupied_ms": 7_000,
        "claims": 2,
        "defense_ms": 1_000,
        "vote_quality": "0.072727",
        "raw_score": "0.52500000",
        "share": "0.525000000000",
        "bps": 5_250,
        "wei": "525",
    }
    assert by_bot[bot(3)]["wei"] == "0"
    assert output["totals"] == {
        "occupied_ms": 20_000,
        "claims": 4,
        "defense_ms": 2_000,
        "bps": 10_000,
        "votes": 2,
        "wei": "1000",
    }
    assert (output["outcome"], output["caps"]) == ("paid", "held")


def test_a_day_without_contribution_pays_nobody_and_says_so():
    for host in (Host(), Host().move(S), Host().vote(S, 9, ("bot", bot(0)), "1.0000")):
        output = settled(host)
        assert output["outcome"] == "no_contribution"
        assert (output["totals"]["bps"], output["totals"]["wei"]) == (0, "0")
        assert all(row["share"] == "0.000000000000" for row in output["bots"])


def test_a_part_that_the_profile_does_not_score_pays_nobody():
    scoring = {"occupied_bps": 0, "claims_bps": 0, "defense_bps": 10_000, "votes_bps": 0}
    assert settled(Host().take(S, 0), scoring=scoring)["outcome"] == "no_contribution"


def test_a_bot_without_owner_is_not_paid_and_the_others_share():
    output = settled(Host().take(S, 0).take(S, 5, 1))
    rows = {row["bot"]: row for row in output["bots"]}
    assert rows[bot(5)]["share"] == "0.500000000000"
    assert (rows[bot(5)]["wei"], rows[bot(0)]["wei"]) == ("0", "1000")


def test_where_nobody_owns_who_contributed_nobody_is_paid():
    output = settled(Host().take(S, 5))
    assert (output["outcome"], output["totals"]["wei"]) == ("no_recipient", "0")
    assert output["bots"][0]["share"] == "1.000000000000"


def test_an_empty_pool_is_shared_as_nothing():
    output = settled(busy_day(), pool="0")
    assert (output["totals"]["bps"], output["totals"]["wei"]) == (10_000, "0")


def test_caps_that_cannot_be_held_are_raised_and_the_output_says_so():
    output = settled(Host().take(S, 0), caps={"bot_bps": 2_000})
    assert (output["caps"], output["bots"][0]["wei"]) == ("raised", "1000")


def test_a_log_can_be_taken_while_events_still_come():
    reader = event_log.Reader()
    for event in Host().take(S, 2).take(S, 0, 1).events:
        reader.add(event)
    assert reader.log() == reader.log()


def test_an_event_of_another_form_is_refused_with_its_seq():
    host = busy_day()
    host.events[2]["slot"] = None
    with pytest.raises(Refused, match="event_malformed") as refused:
        settled(host)
    assert refused.value.refusal.details.startswith("seq 5: ")


def test_what_settlement_does_not_read_does_not_change_the_result():
    host = busy_day()
    before = bundled(host.events).cid
    host.move(F + 1)
    host.events[-1]["type"] = "epoch_settled"
    assert bundled(host.events).cid == before
    assert bundled(host.events, pool="1001").cid != before


@settings(max_examples=60, deadline=None)
@given(hosts(), st.integers(0, 2**256 - 1), st.randoms(use_true_random=False),
       st.integers(1, 10_000), st.integers(1, 10_000))  # fmt: skip
def test_sums_are_exact_and_the_order_of_events_changes_nothing(host, pool, chance, bot_bps, own):
    caps = {"bot_bps": bot_bps, "owner_bps": own}
    output = settled(host, pool=str(pool), caps=caps)
    paid = output["outcome"] == "paid"
    assert sum(row["bps"] for row in output["bots"]) == (10_000 if paid else 0)
    assert sum(int(row["wei"]) for row in output["bots"]) == (pool if paid else 0)
    parts = sum(int(row["share"].replace(".", "")) for row in output["bots"])
    assert parts == (0 if output["outcome"] == "no_contribution" else 10**12)
    assert output["totals"]["occupied_ms"] <= 2 * (F - S)
    chance.shuffle(host.events)
    assert settled(host, pool=str(pool), caps=caps) == output


@settings(max_examples=40, deadline=None)
@given(hosts())
def test_a_bundle_is_verified_and_says_what_the_tables_say(host):
    bundle = bundled(host.events)
    verification = results.verify(bundle.data, KINDS, bundle.cid)
    assert verification.ok
    assert bundle.output == settled(host)
    assert json.loads(bundle.data)["output"] == bundle.output
    random.Random(1).shuffle(host.events)
    assert bundled(host.events).cid == bundle.cid


def test_the_kind_of_result_is_known_to_verify():
    kind = next(each for each in SYSTEM.result_kinds if each.name == "epochs.settlement")
    assert kind.version == 1
    assert manifest.load(kind.recompute) is settlement.recompute


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("output", "bots", 0, "wei"), "1"),
        (("output", "bots", 0, "claims"), 9),
        (("inputs", "log", "slots", "at_ms", 1), 77),
        (("inputs", "log", "votes", "score_e4", 0), 0),
        (("inputs", "pool_wei"), "2000"),
        (("rules", "scoring", "claims_bps"), 9_999),
    ],
)
def test_a_bundle_that_was_touched_differs(path, value):
    document = json.loads(bundled(busy_day().events).data)
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert not results.verify(results.canonical(document), KINDS).ok


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("slots", "bot", 0), -1),
        (("slots", "other", 0), 99),
        (("slots", "kind", 0), 3),
        (("slots", "kind", 0), 1),
        (("slots", "seq", 1), 0),
        (("slots", "seq"), [1]),
        (("votes", "target", 0), 5),
        (("votes", "score_e4", 0), 10_001),
        (("bots", 1), bot(0)),
        (("slots", "at_ms", 0), 2**80),
    ],
)
def test_a_log_that_points_nowhere_is_refused(path, value):
    document = json.loads(bundled(busy_day().events).data)
    place = document["inputs"]["log"]
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(Refused, match=r"result_inputs_malformed|result_value_malformed"):
        results.verify(results.canonical(document), KINDS)


@pytest.mark.parametrize(
    "changes",
    [
        {"epoch": {**EPOCH, "freeze_at_ms": S}},
        {"epoch": {**EPOCH, "ends_at_ms": F - 1}},
        {"epoch": {**EPOCH, "starts_at_ms": True}},
        {"epoch": {**EPOCH, "day": None}},
        {"pool": "-1"},
        {"pool": "1e18"},
        {"pool": "٣"},
        {"pool": str(2**256)},
        {"owners": {bot(0): "0xABC"}},
    ],
)
def test_malformed_times_pool_and_owners_are_refused(changes):
    with pytest.raises(Refused, match="epoch_malformed"):
        settled(busy_day(), **changes)


def test_a_log_that_no_bundle_can_carry_is_refused(monkeypatch):
    monkeypatch.setattr(settlement, "BUNDLED_EVENTS_MAX", 3)
    with pytest.raises(Refused, match="result_large"):
        bundled(busy_day().events)
