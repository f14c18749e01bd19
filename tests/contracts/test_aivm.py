"""AIVM, the stand-in: request, commit, reveal, attest, finalize, in this order only."""

from __future__ import annotations

import pytest

from tests.contracts.deployed import ETHER, World, refused

AIVM = "AIVM"
RESPONSE, SALT, OTHER = b"\x11" * 32, b"\x22" * 32, b"\x33" * 32
HASHES = (b"\x01" * 32, b"\x02" * 32, b"\x03" * 32, b"\x04" * 32)
REQUESTED, COMMITTED, REVEALED, FINALIZED = range(1, 5)


@pytest.fixture
async def task(world: World) -> bytes:
    """A request of 1 ether, numbered 1, with a worker and a validator there; its task's id."""
    await world.send(AIVM, "register", True, False, sender=await world.person("will"))
    await world.send(AIVM, "register", False, True, sender=await world.person("vera"))
    await world.send(AIVM, "request", "model@1", *HASHES, value=ETHER)
    return (await world.ask(AIVM, "requests", 1))[3]


async def commit(world: World) -> None:
    commitment = await world.ask(AIVM, "commitmentOf", RESPONSE, SALT)
    await world.send(AIVM, "commit", 1, commitment, sender=await world.person("will"))


async def reveal(world: World, *given) -> None:
    given = given or (RESPONSE, SALT)
    await world.send(AIVM, "reveal", 1, *given, "yes", sender=await world.person("will"))


async def attest(world: World, task: bytes, result: bytes = RESPONSE, name: str = "vera") -> None:
    who = await world.person(name)
    await world.send(AIVM, "attest", task, result, OTHER, 7, sender=who)


async def test_a_request_goes_its_way_and_its_fee_is_owed(world, task):
    await commit(world)
    await reveal(world)
    await attest(world, task)
    await world.send(AIVM, "finalize", 1, sender=await world.person("eve"))
    will = await world.person("will")
    assert await world.ask(AIVM, "withdraw", sender=will) == ETHER * 95 // 100
    await world.send(AIVM, "withdraw", sender=will)
    await world.send(AIVM, "withdraw")
    assert await world.balance(AIVM) == 0
    with refused("NothingToClaim"):
        await world.send(AIVM, "withdraw", sender=will)


async def test_no_step_comes_before_its_turn_or_twice(world, task):
    with refused("WrongStep(1)"):
        await reveal(world)
    with refused("WrongStep(1)"):
        await attest(world, task)
    await commit(world)
    with refused("WrongStep(2)"):
        await commit(world)
    with refused("WrongStep(2)"):
        await world.send(AIVM, "finalize", 1)
    await reveal(world)
    with refused("WrongStep(3)"):
        await reveal(world)
    with refused("TooFewAttestations(0)"):
        await world.send(AIVM, "finalize", 1)
    await attest(world, task)
    with refused("AlreadyAttested"):
        await attest(world, task)
    await world.send(AIVM, "finalize", 1)
    with refused("WrongStep(4)"):
        await world.send(AIVM, "finalize", 1)
    with refused("WrongStep(0)"):
        await world.send(AIVM, "finalize", 2)


async def test_only_the_registered_act_and_only_the_worker_reveals(world, task):
    eve = await world.person("eve")
    with refused("NotRegistered"):
        await world.send(AIVM, "commit", 1, SALT, sender=eve)
    await commit(world)
    await world.send(AIVM, "register", True, False, sender=eve)
    with refused("NotTheWorker"):
        await world.send(AIVM, "reveal", 1, RESPONSE, SALT, "no", sender=eve)
    await reveal(world)
    with refused("NotRegistered"):
        await attest(world, task, name="eve")


async def test_what_is_revealed_is_what_was_committed_and_attested(world, task):
    await commit(world)
    for wrong in ((OTHER, SALT), (RESPONSE, OTHER)):
        with refused("RevealDiffers"):
            await reveal(world, *wrong)
    await reveal(world)
    with refused("RevealDiffers"):
        await attest(world, task, OTHER)
    with refused("WrongStep(0)"):
        await attest(world, OTHER)
