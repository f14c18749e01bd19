"""A Kubo node, over its RPC: it gets the bytes, cuts them as we did, and pins them.

https://docs.ipfs.tech/reference/kubo/rpc/#api-v0-add. Adding the same file again changes nothing.
"""

from __future__ import annotations

import asyncio
import json
import secrets

from agon.commons.content.pinners import content as contents
from agon.commons.content.pinners.content import Content
from agon.kernel.config import Settings
from agon.kernel.outbound import Answer, Client

URL = "ipfs_api_url"
NAME = "The Kubo node"


async def pin(client: Client, settings: Settings, content: Content) -> None:
    """Add and pin the file. Raises Refused `pin_differs`, `pin_failed`, `outbound_*`."""
    boundary = secrets.token_hex(16)
    answer = await client.request(
        "POST",
        f"{settings[URL].rstrip('/')}/api/v0/add",
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
        params={
            "cid-version": "1",
            "raw-leaves": "true",
            "chunker": f"size-{content.profile.chunk_bytes}",
            "max-file-links": str(content.profile.links_max),
            "pin": "true",
            "progress": "false",
        },
        body=_form(await asyncio.to_thread(content.path.read_bytes), boundary),
        limit_bytes=contents.ANSWER_BYTES_MAX,
    )
    if answer.status != 200:
        raise contents.failed(NAME, answer)
    theirs = _hash_in(answer)
    if theirs != content.cid:
        raise contents.differs(content, theirs, NAME)


def _form(data: bytes, boundary: str) -> bytes:
    """multipart/form-data (RFC 7578) with one file."""
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return head.encode() + data + f"\r\n--{boundary}--\r\n".encode()


def _hash_in(answer: Answer) -> str:
    """The content id in the one object that is answered for one file."""
    try:
        document = json.loads(answer.body)
    except ValueError as error:
        raise contents.failed(NAME, answer) from error
    if not isinstance(document, dict) or not isinstance(document.get("Hash"), str):
        raise contents.failed(NAME, answer)
    return document["Hash"]
