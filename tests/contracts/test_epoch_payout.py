"""EpochPayout: each batch once, its sum exact."""

from __future__ import annotations

import pytest

from agon.commons.chain import calls
from tests.contracts.deployed import ETHER, refused

PAYOUT = "EpochPayout"


async def test_shares_are_sent_to_the_wei(world):
    names = [f"receiver-{number}" for number in range(25)]
    who = [await world.person(name) for name in names]
    shares = [ETHER // 7 + number for number in range(25)]
    before = [await world.balance(one) for one in who]
    await world.send(PAYOUT, "push", 3, 0, who, shares, value=sum(shares))
    after = [await world.balance(one) for one in who]
    assert [b - a for a, b in zip(before, after, strict=True)] == shares
    assert await world.balance(PAYOUT) == 0


async def test_a_batch_is_pushed_once(world):
    ann = await world.person("ann")
    await world.send(PAYOUT, "push", 3, 0, [ann], [5], value=5)
    for again in ([ann], [5]), ([world.admin], [6]):
        with refused("AlreadyPushed"):
            await world.send(PAYOUT, "push", 3, 0, *again, value=sum(again[1]))
    await world.send(PAYOUT, "push", 3, 1, [ann], [5], value=5)
    await world.send(PAYOUT, "push", 4, 0, [ann], [5], value=5)


async def test_a_batch_that_reverted_can_be_pushed_again(world):
    ann = await world.person("ann")
    with refused("WrongValue(5)"):
        await world.send(PAYOUT, "push", 3, 0, [ann], [5], value=4)
    assert not await world.ask(PAYOUT, "pushed", 3, 0)
    await world.send(PAYOUT, "push", 3, 0, [ann], [5], value=5)


@pytest.mark.parametrize("value", [0, 9, 11])
async def test_the_value_sent_is_the_sum(world, value):
    who = [await world.person(name) for name in ("ann", "bob")]
    with refused("WrongValue(10)"):
        await world.send(PAYOUT, "push", 3, 0, who, [4, 6], value=value)


async def test_sums_that_overflow_are_refused(world):
    who = [await world.person(name) for name in ("ann", "bob")]
    with refused("arithmetic overflows"):
        await world.send(PAYOUT, "push", 3, 0, who, [2**256 - 1, 6], value=5)


async def test_a_batch_names_somebody_and_an_amount_for_each(world):
    ann = await world.person("ann")
    for who, shares in (([], []), ([ann], []), ([ann], [1, 2]), ([ann] * 501, [1] * 501)):
        with refused("BatchMalformed"):
            await world.send(PAYOUT, "push", 3, 0, who, shares, value=sum(shares))
    for who, shares in (([ann, "0x" + "00" * 20], [1, 2]), ([ann, ann], [3, 0])):
        with refused("ZeroShare(1)"):
            await world.send(PAYOUT, "push", 3, 0, who, shares, value=3)


async def test_a_stranger_pushes_nothing_and_has_nothing_to_withdraw(world):
    eve = await world.person("eve")
    with refused("AccessControlUnauthorizedAccount"):
        await world.send(PAYOUT, "push", 3, 0, [eve], [5], sender=eve, value=5)
    with refused("NothingToWithdraw"):
        await world.send(PAYOUT, "withdraw", sender=eve)


async def test_too_little_gas_reverts_the_batch_instead_of_crediting(world):
    ann = await world.person("ann")
    data = calls.encode(world.known[PAYOUT], "push", 3, 0, [ann] * 3, [1] * 3)
    fields = {
        "from": world.admin,
        "to": world.at[PAYOUT],
        "data": "0x" + data.hex(),
        "value": "0x3",
    }
    sent = await world.node.rpc("eth_sendTransaction", {**fields, "gas": hex(140_000)})
    assert int((await world.node.receipt(sent))["status"], 16) == 0
    assert not await world.ask(PAYOUT, "pushed", 3, 0)
    assert await world.ask(PAYOUT, "credit", ann) == 0


@pytest.mark.parametrize("receivers", [100, 300])
async def test_a_batch_costs_what_was_measured(world, receivers, record_property):
    """Gas of one receiver: about 38,600 for a new account, 13,600 for a known one."""
    new = [f"0x{number + receivers * 7919:040x}" for number in range(1, receivers + 1)]
    shares = [1] * receivers
    first = await world.send(PAYOUT, "push", 8, receivers, new, shares, value=receivers)
    again = await world.send(PAYOUT, "push", 9, receivers, new, shares, value=receivers)
    record_property("gas", (first.gas, again.gas))
    print(f"\npush of {receivers}: {first.gas} gas to new accounts, {again.gas} to known ones")
    assert first.gas < 41_000 * receivers
    assert again.gas < 16_000 * receivers
