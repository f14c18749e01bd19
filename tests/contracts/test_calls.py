"""Calls as bytes, and what a contract answers."""

from __future__ import annotations

import pytest

from agon.commons.chain import artifacts, calls, deployment

PAY = artifacts.load("ChallengePay")
SOMEBODY = "0x" + "ab" * 20


def test_a_call_is_its_selector_and_its_arguments():
    data = calls.encode(PAY, "join", 258)
    assert data.hex() == "049878f3" + f"{258:064x}"


def test_functions_that_share_a_name_are_told_apart_by_their_arguments():
    identity = artifacts.load("BotIdentity")
    short = calls.encode(identity, "safeTransferFrom", SOMEBODY, SOMEBODY, 1)
    long = calls.encode(identity, "safeTransferFrom", SOMEBODY, SOMEBODY, 1, b"")
    assert (short[:4].hex(), long[:4].hex()) == ("42842e0e", "b88d4fde")


def test_an_unknown_function_is_no_call():
    with pytest.raises(LookupError, match="ChallengePay has no function give"):
        calls.encode(PAY, "give", 1)


def test_what_a_function_returned_is_decoded():
    word = bytes(31) + b"\x05"
    assert calls.decode(PAY, "claimPrincipal", word) == (5,)


def test_the_six_claims_are_six_selectors():
    names = [entry["name"] for entry in PAY.abi if entry.get("name", "").startswith("claim")]
    assert len({calls.encode(PAY, name, 2)[:4] for name in names}) == 6


@pytest.mark.parametrize(
    "data, said",
    [
        (calls.selector("NothingToClaim()").hex(), "ChallengePay: NothingToClaim()"),
        (calls.selector("WrongStatus(uint8)").hex() + f"{3:064x}", "ChallengePay: WrongStatus(3)"),
        ("08c379a0" + f"{32:064x}{4:064x}" + b"nope".hex().ljust(64, "0"), "ChallengePay: nope"),
        ("4e487b71" + f"{0x11:064x}", "ChallengePay: arithmetic overflows"),
        ("4e487b71" + f"{0x99:064x}", "ChallengePay: panic 0x99"),
        ("deadbeef", "ChallengePay: reverted with 0xdeadbeef"),
        ("", "ChallengePay: reverted"),
    ],
)
def test_a_revert_is_explained_in_words(data, said):
    assert calls.explain(PAY, "0x" + data) == said


def test_a_revert_that_is_cut_short_is_shown_as_it_is():
    cut = "0x" + calls.selector("WrongStatus(uint8)").hex() + "00"
    assert calls.explain(PAY, cut) == f"ChallengePay: reverted with {cut}"


def test_a_contract_waits_for_those_it_is_told_of():
    parties = deployment.Parties(admin=SOMEBODY, signer=SOMEBODY)
    first = deployment.steps(deployment.PLAN, {}, parties)
    assert "ChallengePay" not in {step.name for step in first}
    then = deployment.steps(deployment.PLAN, {step.name: SOMEBODY for step in first}, parties)
    assert [step.key for step in then] == ["deploy:ChallengePay:1"]
    assert (
        deployment.steps(deployment.PLAN, {s.name: SOMEBODY for s in first + then}, parties) == ()
    )


def test_no_contract_of_the_plan_is_larger_than_chains_take():
    parties = deployment.Parties(admin=SOMEBODY, signer=SOMEBODY)
    known = {"Treasury": SOMEBODY}
    for step in deployment.steps(deployment.PLAN + deployment.STANDINS, known, parties):
        assert len(step.data) < 24_576
