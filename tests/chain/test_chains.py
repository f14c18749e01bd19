"""Rules of chains, contracts and ranges as SQL holds them, whoever calls."""

from __future__ import annotations

import io

import asyncpg
import pytest

from agon.kernel.database import Actor
from agon.kernel.errors import Refused
from tests.chain.following import OTHER, TOKEN, keep
from tests.standins.rpc import CHAIN_ID

HASHES = ["0x" + f"{n:064x}" for n in range(1, 100)]
RANGE = "select * from agon.index_range($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"


async def index_range(conn, first: int, last: int, **given):
    """Blocks first to last, each with its hash and its parent's."""
    numbers = given.get("numbers", list(range(first, last + 1)))
    return await conn.fetchrow(
        RANGE,
        CHAIN_ID,
        first,
        last,
        given.get("finalized", -1),
        given.get("head", last),
        given.get("edition", 1),
        numbers,
        given.get("hashes", [HASHES[n] for n in numbers]),
        given.get("parents", [HASHES[n - 1] if n else None for n in numbers]),
        [1_700_000_000 + n for n in numbers],
    )


def row(block: int, index: int = 0, args: str = "{}") -> str:
    return f"{block}\t{index}\t{HASHES[0]}\t{TOKEN}\tToken\tSaid\t{args}\n"


async def stage(conn, *rows: str) -> None:
    await conn.execute("select agon.open_stage()")
    await conn.copy_to_table(
        "chain_stage",
        schema_name="pg_temp",
        source=io.BytesIO("".join(rows).encode()),
        format="text",
    )


class TestChains:
    async def test_a_chain_is_opened_once(self, place):
        async with place.database.as_worker() as conn:
            for start in (5, 9):
                found = await conn.fetchrow("select * from agon.open_chain(7, $1)", start)
                assert found["next_block"] == 5
            assert await conn.fetchval("select agon.the_chain()") == 7

    async def test_another_chain_is_refused(self, place):
        async with place.database.as_worker() as conn:
            await conn.execute("select agon.open_chain(7, 0)")
        with pytest.raises(Refused, match="chain_differs"):
            async with place.database.as_worker() as conn:
                await conn.execute("select agon.open_chain(8, 0)")

    async def test_a_chain_that_is_not_followed_is_refused(self, place):
        for call in ("take_chain(9)", "note_head(9, 1, 1)", "undo_blocks(9, 1)"):
            with pytest.raises(Refused, match="chain_unknown"):
                async with place.database.as_worker() as conn:
                    await conn.execute(f"select agon.{call}")

    @pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
    async def test_clients_write_no_chain(self, place, role):
        await keep(place)
        for call in (
            "open_chain(1, 0)",
            "keep_contract(31337, 'Token', 1, '0x', 0)",
            "reindex_chain(31337, 0)",
            "register_chain_effect('a', 'b', 1, 'c', 'd')",
            "undo_blocks(31337, 0)",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with place.database.as_caller(Actor(role=role)) as conn:
                    await conn.execute(f"select agon.{call}")


class TestContracts:
    async def test_a_contract_is_kept_once(self, place):
        first = await keep(place, TOKEN.upper().replace("0X", "0x"), from_block=3)
        assert dict(await keep(place, from_block=3)) == dict(first)
        assert first["address"] == TOKEN

    async def test_another_abi_of_the_same_block_is_refused(self, place):
        await keep(place)
        with pytest.raises(Refused, match="contract_differs"):
            await keep(place, name="Other")

    async def test_another_abi_of_a_later_block_ends_the_first(self, place):
        await keep(place)
        await keep(place, from_block=10, name="Other")
        rows = await place.owner.fetch(
            "select name, from_block, to_block from agon.chain_contracts order by from_block"
        )
        assert [tuple(row) for row in rows] == [("Token", 0, 10), ("Other", 10, None)]

    async def test_the_newest_contract_that_holds_has_the_name(self, place):
        await keep(place)
        async with place.database.as_worker() as conn:
            address = "select agon.contract_address($1, $2)"
            assert await conn.fetchval(address, CHAIN_ID, "Token") == TOKEN
            assert await conn.fetchval(address, CHAIN_ID, "Other") is None
        await keep(place, OTHER, from_block=5)
        async with place.database.as_worker() as conn:
            assert await conn.fetchval(address, CHAIN_ID, "Token") == OTHER
        open_ones = "select count(*) from agon.chain_contracts where to_block is null"
        assert await place.owner.fetchval(open_ones) == 2
        await keep(place, "0x" + "72" * 20, from_block=9, replace=True)
        assert await place.owner.fetchval(open_ones) == 1

    async def test_what_is_no_address_is_refused(self, place):
        with pytest.raises(asyncpg.CheckViolationError):
            await keep(place, "0x12")


class TestRanges:
    @pytest.fixture(autouse=True)
    async def _kept(self, place):
        await keep(place)

    async def test_a_range_moves_the_cursor(self, place):
        async with place.database.as_worker() as conn:
            await stage(conn, row(1), row(1, 1), row(3))
            chain = await index_range(conn, 0, 4, finalized=2, head=9)
        assert (chain["next_block"], chain["finalized_block"], chain["head_block"]) == (5, 2, 9)
        assert await place.owner.fetchval("select count(*) from agon.chain_logs") == 3
        numbers = await place.owner.fetch("select number from agon.chain_blocks order by 1")
        assert [each["number"] for each in numbers] == [1, 2, 3, 4]

    @pytest.mark.parametrize(
        ("first", "given"), [(1, {}), (0, {"edition": 2}), (0, {"edition": 0})]
    )
    async def test_what_was_read_from_elsewhere_is_refused(self, place, first, given):
        with pytest.raises(Refused, match="chain_moved_on"):
            async with place.database.as_worker() as conn:
                await index_range(conn, first, 4, **given)

    async def test_a_range_is_not_written_twice(self, place):
        async with place.database.as_worker() as conn:
            await index_range(conn, 0, 4)
        with pytest.raises(Refused, match="chain_moved_on"):
            async with place.database.as_worker() as conn:
                await index_range(conn, 0, 4)

    async def test_blocks_follow_on_those_before(self, place):
        async with place.database.as_worker() as conn:
            await index_range(conn, 0, 4)
        for parents in ([HASHES[50], HASHES[5]], [HASHES[4], HASHES[50]]):
            with pytest.raises(Refused, match="chain_parent_differs"):
                async with place.database.as_worker() as conn:
                    await index_range(conn, 5, 6, parents=parents)

    async def test_blocks_of_another_range_are_refused(self, place):
        with pytest.raises(Refused, match="block_out_of_range"):
            async with place.database.as_worker() as conn:
                await index_range(conn, 0, 4, numbers=[5])

    async def test_a_log_without_its_block_is_refused(self, place):
        with pytest.raises(Refused, match="log_without_block"):
            async with place.database.as_worker() as conn:
                await stage(conn, row(1), row(7))
                await index_range(conn, 0, 4)

    async def test_two_logs_have_two_places(self, place):
        with pytest.raises(asyncpg.UniqueViolationError):
            async with place.database.as_worker() as conn:
                await stage(conn, row(1), row(1, 0, '{"a": 1}'))
                await index_range(conn, 0, 4)

    async def test_a_stage_of_somebody_else_is_not_read(self, place):
        for made in (
            "create temporary table chain_stage (block_number bigint)",
            "create temporary view chain_stage as select 1",
        ):
            with pytest.raises(Refused, match="stage_foreign"):
                async with place.database.as_worker() as conn:
                    await conn.execute(made)
                    await index_range(conn, 0, 4)

    async def test_final_blocks_stay(self, place):
        async with place.database.as_worker() as conn:
            await index_range(conn, 0, 4, finalized=2)
            await conn.execute("select agon.note_head($1, 1, 3)", CHAIN_ID)
        for first in (0, 1, 2):
            with pytest.raises(Refused, match="reorganisation_too_deep"):
                async with place.database.as_worker() as conn:
                    await conn.execute("select agon.undo_blocks($1, $2)", CHAIN_ID, first)
        async with place.database.as_worker() as conn:
            chain = await conn.fetchrow("select * from agon.undo_blocks($1, 3)", CHAIN_ID)
            assert (chain["next_block"], chain["finalized_block"]) == (3, 2)

    async def test_an_undone_block_is_undone_once(self, place):
        async with place.database.as_worker() as conn:
            await stage(conn, row(4))
            await index_range(conn, 0, 4)
            for _ in range(2):
                chain = await conn.fetchrow("select * from agon.undo_blocks($1, 4)", CHAIN_ID)
                assert chain["next_block"] == 4
        assert await place.owner.fetchval("select count(*) from agon.chain_logs") == 0
        state = await place.owner.fetch("select distinct value from public.indexer_state")
        assert [each["value"] for each in state] == ["3"]
