"""The rows of a settled day: how they move, what they must say, and who reads and writes them."""

from __future__ import annotations

from decimal import Decimal

import asyncpg
import pytest

from tests.epochs import days
from tests.epochs.days import DAY
from tests.epochs.settled import POOL, bundle_of, played, settle
from tests.places import ADMIN, SERVICE


async def test_nobody_but_the_engine_settles_or_writes_what_is_settled(place):
    day = await played(place)
    for actor in (place.actor("ada"), ADMIN, SERVICE):
        for statement in (
            "select agon.settle_epoch('2026-03-02', '', '', '{}', '{}', '', '')",
            "select agon.take_settlement('2026-03-02')",
            "select agon.load_settlement('2026-03-02')",
            "insert into epoch_contributions (epoch_id) values (gen_random_uuid())",
            "update epoch_payouts set amount_wei = 1",
            "update epoch_editions set status = 'confirmed'",
            "update epochs set result_cid = null",
            "delete from epoch_payouts",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with place.database.as_caller(actor) as conn:
                    await conn.execute(statement)
    assert await day.events("epoch_settled") == []


async def test_phases_move_as_the_list_says_and_no_other_way(place):
    await days.opened(place)
    phases = ("prep", "live", "freeze", "snapshot", "settle", "archive")
    move = (
        "update epochs set phase = $1, archived_at = case when $1 = 'archive' then now() "
        "when phase = 'archive' then archived_at end"
    )
    for reached, before in enumerate(phases):
        for after in phases:
            transaction = place.owner.transaction()
            await transaction.start()
            for phase in phases[1 : reached + 1]:
                await place.owner.execute(move, phase)
            if after == before or phases.index(after) == reached + 1:
                await place.owner.execute(move, after)
            else:
                with pytest.raises(asyncpg.PostgresError, match=f"cannot go from {before}"):
                    await place.owner.execute(move, after)
            await transaction.rollback()


@pytest.mark.parametrize(
    ("statement", "claim"),
    [
        ("update epochs set outcome = 'lost'", "epochs_outcome_is_known"),
        ("update epochs set outcome = null", "epochs_are_settled_in_all_columns"),
        ("update epoch_contributions set occupied_seconds = -1, defense_seconds = -1",
         "epoch_contributions_counts_are_natural"),
        ("update epoch_contributions set occupied_seconds = 1, defense_seconds = 2",
         "epoch_contributions_defend_what_they_occupy"),
        ("update epoch_contributions set normalized_share = 'NaN'",
         "epoch_contributions_are_parts_of_one"),
        ("update epoch_payouts set amount_wei = 0", "epoch_payouts_pay_something"),
        ("update epoch_payouts set bps = 10001", "epoch_payouts_share_is_basis_points"),
        ("update epoch_payouts set recipient_address = '0xA'",
         "epoch_payouts_recipient_is_lower_case_hex"),
        ("update epoch_editions set metadata_uri = 'https://x'",
         "epoch_editions_metadata_is_content"),
    ],
)  # fmt: skip
async def test_a_row_that_breaks_the_claim_is_refused(place, statement, claim):
    await played(place)
    await settle(place)
    with pytest.raises(asyncpg.CheckViolationError) as error:
        await place.owner.execute(statement)
    assert error.value.constraint_name == claim


async def test_a_settled_day_is_everyones_to_read(place, api):
    day = await played(place)
    path = f"/api/epochs/{DAY}"
    before = (await api.get(path)).json()
    assert (before["result_cid"], before["outcome"], before["number"]) == (None, None, 20260302)
    for noun in ("contributions", "payouts"):
        assert (await api.get(f"{path}/{noun}")).json() == []
    missing = await api.get(f"{path}/edition")
    assert (missing.status_code, missing.json()["code"]) == (404, "edition_missing")
    await settle(place)
    bundle = await bundle_of(place)
    told = (await api.get(path)).json()
    assert (told["result_cid"], told["outcome"]) == (bundle.cid, "paid")
    assert told["summary_uri"].startswith("ipfs://b")
    contributions = (await api.get(f"{path}/contributions")).json()
    assert {row["bot"] for row in contributions} == set(day.bots.values())
    shares = [Decimal(row["normalized_share"]) for row in contributions]
    assert shares == sorted(shares, reverse=True) and sum(shares) == 1
    payouts = (await api.get(f"{path}/payouts")).json()
    assert sum(int(row["amount_wei"]) for row in payouts) == POOL
    assert all(isinstance(row["amount_wei"], str) for row in payouts)
    for noun, rows in (("contributions", contributions), ("payouts", payouts)):
        after = {"after": rows[0]["bot"], "limit": 1}
        assert (await api.get(f"{path}/{noun}", params=after)).json() == rows[1:2]
    edition = (await api.get(f"{path}/edition")).json()
    assert (edition["token_id"], edition["status"]) == ("20260302", "pending")
    assert (await api.get(f"/api/results/{bundle.cid}")).content == bundle.data
    for noun in ("contributions", "payouts", "edition"):
        unknown = await api.get(f"/api/epochs/2026-03-09/{noun}")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "epoch_unknown")
