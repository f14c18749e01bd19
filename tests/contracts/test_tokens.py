"""BotIdentity, ChallengeAchievement, Edition: who may mint, once, and who may move what."""

from __future__ import annotations

import pytest

from tests.contracts.deployed import deploy, refused

IDENTITY, ACHIEVEMENT, EDITION = "BotIdentity", "ChallengeAchievement", "Edition"
ERC721, ERC5192, ERC4906, ERC165 = "80ac58cd", "b45a3c0e", "49064906", "01ffc9a7"
NOBODY = "0x" + "00" * 20


@pytest.mark.parametrize(
    "name, ids",
    [
        (IDENTITY, (ERC165, ERC721, ERC4906)),
        (ACHIEVEMENT, (ERC165, ERC721, ERC5192)),
        (EDITION, (ERC165, ERC721)),
    ],
)
async def test_a_token_says_what_it_speaks(world, name, ids):
    for one in ids:
        assert await world.ask(name, "supportsInterface", bytes.fromhex(one))
    assert not await world.ask(name, "supportsInterface", b"\xff\xff\xff\xff")


async def test_an_identity_is_minted_once_by_the_owner(world):
    ann, eve = await world.person("ann"), await world.person("eve")
    with refused("OwnableUnauthorizedAccount"):
        await world.send(IDENTITY, "mint", eve, 1, sender=eve)
    await world.send(IDENTITY, "mint", ann, 1)
    with refused("ERC721InvalidSender"):
        await world.send(IDENTITY, "mint", eve, 1)
    assert await world.ask(IDENTITY, "ownerOf", 1) == ann


async def test_a_batch_is_minted_whole_or_not_at_all(world):
    ann, bob = await world.person("ann"), await world.person("bob")
    await world.send(IDENTITY, "mint", ann, 12)
    with refused("ERC721InvalidSender"):
        await world.send(IDENTITY, "batchMint", [ann, ann, bob], 10)
    with refused("ERC721NonexistentToken(10)"):
        await world.ask(IDENTITY, "ownerOf", 10)
    await world.send(IDENTITY, "batchMint", [ann, bob], 10)
    assert await world.ask(IDENTITY, "ownerOf", 11) == bob
    with refused("OwnableUnauthorizedAccount"):
        await world.send(IDENTITY, "batchMint", [bob], 20, sender=bob)


async def test_an_identity_is_burned_by_its_holder_and_never_comes_back(world):
    ann, eve = await world.person("ann"), await world.person("eve")
    await world.send(IDENTITY, "mint", ann, 1)
    with refused("ERC721InsufficientApproval"):
        await world.send(IDENTITY, "burn", 1, sender=eve)
    await world.send(IDENTITY, "burn", 1, sender=ann)
    with refused("ERC721NonexistentToken"):
        await world.send(IDENTITY, "burn", 1, sender=ann)
    for act, given in (("mint", (eve, 1)), ("batchMint", ([eve], 1))):
        with refused("Retired(1)"):
            await world.send(IDENTITY, act, *given)


async def test_an_identity_is_moved_by_its_holder(world):
    ann, bob, eve = [await world.person(name) for name in ("ann", "bob", "eve")]
    await world.send(IDENTITY, "mint", ann, 1)
    with refused("ERC721InsufficientApproval"):
        await world.send(IDENTITY, "transferFrom", ann, eve, 1, sender=eve)
    await world.send(IDENTITY, "transferFrom", ann, bob, 1, sender=ann)
    assert await world.ask(IDENTITY, "ownerOf", 1) == bob


async def test_the_owner_hands_over_in_two_steps(world):
    ann = await world.person("ann")
    await world.send(IDENTITY, "transferOwnership", ann)
    assert await world.ask(IDENTITY, "owner") == world.admin
    with refused("OwnableUnauthorizedAccount"):
        await world.send(IDENTITY, "acceptOwnership")
    await world.send(IDENTITY, "acceptOwnership", sender=ann)
    with refused("OwnableUnauthorizedAccount"):
        await world.send(IDENTITY, "mint", ann, 1)


async def test_documents_of_tokens_are_under_the_base(contracts):
    async with contracts.undone():
        world = await deploy(contracts.node, base="https://agon.example/")
        await world.send(IDENTITY, "mint", world.admin, 4)
        await world.send(ACHIEVEMENT, "mint", world.admin, 2, 0)
        identity = await world.ask(IDENTITY, "tokenURI", 4)
        assert identity == "https://agon.example/BotIdentity/4"
        achievement = await world.ask(ACHIEVEMENT, "tokenURI", 1)
        assert achievement == "https://agon.example/ChallengeAchievement/1"
        await world.send(IDENTITY, "setBase", "ipfs://folder/")
        assert await world.ask(IDENTITY, "tokenURI", 4) == "ipfs://folder/4"
        with refused("OwnableUnauthorizedAccount"):
            await world.send(IDENTITY, "setBase", "x", sender=await world.person("eve"))


async def test_an_achievement_is_given_once_for_each_challenge_person_and_type(world):
    ann, bob = await world.person("ann"), await world.person("bob")
    given = [(ann, 2, 0), (ann, 2, 1), (ann, 3, 0), (bob, 2, 0)]
    for number, one in enumerate(given, 1):
        assert await world.ask(ACHIEVEMENT, "mint", *one) == number
        await world.send(ACHIEVEMENT, "mint", *one)
    for number, one in enumerate(given, 1):
        with refused(f"AlreadyMinted({number})"):
            await world.send(ACHIEVEMENT, "mint", *one)
    with refused("UnknownType(2)"):
        await world.send(ACHIEVEMENT, "mint", ann, 2, 2)


async def test_a_stranger_gives_no_achievement(world):
    eve = await world.person("eve")
    for act, given in (("mint", (eve, 2, 0)), ("adminMint", (eve, 2))):
        with refused("AccessControlUnauthorizedAccount"):
            await world.send(ACHIEVEMENT, act, *given, sender=eve)


async def test_an_achievement_stays_with_its_holder(world):
    ann, bob = await world.person("ann"), await world.person("bob")
    await world.send(ACHIEVEMENT, "mint", ann, 2, 1)
    assert await world.ask(ACHIEVEMENT, "locked", 1) is True
    await world.send(ACHIEVEMENT, "approve", bob, 1, sender=ann)
    for sender in (ann, bob):
        with refused("Soulbound"):
            await world.send(ACHIEVEMENT, "transferFrom", ann, bob, 1, sender=sender)
    with refused("ERC721NonexistentToken"):
        await world.ask(ACHIEVEMENT, "locked", 2)


async def test_an_admin_honours_as_often_as_he_likes(world):
    ann = await world.person("ann")
    for number in (1, 2):
        await world.send(ACHIEVEMENT, "adminMint", ann, 9)
        assert await world.ask(ACHIEVEMENT, "locked", number) is True
    await world.send(ACHIEVEMENT, "mint", ann, 9, 0)


async def test_an_epoch_has_one_edition(world):
    ann, eve = await world.person("ann"), await world.person("eve")
    await world.send(EDITION, "mint", 42, ann, "ipfs://edition")
    for again in ((42, eve, "ipfs://other"), (42, ann, "ipfs://edition")):
        with refused("AlreadyMinted(42)"):
            await world.send(EDITION, "mint", *again)
    assert await world.ask(EDITION, "ownerOf", 42) == ann
    assert await world.ask(EDITION, "tokenURI", 42) == "ipfs://edition"
    with refused("AccessControlUnauthorizedAccount"):
        await world.send(EDITION, "mint", 43, eve, "ipfs://x", sender=eve)
    with refused("EmptyUri"):
        await world.send(EDITION, "mint", 43, ann, "")
    with refused("ERC721InvalidReceiver"):
        await world.send(EDITION, "mint", 43, NOBODY, "ipfs://x")
    with refused("ERC721NonexistentToken"):
        await world.ask(EDITION, "tokenURI", 43)
