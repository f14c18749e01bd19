"""Every move of a payout and of an edition, and that rows follow the transactions they wait for."""

from __future__ import annotations

import itertools

import asyncpg
import pytest

from tests.chain.outbox import SIGNER, add_signer
from tests.epochs.paydays import CHAIN, Payday, settled

STATES = ("pending", "submitted", "confirmed", "failed")
LEGAL = {
    ("pending", "submitted"), ("pending", "confirmed"), ("pending", "failed"),
    ("submitted", "confirmed"), ("submitted", "failed"), ("submitted", "pending"),
    ("confirmed", "submitted"), ("confirmed", "failed"),
    ("failed", "submitted"), ("failed", "pending"), ("failed", "confirmed"),
}  # fmt: skip
HASH = "0x" + "5" * 64
SET = {
    "public.epoch_payouts": """
        update public.epoch_payouts set status = $1, payout_tx_hash = $2, error = 'why',
          settled_at = case when $1 in ('confirmed', 'failed') then now() end
    """,
    "public.epoch_editions": """
        update public.epoch_editions set status = $1, tx_hash = $2, error = 'why',
          minted_at = case when $1 = 'confirmed' then now() end, chain_id = 1,
          contract_address = '0x' || repeat('e', 40), recipient_address = '0x' || repeat('e', 40)
    """,
}


async def refused(act) -> str | None:
    """The stable code with which a move is refused."""
    try:
        await act
    except asyncpg.PostgresError as error:
        return error.detail
    return None


@pytest.mark.parametrize("table", SET)
async def test_a_move_is_made_if_and_only_if_it_is_listed(place, table):
    await settled(place, [("ada", 5)])
    for before, after in itertools.product(STATES, STATES):
        turn = place.owner.transaction()
        await turn.start()
        if before != "pending":
            await place.owner.execute(SET[table], before, HASH)
        code = await refused(place.owner.execute(SET[table], after, HASH))
        is_legal = before == after or (before, after) in LEGAL
        assert code == (None if is_legal else "move_not_allowed"), (before, after)
        await turn.rollback()


async def test_a_payout_and_an_edition_begin_as_pending(place):
    await settled(place, [("ada", 5)])
    for table in SET:
        rows = await place.owner.fetch(f"delete from {table} returning *")
        for state in STATES[1:]:
            begin = f"insert into {table} select (jsonb_populate_record(null::{table}, $1)).*"
            row = {key: str(each) for key, each in rows[0].items() if each is not None}
            code = await refused(place.owner.execute(begin, row | {"status": state}))
            assert code == "move_not_allowed", (table, state)


async def meant(place) -> Payday:
    """A day whose batch and edition are meant."""
    await add_signer(place)
    await place.owner.execute("select agon.open_chain($1)", CHAIN)
    for number, name in enumerate(("EpochPayout", "Edition")):
        await place.owner.execute(
            "select agon.keep_contract($1, $2, 1, $3, 0)", CHAIN, name, f"0x{number:040x}"
        )
    day = await settled(place, [("ada", 5), ("bob", 6)])
    await place.owner.execute("select agon.pay_epoch($1)", day.id)
    await place.work()
    return day


async def move_intents(place, status: str) -> None:
    """All intents, as the sender moves them."""
    await place.owner.execute(
        """
        update agon.chain_intents i set status = $1, signer = case when $1 <> 'queued' then $2 end,
          error = case when $1 = 'failed' then 'reverted when it was mined' end,
          settled_hash = case when $1 in ('confirmed', 'failed') then $3 end,
          settled_block = case when $1 in ('confirmed', 'failed') then 9 end
        """,
        status, SIGNER, HASH,
    )  # fmt: skip


@pytest.mark.parametrize(
    "way",
    [
        "signed:pending sent:submitted confirmed:confirmed sent:submitted failed:failed",
        "signed:pending sent:submitted queued:pending signed:pending confirmed:confirmed",
        "signed:pending queued:pending failed:failed queued:pending",
        "signed:pending failed:failed sent:submitted confirmed:confirmed",
        "proposed:submitted confirmed:confirmed",
        "proposed:submitted failed:failed queued:pending proposed:submitted",
    ],
)
async def test_rows_follow_their_transaction(place, way):
    day = await meant(place)
    for step in way.split():
        intent, row = step.split(":")
        await move_intents(place, intent)
        assert await day.states() == {row}, step
        edition = await day.edition()
        assert edition["status"] == row, step
        for tx_hash, error in [
            (edition["tx_hash"], edition["error"]),
            *((one["payout_tx_hash"], one["error"]) for one in await day.rows()),
        ]:
            assert tx_hash == (HASH if row == "confirmed" else None), step
            assert error == ("reverted when it was mined" if row == "failed" else None), step


async def test_only_the_engine_pays(place):
    for function in (
        "pay_epoch(uuid)", "pay_day(date)", "due_payouts(uuid)",
        "mean_payouts(uuid, text[], integer[], bytea[])", "mean_edition(uuid, text, bytea)",
        "recompute_payouts(bigint, bigint)", "recompute_edition(bigint, bigint)",
    ):  # fmt: skip
        for role in ("anon", "authenticated", "service_role"):
            assert not await place.owner.fetchval(
                "select has_function_privilege($1, $2, 'execute')", role, f"agon.{function}"
            ), (role, function)
