"""Sending, over a node that loses answers, refuses, and says what is not so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from agon.commons.chain import sending
from agon.kernel import clock
from tests.chain.outbox import add_signer, desk, intent, pay, rounds
from tests.chain.outbox import status as status_of
from tests.places import wallet
from tests.standins.anvil import anvil
from tests.standins.sender_node import in_front_of

ADA = wallet("ada")
UNDERPRICED = "replacement transaction underpriced"


@pytest.fixture
async def chain():
    async with anvil("--no-mining") as running:
        yield running


@pytest.fixture
async def node(chain):
    async with in_front_of(chain.url) as running:
        yield running


@pytest.fixture
async def at(place, node):
    await add_signer(place)
    async with desk(place, node.url) as opened:
        yield opened


async def attempts(place):
    return await place.owner.fetch("select * from agon.chain_transactions order by max_fee_wei")


@pytest.mark.parametrize("lie", ["accept_500", "accept_cut", "accept_hang"])
async def test_bytes_whose_answer_was_lost_are_sent_again_and_pay_once(place, chain, node, at, lie):
    node.lies = [lie]
    await pay(place, "pay ada", ADA, 5)
    head = await rounds(at)
    assert await status_of(place, "pay ada") == "signed"
    head = await rounds(at, head=head)
    assert await status_of(place, "pay ada") == "sent"  # the node has them: it is told so
    assert len(node.sent) == 2
    assert len(set(node.sent)) == 1
    await chain.mine()
    await rounds(at, head=head)
    assert await status_of(place, "pay ada") == "confirmed"
    assert await chain.balance(ADA) == 5


async def test_bytes_that_were_mined_before_the_answer_was_known_end_the_intent(
    place, chain, node, at
):
    node.lies = ["accept_500"]
    await pay(place, "pay ada", ADA, 5)
    await rounds(at)
    await chain.mine()
    await rounds(at)
    assert await status_of(place, "pay ada") == "confirmed"
    assert len(node.sent) == 1


async def test_after_a_lost_answer_the_rest_waits_for_the_next_round(place, chain, node, at):
    node.lies = [None, "refuse_500"]
    for number in range(3):
        await pay(place, f"pay {number}", ADA)
    head = await rounds(at)
    assert len(node.sent) == 2
    assert [await status_of(place, f"pay {n}") for n in range(3)] == ["sent", "signed", "signed"]
    await rounds(at, head=head)
    await chain.mine()
    await rounds(at)
    assert await chain.balance(ADA) == 3


async def test_a_nonce_said_to_be_low_is_not_given_up_for_that(place, chain, node, at):
    node.lies = ["nonce too low"] * 3
    await pay(place, "pay ada", ADA, 5)
    head = await rounds(at, 3)
    row = await intent(place, "pay ada")
    assert (row["status"], row["nonce"]) == ("signed", 0)
    head = await rounds(at, head=head)
    await chain.mine()
    await rounds(at, head=head)
    assert (await intent(place, "pay ada"))["nonce"] == 0
    assert await status_of(place, "pay ada") == "confirmed"


@pytest.mark.parametrize("mined", [False, True])
async def test_a_count_that_is_too_high_gives_up_no_nonce(place, chain, node, at, mined):
    await pay(place, "pay ada", ADA, 5)
    await rounds(at)
    node.answers["eth_getTransactionCount"] = lambda asked: "0x5"  # at every block
    node.answers["eth_getTransactionReceipt"] = lambda asked: None
    await (chain.mine(3) if mined else chain.rpc("anvil_dropAllTransactions"))
    await rounds(at, 3)
    row = await intent(place, "pay ada")
    assert (row["status"], row["nonce"]) == ("sent", 0)
    node.answers.clear()
    await rounds(at)
    await chain.mine()
    await rounds(at)
    assert await status_of(place, "pay ada") == "confirmed"
    assert await chain.balance(ADA) == 5


async def test_a_receipt_that_comes_late_pays_nobody_twice(place, chain, node, at):
    await pay(place, "pay ada", ADA, 5)
    await rounds(at)
    node.answers["eth_getTransactionReceipt"] = lambda asked: None
    await chain.mine(3)
    await rounds(at, 3)
    row = await intent(place, "pay ada")
    assert (row["status"], row["nonce"]) == ("sent", 0)  # its block holds our own hash
    node.answers.clear()
    await rounds(at)
    assert await status_of(place, "pay ada") == "confirmed"
    assert await chain.balance(ADA) == 5


async def test_a_block_that_the_node_does_not_know_ends_nothing(place, chain, node, at):
    await pay(place, "pay ada", ADA, 5)
    await rounds(at)
    await chain.mine()
    newest = await chain.rpc("eth_getBlockByNumber", "latest", False)
    node.answers["eth_getBlockByNumber"] = lambda asked: newest if asked[0] == "latest" else None
    await rounds(at, 2)
    assert await status_of(place, "pay ada") == "sent"
    node.answers.clear()
    await rounds(at)
    assert await status_of(place, "pay ada") == "confirmed"


async def test_an_underpriced_offer_is_raised_at_once_under_its_nonce(place, chain, node, at):
    node.lies = [UNDERPRICED]
    await pay(place, "pay ada", ADA, 5)
    head = await rounds(at)
    rows = await attempts(place)
    assert [row["nonce"] for row in rows] == [0, 0]
    assert rows[1]["replaces"] == rows[0]["hash"]
    assert await status_of(place, "pay ada") == "sent"
    await chain.mine()
    await rounds(at, head=head)
    assert (await intent(place, "pay ada"))["settled_hash"] == rows[1]["hash"]


async def test_a_node_that_always_wants_more_gets_no_more_than_the_limit(place, chain, node, at):
    at = replace(at, fee_wei_max=10 * 10**9)
    node.chance = lambda: UNDERPRICED
    await pay(place, "pay ada", ADA, 5)
    await rounds(at, 30)
    rows = await attempts(place)
    assert all(int(row["max_fee_wei"]) <= at.fee_wei_max for row in rows)
    assert {row["nonce"] for row in rows} == {0}


async def test_bytes_that_no_node_will_take_free_their_nonce_and_fail(place, chain, node, at):
    bad = "intrinsic gas too low"
    node.lies = [bad]
    await pay(place, "bad", ADA, 5)
    await pay(place, "good", ADA, 6)
    head = await rounds(at)
    for _ in range(sending.REFUSALS_MAX - 1):
        node.lies = [bad]
        head = await rounds(at, head=head)
    rows = [row for row in await attempts(place) if row["nonce"] == 0]
    assert [row["is_empty"] for row in rows] == [False, True]
    await chain.mine()
    await rounds(at, head=head)
    row = await intent(place, "bad")
    assert (row["status"], row["error"]) == (
        "failed", f"given up with an empty transaction: {bad}",
    )  # fmt: skip
    assert await status_of(place, "good") == "confirmed"
    assert await chain.balance(ADA) == 6


async def test_what_was_given_up_and_is_mined_all_the_same_is_confirmed(place, chain, node, at):
    bad = "intrinsic gas too low"
    await pay(place, "pay ada", ADA, 5)
    head = None
    for _ in range(sending.REFUSALS_MAX):
        node.lies = [bad, "drop"]
        head = await rounds(at, head=head)
    assert [row["is_empty"] for row in await attempts(place)] == [False, True]
    await chain.rpc("eth_sendRawTransaction", node.sent[0])
    await chain.mine()
    await rounds(at, head=head)
    row = await intent(place, "pay ada")
    assert (row["status"], row["error"]) == ("confirmed", None)
    assert await chain.balance(ADA) == 5


@pytest.mark.parametrize("words", ["the moon is full", "insufficient funds for gas"])
async def test_other_words_are_no_reason_to_give_up_soon(place, chain, node, at, words):
    node.chance = lambda: words
    await pay(place, "pay ada", ADA, 5)
    head = await rounds(at, 20)
    node.chance = lambda: None
    head = await rounds(at, head=head)
    await chain.mine()
    await rounds(at, head=head)
    assert await status_of(place, "pay ada") == "confirmed"
    assert len(await attempts(place)) == 1


async def test_words_that_we_do_not_know_free_the_nonce_after_a_day(place, chain, node, at):
    await place.set_clock(clock.now())
    node.lies = ["the moon is full"] * 2
    await pay(place, "pay ada", ADA, 5)
    head = await rounds(at)
    assert len(await attempts(place)) == 1
    await place.set_clock(clock.now() + timedelta(days=1))
    head = await rounds(at, head=head)
    assert [row["is_empty"] for row in await attempts(place)] == [False, True]
    await chain.mine()
    await rounds(at, head=head)
    assert await status_of(place, "pay ada") == "failed"
