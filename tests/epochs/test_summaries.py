"""A day's summary and its edition's metadata: canonical, bounded, and true to the result."""

from __future__ import annotations

import json

import pytest

from agon.commons.content import forms
from agon.epochs import event_log, settlement, summaries
from tests.epochs.logs import EPOCH, OWNERS, Host, S, bot, profile
from tests.epochs.test_settlement import busy_day

CID = "b" + "a" * 58
NUMBER = 20261102


def output_of(host: Host, owners=OWNERS):
    return settlement.settle(event_log.read(host.events), EPOCH, owners, "1000", profile())


def both(output):
    inputs = {"epoch": EPOCH, "pool_wei": "1000"}
    summary = summaries.summarise(inputs, {"key": "x", "version": 2}, NUMBER, CID, output)
    metadata = summaries.describe_edition(inputs, NUMBER, CID, "ipfs://s", output)
    for data in (summary, metadata):
        forms.check(data, forms.JSON)
    return json.loads(summary), json.loads(metadata)


def test_a_summary_lists_bots_by_their_share_and_what_they_are_paid():
    output = output_of(busy_day())
    summary, _ = both(output)
    assert [row["bot"] for row in summary["bots"]][:2] == [bot(0), bot(2)]
    shares = [int(row["share"].replace(".", "")) for row in summary["bots"]]
    assert shares == sorted(shares, reverse=True)
    assert sum(int(row["wei"]) for row in summary["bots"]) == 1000
    assert (summary["day"], summary["number"], summary["outcome"]) == ("2026-11-02", NUMBER, "paid")
    assert (summary["pool_wei"], summary["result_cid"]) == ("1000", CID)
    assert summary["totals"] == output["totals"]
    assert (summary["epoch"], summary["profile"]) == (EPOCH, {"key": "x", "version": 2})


def test_metadata_has_the_form_of_erc_721_and_names_result_and_summary():
    _, metadata = both(output_of(busy_day()))
    assert metadata["name"] == "Epoch 2026-11-02"
    assert "1000 wei was shared out among 3 of 4 bots" in metadata["description"]
    traits = {each["trait_type"]: each["value"] for each in metadata["attributes"]}
    assert (traits["Largest share"], traits["Claims"], traits["Paid (wei)"]) == (bot(0), 4, "1000")
    assert metadata["properties"] == {
        "kind": "agon.epoch_edition", "version": 1, "day": "2026-11-02", "number": NUMBER,
        "result_cid": CID, "summary_uri": "ipfs://s",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("host", "owners", "outcome", "says"),
    [
        (Host(), OWNERS, "no_contribution", "Nobody contributed"),
        (Host().take(S, 5), OWNERS, "no_recipient", "has an owner"),
    ],
)
def test_a_day_that_pays_nobody_says_why(host, owners, outcome, says):
    summary, metadata = both(output_of(host, owners))
    assert summary["outcome"] == outcome
    assert says in metadata["description"]
    assert "Largest share" not in str(metadata["attributes"])


def test_a_summary_stops_at_the_largest_shares(monkeypatch):
    monkeypatch.setattr(summaries, "BOTS_MAX", 2)
    summary, _ = both(output_of(busy_day()))
    assert [row["bot"] for row in summary["bots"]] == [bot(0), bot(2)]
    assert summary["bots_in_all"] == 4


def test_the_largest_summary_can_be_published():
    row = {
        "bot": bot(0), "owner": "0x" + "f" * 40, "occupied_ms": 10**11, "claims": 10**6,
        "defense_ms": 10**11, "vote_quality": "0.999999", "raw_score": "0.99999999",
        "share": "0.999999999999", "bps": 10_000, "wei": "9" * 78,
    }  # fmt: skip
    output = output_of(busy_day())
    output["bots"] = [row | {"bot": bot(number)} for number in range(20_000)]
    summary, _ = both(output)
    assert (len(summary["bots"]), summary["bots_in_all"]) == (1000, 20_000)
