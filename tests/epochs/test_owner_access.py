"""Bots and owners for everyone to read and for nobody to write; who owns a bot; broken claims."""

from __future__ import annotations

import asyncpg
import pytest

from agon.kernel.database import ANONYMOUS
from tests.epochs.ledger import ADA, BOB, NOBODY, Transfer, tell
from tests.places import SERVICE

TABLES = ("bot_identities", "bot_identity_owners", "v_current_bot_identity_owner")
BOT = {"slug": "'bot_9'", "chain_id": "1", "contract_address": f"'{ADA}'", "token_id": "9"}
OWNER = {
    "bot_identity_id": "(select id from bot_identities)", "owner_address": f"'{BOB}'",
    "from_block": "20", "from_log": "0",
}  # fmt: skip
ENDED = {"to_block": "21", "to_log": "0", "effective_to": "now()"}


def row(table: str, *values: dict[str, str]) -> str:
    named = {name: value for each in values for name, value in each.items()}
    return f"insert into public.{table} ({', '.join(named)}) values ({', '.join(named.values())})"


BROKEN = {
    "bot_identities_contract_is_lower_case_hex": row(
        "bot_identities", BOT, {"contract_address": "'0xABC'"}
    ),
    "bot_identities_token_is_uint256": row("bot_identities", BOT, {"token_id": "2::numeric ^ 256"}),
    "bot_identities_status_is_known": row("bot_identities", BOT, {"status": "'lost'"}),
    "bot_identity_owners_address_is_lower_case_hex": row(
        "bot_identity_owners", OWNER, ENDED, {"owner_address": f"'{BOB.upper()}'"}
    ),
    "bot_identity_owners_are_somebody": row(
        "bot_identity_owners", OWNER, ENDED, {"owner_address": f"'{NOBODY}'"}
    ),
    "bot_identity_owners_source_is_known": row(
        "bot_identity_owners", OWNER, ENDED, {"source": "'rumour'"}
    ),
    "bot_identity_owners_end_in_all_columns": row(
        "bot_identity_owners", OWNER, {"to_block": "21", "to_log": "0"}
    ),
    "bot_identity_owners_run_forward": row("bot_identity_owners", OWNER, ENDED, {"to_block": "20"}),
}
TAKEN = {
    "bot_identities_own_their_slug": row(
        "bot_identities", BOT, {"slug": "(select slug from bot_identities)"}
    ),
    "bot_identity_owners_one_current": row("bot_identity_owners", OWNER),
    "bot_identity_owners_begin_once": row(
        "bot_identity_owners", OWNER, ENDED, {"from_block": "10"}
    ),
}


@pytest.fixture
async def bot(place):
    """Ada's."""
    await tell(place.owner, [Transfer(block=10, receiver=ADA)])
    return await place.owner.fetchval("select id from bot_identities")


@pytest.mark.parametrize("table", TABLES)
async def test_everyone_may_read_and_nobody_write(place, bot, table):
    for actor in (ANONYMOUS, await place.own("ada"), SERVICE):
        async with place.database.as_caller(actor) as conn:
            assert len(await conn.fetch(f"select * from public.{table}")) == 1
        for act in (f"delete from public.{table}", f"insert into public.{table} default values"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with place.database.as_caller(actor) as conn:
                    await conn.execute(act)


@pytest.mark.parametrize(
    "act", ["apply_bot_transfers(31337, 0, 9)", "undo_bot_transfers(31337, 0)"]
)
async def test_history_is_told_by_the_indexer_alone(place, bot, act):
    for actor in (place.actor("ada"), SERVICE):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with place.database.as_caller(actor) as conn:
                await conn.execute(f"select agon.{act}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with place.database.as_worker() as conn:
            await conn.execute(f"select agon.{act}")


async def owns(place, actor, bot) -> bool:
    async with place.database.as_caller(actor) as conn:
        return await conn.fetchval("select agon.owns_bot($1)", bot)


async def test_a_bot_is_owned_by_whose_wallet_holds_it_now(place, bot):
    ada, bob = await place.own("ada"), await place.own("bob")
    assert [await owns(place, who, bot) for who in (ada, bob, ANONYMOUS)] == [True, False, False]
    await tell(place.owner, [Transfer(block=11, sender=ADA, receiver=BOB)])
    assert [await owns(place, who, bot) for who in (ada, bob, ANONYMOUS)] == [False, True, False]


async def test_a_wallet_that_is_not_linked_owns_nothing(place, bot):
    assert not await owns(place, place.actor("ada"), bot)


async def test_nobody_owns_a_burned_or_an_unknown_bot(place, bot):
    ada = await place.own("ada")
    await tell(place.owner, [Transfer(block=11, sender=ADA, receiver=NOBODY)])
    assert not await owns(place, ada, bot)
    assert not await owns(place, ada, "00000000-0000-4000-8000-000000000000")


@pytest.mark.parametrize("name", BROKEN)
async def test_a_row_that_breaks_the_claim_is_refused(place, bot, name):
    with pytest.raises(asyncpg.CheckViolationError) as error:
        await place.owner.execute(BROKEN[name])
    assert error.value.constraint_name == name


async def test_every_check_of_the_tables_is_tried(place):
    rows = await place.owner.fetch(
        """
        select conname from pg_constraint where contype = 'c'
          and conrelid = any ('{public.bot_identities,public.bot_identity_owners}'::regclass[])
        """
    )
    assert {row["conname"] for row in rows} == set(BROKEN)


@pytest.mark.parametrize("name", TAKEN)
async def test_what_is_there_once_is_not_there_twice(place, bot, name):
    with pytest.raises(asyncpg.UniqueViolationError) as error:
        await place.owner.execute(TAKEN[name])
    assert error.value.constraint_name == name


async def test_a_token_is_one_bot(place, bot):
    again = "insert into bot_identities (slug, chain_id, contract_address, token_id) select 'x', " \
        "chain_id, contract_address, token_id from bot_identities"  # fmt: skip
    with pytest.raises(asyncpg.UniqueViolationError) as error:
        await place.owner.execute(again)
    assert error.value.constraint_name == "bot_identities_one_per_token"
