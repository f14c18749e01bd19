"""A Safe as the signer: each intent is proposed to its owners, and followed until a transaction
with its nonce is final, theirs or another.

The Safe's nonce is what makes it happen once: of two proposals with the same nonce the Safe
executes one. The service only carries proposals; what was executed is read from our own node.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agon.commons.chain import attempts, proposals, signing
from agon.commons.chain.answers import header, quantity
from agon.commons.chain.outbox import Desk, try_move
from agon.commons.chain.proposals import Proposal
from agon.commons.chain.settling import Head
from agon.kernel import logs
from agon.kernel.errors import Refused, refuse

PROPOSED_MAX = 16
"""Proposals that wait for a Safe's owners at once."""
NONCE_CALL = "0xaffed0e0"  # nonce()

log = logs.get("agon.chain")

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Service:
    """A Safe transaction service. client: for calls to strangers; key: sent as Bearer, if any."""

    client: Any
    url: str
    key: str | None = None

    async def propose(self, safe: str, body: Mapping[str, Any]) -> None:
        """Hand in a proposal; one that is there already stays. Refused: `safe_refused`."""
        if await self.find(body["contractTransactionHash"]) is None:
            path = f"/api/v1/safes/{proposals.spelled(safe)}/multisig-transactions/"
            await self._ask("POST", path, body=json.dumps(body).encode())

    async def find(self, safe_tx_hash: str) -> Any:
        """A proposal as the service has it, None where it has none."""
        return await self._ask("GET", f"/api/v1/multisig-transactions/{safe_tx_hash}/")

    async def executed(self, safe: str, nonce: int) -> Sequence[Any]:
        """The proposals of a nonce that the service has seen executed."""
        path = f"/api/v1/safes/{proposals.spelled(safe)}/multisig-transactions/"
        found = await self._ask("GET", path, params={"nonce": str(nonce), "executed": "true"})
        return [] if found is None else found["results"]

    async def _ask(self, method: str, path: str, **given: Any) -> Any:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        url = self.url.rstrip("/") + path
        answer = await self.client.request(method, url, headers=headers, **given)
        if answer.status == 404 and method == "GET":
            return None
        if answer.status not in (200, 201):
            raise refuse(
                "safe_refused",
                f"The Safe's service answers {answer.status}.",
                details=answer.body[:300].decode("utf-8", "replace"),
                hint="The proposer must be an owner or a delegate of the Safe.",
                status=502,
            )
        return answer.json() if answer.body else None


async def propose(at: Desk, service: Service | None, signer: Row, queued: Sequence[Row]) -> None:
    """Sign and store proposals for what waits, under the Safe's next nonces."""
    if service is None:
        log.warning("safe.no_service", hint="Set AGON_SAFE_URL.", waiting=len(queued))
        return
    waiting = await at.conn.fetch("select * from agon.open_proposals($1)", at.chain_id)
    room = max(0, PROPOSED_MAX - len(waiting))
    oldest = min((row["intent_id"] for row in waiting), default=None)
    fit = await attempts.sort_out(at, signer["address"], queued[:room], oldest)
    proposer = await at.conn.fetchrow(
        "select * from agon.find_signer($1, $2)", at.chain_id, signer["proposer"]
    )
    nonce = max(signer["next_nonce"] or 0, await _nonce(at, signer["address"]))
    for intent, _gas in fit:
        if intent["to_address"] is None:
            await attempts.fail(at, intent, "a Safe deploys no contracts")
            continue
        proposal = Proposal(
            chain_id=at.chain_id, safe=signer["address"], to=intent["to_address"],
            data=intent["data"], value=int(intent["value_wei"]), nonce=nonce,
        )  # fmt: skip
        nonce += await _keep(at, intent, proposer, proposal)


async def follow(at: Desk, service: Service, head: Head) -> None:
    """Post what is not posted, and end what is executed for good."""
    used: dict[str, int] = {}
    for row in await at.conn.fetch("select * from agon.open_proposals($1)", at.chain_id):
        try:
            if row["posted_at"] is None:
                await service.propose(row["safe"], row["body"])
                await at.conn.execute("select agon.note_posted($1)", row["safe_tx_hash"])
            if row["safe"] not in used:
                used[row["safe"]] = await _nonce(at, row["safe"])
            if row["nonce"] < used[row["safe"]]:
                await _end(at, service, head, row)
        except Refused as refused:
            log.warning("safe.waits", key=row["key"], why=str(refused))


async def _keep(at: Desk, intent: Row, proposer: Row, proposal: Proposal) -> bool:
    """Whether it could be stored; where its purpose refuses, it waits and holds up no other."""
    digest = proposals.hash_of(proposal)
    signature = signing.sign_hash(
        at.privates, at.chain_id, proposer["address"], proposer["sealed_key"], digest
    )
    move = at.conn.execute(
        "select agon.keep_proposal($1, $2, $3, $4, $5)",
        intent["id"],
        proposal.safe,
        proposal.nonce,
        "0x" + digest.hex(),
        proposals.body(proposal, proposer["address"], signature),
    )
    why = await try_move(at, move, intent["key"])
    if why:
        await attempts.hold(at, intent, why)
    return why is None


async def _end(at: Desk, service: Service, head: Head, row: Row) -> None:
    """The nonce is used: by this proposal, or by another one, once that is final."""
    mine = await service.find(row["safe_tx_hash"])
    others = await service.executed(row["safe"], row["nonce"])
    for told in ([mine] if mine else []) + list(others):
        if not told.get("transactionHash"):
            continue
        name = told["safeTxHash"].lower()
        seen = await _outcome(at, head, row["safe"], name, told["transactionHash"])
        if seen is None:
            continue
        block, succeeded = seen
        error = None if succeeded else "the Safe's call failed when it was executed"
        if name != row["safe_tx_hash"]:
            error = "the Safe's owners executed another transaction with this nonce"
        move = at.conn.execute(
            "select agon.settle_proposal($1, $2, $3, $4)",
            row["intent_id"],
            told["transactionHash"].lower(),
            block,
            error,
        )
        if await try_move(at, move, row["key"]) is None:
            log.info("intent.ended", intent=row["key"], error=error)
        return


async def _outcome(
    at: Desk, head: Head, safe: str, safe_tx_hash: str, tx_hash: str
) -> tuple[int, bool] | None:
    """The block, and whether the call succeeded, where our node has it final; else None."""
    receipt = await at.node.call("eth_getTransactionReceipt", tx_hash)
    if receipt is None or quantity(receipt["blockNumber"]) > head.number - at.confirmations:
        return None
    block = header(await at.node.call("eth_getBlockByNumber", receipt["blockNumber"], False))
    succeeded = proposals.outcome(safe, safe_tx_hash, receipt["logs"])
    if block is None or block.hash != receipt["blockHash"] or succeeded is None:
        return None
    return block.number, succeeded


async def _nonce(at: Desk, safe: str) -> int:
    """The nonce that the Safe executes next."""
    return _number(await at.node.call("eth_call", {"to": safe, "data": NONCE_CALL}, "latest"))


def _number(text: Any) -> int:
    """A number in a word of call data. Raises Refused `safe_unknown`: an empty answer is that of an
    address without a contract."""
    if not isinstance(text, str) or len(text) != 2 + 64:
        raise refuse("safe_unknown", "There is no Safe at this address.", hint="Check the signer.")
    return int(text, 16)
