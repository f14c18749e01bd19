"""Signing in with a wallet that is a contract: its chain says what it signed (EIP-1271)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from agon.kernel import clock
from tests.auth.doors import Door, opened
from tests.auth.visitors import bearer, refused
from tests.contracts.deployed import World, attacker
from tests.people import signing
from tests.standins.anvil import CHAIN_ID, anvil

LONGER = "00" * 65
"""Behind a key's signature: what makes it one that no key alone can have given."""


@pytest.fixture(scope="module")
async def chain() -> AsyncIterator[World]:
    """A chain on which ada's key owns a contract."""
    async with anvil() as node:
        world = World(node=node, admin=node.addresses[0])
        await world.make(attacker("ContractWallet"), signing.address("ada"))
        yield world


@pytest.fixture
async def door(server, tmp_path, request, chain) -> AsyncIterator[Door]:
    environ = {"AGON_SITE_URL": signing.SITE, "AGON_RPC_URL": chain.node.url}
    name = "agon_contracts_" + str(abs(hash(request.node.name)))
    async with opened(server, tmp_path, name, **environ) as there:
        yield there


def signed(
    chain: World, by: str = "ada", more: str = LONGER, chain_id: int = CHAIN_ID, at=None
) -> dict:
    """A message of the contract's address, as somebody's key signed it."""
    wallet = chain.at["ContractWallet"]
    text = signing.message(wallet, issued_at=at or clock.now(), chain_id=str(chain_id))
    return {"chain": "ethereum", "message": text, "signature": signing.sign(by, text) + more}


@pytest.mark.parametrize("more", [LONGER, ""])
async def test_a_contract_signs_in_by_what_it_takes_for_its_signature(door, chain, more):
    answer = await door.visitor().post("/token?grant_type=web3", json=signed(chain, more=more))
    assert answer.status_code == 200, answer.text
    identity = answer.json()["user"]["identities"][0]
    assert identity["identity_data"]["custom_claims"]["address"] == chain.at["ContractWallet"]


async def test_a_contracts_message_works_once(door, chain):
    body, visitor = signed(chain), door.visitor()
    assert (await visitor.post("/token?grant_type=web3", json=body)).status_code == 200
    again = await visitor.post("/token?grant_type=web3", json=body)
    refused(again, 400, "invalid_credentials")


async def test_the_database_says_what_time_it_is_for_a_contracts_message(door, chain):
    later = clock.now() + timedelta(days=2)
    await door.place.set_clock(later)
    visitor = door.visitor()
    answer = await visitor.post("/token?grant_type=web3", json=signed(chain, at=later))
    assert answer.status_code == 200, answer.text
    assert (await visitor.post("/token?grant_type=web3", json=signed(chain))).status_code == 400


async def test_what_the_contract_does_not_take_proves_nothing(door, chain):
    visitor = door.visitor()
    for body, code in (
        (signed(chain, by="bob"), "validation_failed"),
        (signed(chain, by="bob", more=""), "invalid_credentials"),
        (signed(chain) | {"signature": "0x12"}, "validation_failed"),
        (signed(chain) | {"signature": "0x" + "no"}, "validation_failed"),
        (signed(chain) | {"signature": "0x" + "00" * 9_000}, "validation_failed"),
        (signed(chain, chain_id=1), "validation_failed"),
    ):
        refused(await visitor.post("/token?grant_type=web3", json=body), 400, code)


async def test_an_address_without_a_contract_takes_nothing(door):
    text = signing.message(signing.address("cy"), issued_at=clock.now(), chain_id=str(CHAIN_ID))
    body = {"chain": "ethereum", "message": text, "signature": signing.sign("ada", text) + LONGER}
    answer = await door.visitor().post("/token?grant_type=web3", json=body)
    refused(answer, 400, "validation_failed")


async def test_a_user_links_a_contract(door, chain):
    visitor = door.visitor()
    session = (await visitor.post("/signup", json={})).json()
    body = signed(chain)
    answer = await visitor.post("/user/wallets", json=body, headers=bearer(session))
    assert answer.status_code == 201, answer.text
    body = signed(chain, by="bob")
    answer = await visitor.post("/user/wallets", json=body, headers=bearer(session))
    refused(answer, 400, "validation_failed")


async def test_without_its_node_a_contract_cannot_sign_in_and_a_key_can(server, tmp_path, chain):
    environ = {"AGON_SITE_URL": signing.SITE, "AGON_RPC_URL": "http://127.0.0.1:9"}
    async with opened(server, tmp_path, "agon_contracts_gone", **environ) as there:
        visitor = there.visitor()
        refused(
            await visitor.post("/token?grant_type=web3", json=signed(chain)),
            503,
            "chain_unreachable",
        )
        text = signing.message(signing.address("ada"), issued_at=clock.now())
        body = {"chain": "ethereum", "message": text, "signature": signing.sign("ada", text)}
        assert (await visitor.post("/token?grant_type=web3", json=body)).status_code == 200
