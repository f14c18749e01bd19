"""The owners' history: what transfers tell, and what a reorganisation takes back."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.epochs.ledger import (
    ADA,
    BOB,
    CLEO,
    CONTRACT,
    NOBODY,
    OTHER_CONTRACT,
    Transfer,
    bots,
    history,
    mined_at,
    rebuilt,
    tell,
    undo,
)

MINT = Transfer(block=10, receiver=ADA)
SOLD = Transfer(block=12, sender=ADA, receiver=BOB)
WALK = (
    MINT,
    Transfer(block=10, log=1, token=2, receiver=BOB),
    SOLD,
    Transfer(block=12, log=1, sender=BOB, receiver=CLEO),
    Transfer(block=13, log=4, sender=CLEO, receiver=CLEO),
    Transfer(block=14, log=2, token=2, sender=BOB, receiver=NOBODY),
    Transfer(block=15, token=3, receiver=CLEO),
    Transfer(block=15, log=1, token=3, sender=CLEO, receiver=NOBODY),
    Transfer(block=16, log=7, token=2, receiver=ADA),
    Transfer(block=17, sender=CLEO, receiver=ADA),
    Transfer(block=17, log=1, token=1, receiver=BOB, contract=OTHER_CONTRACT),
)


async def owners(place, token: int = 1) -> list[tuple]:
    return [
        (row["owner_address"], *((row[f"{x}_block"], row[f"{x}_log"]) for x in ("from", "to")))
        for row in await history(place.owner)
        if row["token_id"] == str(token)
    ]  # fmt: skip


async def current(place) -> dict[int, str]:
    rows = await place.owner.fetch(
        """
        select i.token_id, v.owner_address from v_current_bot_identity_owner v
        join bot_identities i on i.id = v.bot_identity_id
        """
    )
    return {int(row["token_id"]): row["owner_address"] for row in rows}


async def test_a_mint_makes_a_bot_with_an_owner(place):
    await tell(place.owner, [MINT])
    assert await owners(place) == [(ADA, (10, 0), (None, None))]
    bot = await place.owner.fetchrow("select * from bot_identities")
    assert bot["slug"].startswith("bot_1_")
    assert (bot["contract_address"], bot["status"]) == (CONTRACT, "active")
    assert bot["created_at"] == mined_at(10)


async def test_a_transfer_closes_a_row_where_the_next_begins(place):
    await tell(place.owner, [MINT])
    await tell(place.owner, [SOLD])
    assert await owners(place) == [(ADA, (10, 0), (12, 0)), (BOB, (12, 0), (None, None))]


async def test_two_transfers_in_a_block_are_ordered_by_their_logs(place):
    await tell(
        place.owner,
        [
            Transfer(block=10, log=9, sender=BOB, receiver=CLEO),
            Transfer(block=10, log=2, receiver=ADA),
            Transfer(block=10, log=7, sender=ADA, receiver=BOB),
        ],
    )
    assert await owners(place) == [
        (ADA, (10, 2), (10, 7)),
        (BOB, (10, 7), (10, 9)),
        (CLEO, (10, 9), (None, None)),
    ]
    first, *_ = await history(place.owner)
    assert first["effective_from"] == first["effective_to"]


async def test_a_burned_bot_has_no_owner(place):
    await tell(place.owner, [MINT, Transfer(block=12, sender=ADA, receiver=NOBODY)])
    assert await owners(place) == [(ADA, (10, 0), (12, 0))]
    assert await current(place) == {}


async def test_a_token_minted_again_has_an_owner_again(place):
    burned = Transfer(block=12, sender=ADA, receiver=NOBODY)
    await tell(place.owner, [MINT, burned])
    await tell(place.owner, [Transfer(block=20, receiver=BOB)])
    assert await owners(place) == [(ADA, (10, 0), (12, 0)), (BOB, (20, 0), (None, None))]
    assert len(await bots(place.owner)) == 1


async def test_a_transfer_to_oneself_changes_nothing(place):
    await tell(place.owner, [MINT, Transfer(block=10, log=1, sender=ADA, receiver=ADA)])
    await tell(place.owner, [Transfer(block=11, sender=ADA, receiver=ADA)])
    assert await owners(place) == [(ADA, (10, 0), (None, None))]


async def test_a_bot_first_seen_in_somebodys_hands_has_that_owner(place):
    await tell(place.owner, [Transfer(block=11, sender=ADA, receiver=ADA)])
    assert await owners(place) == [(ADA, (11, 0), (None, None))]


async def test_a_burn_of_what_was_never_seen_makes_no_bot(place):
    await tell(place.owner, [Transfer(block=11, sender=ADA, receiver=NOBODY)])
    assert await bots(place.owner) == set()


async def test_the_greatest_token_is_kept_exactly(place):
    await tell(place.owner, [Transfer(block=1, token=2**256 - 1, receiver=ADA)])
    assert [row["token_id"] for row in await history(place.owner)] == [str(2**256 - 1)]


async def test_one_token_of_two_contracts_or_chains_is_several_bots(place):
    await tell(
        place.owner, [MINT, Transfer(block=10, log=1, receiver=BOB, contract=OTHER_CONTRACT)]
    )
    await tell(place.owner, [Transfer(block=10, receiver=CLEO, chain=1)])
    rows = await place.owner.fetch("select distinct slug from bot_identities")
    assert len(rows) == 3


async def test_blocks_told_twice_are_told_once(place):
    await tell(place.owner, WALK)
    await tell(place.owner, [], (12, 17))
    assert await history(place.owner) == rebuilt(WALK)


@pytest.mark.parametrize("cut", range(9, 19))
async def test_the_borders_of_ranges_do_not_matter(place, cut):
    await tell(place.owner, [t for t in WALK if t.block <= cut], (0, cut))
    await tell(place.owner, [t for t in WALK if t.block > cut], (cut + 1, 20))
    assert await history(place.owner) == rebuilt(WALK)


@pytest.mark.parametrize("first", range(9, 19))
async def test_undone_and_told_again_is_as_if_told_once(place, first):
    await tell(place.owner, WALK)
    whole = await bots(place.owner)
    for _ in range(2):
        await undo(place.owner, first)
        assert await history(place.owner) == rebuilt([t for t in WALK if t.block < first])
    await tell(place.owner, [t for t in WALK if t.block >= first], (first, 20))
    assert await history(place.owner) == rebuilt(WALK)
    assert await bots(place.owner) == whole


async def test_a_bot_whose_mint_is_undone_goes_with_it(place):
    await tell(place.owner, [MINT, SOLD])
    await undo(place.owner, 10)
    assert await bots(place.owner) == set()


async def test_a_bot_that_something_points_to_outlives_its_mint(place):
    await tell(place.owner, [MINT, Transfer(block=10, log=1, token=2, receiver=BOB)])
    await place.owner.execute(
        """
        create table agon.pointing (bot uuid references public.bot_identities (id));
        insert into agon.pointing select id from public.bot_identities where token_id = 1
        """
    )
    kept = {bot for bot in await bots(place.owner) if bot[-1] == 1}
    await undo(place.owner, 10)
    assert await bots(place.owner) == kept
    assert await history(place.owner) == []
    await tell(place.owner, [MINT])
    assert await owners(place) == [(ADA, (10, 0), (None, None))]


async def test_one_chain_is_undone_without_the_others(place):
    elsewhere = [Transfer(block=10, receiver=BOB, chain=1)]
    await tell(place.owner, [MINT])
    await tell(place.owner, elsewhere)
    await undo(place.owner, 5)
    assert await history(place.owner) == rebuilt(elsewhere)


HANDS = st.sampled_from((ADA, BOB, CLEO, NOBODY))
BLOCKS = st.lists(st.lists(st.tuples(st.integers(1, 4), HANDS), max_size=5), max_size=4)
STEPS = st.lists(st.tuples(BLOCKS, st.integers(0, 8)), max_size=8)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(STEPS)
async def test_any_walk_of_ranges_and_reorganisations_equals_a_rebuild(place, steps):
    await place.owner.execute("delete from bot_identities; delete from agon.chain_logs")
    told: list[Transfer] = []
    held: dict[int, str] = {}
    head = 0
    for blocks, depth in steps:
        new = []
        for number, block in enumerate(blocks, start=head + 1):
            for log, (token, receiver) in enumerate(block):
                # A contract moves what is there only; a token that is not there is minted.
                sender = held.get(token, NOBODY)
                held[token] = receiver
                if sender == receiver == NOBODY:
                    continue
                new.append(
                    Transfer(block=number, log=log, token=token, sender=sender, receiver=receiver)
                )
        await tell(place.owner, new, (head + 1, head + len(blocks)))
        told, head = told + new, head + len(blocks)
        assert await history(place.owner) == rebuilt(told)
        head = max(0, head - depth)
        await undo(place.owner, head + 1)
        told = [t for t in told if t.block <= head]
        held = {t.token: t.receiver for t in told}
        assert await history(place.owner) == rebuilt(told)
        assert {bot[-1] for bot in await bots(place.owner)} == {t.token for t in told}


async def test_names_of_bots_are_the_same_under_any_search_path(place):
    call = (
        "select agon.bot_identity_id(1, $1, 7), agon.bot_slug(1, $1, 7),"
        " agon.bot_owner_id('00000000-0000-4000-8000-000000000001', 10, 2)"
    )
    async with place.owner.transaction():
        honest = await place.owner.fetchrow(call, CONTRACT)
        await place.owner.execute(
            "create function public.encode(bytea, text) returns text language sql"
            " return 'ffffffffffffffffffffffffffffffff'"
        )
        await place.owner.execute("set local search_path = public, pg_catalog")
        assert await place.owner.fetchrow(call, CONTRACT) == honest
