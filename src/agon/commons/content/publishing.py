"""Publishing: bytes become a file that everybody may read by its content id, for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agon.commons.content import files, forms
from agon.kernel import cid as cids
from agon.kernel.database import Conn


async def publish(
    conn: Conn,
    root: Path,
    data: bytes,
    media_type: str,
    profile: cids.Profile = cids.UNIXFS_V1_2025,
) -> str:
    """Publish bytes in the caller's transaction, as the engine; their content id.

    root: the content folder. The same bytes twice are one file. Its pinning is queued with it.
    A transaction that is rolled back leaves the bytes in the folder, without a row, so nobody sees
    them. Raises what `forms.check` refuses.
    """
    forms.check(data, media_type)
    file = await asyncio.to_thread(_keep, root, data, profile)
    await conn.execute(
        "select agon.publish_file($1, $2, $3, $4, $5)",
        file.cid,
        file.sha256,
        file.bytes,
        media_type,
        file.profile,
    )
    return file.cid


async def hold(conn: Conn, root: Path, data: bytes, media_type: str) -> str:
    """Check bytes and keep them to ourselves, in the caller's transaction; their content id.

    `agon.publish_held_file` publishes them later, where an act decides it. Raises what
    `forms.check` refuses.
    """
    await asyncio.to_thread(forms.check, data, media_type)
    file = await asyncio.to_thread(_keep, root, data, cids.UNIXFS_V1_2025)
    await files.record(conn, file, media_type)
    return file.cid


async def show(conn: Conn, cid: str) -> Mapping[str, Any]:
    """The row of a published file. Raises Refused `cid_malformed`, `content_missing` (404)."""
    cids.parse(cid)
    return await conn.fetchrow("select cid, media_type, bytes from agon.show_file($1)", cid)


def _keep(root: Path, data: bytes, profile: cids.Profile) -> files.File:
    with files.arriving(root) as path:
        path.write_bytes(data)
        file = files.describe(path, profile)
        files.keep(root, path, file)
    return file
