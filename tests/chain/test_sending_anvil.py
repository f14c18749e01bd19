"""Sending, on a chain of its own: what is mined, taken back, stuck, taken by others."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_account import Account

from agon.commons.chain import sending
from tests.chain.outbox import CHAIN, GWEI, KEY, SIGNER, add_signer, desk, intent, pay, rounds
from tests.chain.outbox import status as status_of
from tests.places import wallet
from tests.standins.anvil import anvil

ADA, BOB = wallet("ada"), wallet("bob")
STOP_OF_GAS = bytes.fromhex("fe")  # INVALID, as a contract's creation
RETURNS_ITS_ONE_BYTE = bytes.fromhex("600160005360016000f3")


@pytest.fixture
async def chain():
    async with anvil("--no-mining") as running:
        yield running


@pytest.fixture
async def at(place, chain):
    await add_signer(place)
    async with desk(place, chain.url) as opened:
        yield opened


async def hashes(place, key: str) -> list[str]:
    """Of an intent's attempts, the newest last."""
    rows = await place.owner.fetch(
        """
        select t.hash from agon.chain_transactions t join agon.chain_intents i on i.id = t.intent_id
        where i.key = $1 order by t.max_fee_wei
        """,
        key,
    )
    return [row["hash"] for row in rows]


def foreign(nonce: int, to: str = BOB, fee: int = 100 * GWEI) -> str:
    """A transaction that somebody else makes with our key."""
    fields = {
        "type": 2, "chainId": CHAIN, "nonce": nonce, "to": bytes.fromhex(to[2:]), "value": 7,
        "gas": 21_000, "maxFeePerGas": fee, "maxPriorityFeePerGas": fee,
    }  # fmt: skip
    return "0x" + Account.sign_transaction(fields, KEY).raw_transaction.hex()


async def test_a_payment_is_signed_sent_mined_and_confirmed(place, chain, at):
    at = replace(at, confirmations=2)
    await pay(place, "pay ada", ADA, 5)
    head = await rounds(at)
    assert await status_of(place, "pay ada") == "sent"
    await chain.mine()
    head = await rounds(at, head=head)
    assert await status_of(place, "pay ada") == "sent"
    await chain.mine(2)
    await rounds(at, head=head)
    row = await intent(place, "pay ada")
    assert (row["status"], row["nonce"], row["settled_block"]) == ("confirmed", 0, 1)
    assert [row["settled_hash"]] == await hashes(place, "pay ada")
    assert await chain.balance(ADA) == 5
    event = await place.owner.fetchrow("select * from agon.events where topic like 'chain.%'")
    assert (event["topic"], event["key"]) == ("chain.intent_confirmed", "pay ada")
    assert event["payload"]["tx_hash"] == row["settled_hash"]
    assert event["payload"]["block_number"] == 1


async def test_many_payments_take_nonces_in_the_order_of_their_meaning(place, chain, at):
    for number in range(100):
        await pay(place, f"pay {number}", ADA, 1)
    head = await rounds(at)
    sent = await place.owner.fetchval(
        "select count(*) from agon.chain_intents where status = 'sent'"
    )
    assert sent == sending.IN_FLIGHT_MAX
    await chain.mine()
    head = await rounds(at, head=head)
    await chain.mine()
    await rounds(at, head=head)
    rows = await place.owner.fetch("select id, nonce, status from agon.chain_intents order by id")
    assert [row["nonce"] for row in rows] == list(range(100))
    assert {row["status"] for row in rows} == {"confirmed"}
    assert await chain.balance(ADA) == 100


async def test_a_deployment_tells_its_contract_s_address(place, chain, at):
    await pay(place, "deploy", None, 0, RETURNS_ITS_ONE_BYTE)
    head = await rounds(at)
    await chain.mine()
    await rounds(at, head=head)
    row = await intent(place, "deploy")
    assert row["status"] == "confirmed"
    assert await chain.rpc("eth_getCode", row["created_address"], "latest") != "0x"
    payload = await place.owner.fetchval(
        "select payload from agon.events where topic = 'chain.intent_confirmed'"
    )
    assert payload["contract_address"] == row["created_address"]


async def test_what_the_chain_would_refuse_fails_and_costs_no_nonce(place, chain, at):
    await pay(place, "bad", None, 0, STOP_OF_GAS)
    await pay(place, "good", ADA)
    await rounds(at)
    row = await intent(place, "bad")
    assert (row["status"], row["nonce"], row["settled_hash"]) == ("failed", None, None)
    assert row["error"].startswith("the chain would refuse it")
    assert (await intent(place, "good"))["nonce"] == 0


async def test_what_may_depend_on_something_under_way_waits_for_it(place, chain, at):
    await pay(place, "first", ADA)
    await pay(place, "second", None, 0, STOP_OF_GAS)
    head = await rounds(at)
    assert (await intent(place, "second"))["status"] == "queued"
    assert "would be refused before what is under way" in (await intent(place, "second"))["error"]
    await chain.mine()
    await rounds(at, head=head)
    assert await status_of(place, "second") == "failed"


async def test_a_signer_that_cannot_pay_fails_nothing(place, chain, at):
    await chain.fund(SIGNER, 10**15)
    await pay(place, "dear", ADA, 10**18)
    head = await rounds(at)
    assert await status_of(place, "dear") == "signed"  # anvil does not see it beforehand
    refusal = await place.owner.fetchval("select refusal from agon.chain_transactions")
    assert "funds" in refusal.lower()
    head = await rounds(at, 5, head=head)
    assert len(await hashes(place, "dear")) == 1
    await chain.fund(SIGNER, 10**20)
    head = await rounds(at, head=head)
    await chain.mine()
    await rounds(at, head=head)
    row = await intent(place, "dear")
    assert (row["status"], row["error"]) == ("confirmed", None)


async def test_what_reverts_when_it_is_mined_fails(place, chain, at):
    # It stops with INVALID if the number of its block is above 1: not yet when it is tried.
    after_block_1 = bytes.fromhex("60014311600c5760006000f35bfe")
    await pay(place, "late", None, 0, after_block_1)
    head = await rounds(at)
    assert await status_of(place, "late") == "sent"
    dropped = await chain.rpc("anvil_dropTransaction", (await hashes(place, "late"))[0])
    assert dropped
    await chain.mine(3)
    await rounds(at, head=None)
    await chain.mine()
    await rounds(at, head=head)
    row = await intent(place, "late")
    assert (row["status"], row["error"]) == ("failed", "reverted when it was mined")
    assert row["settled_block"] == 4


async def test_a_dropped_transaction_is_sent_again_with_the_same_bytes(place, chain, at):
    await pay(place, "pay ada", ADA, 5)
    await rounds(at)
    before = await hashes(place, "pay ada")
    await chain.rpc("anvil_dropAllTransactions")
    await rounds(at)  # as after a start
    await chain.mine()
    await rounds(at)
    assert await status_of(place, "pay ada") == "confirmed"
    assert await hashes(place, "pay ada") == before
    assert await chain.balance(ADA) == 5


async def test_a_reorganisation_sends_the_same_bytes_again(place, chain, at):
    at = replace(at, confirmations=3)
    await chain.mine()
    await pay(place, "pay ada", ADA, 5)
    head = await rounds(at)
    await chain.mine(2)
    head = await rounds(at, head=head)
    assert await place.owner.fetchval("select block_number from agon.chain_transactions") == 2
    await chain.reorg(2)  # the new blocks are empty
    head = await rounds(at, head=head)
    assert await place.owner.fetchval("select block_number from agon.chain_transactions") is None
    head = await rounds(at, head=head)
    await chain.mine(4)
    await rounds(at, head=head)
    row = await intent(place, "pay ada")
    assert (row["status"], row["settled_block"]) == ("confirmed", 4)
    assert len(await hashes(place, "pay ada")) == 1
    assert await chain.balance(ADA) == 5


@pytest.mark.parametrize("restarted", [False, True])
async def test_what_was_final_is_open_again_if_it_is_taken_back(place, chain, at, restarted):
    await chain.mine()
    await pay(place, "pay ada", ADA, 5)
    head = await rounds(at)
    await chain.mine()
    head = await rounds(at, head=head)
    assert await status_of(place, "pay ada") == "confirmed"
    await chain.reorg(1)
    head = await rounds(at, head=None if restarted else head)
    row = await intent(place, "pay ada")
    assert (row["status"], row["settled_hash"], row["settled_block"]) == ("sent", None, None)
    head = await rounds(at, head=head)
    await chain.mine()
    await rounds(at, head=head)
    assert await status_of(place, "pay ada") == "confirmed"
    assert await chain.balance(ADA) == 5
    topics = await place.owner.fetch("select topic from agon.events where topic like 'chain.%'")
    assert [row["topic"] for row in topics] == ["chain.intent_confirmed"] * 2


async def test_what_is_stuck_is_replaced_by_a_dearer_one_of_the_same_nonce(place, chain, at):
    at = replace(at, stuck_s=0)
    await pay(place, "pay ada", ADA, 5)
    await pay(place, "pay bob", BOB, 6)
    head = await rounds(at)
    head = await rounds(at, head=head)
    rows = await place.owner.fetch(
        """
        select t.nonce, t.max_fee_wei::text as fee, t.replaces from agon.chain_transactions t
        order by t.nonce, t.max_fee_wei
        """
    )
    assert [row["nonce"] for row in rows] == [0, 0, 1]  # the one behind is not stuck itself
    first, second = int(rows[0]["fee"]), int(rows[1]["fee"])
    assert second >= -(-first * 9 // 8)
    assert rows[1]["replaces"] == (await hashes(place, "pay ada"))[0]
    await chain.mine()
    await rounds(at, head=head)
    row = await intent(place, "pay ada")
    assert (row["status"], row["settled_hash"]) == (
        "confirmed", (await hashes(place, "pay ada"))[1],
    )  # fmt: skip
    assert await chain.balance(ADA) == 5


async def test_an_older_attempt_that_is_mined_ends_the_intent(place, chain, at):
    await pay(place, "pay ada", ADA, 5)
    await rounds(at)
    raw = await place.owner.fetchval("select raw from agon.chain_transactions")
    await rounds(replace(at, stuck_s=0))
    first, second = await hashes(place, "pay ada")
    await chain.rpc("anvil_dropTransaction", second)
    await chain.rpc("eth_sendRawTransaction", "0x" + raw.hex())
    await chain.mine()
    await rounds(at)
    row = await intent(place, "pay ada")
    assert (row["status"], row["settled_hash"]) == ("confirmed", first)
    assert await chain.balance(ADA) == 5


async def test_nothing_is_offered_above_the_operator_s_limit(place, chain, at):
    poor = replace(at, fee_wei_max=1)
    await pay(place, "pay ada", ADA, 5)
    await rounds(poor)
    assert await status_of(place, "pay ada") == "queued"
    await rounds(at)
    await rounds(replace(at, stuck_s=0, fee_wei_max=GWEI))
    assert len(await hashes(place, "pay ada")) == 1


async def test_a_nonce_that_another_used_is_given_up_only_when_that_is_final(place, chain, at):
    at = replace(at, confirmations=2)
    await pay(place, "pay ada", ADA, 5)
    head = await rounds(at)
    await chain.rpc("anvil_dropAllTransactions")
    await chain.rpc("eth_sendRawTransaction", foreign(0))
    await chain.mine()
    head = await rounds(at, head=head)
    assert (await intent(place, "pay ada"))["nonce"] == 0
    await chain.mine(2)
    head = await rounds(at, head=head)
    assert (await intent(place, "pay ada"))["nonce"] == 1
    await chain.mine(3)
    await rounds(at, head=head)
    assert await status_of(place, "pay ada") == "confirmed"
    assert (await chain.balance(ADA), await chain.balance(BOB)) == (5, 7)


async def test_many_nonces_of_another_are_passed_over_at_once(place, chain, at):
    await pay(place, "opens", ADA, 5)
    await rounds(at)
    await chain.mine()
    for nonce in range(1, 9):
        await chain.rpc("eth_sendRawTransaction", foreign(nonce))
    await chain.mine(5)
    await pay(place, "pay ada", ADA, 5)
    head = await rounds(at, 2)
    assert (await intent(place, "pay ada"))["nonce"] == 9
    await chain.mine()
    await rounds(at, head=head)
    assert await status_of(place, "pay ada") == "confirmed"
    assert await chain.balance(ADA) == 10


async def test_a_signer_s_first_nonce_is_the_chain_s(place, chain, at):
    for nonce in range(2):
        await chain.rpc("eth_sendRawTransaction", foreign(nonce))
    await chain.mine()
    await chain.rpc("eth_sendRawTransaction", foreign(2))  # in the pool
    await pay(place, "pay ada", ADA)
    await rounds(at)
    assert (await intent(place, "pay ada"))["nonce"] == 3


async def test_a_purpose_that_refuses_holds_up_its_own_intent_alone(place, chain, at):
    await place.owner.execute(
        """
        create function agon.note_test(intent agon.chain_intents) returns void
        language plpgsql as $$
        begin
          if (intent).key like '%' || (intent).status then raise exception 'no'; end if;
        end $$;
        select agon.register_purpose('tests', 'agon.note_test');
        """
    )
    await pay(place, "not failed", None, 0, STOP_OF_GAS)
    for key in ("not signed", "not sent", "not confirmed", "fine"):
        await pay(place, key, ADA)
    head = await rounds(at)
    assert await status_of(place, "not failed") == "queued"
    assert await status_of(place, "not sent") == "signed"
    assert (await intent(place, "not signed"))["status"] == "queued"
    await chain.mine()
    await rounds(at, head=head)
    assert await status_of(place, "fine") == "confirmed"
    assert await status_of(place, "not confirmed") == "sent"
    await place.owner.execute("delete from agon.chain_purposes")
    head = await rounds(at)
    await chain.mine()
    await rounds(at, head=head)
    assert await status_of(place, "not signed") == "confirmed"
    assert await status_of(place, "not confirmed") == "confirmed"
    assert await status_of(place, "not failed") == "failed"
    assert await chain.balance(ADA) == 4


async def test_what_one_signer_began_it_ends_though_another_is_active(place, chain, at):
    from tests.standins.anvil import KEYS

    await pay(place, "pay ada", ADA, 5)
    head = await rounds(at)
    other = await add_signer(place, KEYS[1])
    await place.owner.execute("select agon.use_signer($1, $2)", CHAIN, other)
    await pay(place, "pay bob", BOB, 6)
    head = await rounds(replace(at, stuck_s=0), head=head)
    assert len(await hashes(place, "pay ada")) == 2  # replaced by its own signer
    await chain.mine()
    await rounds(at, head=head)
    assert (await intent(place, "pay ada"))["signer"] == SIGNER
    assert (await intent(place, "pay bob"))["signer"] == other
    assert (await chain.balance(ADA), await chain.balance(BOB)) == (5, 6)
