"""`agon bot mint`: a bot on the chain, once for a request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

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

PLAN = tuple(each for each in deployment.PLAN if each.name == "BotIdentity")
ADA, BOB = wallet("ada"), wallet("bob")


@dataclass(frozen=True, kw_only=True)
class Mine:
    """A contract, and a process that follows it."""

    place: places.Place
    world: deployed.World

    async def tokens(self) -> dict[int, str]:
        """Who owns what, as it is indexed."""
        async with rpc.connect(self.place.runtime) as node:
            work = Work(database=self.place.database, runtime=self.place.runtime)
            await self.world.node.mine(3)
            await indexing.catch_up(indexing.walk(work, node))
        rows = await self.place.owner.fetch(
            "select i.token_id::int, o.owner_address from bot_identities i"
            " join v_current_bot_identity_owner o on o.bot_identity_id = i.id"
        )
        return {row[0]: row[1] for row in rows}

    async def slug(self, token: int) -> str:
        return await self.place.owner.fetchval(
            "select slug from bot_identities where token_id = $1::int", token
        )


@asynccontextmanager
async def minting(server, folder, monkeypatch, *, signer: str) -> AsyncIterator[Mine]:
    async with anvil() as node:
        world = await deployed.deploy(node, plan=PLAN, signer=signer)
        environ = {
            "AGON_RPC_URL": node.url, "AGON_CHAIN_CONFIRMATIONS": "0", "AGON_CHAIN_POLL_MS": "100",
        }  # fmt: skip
        async with places.opened(server, "agon_test_mints", folder, environ) as place:
            monkeypatch.setattr(commands, "begin", lambda: place.runtime)
            async with place.database.as_worker() as conn:
                await conn.execute("select agon.open_chain($1, 0)", CHAIN_ID)
                await conn.execute(
                    "select agon.keep_contract($1, 'BotIdentity', 1, $2, 0)",
                    CHAIN_ID, world.at["BotIdentity"],
                )  # fmt: skip
            yield Mine(place=place, world=world)


async def said(capsys, *words: str, code: int = 0) -> str:
    """What it prints; in a thread, since it runs a loop of its own."""
    with pytest.raises(SystemExit) as ended:
        await asyncio.to_thread(cli.main, ["bot", "mint", *words])
    printed = capsys.readouterr()
    assert ended.value.code == code, printed
    return (printed.out + printed.err).strip()


async def test_a_request_mints_once_and_others_take_the_next_token(
    server, tmp_path, monkeypatch, capsys
):
    async with minting(server, tmp_path, monkeypatch, signer=outbox.SIGNER) as mine:
        assert "signer_missing" in await said(capsys, ADA, code=3)
        await outbox.add_signer(mine.place)
        first = await said(capsys, ADA.upper().replace("X", "x"), "--key", "one", "--wait")
        assert await mine.tokens() == {1: ADA}
        assert first == f"{await mine.slug(1)} confirmed (key one)"
        assert await said(capsys, ADA, "--key", "one") == first
        assert "intent_differs" in await said(capsys, BOB, "--key", "one", code=3)
        assert "intent_differs" in await said(capsys, ADA, "--key", "one", "--token", "9", code=3)
        assert "queued" in await said(capsys, BOB)
        assert "queued" in await said(capsys, BOB, "--token", "7")
        assert "confirmed" in await said(capsys, ADA, "--wait")
        assert await mine.tokens() == {1: ADA, 2: BOB, 7: BOB, 8: ADA}
        taken = await said(capsys, ADA, "--token", "7", code=3)
        assert "chain_would_refuse" in taken and "ERC721InvalidSender" in taken
        assert "request_malformed" in await said(capsys, ADA, "--key", "a b", code=3)
        assert "wallet_malformed" in await said(capsys, "0x12", code=3)
        assert await mine.place.owner.fetchval("select count(*) from agon.chain_intents") == 4


async def test_a_failed_mint_is_sent_once_more_and_a_stranger_s_contract_mints_nothing(
    server, tmp_path, monkeypatch, capsys
):
    async with minting(server, tmp_path, monkeypatch, signer=ADDRESSES[1]) as mine:
        await outbox.add_signer(mine.place)
        refused = await said(capsys, ADA, "--key", "one", code=3)
        assert "OwnableUnauthorizedAccount" in refused
        assert await mine.place.owner.fetchval("select count(*) from agon.chain_intents") == 0
        await outbox.add_signer(mine.place, outbox.anvil.KEYS[1])
        async with mine.place.database.as_worker() as conn:
            await conn.execute("select agon.use_signer($1, $2)", CHAIN_ID, ADDRESSES[1])
        await said(capsys, ADA, "--key", "one")
        await mine.place.owner.execute(
            "update agon.chain_intents set status = 'failed', error = 'out of gas'"
        )
        assert "confirmed" in await said(capsys, ADA, "--key", "one", "--wait")
        assert await mine.tokens() == {1: ADA}


async def test_nothing_is_minted_without_a_chain(place, monkeypatch, capsys):
    monkeypatch.setattr(commands, "begin", lambda: place.runtime)
    assert "chain_unset" in await said(capsys, ADA, code=3)
