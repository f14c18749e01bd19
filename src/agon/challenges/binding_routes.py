"""Identity bindings over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from agon.challenges import bindings, bodies
from agon.challenges.platforms import steam
from agon.challenges.subjects import subject_of
from agon.commons.people import wallets
from agon.web.handlers import Caller, JsonObject, Pools, Process

router = APIRouter(prefix="/api", tags=["bindings"])


@router.get("/auth/steam")
async def start_steam(
    subject: str, caller: Caller, pools: Pools, process: Process
) -> dict[str, Any]:
    """Begin to bind a Steam account to one of the caller's wallets: `authorize_url` is where to
    send the person."""
    async with pools.as_worker(caller) as conn:
        return await bindings.start_steam(conn, process, wallets.address(subject))


@router.get("/auth/steam/return")
async def read_steam(
    request: Request, wallet: str, nonce: str, caller: Caller, pools: Pools, process: Process
) -> dict[str, Any]:
    """Where Steam sends people back to: the `message` that the wallet signs next, and the fields
    to send along with it."""
    answer = steam.fields_of(request.query_params)
    async with pools.as_caller(caller) as conn:
        return await bindings.read_steam(conn, process, wallets.address(wallet), nonce, answer)


@router.post("/auth/steam/return", status_code=201, openapi_extra=bodies.STEAM_RETURN)
async def finish_steam(
    caller: Caller, pools: Pools, process: Process, body: JsonObject
) -> dict[str, Any]:
    """Bind the Steam account, once Steam has confirmed its answer."""
    async with process.outbound() as client:
        return await bindings.finish_steam(pools, client, process, caller, body)


@router.get("/bindings")
async def list_bindings(subject: str, caller: Caller, pools: Pools) -> list[dict[str, Any]]:
    """The bindings of one of the caller's wallets."""
    async with pools.as_caller(caller) as conn:
        return await bindings.list_bound(conn, wallets.address(subject))


@router.post("/bindings/start", openapi_extra=bodies.BINDING_START)
async def start_countersigned(
    caller: Caller, pools: Pools, process: Process, body: JsonObject
) -> dict[str, Any]:
    """Begin to bind a Riot or Epic account: the `message` that the wallet signs, and the text to
    `countersign` for an operator."""
    async with pools.as_worker(caller) as conn:
        wallet = subject_of(body)
        return await bindings.start_countersigned(conn, process, wallet, body)


@router.post("/bindings", status_code=201, openapi_extra=bodies.BINDING)
async def finish_countersigned(
    caller: Caller, pools: Pools, process: Process, body: JsonObject
) -> dict[str, Any]:
    """Bind a Riot or Epic account that wallet and operator have signed for."""
    async with pools.as_worker(caller) as conn:
        return await bindings.finish_countersigned(conn, process, body)


@router.delete("/bindings")
async def unbind(subject: str, platform: str, caller: Caller, pools: Pools) -> dict[str, bool]:
    """Take an account from one of the caller's wallets."""
    async with pools.as_worker(caller) as conn:
        return {"removed": await bindings.unbind(conn, wallets.address(subject), platform)}
