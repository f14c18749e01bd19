"""A Safe transaction service, as far as we use it: proposals come in, are found, and are executed
when a test says so. https://docs.safe.global/core-api/transaction-service-reference
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from eth_account import Account
from eth_utils import is_checksum_address

from tests.standins.server import Standin, serve

REQUIRED = ("to", "value", "operation", "safeTxGas", "baseGas", "gasPrice", "nonce",
            "contractTransactionHash", "sender", "signature")  # fmt: skip


@dataclass(kw_only=True)
class SafeService:
    """owners: in lower case, who may propose; held: by their hash."""

    standin: Standin
    owners: set[str] = field(default_factory=set)
    held: dict[str, dict[str, Any]] = field(default_factory=dict)

    def execute(self, safe_tx_hash: str, tx_hash: str, *, succeeded: bool = True) -> None:
        """The owners signed it, and it was mined in this transaction."""
        self.held[safe_tx_hash] |= {
            "isExecuted": True, "isSuccessful": succeeded, "transactionHash": tx_hash,
        }  # fmt: skip

    def replace(self, safe: str, nonce: int, safe_tx_hash: str, tx_hash: str) -> None:
        """The owners executed a transaction of their own with this nonce."""
        self.held[safe_tx_hash] = {"safe": safe, "nonce": nonce, "safeTxHash": safe_tx_hash}
        self.execute(safe_tx_hash, tx_hash)


@asynccontextmanager
async def standin() -> AsyncIterator[SafeService]:
    """A service that knows no Safe's owners yet."""

    async def take(request: web.Request) -> web.Response:
        safe, asked = request.match_info["safe"], json.loads(await request.read())
        if wrong := _mistakes(service, safe, asked):
            return web.json_response({"nonFieldErrors": wrong}, status=422)
        name = asked["contractTransactionHash"]
        known = {"isExecuted": False, "isSuccessful": None, "transactionHash": None}
        service.held[name] = {**asked, "safe": safe, "safeTxHash": name, **known}
        return web.Response(status=201)

    async def show(request: web.Request) -> web.Response:
        found = service.held.get(request.match_info["hash"])
        if found is None:
            return web.json_response({"detail": "No MultisigTransaction matches"}, status=404)
        return web.json_response(found)

    async def enumerate_(request: web.Request) -> web.Response:
        found = [
            each for each in service.held.values()
            if each["safe"].lower() == request.match_info["safe"].lower()
            and str(each["nonce"]) == request.query["nonce"]
            and each.get("isExecuted") == (request.query["executed"] == "true")
        ]  # fmt: skip
        return web.json_response({"count": len(found), "results": found})

    routes = {
        "POST /api/v1/safes/{safe}/multisig-transactions/": take,
        "GET /api/v1/safes/{safe}/multisig-transactions/": enumerate_,
        "GET /api/v1/multisig-transactions/{hash}/": show,
    }
    async with serve(routes) as running:
        service = SafeService(standin=running)
        yield service


def _mistakes(service: SafeService, safe: str, asked: dict[str, Any]) -> list[str]:
    missing = [name for name in REQUIRED if name not in asked]
    if missing:
        return [f"{name}: this field is required" for name in missing]
    if not all(map(is_checksum_address, (safe, asked["to"], asked["sender"]))):
        return ["Address is not checksummed"]
    digest = bytes.fromhex(asked["contractTransactionHash"][2:])
    signer = Account._recover_hash(digest, signature=asked["signature"])
    if signer != asked["sender"] or signer.lower() not in service.owners:
        return [f"Sender={asked['sender']} is not an owner or delegate"]
    return []
