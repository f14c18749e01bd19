"""A pinning service: it is told a content id, and fetches the blocks from whoever provides them.

https://ipfs.github.io/pinning-services-api-spec/. It finds blocks on IPFS, so a Kubo node that
provides them (`kubo`) belongs beside it.
"""

from __future__ import annotations

import json
from typing import Any

from agon.commons.content.pinners import content as contents
from agon.commons.content.pinners.content import Content
from agon.kernel.config import Settings
from agon.kernel.jobs import Later
from agon.kernel.outbound import Answer, Client

URL = "ipfs_pinning_url"
TOKEN = "ipfs_pinning_token"
NAME = "The pinning service"
LIVE = "queued,pinning,pinned"


async def pin(client: Client, settings: Settings, content: Content) -> Later | None:
    """Ask for the pin, unless that was done; `Later` until the service has the blocks.

    What was asked for before is found by its content id, so that nothing is asked for twice.
    Raises Refused `pin_differs`, `pin_failed`, `outbound_*`.
    """
    url = f"{settings[URL].rstrip('/')}/pins"
    headers = {"Authorization": f"Bearer {settings[TOKEN] or ''}"}
    listed = await client.request(
        "GET",
        url,
        headers=headers,
        params={"cid": content.cid, "status": LIVE},
        limit_bytes=contents.ANSWER_BYTES_MAX,
    )
    pins = _part(listed, "results", list, 200)
    if pins:
        return _stand(content, listed, pins[0])
    asked = await client.request(
        "POST",
        url,
        headers={**headers, "Content-Type": "application/json"},
        body=json.dumps({"cid": content.cid, "name": content.cid}).encode(),
        limit_bytes=contents.ANSWER_BYTES_MAX,
    )
    _part(asked, "requestid", str, 202)
    return _stand(content, asked, asked.json())


def _stand(content: Content, answer: Answer, status: Any) -> Later | None:
    """None where a PinStatus says that the content is pinned."""
    pin = status.get("pin") if isinstance(status, dict) else None
    if not isinstance(pin, dict):
        raise contents.failed(NAME, answer)
    if pin.get("cid") != content.cid:
        raise contents.differs(content, pin.get("cid"), NAME)
    match status.get("status"):
        case "pinned":
            return None
        case "queued" | "pinning":
            return Later(why=f"[pin_waits] {NAME} looks for the blocks on IPFS.")
    raise contents.failed(NAME, answer)


def _part(answer: Answer, key: str, kind: type, status: int) -> Any:
    """A field of a good answer."""
    if answer.status != status:
        raise contents.failed(NAME, answer)
    document = answer.json()
    value = document.get(key) if isinstance(document, dict) else None
    if not isinstance(value, kind):
        raise contents.failed(NAME, answer)
    return value
