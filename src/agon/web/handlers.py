"""What handlers lean on: the caller, the database, and a body within bounds."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import Depends, Path, Request
from starlette.types import Message

from agon.kernel.database import Actor, Database
from agon.kernel.errors import Refused, refuse
from agon.kernel.runtime import Runtime
from agon.web.actor import actor_of
from agon.web.errors import SIGN_IN_FIRST

JSON_BODY_BYTES_MAX = 1024 * 1024
ROW_ID_MAX = 2**63 - 1
"""Postgres's bigint."""


def database_of(request: Request) -> Database:
    """The pools of this server."""
    return request.app.state.database


def runtime_of(request: Request) -> Runtime:
    """The process that serves."""
    return request.app.state.runtime


async def signed_in(actor: Annotated[Actor, Depends(actor_of)]) -> Actor:
    """The caller, where reading the body costs too much to do it for everybody. Raises Refused
    `sign_in_first`."""
    if actor.role == "anon":
        raise Refused(SIGN_IN_FIRST)
    return actor


Caller = Annotated[Actor, Depends(actor_of)]
SignedIn = Annotated[Actor, Depends(signed_in)]
Pools = Annotated[Database, Depends(database_of)]
Process = Annotated[Runtime, Depends(runtime_of)]
RowId = Annotated[int, Path(ge=0, le=ROW_ID_MAX)]


async def json_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object. Raises Refused `body_malformed`, `body_too_large`."""
    data = bytearray()
    async for block in request.stream():
        data += block
        if len(data) > JSON_BODY_BYTES_MAX:
            raise refuse(
                "body_too_large",
                f"A JSON body is at most {JSON_BODY_BYTES_MAX} bytes.",
                hint="Send larger evidence as multipart/form-data.",
                status=413,
            )
    try:
        body = json.loads(bytes(data))
    except (ValueError, RecursionError) as error:
        raise refuse("body_malformed", "The body is not JSON.", details=str(error)) from error
    if not isinstance(body, dict):
        raise refuse("body_malformed", "The body is not a JSON object.")
    return body


def bounded(request: Request, bytes_max: int, too_large: Refused) -> Request:
    """The request, refused as soon as more of it has come than bytes_max."""
    come = 0

    async def receive() -> Message:
        nonlocal come
        message = await request.receive()
        come += len(message.get("body", b""))
        if come > bytes_max:
            raise too_large
        return message

    return Request(request.scope, receive)


JsonObject = Annotated[dict[str, Any], Depends(json_object)]
