"""Deploying the plan through the outbox, and keeping what stands: a second run makes nothing anew.

Where no worker sends, this process does so meanwhile; killed at any point, it goes on where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agon.commons.chain import artifacts, errands, intents, rpc
from agon.commons.chain.deployment import Parties, Planned, Step, key_of, steps
from agon.kernel.database import Conn
from agon.kernel.errors import refuse
from agon.kernel.jobs import Work

PURPOSE = "chain.deploy"


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where something is deployed, by whom, and what."""

    work: Work
    node: rpc.Node
    chain_id: int
    parties: Parties
    plan: Sequence[Planned]


async def deploy(
    work: Work, node: rpc.Node, parties: Parties, plan: Sequence[Planned], wait_s: float
) -> list[Mapping[str, Any]]:
    """The plan's contracts, as they are kept. Those that are not there yet are made first.

    parties: without a signer, it is the active one; without an admin, the signer. Refused:
    `signer_missing`, `deployment_reverts`, `deployment_failed`, `intent_differs` (it was begun with
    other arguments), `deployment_unfinished` after wait_s.
    """
    async with errands.somebody_sends(work) as sender:
        site = await _survey(work, node, parties, plan)
        await _begin_again(site)
        kept: dict[str, Mapping[str, Any]] = {}
        try:
            async with asyncio.timeout(wait_s):
                while not await _go_on(site, kept):
                    if sender.done():
                        sender.result()
                    await asyncio.sleep(errands.POLL_S)
        except TimeoutError as error:
            raise _unfinished(plan, kept) from error
        await _read_from_the_start(site, kept)
    return [kept[each.name] for each in plan]


async def keep(
    conn: Conn, chain_id: int, contract: artifacts.Artifact, address: str, from_block: int,
    *, replaces: bool = False,
) -> Mapping[str, Any]:  # fmt: skip
    """Have the logs of a contract read, from a block on. replaces: no other of its name then is."""
    return await conn.fetchrow(
        "select * from agon.keep_contract($1, $2, $3, $4, $5, $6)",
        chain_id, contract.name, contract.version, address, from_block, replaces,
    )  # fmt: skip


async def _survey(work: Work, node: rpc.Node, parties: Parties, plan: Sequence[Planned]) -> Site:
    chain_id = await node.chain_id()
    start = work.runtime.settings["chain_start_block"]
    async with work.database.as_worker() as conn:
        await conn.execute("select agon.open_chain($1, $2)", chain_id, start)
        found = await conn.fetchrow("select * from agon.find_signer($1)", chain_id)
    if found["kind"] != "key":
        raise refuse(
            "signer_missing",
            f"Nobody who could deploy signs on chain {chain_id}.",
            hint="`agon chain signer add` takes a key; a Safe does not make contracts.",
            status=409,
        )
    signer = found["address"]
    own = replace(parties, signer=signer, admin=parties.admin or signer)
    return Site(work=work, node=node, chain_id=chain_id, parties=own, plan=plan)


async def _begin_again(site: Site) -> None:
    """What an earlier run saw fail is sent once more."""
    async with site.work.database.as_worker() as conn:
        for planned in site.plan:
            intent = await intents.find(conn, site.chain_id, key_of(planned, site.parties.terms))
            if intent and intent["status"] == "failed":
                await conn.execute("select agon.mean_again($1)", intent["id"])


async def _go_on(site: Site, kept: dict[str, Mapping[str, Any]]) -> bool:
    """Keep what stands by now, and mean what can be made next. Whether all stands."""
    async with site.work.database.as_worker() as conn:
        for planned in site.plan:
            if planned.name not in kept and (row := await _standing(site, conn, planned)):
                kept[planned.name] = row
    known = {name: row["address"] for name, row in kept.items()}
    for step in steps(site.plan, known, site.parties):
        await _mean(site, step)
    return len(kept) == len(site.plan)


async def _standing(site: Site, conn: Conn, planned: Planned) -> Mapping[str, Any] | None:
    """The contract as it is kept, if its transaction is final."""
    intent = await intents.find(conn, site.chain_id, key_of(planned, site.parties.terms))
    if intent is None or intent["status"] not in ("confirmed", "failed"):
        return None
    if intent["status"] == "failed":
        raise refuse(
            "deployment_failed",
            f"{planned.name} was not made.",
            details=intent["error"],
            hint="Run the command again to send it once more.",
            status=409,
        )
    contract = artifacts.load(planned.name, planned.version)
    address, block = intent["created_address"], intent["settled_block"]
    return await keep(conn, site.chain_id, contract, address, block)


async def _read_from_the_start(site: Site, kept: Mapping[str, Mapping[str, Any]]) -> None:
    """The index may have passed the blocks that they were made in before we knew of them."""
    missed = [row["from_block"] for row in kept.values() if row["read_from"] > row["from_block"]]
    if missed:
        async with site.work.database.as_worker() as conn:
            await conn.execute("select agon.reindex_chain($1, $2)", site.chain_id, min(missed))


async def _mean(site: Site, step: Step) -> None:
    async with site.work.database.as_worker() as conn:
        is_meant = await intents.find(conn, site.chain_id, step.key)
    if not is_meant:
        await _try(site, step)
    async with site.work.database.as_worker() as conn:
        await intents.mean(
            conn, chain_id=site.chain_id, key=step.key, purpose=PURPOSE, to=None, data=step.data,
            payload={"contract": step.name, "version": step.version},
        )  # fmt: skip


async def _try(site: Site, step: Step) -> None:
    """What the chain would refuse is told now: once it was meant, its key would stay with it."""
    fields = {"from": site.parties.signer, "data": "0x" + step.data.hex()}
    contract = artifacts.load(step.name, step.version)
    if why := await errands.objection(site.node, contract, fields):
        raise refuse(
            "deployment_reverts",
            f"The chain would refuse {step.name}.",
            details=why,
            hint="Correct the terms and run the command again; this one was not sent, and what "
            "stands already stays.",
        )


def _unfinished(plan: Sequence[Planned], kept: Mapping[str, Any]) -> Exception:
    waiting = [each.name for each in plan if each.name not in kept]
    return refuse(
        "deployment_unfinished",
        f"{len(kept)} of {len(plan)} contracts stand; not yet: {', '.join(waiting)}.",
        hint="They are meant, and are sent by any worker. Run the command again to go on; "
        "AGON_CHAIN_CONFIRMATIONS says how many blocks must lie on top of them.",
        status=503,
    )
