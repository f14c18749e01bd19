"""The walk of the index: final blocks by ranges, newer ones by hash; nothing skipped or doubled."""

from __future__ import annotations

import asyncio
import random

import pytest

from agon.commons.chain import indexing
from tests.chain.following import (
    EFFECTS,
    OTHER,
    PEOPLE,
    balances,
    keep,
    said,
    some_transfers,
    stored,
    transfer,
    true_balances,
    true_logs,
    walking,
)
from tests.places import SERVICE, refusal_of
from tests.standins.rpc import CHAIN_ID, Chain


def long_chain(blocks: int = 60, seed: int = 1) -> Chain:
    chance, chain = random.Random(seed), Chain()
    chain.mine(*(some_transfers(chance) for _ in range(blocks)))
    return chain


async def cursor(place) -> int:
    return await place.owner.fetchval("select next_block from agon.chains")


async def test_everything_is_read_once(place):
    chain = long_chain()
    await keep(place)
    async with walking(place, chain) as walk:
        done = await indexing.catch_up(walk)
        assert await stored(place) == true_logs(chain)
        again = await indexing.catch_up(walk)
    assert (done.next_block, done.head, done.finalized) == (61, 60, 50)
    assert (again.blocks, again.logs) == (done.blocks, done.logs) == (61, len(true_logs(chain)))
    assert await stored(place) == true_logs(chain)


async def test_the_sources_keys_mirror_the_cursor(place):
    await keep(place)
    async with walking(place, long_chain()) as walk:
        await indexing.catch_up(walk)
    async with place.database.as_caller(SERVICE) as conn:
        rows = await conn.fetch("select key, value from public.indexer_state order by key")
    assert [tuple(row) for row in rows] == [("last_aivm_block", "60"), ("last_claims_block", "60")]


async def test_new_blocks_follow(place):
    chain = long_chain()
    await keep(place)
    await place.owner.execute(EFFECTS)
    async with walking(place, chain) as walk:
        for n in range(12):
            await indexing.catch_up(walk)
            chain.mine([transfer(*PEOPLE[:2], n)], [])
        await indexing.catch_up(walk)
    assert await stored(place) == true_logs(chain)
    assert await balances(place) == true_balances(chain)


async def test_blocks_that_are_final_and_empty_are_forgotten(place):
    chain = Chain(finality=5)
    chain.mine([], [transfer(*PEOPLE[:2], 1)], *([[]] * 20))
    await keep(place)
    async with walking(place, chain) as walk:
        await indexing.catch_up(walk)
        chain.mine([], [], [])
        await indexing.catch_up(walk)
    kept = await place.owner.fetch("select number from agon.chain_blocks order by number")
    assert [row["number"] for row in kept] == [2, 20, 21, 22, 23, 24, 25]


async def test_where_the_node_names_no_final_block_confirmations_say(place):
    chain = long_chain()
    chain.finality = None
    await keep(place)
    async with walking(place, chain, confirmations=7) as walk:
        done = await indexing.catch_up(walk)
    assert done.finalized == 53
    assert await stored(place) == true_logs(chain)


async def test_a_block_without_a_time_in_its_logs_is_asked_for(place):
    chain = long_chain()
    chain.timed = False
    await keep(place)
    async with walking(place, chain) as walk:
        await indexing.catch_up(walk)
    assert await stored(place) == true_logs(chain)


async def test_text_is_kept_whatever_it_holds(place):
    chain = Chain(finality=1)
    texts = [b"", b'a "quoted"\\ \n\t tab', "snö ☃ 𝕊".encode(), b"x" * 1000, b"\\N"]
    chain.mine(*([said(text)] for text in texts))
    await keep(place)
    async with walking(place, chain) as walk:
        await indexing.catch_up(walk)
    assert await stored(place) == true_logs(chain)


async def test_text_that_postgres_cannot_hold_does_not_stop_the_index(place):
    chain = Chain(finality=1)
    chain.mine([said(b"a\0b")], [said(b"\xff\xfe")], [], [])
    await keep(place)
    async with walking(place, chain) as walk:
        await indexing.catch_up(walk)
    assert [row[5]["text"] for row in await stored(place)] == ["a\ufffdb", "\ufffd\ufffd"]


async def test_logs_are_read_from_a_contracts_first_block_to_its_last(place):
    chain = Chain(finality=2)
    chain.mine(*([transfer(*PEOPLE[:2], n), transfer(*PEOPLE[:2], n, OTHER)] for n in range(20)))
    await keep(place, from_block=5)
    await keep(place, OTHER, from_block=12, replace=True)
    async with walking(place, chain) as walk:
        await indexing.catch_up(walk)
    rows = await place.owner.fetch("select block_number, address from agon.chain_logs order by 1")
    assert [row["address"] for row in rows] == [transfer(*PEOPLE[:2], 1).address] * 7 + [OTHER] * 9
    assert [row["block_number"] for row in rows] == list(range(5, 21))


async def test_without_contracts_no_logs_are_asked_for(place):
    chain = long_chain()
    async with walking(place, chain) as walk:
        done = await indexing.catch_up(walk)
    assert done.next_block == 61
    assert "eth_getLogs" not in {method for method, _ in chain.asked}


async def test_one_question_covers_all_contracts_and_events(place):
    chain = long_chain()
    await keep(place)
    await keep(place, OTHER, name="Other")
    async with walking(place, chain) as walk:
        await indexing.catch_up(walk)
    asked = [params[0] for method, params in chain.asked if method == "eth_getLogs"]
    ranged = [each for each in asked if "fromBlock" in each]
    assert len(ranged) == 1
    assert all(len(each["address"]) == 2 and len(each["topics"][0]) == 2 for each in asked)


async def test_a_contract_kept_late_is_read_from_its_first_block(place):
    chain = long_chain()
    chain.mine([transfer(*PEOPLE[:2], 1, OTHER)], [])
    await keep(place)
    async with walking(place, chain) as walk:
        await indexing.catch_up(walk)
        late = await keep(place, OTHER, from_block=61, name="Other")
        await indexing.catch_up(walk)
    assert late["read_from"] == 61
    found = await place.owner.fetchval(
        "select count(*) from agon.chain_logs where contract = 'Other'"
    )
    assert found == 1


async def test_a_contract_of_final_blocks_waits_for_a_reindex(place):
    chain = Chain()
    chain.mine(*([transfer(*PEOPLE[:2], n), transfer(*PEOPLE[:2], n, OTHER)] for n in range(40)))
    await keep(place)
    await place.owner.execute(EFFECTS)
    async with walking(place, chain) as walk:
        await indexing.catch_up(walk)
        late = await keep(place, OTHER, from_block=3, name="Other")
        assert late["read_from"] == 41
        async with place.database.as_worker() as conn:
            await conn.execute("select agon.reindex_chain($1, 3)", CHAIN_ID)
        await indexing.catch_up(walk)
    rows = await place.owner.fetch(
        "select contract, count(*) from agon.chain_logs group by 1 order by 1"
    )
    assert [tuple(row) for row in rows] == [("Other", 38), ("Token", 40)]
    assert await place.owner.fetchval("select max(read_from) from agon.chain_contracts") == 3
    # Contracts of another name have no part in it.
    assert await balances(place) == true_balances(chain)


async def test_another_chain_is_refused(place):
    chain = long_chain()
    await keep(place)
    async with walking(place, chain) as walk:
        await indexing.catch_up(walk)
        chain.chain_id = 1
        refused = await refusal_of(indexing.catch_up(walk))
    assert refused.code == "chain_differs"
    assert await stored(place) == true_logs(chain)


async def test_two_workers_at_once_do_everything_once(place):
    chain = long_chain(200)
    await keep(place)
    await place.owner.execute(EFFECTS)
    chain.range_max = 20
    async with walking(place, chain) as one, walking(place, chain) as other:
        for _ in range(5):
            await asyncio.gather(indexing.catch_up(one), indexing.catch_up(other))
            chain.mine([transfer(*PEOPLE[:2], 1)])
        await indexing.catch_up(one)
    assert await stored(place) == true_logs(chain)
    assert await balances(place) == true_balances(chain)


async def test_a_contract_kept_meanwhile_is_not_missed(place):
    chain = Chain()
    chain.mine(*([transfer(*PEOPLE[:2], n, OTHER)] for n in range(60)))
    await keep(place)
    told = asyncio.Event()

    def tell(method, _params, answer):
        told.set()
        return answer

    chain.lie = tell
    async with walking(place, chain) as walk:
        reading = asyncio.create_task(indexing.catch_up(walk))
        await told.wait()
        await keep(place, OTHER, name="Other")
        await reading
    found = await place.owner.fetchval(
        "select count(*) from agon.chain_logs where contract = 'Other'"
    )
    read_from = await place.owner.fetchval("select max(read_from) from agon.chain_contracts")
    assert found == 60 - max(0, read_from - 1)


@pytest.mark.parametrize("broken", ["agon.test_add", "agon.test_take"])
async def test_an_effect_that_fails_leaves_no_trace(place, broken):
    chain = long_chain()
    await keep(place)
    await place.owner.execute(EFFECTS)
    args = "bigint, bigint, bigint" if broken == "agon.test_add" else "bigint, bigint"
    definition = await place.owner.fetchval(
        "select pg_get_functiondef($1::text::regprocedure)", f"{broken}({args})"
    )
    async with walking(place, chain) as walk:
        if broken == "agon.test_take":
            await indexing.catch_up(walk)
            chain.reorganise(3, [], [], [], [])
        before = (await cursor(place), await stored(place), await balances(place))
        await place.owner.execute(definition.replace("$function$\n", "$function$ select 1/0;\n", 1))
        with pytest.raises(Exception, match="division by zero"):
            await indexing.catch_up(walk)
        assert (await cursor(place), await stored(place), await balances(place)) == before
        await place.owner.execute(definition)
        await indexing.catch_up(walk)
    assert await stored(place) == true_logs(chain)
    assert await balances(place) == true_balances(chain)
