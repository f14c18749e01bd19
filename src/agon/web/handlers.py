"""What handlers lean on: the caller, the database, and a body within bounds."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import Depends, Request

from agon.kernel.database import Actor, Database
from agon.kernel.errors import refuse
from agon.kernel.runtime import Runtime
from agon.web.actor import actor_of

JSON_BODY_BYTES_MAX = 1024 * 1024


def database_of(request: Request) -> Database:
    """The pools of this server."""
    return request.app.state.database


def runtime_of(request: Request) -> Runtime:
    """The process that serves."""
    return request.app.state.runtime


Caller = Annotated[Actor, Depends(actor_of)]
Pools = Annotated[Database, Depends(database_of)]
Process = Annotated[Runtime, Depends(runtime_of)]


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


JsonObject = Annotated[dict[str, Any], Depends(json_object)]
