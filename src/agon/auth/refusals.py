"""Refusals in the shape that Supabase's auth clients read.

With `X-Supabase-Api-Version: 2024-01-01`, which every current client sends and which is echoed:
`{"code": "invalid_credentials", "message": "…"}`. Without it, as before that version:
`{"code": 400, "error_code": "invalid_credentials", "msg": "…"}`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from agon.kernel.database import refusal_of
from agon.kernel.errors import Refusal, Refused, retry_after_s

VERSION_HEADER = "X-Supabase-Api-Version"
VERSION = "2024-01-01"

# What the rest of the house says -> what auth clients know.
_RENAMED = {
    "PGRST301": ("bad_jwt", 403),
    "PGRST303": ("bad_jwt", 403),
    "sign_in_first": ("no_authorization", 401),
    "body_malformed": ("bad_json", 400),
    "body_too_large": ("validation_failed", 413),
}


class AuthRoute(APIRoute):
    """A route whose refusals have the auth clients' shape, and which echoes the API's version."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answering(request: Request) -> Response:
            try:
                response = await handle(request)
            except Refused as refused:
                response = answer(request, refused.refusal)
            except RequestValidationError as error:
                parts = [f"{part['loc'][-1]}: {part['msg']}" for part in error.errors()]
                response = answer(
                    request, Refusal(code="validation_failed", message="; ".join(parts))
                )
            except Exception as error:
                refusal = of_data(error)
                if refusal is None:
                    raise
                response = answer(request, refusal)
            if VERSION_HEADER in request.headers:
                response.headers[VERSION_HEADER] = VERSION
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        return answering


def answer(request: Request, refusal: Refusal) -> Response:
    """A refusal as the client that asks can read it."""
    refusal = renamed(refusal)
    if VERSION_HEADER in request.headers:
        body: dict[str, Any] = {"code": refusal.code, "message": refusal.message}
    else:
        body = {"code": refusal.status, "error_code": refusal.code, "msg": refusal.message}
    if refusal.code == "weak_password":
        body["weak_password"] = {"reasons": (refusal.details or "").split(",")}
    response = Response(json.dumps(body), refusal.status, media_type="application/json")
    if refusal.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    wait_s = retry_after_s(refusal)
    if wait_s is not None:
        response.headers["Retry-After"] = str(wait_s)
    return response


def renamed(refusal: Refusal) -> Refusal:
    """A refusal with the code and status that auth clients know."""
    if refusal.code in _RENAMED:
        code, status = _RENAMED[refusal.code]
        message = f"invalid JWT: {refusal.message}" if code == "bad_jwt" else refusal.message
        return replace(refusal, code=code, status=status, message=message)
    return refusal


def validation_failed(message: str) -> Refused:
    """What a client has sent wrong."""
    return Refused(Refusal(code="validation_failed", message=message))


def granted(outcome: Any) -> Any:
    """An outcome that is no refusal; the transaction that found it is over. Raises Refused."""
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
    return outcome


def of_data(error: Exception) -> Refusal | None:
    """A value that Postgres would not take (class 22 or 23) is the sender's mistake; None for any
    other error."""
    sqlstate = getattr(error, "sqlstate", None) or ""
    if sqlstate[:2] not in ("22", "23"):
        return None
    refusal = refusal_of(error)  # type: ignore[arg-type]
    return replace(refusal, code="validation_failed", status=400)
