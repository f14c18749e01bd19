"""Who is paid for a settled day: the owners at a moment, and when that moment is known."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from tests.epochs import days
from tests.epochs.days import ENDS, FREEZES, SETTLES, STARTS
from tests.epochs.ledger import BLOCK_S, CHAIN, START, Transfer, tell
from tests.epochs.settled import (
    POOL,
    bundle_of,
    ended,
    paid,
    played,
    profile,
    settle,
)
from tests.places import wallet


def block_at(instant: datetime) -> int:
    """The block that is mined at an instant, or the first after it."""
    return -(-(instant - START) // timedelta(seconds=BLOCK_S))


async def test_a_vote_on_what_became_the_voters_own_bot_weighs_nothing(place):
    day = await days.live(place, profile(), "ada", "bob")
    await place.own("dan")
    await day.claim("ada", 0)
    await day.vote("dan", day.bots["ada"], "1", kind="bot")
    await day.vote("dan", day.bots["bob"], "1", kind="bot")
    await tell(
        place.owner,
        [Transfer(block=block_at(FREEZES), token=1, sender=wallet("ada"), receiver=wallet("dan"))],
    )
    await ended(day)
    await settle(place)
    rows = await place.owner.fetch("select vote_target_id, effective_weight from epoch_votes")
    weights = {row["vote_target_id"]: row["effective_weight"] for row in rows}
    assert weights[day.bots["ada"]] == 0 < weights[day.bots["bob"]]


async def test_where_no_bot_that_contributed_has_an_owner_nobody_is_paid(place):
    day = await days.live(place, profile(), "ada")
    await day.claim("ada", 0)
    burn = Transfer(
        block=block_at(FREEZES), token=1, sender=wallet("ada"), receiver="0x" + "0" * 40
    )
    await tell(place.owner, [burn])
    await ended(day)
    await settle(place)
    assert await place.owner.fetchval("select outcome from epochs") == "no_recipient"
    assert await paid(place) == {}
    row = await place.owner.fetchrow("select * from epoch_contributions")
    assert (row["normalized_share"], row["owner_address"]) == (1, None)


async def test_a_suspended_bot_is_not_paid_for_and_a_retired_one_is(place):
    day = await played(place)
    for name, status in (("ada", "suspended"), ("bob", "retired")):
        await place.owner.execute(
            "update bot_identities set status = $1 where id = $2::text::uuid",
            status,
            day.bots[name],
        )
    await settle(place)
    amounts = await paid(place)
    assert set(amounts) == {wallet("bob"), wallet("eve")}
    assert sum(amounts.values()) == POOL
    share = (
        "select normalized_share from epoch_contributions where bot_identity_id = $1::text::uuid"
    )
    assert await place.owner.fetchval(share, day.bots["ada"]) > 0


@pytest.mark.parametrize(
    ("named", "moment"),
    [("starts_at", STARTS), ("freeze_at", FREEZES), ("ends_at", ENDS), ("settle", SETTLES)],
)
async def test_the_owner_at_the_moment_that_the_profile_names_is_paid(place, named, moment):
    """A transfer at the very moment counts, one after it does not."""
    day = await days.live(place, profile(recipient_moment=named), "ada")
    await day.claim("ada", 0)
    block = block_at(moment)
    assert START + timedelta(seconds=BLOCK_S * block) == moment
    hands = [wallet(name) for name in ("ada", "bob", "cleo", "dan")]
    for number, (sender, receiver) in enumerate(pairwise(hands)):
        # Two in one block: between them it is nobody's for no time.
        at = (block, number) if number < 2 else (block + 1, 0)
        await tell(
            place.owner,
            [Transfer(block=at[0], log=at[1], token=1, sender=sender, receiver=receiver)],
        )
    await ended(day)
    await settle(place)
    assert await paid(place) == {wallet("cleo"): POOL}


async def test_a_pool_of_a_few_wei_has_rows_only_for_who_gets_one(place):
    await played(place, profile(pool_wei="2"))
    await settle(place)
    amounts = await paid(place)
    assert sum(amounts.values()) == 2 and len(amounts) == 2
    output = (await bundle_of(place)).output
    assert sum(bot["bps"] for bot in output["bots"]) == 10_000


async def test_an_empty_pool_is_shared_out_without_rows(place):
    await played(place, profile(pool_wei="0"))
    await settle(place)
    assert await place.owner.fetchval("select outcome from epochs") == "paid"
    assert await paid(place) == {}


async def test_with_a_chain_a_day_waits_for_blocks_that_are_final(place):
    day = await played(place, profile(recipient_moment="settle"))
    block = block_at(SETTLES)
    await place.owner.execute("select agon.open_chain($1)", CHAIN)
    await place.owner.execute(
        """
        insert into agon.chain_blocks (chain_id, number, hash, mined_at)
        select $1, n, '0x' || lpad(to_hex(n), 64, '0'), $2::timestamptz + n * $3::interval
        from generate_series($4::bigint - 2, $4 + 2) n
        """,
        CHAIN, START, timedelta(seconds=BLOCK_S), block,
    )  # fmt: skip
    # The second block of a second may still come, so the moment itself is not enough.
    for final, outcome in ((block - 1, "waiting"), (block, "waiting"), (block + 1, "settled")):
        await place.owner.execute(
            "update agon.chains set finalized_block = $1, next_block = $2", final, block + 3
        )
        await place.owner.execute("select agon.enqueue_epoch_settlements()")
        await place.work()
        assert await settle(place) == outcome
        assert len(await day.events("epoch_settled")) == (outcome == "settled")


async def test_what_is_final_and_not_read_yet_is_waited_for(place):
    await played(place, profile(recipient_moment="settle"))
    block = block_at(SETTLES)
    await place.owner.execute("select agon.open_chain($1)", CHAIN)
    assert await settle(place) == "waiting"
    await place.owner.execute(
        "update agon.chains set finalized_block = $1, next_block = $1", block + 9
    )
    assert await settle(place) == "waiting"
