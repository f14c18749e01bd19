"""Reorganisations: back to the block that both hold, and the other way forward."""

from __future__ import annotations

import random

import pytest

from agon.commons.chain import indexing
from tests.chain.following import (
    EFFECTS,
    PEOPLE,
    balances,
    keep,
    some_transfers,
    stored,
    transfer,
    true_balances,
    true_logs,
    walking,
)
from tests.places import refusal_of
from tests.standins.rpc import Chain


@pytest.fixture
async def chain(place) -> Chain:
    """Fifty blocks, of which the last ten are not final, and a table of balances to keep."""
    chance, chain = random.Random(7), Chain()
    chain.mine(*(some_transfers(chance) for _ in range(50)))
    await keep(place)
    await place.owner.execute(EFFECTS)
    return chain


async def holds(place, chain) -> None:
    assert await stored(place) == true_logs(chain)
    assert await balances(place) == true_balances(chain)


@pytest.mark.parametrize("depth", [1, 2, 5, 10])
@pytest.mark.parametrize("more", [-1, 0, 3])
async def test_undone_blocks_leave_no_trace(place, chain, depth, more):
    async with walking(place, chain) as walk:
        await indexing.catch_up(walk)
        other = [[transfer(*PEOPLE[2:4], n)] for n in range(depth + more)]
        chain.reorganise(depth, *other)
        done = await indexing.catch_up(walk)
        if not other:  # the chain is one shorter: that alone is no other block
            assert (done.is_behind, done.undone) == (True, 0)
            chain.mine([])
            await indexing.catch_up(walk)
    await holds(place, chain)


async def test_a_chain_that_becomes_shorter_is_followed_when_it_differs(place, chain):
    async with walking(place, chain) as walk:
        await indexing.catch_up(walk)
        chain.reorganise(6, [], [transfer(*PEOPLE[:2], 1)])
        done = await indexing.catch_up(walk)
        assert (done.head, done.next_block) == (46, 47)
    await holds(place, chain)


async def test_final_blocks_are_never_undone(place, chain):
    async with walking(place, chain) as walk:
        await indexing.catch_up(walk)
        before = await stored(place)
        chain.finality = 100
        chain.reorganise(11, *([[transfer(*PEOPLE[:2], 1)]] * 14))
        refused = await refusal_of(indexing.catch_up(walk))
        assert refused.code == "reorganisation_too_deep"
        assert "block 40" in refused.message
        assert await stored(place) == before
        async with place.database.as_worker() as conn:
            await conn.execute("select agon.reindex_chain(agon.the_chain(), 40)")
        await indexing.catch_up(walk)
    await holds(place, chain)


async def test_a_long_sleep_does_not_make_an_orphan_final(place, chain):
    """Our newest block was undone while we slept, and what replaced it is final by now."""
    async with walking(place, chain) as walk:
        await indexing.catch_up(walk)
        chain.reorganise(4, *([[transfer(*PEOPLE[:2], 1)]] * 60))
        done = await indexing.catch_up(walk)
    assert (done.undone, done.finalized) == (4, 96)
    await holds(place, chain)


async def test_a_reorganisation_between_headers_and_logs_is_seen(place, chain):
    turned = []

    def turn(method, params, answer):
        if method == "eth_getBlockByHash" and not turned:
            turned.append(True)
            chain.reorganise(3, [transfer(*PEOPLE[:2], 9)], [], [], [])
            return chain.answer(method, params)
        return answer

    chain.lie = turn
    async with walking(place, chain) as walk:
        await indexing.catch_up(walk)
    assert turned
    await holds(place, chain)


async def test_a_chain_read_from_its_beginning_can_be_undone_to_it(place):
    chain = Chain(finality=100)
    chain.mine([transfer(*PEOPLE[:2], 1)], [])
    await keep(place)
    await place.owner.execute(EFFECTS)
    await place.owner.execute("update agon.chains set next_block = 1")
    async with walking(place, chain) as walk:
        await indexing.catch_up(walk)
        chain.reorganise(2, [], [transfer(*PEOPLE[:2], 2)], [])
        # Block 0 counts as final: no node can undo it.
        await indexing.catch_up(walk)
    await holds(place, chain)


async def test_effects_are_taken_back_in_the_opposite_order(place, chain):
    await place.owner.execute(
        """
        create table public.notes (n bigint generated always as identity, what text);
        create function agon.note_a(bigint, bigint, bigint) returns void language sql
          as $$ insert into public.notes (what) values ('a') $$;
        create function agon.note_b(bigint, bigint, bigint) returns void language sql
          as $$ insert into public.notes (what) values ('b') $$;
        create function agon.unnote_a(bigint, bigint) returns void language sql
          as $$ insert into public.notes (what) values ('not a') $$;
        create function agon.unnote_b(bigint, bigint) returns void language sql
          as $$ insert into public.notes (what) values ('not b') $$;
        select agon.register_chain_effect('Token', 'Transfer', 9, 'agon.note_b', 'agon.unnote_b');
        select agon.register_chain_effect('Token', 'Said', 5, 'agon.note_b', 'agon.unnote_b');
        select agon.register_chain_effect('Token', 'Transfer', 7, 'agon.note_a', 'agon.unnote_a');
        select agon.register_chain_effect('Token', 'Transfer', 7, 'agon.note_a', 'agon.unnote_a');
        """
    )
    chain.reorganise(2, [transfer(*PEOPLE[:2], 1)], [])
    chain.finality = 2
    async with walking(place, chain) as walk:
        await indexing.catch_up(walk)
        chain.mine([transfer(*PEOPLE[:2], 2)])
        await indexing.catch_up(walk)
        chain.reorganise(1, [], [])
        await indexing.catch_up(walk)
    said = [row["what"] for row in await place.owner.fetch("select what from notes order by n")]
    assert said == [*["a", "b"] * 3, "not b", "not a"]


async def test_an_effect_that_is_not_there_is_refused(place):
    with pytest.raises(Exception, match=r"no agon\.nothing"):
        await place.owner.execute(
            "select agon.register_chain_effect('Token', 'Said', 1, 'agon.nothing', 'agon.nothing')"
        )
