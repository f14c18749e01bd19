"""Signers: added with a sealed key, one of them active, their nonces handed out in order."""

from __future__ import annotations

import asyncio
import io

import asyncpg
import pytest

from agon.commons.chain import signer_commands, signers
from agon.kernel import commands
from tests.chain.outbox import CHAIN, KEY, SIGNER, add_signer
from tests.places import refusal_of, wallet
from tests.standins.anvil import ADDRESSES, KEYS


async def publish(place) -> None:
    """As the worker does at its start."""
    await place.owner.execute("delete from agon.sealing_keys")
    await place.work()


async def add_key(place, text: str):
    async with place.database.as_worker() as conn:
        return await signers.add_key(conn, CHAIN, text)


async def add_safe(place, address: str, proposer: str):
    async with place.database.as_worker() as conn:
        return await signers.add_safe(conn, CHAIN, address, proposer)


async def test_the_first_signer_is_active_and_the_second_waits(place):
    await publish(place)
    first, second = await add_key(place, KEYS[0]), await add_key(place, KEYS[1])
    assert (first["address"], first["active"]) == (ADDRESSES[0], True)
    assert (second["address"], second["active"]) == (ADDRESSES[1], False)
    async with place.database.as_worker() as conn:
        assert (await signers.use(conn, CHAIN, ADDRESSES[1]))["active"]
        rows = await conn.fetch("select address, active from agon.list_signers()")
    assert {row["address"]: row["active"] for row in rows} == {
        ADDRESSES[0]: False, ADDRESSES[1]: True,
    }  # fmt: skip


async def test_a_key_that_comes_again_is_sealed_anew_and_keeps_its_nonces(place):
    await publish(place)
    first = await add_key(place, KEY)
    await place.owner.execute("update agon.chain_signers set next_nonce = 5")
    again = await add_key(place, KEY)
    assert again["sealed_key"] != first["sealed_key"]
    assert (again["next_nonce"], again["active"]) == (5, True)


async def test_no_key_is_kept_where_nobody_could_open_it(place):
    await place.owner.execute("delete from agon.sealing_keys")
    assert (await refusal_of(add_key(place, KEY))).code == "sealing_key_missing"


async def test_a_key_in_clear_does_not_land_in_the_table(place):
    with pytest.raises(asyncpg.CheckViolationError):
        async with place.database.as_worker() as conn:
            await conn.execute("select agon.keep_signer(1, $1, 'key', $2)", SIGNER, KEY)


async def test_a_safe_needs_a_proposer_whose_key_we_hold(place):
    await publish(place)
    assert (await refusal_of(add_safe(place, wallet("safe"), SIGNER))).code == "signer_unknown"
    await add_key(place, KEY)
    row = await add_safe(place, wallet("safe"), SIGNER)
    assert (row["kind"], row["proposer"], row["sealed_key"]) == ("safe", SIGNER, None)
    assert (await refusal_of(add_safe(place, SIGNER, SIGNER))).code == "signer_kind_differs"
    assert (await refusal_of(add_safe(place, "0x12", SIGNER))).code == "signer_malformed"
    assert (await refusal_of(add_safe(place, wallet("other"), wallet("safe")))).code == (
        "signer_unknown"
    )


async def test_nobody_unknown_is_used(place):
    async def use():
        async with place.database.as_worker() as conn:
            await signers.use(conn, CHAIN, wallet("nobody"))

    assert (await refusal_of(use())).code == "signer_unknown"


async def test_a_nonce_is_handed_out_once(place):
    await add_signer(place)
    await place.owner.execute("select agon.open_nonces($1, $2, 7)", CHAIN, SIGNER)
    await place.owner.execute("select agon.open_nonces($1, $2, 99)", CHAIN, SIGNER)
    await place.owner.execute("select agon.take_nonce($1, $2, 7)", CHAIN, SIGNER)
    for nonce in (7, 9):
        with pytest.raises(asyncpg.PostgresError, match="not the signer's next one"):
            await place.owner.execute("select agon.take_nonce($1, $2, $3)", CHAIN, SIGNER, nonce)


async def test_the_command_takes_a_key_from_a_file_or_standard_input(
    place, monkeypatch, capsys, tmp_path
):
    await publish(place)
    monkeypatch.setattr(commands, "begin", lambda: place.runtime)
    file = tmp_path / "key"
    file.write_text(KEYS[0] + "\n")
    await asyncio.to_thread(signer_commands.add, file, None, None, CHAIN)
    monkeypatch.setattr("sys.stdin", io.StringIO(KEYS[1]))
    await asyncio.to_thread(signer_commands.add, None, None, None, CHAIN)
    await asyncio.to_thread(signer_commands.use, ADDRESSES[1].upper().replace("X", "x"), CHAIN)
    capsys.readouterr()
    await asyncio.to_thread(signer_commands.list_all)
    said = capsys.readouterr().out
    lines = {line.split()[1]: line.split() for line in said.splitlines()[1:]}
    assert "yes" not in lines[ADDRESSES[0]]
    assert "yes" in lines[ADDRESSES[1]]
    assert KEYS[0][2:] not in said


async def test_the_command_refuses_a_file_that_is_not_there(place, monkeypatch, tmp_path):
    monkeypatch.setattr(commands, "begin", lambda: place.runtime)
    gone = asyncio.to_thread(signer_commands.add, tmp_path / "gone", None, None, CHAIN)
    assert (await refusal_of(gone)).code == "file_missing"
    unclear = asyncio.to_thread(signer_commands.add, None, wallet("safe"), None, CHAIN)
    assert (await refusal_of(unclear)).code == "signer_unclear"
