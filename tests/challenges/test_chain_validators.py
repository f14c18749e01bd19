"""`agon chain validator add|remove`: who may vote, where our signer is ChallengePay's admin."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agon import cli
from agon.commons.chain import deployment, indexing, rpc
from agon.kernel import commands
from agon.kernel.jobs import Work
from tests import places
from tests.chain import outbox
from tests.contracts import deployed
from tests.places import wallet
from tests.standins.anvil import ADDRESSES, CHAIN_ID, anvil

PLAN = tuple(each for each in deployment.PLAN if each.name in ("Treasury", "ChallengePay"))
VERA = wallet("vera")


@asynccontextmanager
async def judging(
    server, folder, monkeypatch, *, admin: str
) -> AsyncIterator[tuple[places.Place, deployed.World]]:
    """A ChallengePay of somebody's, its logs read; our signer is anvil's first account."""
    async with anvil() as node:
        world = await deployed.deploy(node, plan=PLAN, admin=admin)
        environ = {
            "AGON_RPC_URL": node.url, "AGON_CHAIN_CONFIRMATIONS": "0", "AGON_CHAIN_POLL_MS": "100",
        }  # fmt: skip
        async with places.opened(server, "agon_test_validators", folder, environ) as place:
            monkeypatch.setattr(commands, "begin", lambda: place.runtime)
            await outbox.add_signer(place)
            async with place.database.as_worker() as conn:
                await conn.execute("select agon.open_chain($1, 0)", CHAIN_ID)
                await conn.execute(
                    "select agon.keep_contract($1, 'ChallengePay', 1, $2, 0)",
                    CHAIN_ID, world.at["ChallengePay"],
                )  # fmt: skip
            await node.mine(3)
            async with rpc.connect(place.runtime) as asked:
                work = Work(database=place.database, runtime=place.runtime)
                await indexing.catch_up(indexing.walk(work, asked))
            yield place, world


async def votes(world: deployed.World) -> bool:
    role = await world.ask("ChallengePay", "VALIDATOR_ROLE")
    return await world.ask("ChallengePay", "hasRole", role, VERA)


async def said(capsys, *words: str, code: int = 0) -> str:
    """What it prints; in a thread, since it runs a loop of its own."""
    with pytest.raises(SystemExit) as ended:
        await asyncio.to_thread(cli.main, ["chain", "validator", *words])
    printed = capsys.readouterr()
    assert ended.value.code == code, printed
    return (printed.out + printed.err).strip()


async def test_an_address_is_admitted_and_dismissed_once_each_time(
    server, tmp_path, monkeypatch, capsys
):
    async with judging(server, tmp_path, monkeypatch, admin=ADDRESSES[0]) as (place, world):
        assert await said(capsys, "remove", VERA) == "It is no validator."
        assert await said(capsys, "add", VERA) == f"add {VERA}: queued"
        assert await said(capsys, "add", VERA, "--wait") == f"add {VERA}: confirmed"
        assert await votes(world)
        assert await said(capsys, "add", VERA) == "It is a validator already."
        assert await said(capsys, "remove", VERA, "--wait") == f"remove {VERA}: confirmed"
        assert not await votes(world)
        # What is under way counts, though the chain does not know it yet.
        assert await said(capsys, "add", VERA) == f"add {VERA}: queued"
        assert await said(capsys, "remove", VERA, "--wait") == f"remove {VERA}: confirmed"
        assert not await votes(world)
        assert await place.owner.fetchval("select count(*) from agon.chain_intents") == 4
        assert "wallet_malformed" in await said(capsys, "add", "vera", code=3)


async def test_where_another_is_the_admin_it_is_named(server, tmp_path, monkeypatch, capsys):
    async with judging(server, tmp_path, monkeypatch, admin=ADDRESSES[1]) as (place, _):
        refused = await said(capsys, "add", VERA, code=3)
        assert "signer_not_admin" in refused and f"admin: {ADDRESSES[1]}" in refused
        assert await place.owner.fetchval("select count(*) from agon.chain_intents") == 0
        await place.owner.execute("update agon.chain_contracts set to_block = 10000")
        assert "contract_missing" in await said(capsys, "add", VERA, code=3)
