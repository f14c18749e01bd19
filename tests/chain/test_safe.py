"""A Safe as the signer: proposed once, ended by what the chain says about its nonce."""

from __future__ import annotations

import pytest
from eth_account.messages import _hash_eip191_message, encode_typed_data
from eth_utils import keccak

from agon.commons.chain import proposals, safe, sending
from agon.commons.chain.proposals import Proposal
from tests.chain.outbox import CHAIN, SIGNER, add_signer, desk, intent, pay
from tests.chain.outbox import status as status_of
from tests.places import wallet
from tests.standins import safe as safe_service
from tests.standins.anvil import anvil
from tests.standins.sender_node import in_front_of
from tests.standins.server import broken, calling

SAFE, ADA = wallet("safe"), wallet("ada")
SUCCESS = "0x442e715f626346e8c54381002da614f62bee8d27386535b2521ec8540898556e"
FAILURE = "0x23428b18acfb3ea64b08dc0c1d296ea9c09702c09083ca5272e64d115b687d23"
TYPES = {
    "SafeTx": [
        {"name": name, "type": kind}
        for name, kind in (
            ("to", "address"), ("value", "uint256"), ("data", "bytes"), ("operation", "uint8"),
            ("safeTxGas", "uint256"), ("baseGas", "uint256"), ("gasPrice", "uint256"),
            ("gasToken", "address"), ("refundReceiver", "address"), ("nonce", "uint256"),
        )
    ]
}  # fmt: skip


@pytest.mark.parametrize("data", [b"", b"\x01" * 31, b"\x02" * 100])
@pytest.mark.parametrize("nonce", [0, 7, 2**64])
def test_the_hash_is_that_of_eip_712(data, nonce):
    given = Proposal(chain_id=CHAIN, safe=SAFE, to=ADA, data=data, value=10**30, nonce=nonce)
    message = {
        "to": ADA, "value": 10**30, "data": data, "operation": 0, "safeTxGas": 0, "baseGas": 0,
        "gasPrice": 0, "gasToken": proposals.ZERO, "refundReceiver": proposals.ZERO, "nonce": nonce,
    }  # fmt: skip
    domain = {"chainId": CHAIN, "verifyingContract": SAFE}
    expected = _hash_eip191_message(encode_typed_data(domain, TYPES, message))
    assert proposals.hash_of(given) == bytes(expected)


def test_the_types_are_those_of_the_safe_contracts():
    # Constants of Safe.sol 1.3.0: DOMAIN_SEPARATOR_TYPEHASH and SAFE_TX_TYPEHASH.
    assert keccak(text=proposals.DOMAIN).hex().startswith("47e79534a245952e8b16893a336b85a3")
    assert keccak(text=proposals.SAFE_TX).hex().startswith("bb8310d486368db6bd6f849402fdd73a")
    assert "0x" + keccak(text=proposals.EXECUTED).hex() == SUCCESS
    assert "0x" + keccak(text=proposals.NOT_EXECUTED).hex() == FAILURE


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize(("topic", "outcome"), [(SUCCESS, True), (FAILURE, False)])
def test_an_execution_is_known_by_its_log(indexed, topic, outcome):
    name = "0x" + "ab" * 32
    rest = "00" * 32
    log = {
        "address": SAFE.upper().replace("X", "x"),
        "topics": [topic, name] if indexed else [topic],
        "data": "0x" + (rest if indexed else "ab" * 32 + rest),
    }
    assert proposals.outcome(SAFE, name, [log]) is outcome
    assert proposals.outcome(SAFE, "0x" + "cd" * 32, [log]) is None
    assert proposals.outcome(ADA, name, [log]) is None
    assert proposals.outcome(SAFE, name, []) is None


class Stage:
    """A Safe whose contract is played by the node, and its service."""

    def __init__(self, place, chain, node, service, at, client):
        self.place, self.chain, self.node, self.service = place, chain, node, service
        self.at, self.nonce = at, 5
        self.reached = safe.Service(client=client, url=service.standin.url)
        node.answers["eth_call"] = lambda asked: f"0x{self.nonce:064x}"

    async def round(self):
        return await sending.once(self.at, None, self.reached)

    async def hash(self, key: str) -> str:
        return await self.place.owner.fetchval(
            """
            select p.safe_tx_hash from agon.chain_proposals p
            join agon.chain_intents i on i.id = p.intent_id where i.key = $1
            """,
            key,
        )

    async def execute(self, safe_tx_hash: str, topic: str = SUCCESS, safe: str = SAFE) -> str:
        """Mine a block that says so; returns the transaction's hash."""
        await self.chain.mine()
        block = await self.chain.rpc("eth_getBlockByNumber", "latest", False)
        log = {"address": safe, "topics": [topic, safe_tx_hash], "data": "0x" + "00" * 32}
        receipt = {"blockNumber": block["number"], "blockHash": block["hash"], "status": "0x1",
                   "logs": [log]}  # fmt: skip
        tx_hash = "0x" + keccak(hexstr=safe_tx_hash).hex()
        self.node.answers["eth_getTransactionReceipt"] = lambda asked: (
            receipt if asked == [tx_hash] else None
        )
        self.nonce += 1
        return tx_hash


@pytest.fixture
async def stage(place):
    await add_signer(place)
    async with place.database.as_worker() as conn:
        await conn.execute(
            "select agon.keep_signer($1, $2, 'safe', proposer => $3)", CHAIN, SAFE, SIGNER
        )
        await conn.execute("select agon.use_signer($1, $2)", CHAIN, SAFE)
    async with (
        anvil() as chain,
        in_front_of(chain.url) as node,
        safe_service.standin() as service,
        desk(place, node.url) as at,
        calling(service.standin) as client,
    ):
        service.owners = {SIGNER}
        await chain.fund(SAFE, 10**18)
        yield Stage(place, chain, node, service, at, client)


async def test_a_payment_is_proposed_and_confirmed_when_the_owners_executed_it(place, stage):
    await pay(place, "pay ada", ADA, 5)
    await stage.round()
    row = await intent(place, "pay ada")
    assert (row["status"], row["signer"], row["nonce"]) == ("proposed", SAFE, 5)
    name = await stage.hash("pay ada")
    posted = stage.service.held[name]
    assert (posted["value"], posted["nonce"], posted["data"]) == ("5", 5, None)
    await stage.round()
    assert await status_of(place, "pay ada") == "proposed"
    tx_hash = await stage.execute(name)
    stage.service.execute(name, tx_hash)
    await stage.round()
    row = await intent(place, "pay ada")
    assert (row["status"], row["settled_hash"]) == ("confirmed", tx_hash)
    posts = [heard for heard in stage.service.standin.heard if heard.method == "POST"]
    assert len(posts) == 1
    assert stage.node.sent == []  # nothing was sent by us


async def test_nonces_of_proposals_follow_each_other(place, stage):
    for number in range(3):
        await pay(place, f"pay {number}", ADA)
    await stage.round()
    assert [(await intent(place, f"pay {n}"))["nonce"] for n in range(3)] == [5, 6, 7]


async def test_another_transaction_with_the_nonce_fails_the_intent(place, stage):
    await pay(place, "pay ada", ADA, 5)
    await stage.round()
    other = "0x" + "cd" * 32
    tx_hash = await stage.execute(other)
    stage.service.replace(SAFE, 5, other, tx_hash)
    await stage.round()
    row = await intent(place, "pay ada")
    assert row["status"] == "failed"
    assert "another transaction with this nonce" in row["error"]


async def test_a_call_that_fails_within_the_safe_fails_the_intent(place, stage):
    await pay(place, "pay ada", ADA, 5)
    await stage.round()
    name = await stage.hash("pay ada")
    stage.service.execute(name, await stage.execute(name, FAILURE), succeeded=False)
    await stage.round()
    row = await intent(place, "pay ada")
    assert (row["status"], row["error"]) == (
        "failed", "the Safe's call failed when it was executed",
    )  # fmt: skip


async def test_the_service_alone_is_not_believed(place, stage):
    await pay(place, "pay ada", ADA, 5)
    await stage.round()
    name = await stage.hash("pay ada")
    stage.service.execute(name, await stage.execute(name, safe=wallet("another safe")))
    await stage.round()
    assert await status_of(place, "pay ada") == "proposed"


async def test_an_execution_that_is_not_deep_enough_ends_nothing(place, stage):
    object.__setattr__(stage.at, "confirmations", 2)
    await pay(place, "pay ada", ADA, 5)
    await stage.round()
    name = await stage.hash("pay ada")
    stage.service.execute(name, await stage.execute(name))
    await stage.round()
    assert await status_of(place, "pay ada") == "proposed"
    await stage.chain.mine(2)
    await stage.round()
    assert await status_of(place, "pay ada") == "confirmed"


async def test_a_proposal_whose_answer_was_lost_is_posted_with_the_same_hash(place, stage):
    stage.service.standin.order("/api/v1/safes/", broken(500))
    await pay(place, "pay ada", ADA, 5)
    await stage.round()
    name = await stage.hash("pay ada")
    assert stage.service.held == {}
    await stage.round()
    assert list(stage.service.held) == [name]
    await place.owner.execute("update agon.chain_proposals set posted_at = null")
    await stage.round()  # it is there: nothing is posted again
    assert len([h for h in stage.service.standin.heard if h.method == "POST"]) == 2


async def test_a_proposer_who_is_no_owner_waits_and_is_told_so(place, stage):
    stage.service.owners = set()
    await pay(place, "pay ada", ADA, 5)
    await stage.round()
    assert await status_of(place, "pay ada") == "proposed"
    assert stage.service.held == {}
    stage.service.owners = {SIGNER}
    await stage.round()
    assert len(stage.service.held) == 1


async def test_a_safe_deploys_nothing(place, stage):
    await pay(place, "deploy", None, 0, bytes.fromhex("600160005360016000f3"))
    await stage.round()
    row = await intent(place, "deploy")
    assert (row["status"], row["error"]) == ("failed", "a Safe deploys no contracts")


async def test_without_a_service_what_is_meant_waits(place, stage):
    await pay(place, "pay ada", ADA, 5)
    await sending.once(stage.at, None, None)
    assert await status_of(place, "pay ada") == "queued"
