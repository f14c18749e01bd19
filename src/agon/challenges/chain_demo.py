"""The demonstration on a chain: stakes paid in, evidence judged, and what the outcome pays out."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from rich.table import Column, Table

from agon.challenges import chain_jobs, claims, demo, evidence, registry
from agon.commons.chain import local_stage
from agon.commons.chain.local_stage import LocalStage, ether, wallet
from agon.commons.content import files as content
from agon.kernel import clock, results
from agon.kernel.errors import Refused
from agon.kernel.stage import Stage

SAMPLE = "run"
PLAYERS = ("ada", "cleo")
VALIDATORS = ("vera", "viktor")
POT_WEI, STAKE_WEI = 10 * 10**18, 10**18
LASTS_S = 3600
RESPONSE, SALT = hashlib.sha256(b"agon demonstration").digest(), bytes(32)
CALLS = {
    "principal": "claimPrincipal",
    "cashback": "claimCashback",
    "validator_reward": "claimValidator",
}


async def play(stage: Stage) -> None:
    """Play it on an anvil of its own, in an installation of its own; or say why not."""
    if stage.runtime.settings["rpc_url"]:
        stage.console.print("AGON_RPC_URL is set: the demonstration leaves that chain alone.")
        return
    try:
        with stage.console.status("Playing on a chain …"):
            async with local_stage.opened(stage) as local:
                table = await _play(local)
    except Refused as refused:
        if refused.refusal.code != "local_chain_missing":
            raise
        stage.console.print(f"On a chain: {local_stage.absent(refused)}", markup=False)
        return
    stage.console.print(table)
    stage.console.print()


async def _play(local: LocalStage) -> Table:
    index = json.loads((files("agon.challenges") / "samples/index.json").read_text("utf-8"))
    sample = next(each for each in index["challenges"] if each["key"] == SAMPLE)
    await local.enrich(*PLAYERS, *VALIDATORS)
    number = await _create(local, sample)
    await _take_part(local, sample, number)
    await _settle(local, number)
    table = Table(
        Column("who", overflow="fold"), "stage", "claim", Column("ether paid out", justify="right"),
        "balance on the chain", title=f"{sample['title']}, with stakes (on anvil)", box=None,
    )  # fmt: skip
    paid = [await _pay_out(local, number, who, table) for who in (*PLAYERS, *VALIDATORS)]
    rest = await local.balance(local.at["Treasury"])
    table.add_row("treasury", "", "what division leaves", ether(rest), "")
    whole, out = POT_WEI + len(PLAYERS) * STAKE_WEI, sum(paid) + rest
    table.add_row("all", "", f"paid in: {ether(whole)}", ether(out), _same(out == whole))
    await _verify(local, table)
    return table


async def _create(local: LocalStage, sample: dict[str, Any]) -> int:
    """Made on the chain, described here, let through by two validators."""
    draft = {key: sample[key] for key in ("title", "model_id")}
    draft["proof"] = {"params": {"rule": sample["rule"]}}
    digest = hashlib.sha256(registry.content_of(draft)).digest()
    number, now_s = await local.ask("ChallengePay", "nextId"), clock.now_s()
    await local.send(
        local_stage.ADMIN, "ChallengePay", "create", STAKE_WEI, now_s, now_s + LASTS_S, digest,
        wei=POT_WEI,
    )  # fmt: skip
    await local.until("select exists (select from public.challenges where id = $1)", number)
    creator = await demo.signed_in(local.work.database, local_stage.ADMIN)
    async with local.work.database.as_worker(creator) as conn:
        await registry.describe(conn, wallet(local_stage.ADMIN), number, draft)
    role = await local.ask("ChallengePay", "VALIDATOR_ROLE")
    least = await local.ask("ChallengePay", "minValidatorStake")
    for name in VALIDATORS:
        await local.send(local_stage.ADMIN, "ChallengePay", "grantRole", role, wallet(name))
        await local.send(name, "ChallengePay", "stakeValidator", wei=least)
        await local.send(name, "ChallengePay", "approve", number)
    return number


async def _take_part(local: LocalStage, sample: dict[str, Any], number: int) -> None:
    """Everybody stakes, hands in their files, and is judged."""
    for name in PLAYERS:
        await local.send(name, "ChallengePay", "join", number, wei=STAKE_WEI)
    joined = "select count(*) = $2 from public.participants where challenge_id = $1"
    await local.until(joined, number, len(PLAYERS))
    await local.until("select status = 'approved' from public.challenges where id = $1", number)
    database, runtime = local.work.database, local.work.runtime
    desk = evidence.Desk(database=database, folder=content.folder(runtime))
    with as_file(files("agon.challenges") / "samples") as folder:
        for participant in sample["participants"]:
            if participant["name"] in PLAYERS:
                await demo.take_part(database, desk, number, participant, Path(folder))
    judged = "select count(*) = $2 from public.verdicts where challenge_id = $1"
    await local.until(judged, number, len(PLAYERS))


async def _settle(local: LocalStage, number: int) -> None:
    """Its time is over: our worker asks the network, which answers, and the outcome is set."""
    grace_s = local.work.runtime.settings["settle_grace_s"]
    await local.pass_time(LASTS_S + grace_s)
    await local.until(
        "select extract(epoch from agon.chain_time(agon.the_chain()))"
        " >= (timeline ->> 'end')::numeric + $2 from public.challenges where id = $1",
        number, grace_s,
    )  # fmt: skip
    await local.fetch("insert into agon.clock (reads_at) values (now() + interval '2 hours')")
    await chain_jobs.dispatch(local.work)
    await local.until("select task_id is not null from public.aivm_jobs")
    for who, as_worker in (("vera", True), ("viktor", False)):
        await local.send(who, "AIVM", "register", as_worker, not as_worker)
    commitment = await local.ask("AIVM", "commitmentOf", RESPONSE, SALT)
    await local.send("vera", "AIVM", "commit", 1, commitment)
    await local.send("vera", "AIVM", "reveal", 1, RESPONSE, SALT, "by the verdicts")
    task = await local.fetch("select task_id from public.aivm_jobs")
    await local.send("viktor", "AIVM", "attest", bytes.fromhex(task[2:]), RESPONSE, bytes(32), 1)
    await local.send("vera", "AIVM", "finalize", 1)
    await local.until("select status = 'finalized' from public.challenges where id = $1", number)


async def _pay_out(local: LocalStage, number: int, who: str, table: Table) -> int:
    """Claim what the simulation offers; what the balance grew by, in wei."""
    database, runtime = local.work.database, local.work.runtime
    actor, own = await demo.signed_in(local.work.database, who), wallet(who)
    offered = await claims.lifecycle(database, runtime, actor, number, own)
    before = await local.balance(own)
    gas = 0
    for each in offered["claimable"]:
        gas += await local.send(who, "ChallengePay", CALLS[each["claim_type"]], number)
    paid = await local.balance(own) - before + gas
    is_same = paid == sum(int(each["amount_wei"]) for each in offered["claimable"])
    types = ", ".join(each["claim_type"] for each in offered["claimable"])
    table.add_row(who, offered["stage"], types, ether(paid), _same(is_same))
    return paid


async def _verify(local: LocalStage, table: Table) -> None:
    """`agon verify` on verdicts and outcome."""
    kinds = local.work.runtime.result_kinds()
    rows = await local.fetch("select jsonb_agg(cid order by kind, cid) from agon.results")
    for cid in rows:
        data = await local.fetch("select bundle from agon.results where cid = $1", cid)
        found = results.verify(data, kinds, cid)
        table.add_row("", "", f"{cid[:18]}…", "agon verify", _same(found.ok))


def _same(it_is: bool) -> str:
    return "[green]same[/]" if it_is else "[red]differs[/]"
