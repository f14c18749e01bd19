"""Treasury: buckets do not leak into each other, grants are pulled once."""

from __future__ import annotations

import pytest

from tests.contracts.deployed import ETHER, attacker, refused

TREASURY = "Treasury"
NOBODY = "0x" + "00" * 20


async def test_what_is_granted_leaves_its_bucket_and_is_claimed_once(world):
    ann = await world.person("ann")
    await world.send(TREASURY, "deposit", 5, value=10)
    await world.send(TREASURY, "grantETH", 5, ann, 4)
    await world.send(TREASURY, "grantETH", 5, ann, 3)
    assert await world.ask(TREASURY, "free", 5, NOBODY) == 3
    assert await world.ask(TREASURY, "claimETH", 5, sender=ann) == 7
    await world.send(TREASURY, "claimETH", 5, sender=ann)
    assert await world.balance(TREASURY) == 3
    with refused("NothingToClaim"):
        await world.send(TREASURY, "claimETH", 5, sender=ann)


async def test_a_bucket_gives_no_more_than_it_has(world):
    ann = await world.person("ann")
    await world.send(TREASURY, "deposit", 5, value=10)
    await world.send(TREASURY, "deposit", 6, value=100)
    with refused("BucketTooSmall(10)"):
        await world.send(TREASURY, "grantETH", 5, ann, 11)
    await world.send(TREASURY, "grantETH", 5, ann, 10)
    with refused("BucketTooSmall(0)"):
        await world.send(TREASURY, "grantETH", 5, ann, 1)
    with refused("NothingToClaim"):
        await world.send(TREASURY, "claimETH", 6, sender=ann)


async def test_a_stranger_grants_nothing(world):
    eve = await world.person("eve")
    await world.send(TREASURY, "deposit", 5, sender=eve, value=10)
    with refused("AccessControlUnauthorizedAccount"):
        await world.send(TREASURY, "grantETH", 5, eve, 1, sender=eve)
    with refused("AccessControlUnauthorizedAccount"):
        await world.send(TREASURY, "grantERC20", 5, world.admin, eve, 1, sender=eve)


async def test_nothing_and_nobody_are_refused(world):
    await world.send(TREASURY, "deposit", 5, value=10)
    with refused("ZeroAmount"):
        await world.send(TREASURY, "deposit", 5)
    with refused("ZeroAmount"):
        await world.send(TREASURY, "grantETH", 5, world.admin, 0)
    with refused("ZeroAddress"):
        await world.send(TREASURY, "grantETH", 5, NOBODY, 1)
    for act, given in (
        ("depositERC20", (5, NOBODY, 1)),
        ("grantERC20", (5, NOBODY, world.admin, 1)),
        ("claimERC20", (5, NOBODY)),
    ):
        with refused("ZeroAddress"):
            await world.send(TREASURY, act, *given)


async def test_of_a_token_that_keeps_a_part_only_what_arrived_counts(world):
    token, ann = await world.make(attacker("Token")), await world.person("ann")
    await world.send("Token", "mint", ann, 1000)
    await world.send("Token", "approve", world.at[TREASURY], 1000, sender=ann)
    await world.send(TREASURY, "depositERC20", 5, token, 1000, sender=ann)
    assert await world.ask(TREASURY, "free", 5, token) == 990
    with refused("BucketTooSmall(990)"):
        await world.send(TREASURY, "grantERC20", 5, token, ann, 991)
    await world.send(TREASURY, "grantERC20", 5, token, ann, 990)
    assert await world.ask(TREASURY, "claimERC20", 5, token, sender=ann) == 990
    await world.send(TREASURY, "claimERC20", 5, token, sender=ann)
    assert await world.ask("Token", "balanceOf", world.at[TREASURY]) == 0
    with refused("NothingToClaim"):
        await world.send(TREASURY, "claimERC20", 5, token, sender=ann)


async def test_tokens_of_a_bucket_are_not_its_ether(world):
    token, ann = await world.make(attacker("Token")), await world.person("ann")
    await world.send(TREASURY, "deposit", 5, value=ETHER)
    with refused("BucketTooSmall(0)"):
        await world.send(TREASURY, "grantERC20", 5, token, ann, 1)


async def test_money_without_a_bucket_is_not_taken(world):
    with pytest.raises(Exception, match="revert"):
        await world.transact(await world.person("ann"), world.at[TREASURY], b"", 5)
