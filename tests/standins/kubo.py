"""IPFS as content speaks to it: a Kubo node's RPC, a pinning service, and a gateway, in one."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from agon.kernel import cid as cids
from tests.standins.server import Standin, serve

TOKEN = "pinning-token"


@dataclass(kw_only=True)
class Ipfs:
    """The running parties. held: files by content id; pins: what the service was asked for, the
    oldest first, as PinStatus; profile: None cuts as it is asked to, another always so."""

    party: Standin
    held: dict[str, bytes] = field(default_factory=dict)
    pins: list[dict] = field(default_factory=list)
    profile: cids.Profile | None = None

    async def add(self, request: web.Request) -> web.Response:
        """/api/v0/add, for one file."""
        query = request.query
        name, data = _file_in(request.headers["Content-Type"], await request.read())
        asked = cids.Profile(
            name="asked",
            chunk_bytes=int(query.get("chunker", "size-262144").removeprefix("size-")),
            links_max=int(query.get("max-file-links", "174")),
        )
        if (query.get("cid-version"), query.get("raw-leaves")) != ("1", "true"):
            return web.json_response({"Message": "not spoken here", "Code": 0}, status=500)
        cid = cids.of_bytes(data, self.profile or asked)
        self.held[cid] = data
        said = {"Name": name, "Hash": cid, "Size": str(cids.dag_bytes(len(data), asked))}
        return web.json_response(said)

    async def list_pins(self, request: web.Request) -> web.Response:
        """GET /pins: the newest first."""
        if refused := _stranger(request):
            return refused
        wanted = request.query.get("status", "pinned").split(",")
        found = [
            pin
            for pin in reversed(self.pins)
            if pin["status"] in wanted and pin["pin"]["cid"] in request.query["cid"].split(",")
        ]
        return web.json_response({"count": len(found), "results": found[:10]})

    async def add_pin(self, request: web.Request) -> web.Response:
        """POST /pins: it has the blocks if the node above has."""
        if refused := _stranger(request):
            return refused
        pin = await request.json()
        status = {
            "requestid": f"request-{len(self.pins)}",
            "status": "pinned" if pin["cid"] in self.held else "queued",
            "created": "2026-01-01T00:00:00Z",
            "pin": pin,
            "delegates": ["/dnsaddr/pin.example"],
        }
        self.pins.append(status)
        return web.json_response(status, status=202)

    async def gateway(self, request: web.Request) -> web.Response:
        """/ipfs/{cid}, the whole file."""
        data = self.held.get(request.match_info["cid"])
        if data is None:
            return web.Response(status=404, text="ipld: could not find node")
        return web.Response(body=data, content_type="application/octet-stream")


@asynccontextmanager
async def standin(profile: cids.Profile | None = None) -> AsyncIterator[Ipfs]:
    running = Ipfs(party=None, profile=profile)  # type: ignore[arg-type]
    async with serve(
        {
            "POST /api/v0/add": running.add,
            "GET /pins": running.list_pins,
            "POST /pins": running.add_pin,
            "GET /ipfs/{cid}": running.gateway,
        }
    ) as party:
        running.party = party
        yield running


def _file_in(kind: str, body: bytes) -> tuple[str, bytes]:
    """Name and bytes of the one file of a form (the stand-in's server has read the body)."""
    boundary = kind.removeprefix("multipart/form-data; boundary=").encode()
    head, _, rest = body.removeprefix(b"--" + boundary + b"\r\n").partition(b"\r\n\r\n")
    end = b"\r\n--" + boundary + b"--\r\n"
    assert rest.endswith(end) and rest.count(boundary) == 1
    disposition = head.decode().split("\r\n")[0]
    found = re.fullmatch(
        'Content-Disposition: form-data; name="file"; filename="(.+)"', disposition
    )
    return found[1], rest.removesuffix(end)


def _stranger(request: web.Request) -> web.Response | None:
    if request.headers.get("Authorization") == f"Bearer {TOKEN}":
        return None
    error = {"error": {"reason": "UNAUTHORIZED", "details": "Access token is missing or invalid"}}
    return web.json_response(error, status=401)
