"""MetadataRegistry: the registrar writes, anybody reads."""

from __future__ import annotations

from tests.contracts.contests import CONTENT, RESULT
from tests.contracts.deployed import refused

REGISTRY = "MetadataRegistry"


async def test_an_entry_is_read_as_it_was_written_last(world):
    assert await world.ask(REGISTRY, "metadata", 2) == ("", bytes(32))
    await world.send(REGISTRY, "setMetadata", 2, "ipfs://one", CONTENT)
    await world.send(REGISTRY, "setMetadata", 2, "ipfs://two", RESULT)
    assert await world.ask(REGISTRY, "metadata", 2) == ("ipfs://two", RESULT)
    assert await world.ask(REGISTRY, "metadata", 3) == ("", bytes(32))


async def test_a_stranger_writes_nothing_and_nobody_writes_nothing(world):
    with refused("AccessControlUnauthorizedAccount"):
        await world.send(
            REGISTRY, "setMetadata", 2, "ipfs://x", CONTENT, sender=await world.person("eve")
        )
    for empty in (("", CONTENT), ("ipfs://x", bytes(32))):
        with refused("EmptyEntry"):
            await world.send(REGISTRY, "setMetadata", 2, *empty)
