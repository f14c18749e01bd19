"""Fetching content that others hold: through a gateway, and believed only if its bytes make its id.

A gateway gives the file, and we cut and hash it as each profile that we know does. So every byte is
verified, and any gateway will do; a file that was cut in another way is not taken.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from agon.commons.content import files, forms, publishing
from agon.kernel import cid as cids
from agon.kernel.database import Database
from agon.kernel.errors import Refused, refuse
from agon.kernel.runtime import Runtime

UNKNOWN = "application/octet-stream"
"""What a file is that nobody has published here."""


async def fetch(
    database: Database, runtime: Runtime, cid: str, *, published_only: bool = False
) -> bytes:
    """The bytes of a content id: those that we hold, else the gateway's, which are then kept.

    published_only: for somebody who must not learn what else we hold. Keeping does not publish.
    Raises Refused `cid_malformed`, `content_missing` (404),
    `content_differs` (502), `content_too_large`, `gateway_failed` (502), `outbound_*`.
    """
    root = files.folder(runtime)
    url = runtime.settings["ipfs_gateway_url"]
    try:
        if published_only:
            async with database.as_worker() as conn:
                await publishing.show(conn, cid)
        return await asyncio.to_thread(_read, files.locate(root, cid))
    except Refused as refused:
        if refused.refusal.code != "content_missing":
            raise
        if url is None:
            raise refuse(
                "content_missing",
                f"{cid} is not held here.",
                hint="Set AGON_IPFS_GATEWAY_URL to fetch what others hold.",
                status=404,
            ) from refused
    data = await _ask(runtime, url, cid)
    profile = await asyncio.to_thread(_profile_of, data, cid)
    with files.arriving(root) as path:
        await asyncio.to_thread(path.write_bytes, data)
        file = await asyncio.to_thread(files.describe, path, profile)
        async with database.as_worker() as conn:
            await files.record(conn, file, UNKNOWN)
            await asyncio.to_thread(files.keep, root, path, file)
    return data


async def _ask(runtime: Runtime, url: str, cid: str) -> bytes:
    async with runtime.outbound(url) as client:
        answer = await client.request(
            "GET", f"{url.rstrip('/')}/ipfs/{cid}", limit_bytes=forms.CONTENT_BYTES_MAX
        )
    match answer.status:
        case 200:
            forms.check_size(answer.body)
            return answer.body
        case 404 | 410:
            raise refuse(
                "content_missing",
                f"Neither we nor the gateway hold {cid}.",
                hint="Somebody has to provide it on IPFS.",
                status=404,
            )
    raise refuse(
        "gateway_failed",
        "The gateway did not give the content.",
        details=f"status {answer.status}",
        hint="Try again later; if it lasts, check AGON_IPFS_GATEWAY_URL.",
        status=502,
    )


def _profile_of(data: bytes, cid: str) -> cids.Profile:
    """The profile by which these bytes have this id. Raises Refused `content_differs`."""
    for profile in files.PROFILES.values():
        if cids.of_bytes(data, profile) == cid:
            return profile
    raise refuse(
        "content_differs",
        f"The gateway's bytes are not those of {cid}.",
        details=f"{len(data)} bytes",
        hint=f"Or the file was cut by another profile than {', '.join(files.PROFILES)}.",
        status=502,
    )


def _read(path: Path) -> bytes:
    with path.open("rb") as stream:
        data = stream.read(forms.CONTENT_BYTES_MAX + 1)
    forms.check_size(data)
    return data
