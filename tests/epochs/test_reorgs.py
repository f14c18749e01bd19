"""The chain is reorganised at random while the indexer dies at random steps: the owners' history
equals a rebuild from the chain."""

from __future__ import annotations

import pytest

from agon.commons.chain import indexing, rpc
from agon.epochs import reconciling
from agon.kernel.jobs import Work
from tests import places
from tests.epochs import bots as scenery
from tests.epochs.ledger import history
from tests.killing import NODE, Fate, Killed, Mortal, MortalDatabase

DEPTH_MAX = 12
GROWTH_MAX = 5
DEATH_SHARE = 0.05
"""Of the steps of an indexer, each call of the node or of the database."""
LIVES_MAX = 400
"""Of one catching up; a life has about ten steps."""


async def catch_up(place: places.Place, fate: Fate) -> None:
    """One process after another, until one of them has read all."""
    work = Work(database=MortalDatabase(place.database, fate), runtime=place.runtime)  # type: ignore[arg-type]
    async with rpc.connect(place.runtime) as node:
        for _ in range(LIVES_MAX):
            try:
                await indexing.catch_up(indexing.walk(work, Mortal(node, fate, NODE)))
                return
            except Killed:
                continue
    raise AssertionError(f"not caught up after {LIVES_MAX} lives")


async def walk(place: places.Place, bots: scenery.Bots, reorganisations: int, seed: int) -> Fate:
    """So many reorganisations, the history compared after each; how often the indexer died."""
    fate = Fate(share=DEATH_SHARE, seed=seed)
    await scenery.follow(place, bots)
    while bots.reorganised < reorganisations:
        await bots.grow(bots.chance.randint(1, GROWTH_MAX))
        if bots.chance.random() < 0.7:  # else the indexer sees only what came of it
            await catch_up(place, fate)
        head = await bots.node.head()
        await bots.reorganise(bots.chance.randint(1, min(DEPTH_MAX, head - 1)))
        await catch_up(place, fate)
        assert await history(place.owner) == await bots.rebuilt()
    await bots.node.mine(scenery.FINAL_AFTER)
    await catch_up(place, fate)
    assert await history(place.owner) == await bots.rebuilt()
    async with rpc.connect(place.runtime) as node:
        done = await reconciling.reconcile(place.database, node)
    assert done.compared == len({row["token_id"] for row in await history(place.owner)})
    assert done.corrected == ()
    return fate


async def prove(server, folder, reorganisations: int, seed: int) -> Fate:
    async with scenery.on_anvil(seed) as bots:
        environ = {"AGON_RPC_URL": bots.node.url}
        async with places.opened(server, f"agon_test_bots_{seed}", folder, environ) as place:
            return await walk(place, bots, reorganisations, seed)


async def test_a_few_reorganisations_and_deaths_change_no_history(server, tmp_path):
    assert (await prove(server, tmp_path, 6, seed=1)).deaths


@pytest.mark.prove
async def test_100_reorganisations_with_kills_equal_a_rebuild(server, tmp_path):
    fate = await prove(server, tmp_path, 100, seed=2)
    print(f"\n100 reorganisations, {fate.deaths} deaths in {fate.steps} steps")
    assert fate.deaths > 100
