"""After any reorganisations, what we keep of the chain equals what a rebuild makes of its logs."""

from __future__ import annotations

import random

import pytest

from tests.challenges.stories import (
    Log,
    Story,
    begun,
    created,
    finalized,
    joined,
    metadata_set,
    minted,
    pay,
    treasury_claimed,
)
from tests.challenges.test_chain_claims import EVENTS, log
from tests.challenges.test_chain_effects import submit
from tests.places import wallet

PEOPLE = ("ada", "bob", "carol", "dave")
BLOCKS, REORGANISATIONS, DEPTH_MAX = 150, 34, 4
KEPT = {
    "challenges": "id, subject, tx_hash, status, chain_outcome, timeline, funds, content_hash, "
    "contract_address, registry_status, registry_tx_hash",
    "participants": "challenge_id, subject, tx_hash, joined_at, source",
    "claims": "challenge_id, subject, claim_type, amount_wei, bucket_id, tx_hash, block_number, "
    "log_index, source, claimed_at",
    "achievement_mints": "token_id, challenge_id, recipient, achievement_type, tx_hash, "
    "block_number, minted_at",
    "reputation": "subject, points, level, completions, victories",
}


class Fate:
    """What a contract that keeps its rules may say next. All it knows is the chain as it is."""

    def __init__(self, chance: random.Random):
        self.chance, self.blocks = chance, []

    def block(self) -> list[Log]:
        """The logs of the next block, some of them following from each other."""
        made: list[Log] = []
        for _ in range(self.chance.randrange(5)):
            made += self._next(made)
        self.blocks.append(made)
        return made

    def forget(self, first: int) -> None:
        del self.blocks[first - 1 :]

    def _next(self, made: list[Log]) -> list[Log]:
        told = [log for block in self.blocks for log in block] + made
        numbers = [int(each.args["id"]) for each in told if each.event == "ChallengeCreated"]
        number = self.chance.choice(numbers or [2])
        name, kind = self.chance.choice(PEOPLE), self.chance.choice(list(EVENTS))
        count = 1 + len(told)
        may = [
            created(2 + len(numbers), creator=name),
            metadata_set(number),
            treasury_claimed(name, str(number), count),
            minted(
                1 + sum(each.event == "AchievementMinted" for each in told),
                name, self.chance.randrange(2), number,
            ),
            pay(EVENTS[kind], number, who=wallet(name), amount="5"),
        ]  # fmt: skip
        said = {each.event for each in told if each.args.get("id") == str(number)}
        if numbers and not said & {"Rejected", "Canceled", "Finalized"}:
            decided = ("Canceled",) if "Approved" in said else ("Approved", "Rejected", "Canceled")
            may += [joined(name, number), *(pay(event, number) for event in decided)]
            if "Approved" in said:
                may.append(finalized(self.chance.choice((1, 2)), number))
        # Joining and each type of claim happen once.
        return [self.chance.choice([each for each in may if each not in told])]


async def kept(place) -> dict[str, list[tuple]]:
    found = {}
    for table, columns in KEPT.items():
        rows = await place.owner.fetch(f"select {columns} from public.{table}")
        found[table] = sorted(repr(tuple(row)) for row in rows)
    return found


async def rebuilt(story: Story) -> dict[str, list[tuple]]:
    """All that follows from the logs, made again from the first."""
    place = story.place
    await place.owner.execute("create temporary table logs as select * from agon.chain_logs")
    head = story.head
    await story.undo(1)
    for table in KEPT:
        if table != "participants":
            assert await place.owner.fetchval(f"select count(*) from public.{table}") == 0, table
    await place.owner.execute("insert into agon.chain_logs select * from logs; drop table logs")
    await story.apply(1, head)
    story.head = head
    return await kept(place)


@pytest.mark.parametrize("seed", range(3))
async def test_undoing_and_replaying_equals_a_rebuild(place, seed):
    chance = random.Random(seed)
    story, fate = await begun(place), Fate(chance)
    for name in PEOPLE[:2]:
        await submit(place, name, 3)
    turns = [False] * BLOCKS + [True] * REORGANISATIONS
    chance.shuffle(turns)
    for is_reorganisation in turns:
        if is_reorganisation and story.head:
            first = chance.randint(max(1, story.head - DEPTH_MAX), story.head)
            await story.undo(first)
            fate.forget(first)
        else:
            await story.mine(*fate.block())
    assert sum(map(len, fate.blocks)) > 40
    assert await kept(place) == await rebuilt(story)


async def test_a_claim_of_every_type_is_in_the_rebuild(place):
    story = await begun(place)
    await story.mine(created(), *(log(kind) for kind in EVENTS))
    assert len((await kept(place))["claims"]) == len(EVENTS)
    assert await kept(place) == await rebuilt(story)
