"""The host that follows a chain, the commands that do so once, and what the doctor says."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import typer

from agon.commons.chain import checks, indexing
from agon.commons.chain import commands as chain_commands
from agon.kernel import commands
from agon.kernel.errors import Refused
from agon.kernel.manifest import Reconciler
from tests.chain.following import (
    EFFECTS,
    PEOPLE,
    abi_of,
    balances,
    configured,
    keep,
    stored,
    transfer,
    true_balances,
    true_logs,
)
from tests.standins.rpc import CHAIN_ID, Chain, standin
from tests.standins.server import broken

POLL_MS = 20
WAIT_S_MAX = 15


@pytest.fixture
def chain(monkeypatch) -> Chain:
    """Thirty blocks with a transfer each, of a contract that is not among ours."""
    monkeypatch.setattr(indexing, "abi_of", abi_of)
    chain = Chain()
    chain.mine(*([transfer(*PEOPLE[:2], n)] for n in range(30)))
    return chain


@asynccontextmanager
async def hosting(place, url: str):
    """A host that runs for the length of the block."""
    stop = asyncio.Event()
    work = configured(place, rpc_url=url, chain_poll_ms=POLL_MS)
    host = asyncio.create_task(indexing.run(work, stop))
    try:
        yield host
    finally:
        stop.set()
        await asyncio.wait_for(host, WAIT_S_MAX)


async def read_up_to(place, block: int) -> None:
    async with asyncio.timeout(WAIT_S_MAX):
        while await place.owner.fetchval("select next_block from agon.chains") != block + 1:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_the_host_follows_the_chain(place, chain):
    await keep(place)
    await place.owner.execute(EFFECTS)
    async with standin(chain) as party, hosting(place, party.url + "/"):
        await read_up_to(place, 30)
        chain.reorganise(4, *([[transfer(*PEOPLE[2:4], 7)]] * 6))
        await read_up_to(place, 32)
        chain.mine([transfer(*PEOPLE[:2], 1)])
        await read_up_to(place, 33)
    assert await stored(place) == true_logs(chain)
    assert await balances(place) == true_balances(chain)


async def test_the_host_outlives_a_node_that_fails(place, chain):
    await keep(place)
    async with standin(chain) as party:
        party.order("/", broken(), 3)
        async with hosting(place, party.url + "/"):
            await read_up_to(place, 30)
    assert await stored(place) == true_logs(chain)


async def test_of_two_hosts_one_asks_the_node(place, chain):
    await keep(place)
    async with standin(chain) as party, standin(chain) as other:
        async with hosting(place, party.url + "/"):
            await read_up_to(place, 30)
            async with hosting(place, other.url + "/"):
                chain.mine([], [])
                await read_up_to(place, 32)
                await asyncio.sleep(5 * POLL_MS / 1000)
                assert other.heard == []
        async with hosting(place, other.url + "/"):  # its turn comes when the first has ended
            chain.mine([])
            await read_up_to(place, 33)


async def test_a_host_whose_node_fails_leaves_the_turn_to_another(place, chain):
    await keep(place)
    async with standin(chain) as party, hosting(place, "http://127.0.0.1:1/"):
        await asyncio.sleep(2 * POLL_MS / 1000)
        async with hosting(place, party.url + "/"):
            await read_up_to(place, 30)
    assert await stored(place) == true_logs(chain)


async def test_without_a_chain_the_host_waits_for_the_end(place):
    stop = asyncio.Event()
    host = asyncio.create_task(indexing.run(configured(place), stop))
    await asyncio.sleep(0.05)
    assert not host.done()
    stop.set()
    await asyncio.wait_for(host, WAIT_S_MAX)
    assert await place.owner.fetchval("select count(*) from agon.chains") == 0


class TestCommands:
    @pytest.fixture(autouse=True)
    async def _here(self, place, chain, monkeypatch):
        await keep(place)
        async with standin(chain) as party:
            self.runtime = configured(place, rpc_url=party.url + "/").runtime
            monkeypatch.setattr(commands, "begin", lambda: self.runtime)
            yield

    async def said(self, capsys, command, *arguments, as_json: bool = True):
        """What a command prints; in a thread, since it runs a loop of its own."""
        await asyncio.to_thread(command, *arguments, as_json=as_json)
        shown = capsys.readouterr().out
        return json.loads(shown) if as_json else shown

    async def test_index_reads_all_once(self, place, chain, capsys):
        done = await self.said(capsys, chain_commands.index)
        assert (done["blocks"], done["logs"], done["next_block"]) == (31, 30, 31)
        shown = await self.said(capsys, chain_commands.index, as_json=False)
        assert f"chain {CHAIN_ID}: 0 blocks read, 0 logs; up to 30 of 30, final up to 20" in shown
        assert await stored(place) == true_logs(chain)

    async def test_reindex_reads_again(self, place, chain, capsys):
        await self.said(capsys, chain_commands.index)
        done = await self.said(capsys, chain_commands.reindex, 10)
        assert (done["blocks"], done["logs"]) == (21, 21)
        assert await stored(place) == true_logs(chain)

    async def test_reindex_of_what_was_not_read_is_refused(self, capsys):
        with pytest.raises(Refused, match="block_not_read_yet"):
            await self.said(capsys, chain_commands.reindex, 10)

    async def test_reindex_takes_nothing_back_without_a_node(self, place, chain, capsys):
        await self.said(capsys, chain_commands.index)
        self.runtime = configured(place, rpc_url="http://127.0.0.1:1/").runtime
        with pytest.raises(Refused, match="chain_unreachable"):
            await self.said(capsys, chain_commands.reindex, 10)
        assert await stored(place) == true_logs(chain)

    async def test_reindex_names_the_chain_that_is_not_followed(self, chain, capsys):
        chain.chain_id = 5
        with pytest.raises(Refused, match="Chain 5 is not followed"):
            await self.said(capsys, chain_commands.reindex, 10)

    async def test_status_says_that_nothing_is_read_yet(self, capsys):
        shown = await self.said(capsys, chain_commands.show_status, as_json=False)
        assert f"chain {CHAIN_ID}: nothing read, 31 behind, nothing final, 0 logs" in shown
        assert "`agon chain signer add`" in shown
        found = await checks.check_index(self.runtime)
        assert found.text == "nothing read, 31 behind the head"

    async def test_the_doctor_says_that_nobody_signs(self, place):
        assert (await checks.check_signer(configured(place, rpc_url=None).runtime)).state == "note"
        found = await checks.check_signer(self.runtime)
        assert (found.state, "agon chain signer add" in found.hint) == ("note", True)
        sealed = "sealed:v1:" + ":".join(("0" * 16, "A" * 107, "A" * 16, "A" * 22))
        await place.owner.execute(
            "select agon.keep_signer($1, $2, 'key', $3)", CHAIN_ID, PEOPLE[0], sealed
        )
        found = await checks.check_signer(self.runtime)
        assert (found.state, found.text) == ("ok", f"{PEOPLE[0]} (key) signs")

    async def test_status_says_how_far_it_is(self, place, chain, capsys):
        seen = await self.said(capsys, chain_commands.show_status)
        assert (seen["lag"], seen["standing"], seen["chain"]["next_block"]) == (31, "follows", 0)
        await self.said(capsys, chain_commands.index)
        await keep(place, "0x" + "72" * 20, from_block=3, name="Other")
        chain.mine([], [])
        shown = await self.said(capsys, chain_commands.show_status, as_json=False)
        assert f"node: chain {CHAIN_ID}, block 32, final 22" in shown
        assert "read up to block 30, 2 behind, final 20, 30 logs" in shown
        assert "`agon chain reindex --from 3` reads them" in shown
        assert "signer: none" in shown

    async def test_status_shows_a_node_that_is_away(self, place, chain, capsys):
        self.runtime = configured(place, rpc_url="http://127.0.0.1:1/").runtime
        seen = await self.said(capsys, chain_commands.show_status)
        assert "chain_unreachable" in seen["node"]["refused"]
        assert seen["chain"]["chain_id"] == CHAIN_ID

    async def test_without_a_chain_commands_refuse(self, place, capsys):
        self.runtime = configured(place, rpc_url=None).runtime
        for command, arguments in ((chain_commands.index, ()), (chain_commands.reindex, (0,))):
            with pytest.raises(Refused, match="chain_unset"):
                await self.said(capsys, command, *arguments)

    @pytest.mark.parametrize("differing", [0, 3])
    async def test_reconcile_runs_what_systems_name(self, capsys, monkeypatch, differing):
        monkeypatch.setattr(commands, "begin", lambda: self.runtime)
        compare = Reconciler(name="some", run="tests.chain.test_index_host:compare")
        system = replace(self.runtime.systems[0], reconcilers=(compare,))
        systems, urls = (system,), self.runtime.urls
        self.runtime = replace(self.runtime, systems=systems)
        self.runtime.__dict__["urls"] = urls
        DIFFERING[:] = [differing]
        if differing:
            with pytest.raises(typer.Exit):
                await self.said(capsys, chain_commands.reconcile, False)
            assert json.loads(capsys.readouterr().out) == {"some": 3}
        else:
            assert await self.said(capsys, chain_commands.reconcile, False) == {"some": 0}

    async def test_the_doctor_is_content_with_what_keeps_up(self, capsys):
        await self.said(capsys, chain_commands.index)
        node, index = await checks.check_node(self.runtime), await checks.check_index(self.runtime)
        assert (node.state, index.state) == ("ok", "ok")
        assert index.text == "read up to block 30, 0 behind the head"

    async def test_the_doctor_names_a_reorganisation_that_is_too_deep(self, place, chain, capsys):
        await self.said(capsys, chain_commands.index)
        chain.reorganise(15, *([[]] * 20))
        found = await checks.check_index(self.runtime)
        assert (found.state, found.hint) == (
            "wrong",
            "If the node is right, run `agon chain reindex --from 16`.",
        )
        shown = await self.said(capsys, chain_commands.show_status, as_json=False)
        assert "The node holds other blocks than were read" in shown
        with pytest.raises(Refused, match="reorganisation_too_deep"):
            await self.said(capsys, chain_commands.index)
        await self.said(capsys, chain_commands.reindex, 16)
        assert await stored(place) == true_logs(chain)
        assert (await checks.check_index(self.runtime)).state == "ok"

    async def test_the_doctor_names_a_wrong_chain(self, chain, capsys):
        await self.said(capsys, chain_commands.index)
        chain.chain_id = 1
        assert (await checks.check_node(self.runtime)).state == "wrong"
        assert (await checks.check_index(self.runtime)).state == "note"

    async def test_the_doctor_names_logs_that_were_passed(self, place, capsys):
        await self.said(capsys, chain_commands.index)
        await keep(place, "0x" + "72" * 20, from_block=3, name="Other")
        found = await checks.check_index(self.runtime)
        assert (found.state, found.hint) == ("wrong", "Run `agon chain reindex --from 3`.")

    async def test_the_doctor_says_that_a_node_is_away(self, place):
        runtime = configured(place, rpc_url="http://127.0.0.1:1/").runtime
        assert (await checks.check_node(runtime)).state == "wrong"
        assert (await checks.check_node(configured(place).runtime)).state == "note"


DIFFERING = [0]


async def compare(_work, *, force) -> int:
    return DIFFERING[0]
