"""Owners compared with a BotIdentity that stands on a node: the lens as a node runs it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from agon.commons.chain import indexing, rpc
from agon.epochs import reconciling
from agon.kernel.jobs import Work
from tests import places
from tests.epochs import bots as scenery
from tests.epochs.ledger import ADA, history

BLOCKS = 12


@asynccontextmanager
async def settled(
    server, folder, seed: int
) -> AsyncIterator[tuple[places.Place, scenery.Bots, rpc.Node]]:
    """A place that has read a chain of bots, all of it final."""
    async with scenery.on_anvil(seed) as bots:
        environ = {"AGON_RPC_URL": bots.node.url}
        async with (
            places.opened(server, f"agon_test_settled_{seed}", folder, environ) as place,
            rpc.connect(place.runtime) as node,
        ):
            await scenery.follow(place, bots)
            await bots.grow(BLOCKS)
            await bots.node.mine(scenery.FINAL_AFTER)
            work = Work(database=place.database, runtime=place.runtime)
            await indexing.catch_up(indexing.walk(work, node))
            yield place, bots, node


async def test_a_history_that_was_tampered_with_is_corrected_from_the_contract(server, tmp_path):
    async with settled(server, tmp_path, seed=11) as (place, bots, node):
        held = scenery.owners(await bots.transfers())
        wrong, lost = sorted(held)[:2]
        await place.owner.execute(
            "update bot_identity_owners o set owner_address = $1 from bot_identities i"
            " where i.id = o.bot_identity_id and i.token_id = $2::int and o.effective_to is null",
            ADA, wrong,
        )  # fmt: skip
        await place.owner.execute(
            "update bot_identity_owners o set to_block = from_block, to_log = from_log + 1,"
            " effective_to = effective_from from bot_identities i"
            " where i.id = o.bot_identity_id and i.token_id = $1::int and o.effective_to is null",
            lost,
        )  # fmt: skip
        done = await reconciling.reconcile(place.database, node)
        assert {(c["was"], c["became"]) for c in done.corrected} == {
            (ADA, held[wrong]), (None, held[lost]),
        }  # fmt: skip
        current = {
            int(row["token_id"]): row["owner_address"]
            for row in await history(place.owner) if row["to_block"] is None
        }  # fmt: skip
        assert current == held
        assert (await reconciling.reconcile(place.database, node)).corrected == ()
        block = await bots.node.rpc("eth_getBlockByNumber", hex(done.block), False)
        times = {
            row["effective_from"]
            for row in await history(place.owner) if row["source"] == "admin_correction"
        }  # fmt: skip
        assert times == {datetime.fromtimestamp(int(block["timestamp"], 16), UTC)}


async def test_the_lens_says_who_owns_and_what_is_gone_and_fails_on_all_else(server, tmp_path):
    async with settled(server, tmp_path, seed=12) as (_, bots, node):
        held = scenery.owners(await bots.transfers())
        head = await bots.node.head()
        every = [
            {"contract_address": bots.address, "token_id": str(token)}
            for token in [*range(bots.minted + 2), 2**256 - 1]
        ]
        said = await reconciling.owners(node, every, head)
        assert said == [held.get(int(bot["token_id"])) for bot in every]
        assert None in said[1:-2]  # one was burned
        first = int(min(t.block for t in await bots.transfers()))
        assert set(await reconciling.owners(node, every, first - 1)) == {None}
        with pytest.raises(rpc.Fault):
            await reconciling.owners(node, [{"contract_address": ADA, "token_id": "1"}], head)
        with pytest.raises(rpc.Fault):
            await reconciling.owners(node, every[:1], head + 100)


async def test_as_many_tokens_as_fit_in_one_call_do(server, tmp_path):
    async with settled(server, tmp_path, seed=13) as (_, bots, node):
        count = reconciling.TOKENS_PER_CALL_MAX
        many = [{"contract_address": bots.address, "token_id": str(n)} for n in range(count)]
        said = await reconciling.owners(node, many, await bots.node.head())
        held = scenery.owners(await bots.transfers())
        assert said == [held.get(n) for n in range(count)]
