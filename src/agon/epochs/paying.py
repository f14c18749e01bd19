"""Paying a settled day, and minting its edition: what is due becomes transactions that are meant.

Who is in a batch and its intent are one transaction, so a second run finds nothing that is due.
"""

from __future__ import annotations

from typing import Any

from agon.commons.chain import artifacts, calls
from agon.commons.people import wallets
from agon.epochs import payouts
from agon.kernel import logs
from agon.kernel.database import Database
from agon.kernel.jobs import Work

log = logs.get("agon.epochs")


async def run(work: Work, payload: dict[str, Any]) -> None:
    """The job `epochs.pay`: {epoch_id, number}. Refused: `wallet_malformed`, of the setting."""
    epoch_id, number = payload["epoch_id"], payload["number"]
    batches = await pay(work.database, epoch_id, number)
    named = work.runtime.settings["edition_recipient"]
    recipient = wallets.address(named) if named else None
    minted = await mint(work.database, epoch_id, number, recipient)
    log.info("epoch.paid", number=number, batches=batches, edition=minted)


async def pay(
    database: Database, epoch_id: str, number: int, receivers_max: int = payouts.RECEIVERS_MAX
) -> int:
    """Mean all payouts of a day that are in no batch; how many batches they make."""
    async with database.as_worker() as conn:
        await conn.execute("set local statement_timeout = '10min'")  # 100,000 payouts take 13 s
        due = await conn.fetch("select * from agon.due_payouts($1)", epoch_id)
        owed = [(row["recipient_address"], int(row["amount_wei"])) for row in due]
        batches = payouts.batches(owed, receivers_max)
        if batches:
            await conn.execute(
                "select agon.mean_payouts($1, $2, $3, $4)",
                epoch_id,
                [recipient for batch in batches for recipient in batch.recipients],
                [batch.number for batch in batches for _ in batch.recipients],
                [_push(number, batch) for batch in batches],
            )
    return len(batches)


def _push(number: int, batch: payouts.Batch) -> bytes:
    contract = artifacts.load("EpochPayout")
    return calls.encode(contract, "push", number, batch.number, batch.recipients, batch.wei)


async def mint(database: Database, epoch_id: str, number: int, recipient: str | None) -> bool:
    """Mean the edition of a day, if it is due and somebody is there to have it.

    recipient: an address in lower case; None for whoever is paid most.
    """
    async with database.as_worker() as conn:
        edition = await conn.fetchval("select agon.next_edition($1, $2)", epoch_id, recipient)
        if edition is None:
            return False
        await conn.execute(
            "select agon.mean_edition($1, $2, $3)",
            epoch_id,
            edition["recipient"],
            calls.encode(
                artifacts.load("Edition"), "mint", number, edition["recipient"], edition["uri"]
            ),
        )
    return True
