"""Ranks: found by counted buckets, and always those of a full sort."""

from __future__ import annotations

import random
import uuid

import pytest

from agon.leagues import ranking
from tests.places import wallet

BOARD = uuid.UUID("00000000-0000-4000-8000-000000000001")
OTHER = uuid.UUID("00000000-0000-4000-8000-000000000002")


async def put(place, given: dict[str, bytes | None], board=BOARD) -> None:
    """Set keys of a board; None takes one away."""
    rows = [{"subject": name, "key": key and key.hex()} for name, key in given.items()]
    await place.owner.execute("select agon.set_ranks($1, $2)", board, rows)


async def hold(place, kept: dict[str, bytes], board=BOARD, probes=()) -> None:
    """The structure answers as a full sort does, and its buckets are what they say."""
    ordered = sorted(kept, key=kept.__getitem__)
    for rank, name in enumerate(ordered, 1):
        if rank in probes or not probes:
            assert await place.owner.fetchval("select agon.rank_of($1, $2)", board, name) == rank
    wrong = await place.owner.fetchval(
        """
        select count(*) from (
          select b.entries, lead(b.first_key) over (order by b.first_key) as next, b.first_key
          from agon.rank_buckets b where b.board_id = $1) b
        where b.entries <> (select count(*) from agon.ranks r where r.board_id = $1
          and r.key >= b.first_key and (b.next is null or r.key < b.next))
        """,
        board,
    )
    assert wrong == 0


def test_keys_order_as_values_do():
    rng = random.Random(1)
    rows = [([rng.randint(-3, 3), rng.randint(-2, 2)], wallet(str(n))) for n in range(200)]
    by_key = sorted(rows, key=lambda row: ranking.key(*row))
    assert by_key == sorted(rows, key=lambda row: ([-value for value in row[0]], row[1]))
    top, bottom = ranking.VALUE_END, 1 - ranking.VALUE_END
    assert ranking.key([top], wallet("a")) < ranking.key([bottom], wallet("a"))
    for beyond in (top + 1, bottom - 1):
        with pytest.raises(OverflowError):
            ranking.key([beyond], wallet("a"))
    team = str(uuid.UUID(int=7))
    assert ranking.key([0], team)[-16:] == uuid.UUID(int=7).bytes


def test_those_whom_nothing_separates_share_places():
    rows = [
        ([5], wallet("a"), "a"),
        ([7], wallet("b"), "b"),
        ([5], wallet("c"), "c"),
        ([1], wallet("d"), "d"),
    ]
    found = {each.row: (each.first, each.last) for each in ranking.ranked(rows)}
    assert found == {"b": (1, 1), "a": (2, 3), "c": (2, 3), "d": (4, 4)}
    assert [each.rank for each in ranking.ranked(rows)] == [1, 2, 3, 4]


async def test_a_rank_is_that_of_a_full_sort(place):
    rng, kept = random.Random(2), {}
    names = [wallet(str(n)) for n in range(6_000)]
    for step in range(14):
        # Many at once (splits), then a few, then most of a region gone (merges).
        size = (5_000, 3, 400, 1_500)[step % 4]
        worth = (lambda: rng.randint(0, 40)) if step % 2 else (lambda: rng.randint(0, 10**9))
        given = {name: ranking.key([worth()], name) for name in rng.sample(names, size)}
        kept |= given
        if step % 4 == 3:
            gone = sorted(kept, key=kept.__getitem__)[: 3 * len(kept) // 4]
            given |= dict.fromkeys(gone)
            kept = {name: key for name, key in kept.items() if name not in set(gone)}
        await put(place, given)
        count = max(len(kept), 1)
        await hold(place, kept, probes={1, count, *(rng.randint(1, count) for _ in range(25))})
    await put(place, dict.fromkeys(kept))
    assert await place.owner.fetchval("select count(*) from agon.ranks") == 0
    assert await place.owner.fetchval("select sum(entries) from agon.rank_buckets") == 0
    assert await place.owner.fetchval("select count(*) from agon.rank_buckets") < 8


async def test_boards_know_nothing_of_each_other(place):
    a, b = wallet("a"), wallet("b")
    await put(place, {a: ranking.key([1], a), b: ranking.key([2], b)})
    await put(place, {a: ranking.key([9], a)}, OTHER)
    ask = "select agon.rank_of($1, $2)"
    assert await place.owner.fetchval(ask, BOARD, a) == 2
    assert await place.owner.fetchval(ask, OTHER, a) == 1
    assert await place.owner.fetchval(ask, OTHER, b) is None
    assert await place.owner.fetchval(ask, uuid.uuid4(), a) is None


async def test_a_page_begins_anywhere_and_knows_shared_places(place):
    rng = random.Random(3)
    kept = {}
    for number in range(3_000):
        name = wallet(str(number))
        kept[name] = ranking.key([rng.randint(0, 60)], name)
    await put(place, kept)
    ordered = sorted(kept, key=kept.__getitem__)
    place_of = {}
    for rank, name in enumerate(ordered, 1):
        place_of.setdefault(kept[name][:12], rank)
    for first in (1, 2, 47, 1_024, 1_025, 2_999, 3_000, 3_001):
        rows = await place.owner.fetch("select * from agon.page_ranks($1, $2, 5)", BOARD, first)
        wanted = ordered[first - 1 : first + 4]
        assert [row["subject"] for row in rows] == wanted
        assert [row["rank"] for row in rows] == list(range(first, first + len(wanted)))
        assert [row["place"] for row in rows] == [place_of[kept[name][:12]] for name in wanted]
    around = "select agon.rank_around($1, $2, 2)"
    assert await place.owner.fetchval(around, BOARD, ordered[9]) == 8
    assert await place.owner.fetchval(around, BOARD, ordered[0]) == 1
    assert await place.owner.fetchval(around, BOARD, wallet("nobody")) is None


async def test_keys_never_change_in_place(place):
    a = wallet("a")
    await put(place, {a: ranking.key([1], a)})
    for act in ("update agon.ranks set key = 'x'", "truncate agon.ranks"):
        with pytest.raises(Exception, match="append"):
            await place.owner.execute(act)
    with pytest.raises(Exception, match="permission denied"):
        async with place.database.as_worker() as conn:
            await conn.execute("delete from agon.ranks")
    await hold(place, {a: ranking.key([1], a)})
