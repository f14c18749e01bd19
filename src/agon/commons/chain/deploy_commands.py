"""`agon chain deploy` and `agon chain keep`: which contracts are ours on a chain."""

from __future__ import annotations

import json
import re
from typing import Any

import typer
from rich.table import Column, Table

from agon.commons.chain import artifacts, deployment
from agon.kernel import commands
from agon.kernel.errors import refuse
from agon.kernel.jobs import Work
from agon.kernel.runtime import Runtime

WAIT_S = 600
WEI_MAX = 2**256 - 1
SETTLE_WITHIN_S_MAX = 365 * 24 * 3600
FIRST_CHALLENGE_MAX = 2**39
BPS_MAX = 10_000
"""The whole."""
ADDRESS = re.compile(r"0x[0-9a-f]{40}")
TERMS = deployment.Terms()


def deploy(
    admin: str = typer.Option("", help="Holds the admin roles; the signer, unless given."),
    base: str = typer.Option("", help="Where documents of tokens are: a URL that ends in a slash."),
    standins: bool = typer.Option(False, "--standins", help="The AIVM stand-in, too: for tests."),
    min_pot: int = typer.Option(
        TERMS.min_pot_wei, min=0, max=WEI_MAX, help="Wei that a challenge begins with."
    ),
    min_stake: int = typer.Option(
        TERMS.min_validator_stake_wei, min=1, max=WEI_MAX, help="Wei that a validator stakes."
    ),
    quorum: int = typer.Option(TERMS.quorum, min=1, max=50, help="Validators who decide."),
    fee_bps: int = typer.Option(
        TERMS.validator_fee_bps, min=0, max=BPS_MAX, help="Of the pot, for validators."
    ),
    cashback_bps: int = typer.Option(
        TERMS.cashback_bps, min=0, max=BPS_MAX, help="Of a loser's stake."
    ),
    settle_within_s: int = typer.Option(
        TERMS.settle_within_s,
        min=1,
        max=SETTLE_WITHIN_S_MAX,
        help="After a challenge's end, from when on anybody may call it off.",
    ),
    first_challenge: int = typer.Option(
        TERMS.first_challenge,
        min=TERMS.first_challenge,
        max=FIRST_CHALLENGE_MAX,
        help="Another number makes another ChallengePay, which counts from there.",
    ),
    wait_s: int = typer.Option(WAIT_S, min=1, help="How long to wait for the chain."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Deploy our contracts, each once, and have their logs read. What stands keeps its terms."""
    terms = deployment.Terms(
        min_pot_wei=min_pot,
        min_validator_stake_wei=min_stake,
        quorum=quorum,
        validator_fee_bps=fee_bps,
        cashback_bps=cashback_bps,
        settle_within_s=settle_within_s,
        first_challenge=first_challenge,
    )
    parties = deployment.Parties(admin=admin and _address(admin), base=base, terms=terms)
    plan = deployment.PLAN + (deployment.STANDINS if standins else ())
    _print(commands.run(_deploy(commands.begin(), parties, plan, wait_s)), as_json)


def keep(
    name: str = typer.Argument(help="The contract's name, such as AIVM."),
    address: str = typer.Argument(help="Where it stands."),
    from_block: int = typer.Option(..., "--from", min=0, help="The block that it was made in."),
    version: int = typer.Option(1, "--abi", min=1, help="Of its ABI."),
    replaces: bool = typer.Option(False, "--replace", help="Others of the name end there."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Have the logs of a contract read that stands already."""
    contract, place = artifacts.load(name, version), _address(address)
    _print([commands.run(_keep(commands.begin(), contract, place, from_block, replaces))], as_json)


async def _deploy(
    process: Runtime, parties: deployment.Parties, plan: tuple[deployment.Planned, ...], wait_s: int
) -> list[Any]:
    from agon.commons.chain import deploying, rpc

    async with rpc.connect(process) as node, process.database() as database:
        work = Work(database=database, runtime=process)
        return await deploying.deploy(work, node, parties, plan, wait_s)


async def _keep(
    process: Runtime, contract: artifacts.Artifact, address: str, from_block: int, replaces: bool
) -> Any:
    from agon.commons.chain import deploying, rpc

    start = process.settings["chain_start_block"]
    async with (
        rpc.connect(process) as node,
        process.database() as database,
        database.as_worker() as conn,
    ):
        chain_id = await node.chain_id()
        if await node.call("eth_getCode", address, "latest") == "0x":
            raise refuse(
                "contract_missing",
                f"No contract stands at {address} on chain {chain_id}.",
                hint="Check the address, and that AGON_RPC_URL is the right chain's.",
                status=409,
            )
        await conn.execute("select agon.open_chain($1, $2)", chain_id, start)
        return await deploying.keep(
            conn, chain_id, contract, address, from_block, replaces=replaces
        )


def _address(text: str) -> str:
    if not ADDRESS.fullmatch(text.lower()):
        raise refuse(
            "address_malformed", f"{text} is no address.", hint="Give 0x and 40 hex digits."
        )
    return text.lower()


def _print(rows: list[Any], as_json: bool) -> None:
    shown = [
        {"name": row["name"], "address": row["address"], "from_block": row["from_block"]}
        for row in rows
    ]
    if as_json:
        print(json.dumps(shown, indent=2))
        return
    table = Table("contract", Column("address", no_wrap=True), "from block", box=None)
    for each in shown:
        table.add_row(each["name"], each["address"], str(each["from_block"]))
    commands.out.print(table, soft_wrap=False)
