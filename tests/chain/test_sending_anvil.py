"""Sending, on a chain of its own."""

from __future__ import annotations

import pytest

from tests.chain.outbox import add_signer, desk, intent, pay, rounds, status
from tests.places import wallet
from tests.standins.anvil import anvil


@pytest.fixture
async def chain():
    async with anvil("--no-mining") as running:
        yield running


async def test_a_payment_is_signed_sent_mined_and_confirmed(place, chain):
    await add_signer(place)
    async with desk(place, chain.url, confirmations=2) as at:
        await pay(place, "pay ada", wallet("ada"), 5)
        head = await rounds(at)
        assert await status(place, "pay ada") == "sent"
        await chain.mine()
        head = await rounds(at, head=head)
        assert await status(place, "pay ada") == "sent"
        await chain.mine(2)
        await rounds(at, head=head)
        row = await intent(place, "pay ada")
        assert row["status"] == "confirmed"
        assert (row["nonce"], row["settled_block"]) == (0, 1)
        assert await chain.balance(wallet("ada")) == 5
