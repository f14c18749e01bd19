"""Deploying through the outbox: each contract once, in the order that they need each other."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from agon.commons.chain import (
    artifacts,
    calls,
    deploy_commands,
    deploying,
    deployment,
    indexing,
    intents,
    rpc,
)
from agon.kernel import commands
from agon.kernel.jobs import Work
from tests import places
from tests.chain import outbox
from tests.places import refusal_of
from tests.standins.anvil import CHAIN_ID, Anvil, anvil

PLAN = deployment.PLAN + deployment.STANDINS
WAIT_S = 30
NOBODY = deployment.Parties()


@asynccontextmanager
async def working(server, folder, node: Anvil, *, signs: bool = True) -> AsyncIterator[Work]:
    """A process that follows the node; its signer is whom the chain has given money."""
    given = {
        "AGON_RPC_URL": node.url,
        "AGON_CHAIN_CONFIRMATIONS": "0",
        "AGON_CHAIN_POLL_MS": "100",
    }
    async with places.opened(server, "agon_test_deploying", folder, given) as place:
        if signs:
            await outbox.add_signer(place)
        yield Work(database=place.database, runtime=place.runtime)


@pytest.fixture
async def node() -> AsyncIterator[Anvil]:
    async with anvil() as running:
        yield running


@pytest.fixture
async def work(server, tmp_path, node) -> AsyncIterator[Work]:
    async with working(server, tmp_path, node) as opened:
        yield opened


async def deploy(work: Work, parties: deployment.Parties, plan, wait_s: float):
    async with rpc.connect(work.runtime) as asked:
        return await deploying.deploy(work, asked, parties, plan, wait_s)


async def addresses(work: Work) -> dict[str, str]:
    """As they are kept."""
    async with work.database.as_worker() as conn:
        rows = await conn.fetch(
            "select name, agon.contract_address($1, name) as at from unnest($2::text[]) name",
            CHAIN_ID, [each.name for each in PLAN],
        )  # fmt: skip
    return {row["name"]: row["at"] for row in rows}


async def meant(work: Work, planned: deployment.Planned):
    async with work.database.as_worker() as conn:
        return await intents.find(conn, CHAIN_ID, deployment.key_of(planned))


async def ask(node: Anvil, address: str, name: str, function: str, *given):
    contract = artifacts.load(name)
    data = "0x" + calls.encode(contract, function, *given).hex()
    answer = await node.rpc("eth_call", {"to": address, "data": data}, "latest")
    return calls.decode(contract, function, bytes.fromhex(answer[2:]))[0]


async def test_every_contract_stands_and_knows_whom_it_obeys(work, node):
    admin = places.wallet("admin")
    parties = replace(NOBODY, admin=admin, terms=deployment.Terms(quorum=3))
    rows = await deploy(work, parties, PLAN, WAIT_S)
    at = {row["name"]: row["address"] for row in rows}
    assert at == await addresses(work)
    assert await ask(node, at["ChallengePay"], "ChallengePay", "treasury") == at["Treasury"]
    assert await ask(node, at["ChallengePay"], "ChallengePay", "quorum") == 3
    assert await ask(node, at["BotIdentity"], "BotIdentity", "owner") == outbox.SIGNER
    for name in ("ChallengePay", "Treasury", "MetadataRegistry", "EpochPayout", "Edition"):
        for who, role in ((admin, True), (outbox.SIGNER, False)):
            assert await ask(node, at[name], name, "hasRole", bytes(32), who) is role


async def test_the_logs_of_a_contract_are_read_from_its_first_block(server, tmp_path):
    """Also where the index had passed it before it was known to be ours, as a worker's does."""
    async with (
        anvil("--no-mining") as node,
        working(server, tmp_path, node) as work,
        rpc.connect(work.runtime) as asked,
    ):
        refused = await refusal_of(deploy(work, NOBODY, PLAN[:1], 1))
        assert refused.code == "deployment_unfinished"
        await node.mine(20)
        await indexing.catch_up(indexing.walk(work, asked))
        await deploy(work, NOBODY, PLAN[:1], WAIT_S)
        done = await indexing.catch_up(indexing.walk(work, asked))
        assert done.logs == 2  # the two roles that the constructor gives
        assert done.next_block == await node.head() + 1


async def test_a_second_run_makes_nothing_anew(work, node):
    first = await deploy(work, NOBODY, PLAN, WAIT_S)
    sent = int(await node.rpc("eth_getTransactionCount", outbox.SIGNER, "latest"), 16)
    assert await deploy(work, NOBODY, PLAN, WAIT_S) == first
    assert int(await node.rpc("eth_getTransactionCount", outbox.SIGNER, "latest"), 16) == sent
    assert sent == len(PLAN)


async def test_what_was_cut_off_goes_on(server, tmp_path):
    async with (
        anvil("--no-mining") as node,
        working(server, tmp_path, node) as work,
    ):
        refused = await refusal_of(deploy(work, NOBODY, PLAN, 1))
        assert refused.code == "deployment_unfinished"
        other = replace(NOBODY, admin=places.wallet("eve"))
        refused = await refusal_of(deploy(work, other, PLAN, 1))
        assert refused.code == "intent_differs"
        await node.rpc("evm_setAutomine", True)
        await node.mine()
        assert len(await deploy(work, NOBODY, PLAN, WAIT_S)) == len(PLAN)


async def test_a_deployment_that_failed_is_sent_once_more_by_the_next_run(server, tmp_path):
    async with (
        anvil("--no-mining") as node,
        working(server, tmp_path, node) as work,
    ):
        await refusal_of(deploy(work, NOBODY, PLAN[:1], 1))
        await node.rpc("anvil_dropAllTransactions")
        owner = await work.database.pool("agon_owner")
        await owner.execute("update agon.chain_intents set status = 'failed', error = 'out of gas'")
        await owner.execute("update agon.chain_signers set next_nonce = 0")
        await owner.execute("delete from agon.chain_transactions")
        await node.rpc("evm_setAutomine", True)
        assert len(await deploy(work, NOBODY, PLAN[:1], WAIT_S)) == 1


async def test_terms_that_the_contract_refuses_are_not_sent(work):
    wrong = replace(NOBODY, terms=deployment.Terms(quorum=0))
    refused = await refusal_of(deploy(work, wrong, PLAN, WAIT_S))
    assert refused.code == "deployment_reverts"
    assert refused.details == "ChallengePay: TermsMalformed()"
    assert "what stands already stays" in refused.hint
    assert await meant(work, PLAN[1]) is None
    await deploy(work, NOBODY, PLAN, WAIT_S)


async def test_nothing_is_deployed_without_a_signer(server, tmp_path, node):
    async with working(server, tmp_path, node, signs=False) as work:
        refused = await refusal_of(deploy(work, NOBODY, PLAN, WAIT_S))
        assert refused.code == "signer_missing"
        assert await meant(work, PLAN[0]) is None


async def test_nothing_is_deployed_without_a_chain(place):
    work = Work(database=place.database, runtime=place.runtime)
    refused = await refusal_of(deploy(work, NOBODY, PLAN, WAIT_S))
    assert refused.code == "chain_unset"


async def test_a_contract_that_stands_already_takes_the_place_of_another(work):
    await deploy(work, NOBODY, PLAN, WAIT_S)
    real = places.wallet("a real AIVM")
    async with work.database.as_worker() as conn:
        await deploying.keep(conn, CHAIN_ID, artifacts.load("AIVM"), real, 500, replaces=True)
    assert (await addresses(work))["AIVM"] == real


async def test_an_address_without_a_contract_is_not_kept(work, monkeypatch):
    monkeypatch.setattr(commands, "begin", lambda: work.runtime)
    keep = asyncio.to_thread(deploy_commands.keep, "AIVM", places.wallet("a typo"), 1, 1, False)
    assert (await refusal_of(keep)).code == "contract_missing"
    assert (await addresses(work))["AIVM"] is None


def test_the_command_refuses_before_it_starts_anything(tmp_path):
    """Exit codes are those of every command: 3 for a refusal."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("AGON_")}
    environ["AGON_HOME"] = str(tmp_path / "home")
    for words, code in (
        (("deploy",), "chain_unset"),
        (("deploy", "--min-pot", str(2**256 - 1)), "chain_unset"),
        (("deploy", "--admin", "0x12"), "address_malformed"),
        (("keep", "AIVM", "0x12", "--from", "3"), "address_malformed"),
        (("keep", "Nothing", places.wallet("ann"), "--from", "3"), "contract_unknown"),
    ):
        done = subprocess.run(
            [Path(sys.executable).with_name("agon"), "chain", *words],
            env=environ, cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, code in done.stderr) == (3, True), done.stderr
    for wrong in (("--min-pot", "-1"), ("--min-stake", str(2**256)), ("--fee-bps", "10001")):
        done = subprocess.run(
            [Path(sys.executable).with_name("agon"), "chain", "deploy", *wrong],
            env=environ, cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert not (tmp_path / "home").exists()
