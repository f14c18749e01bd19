"""Errors as responses: code, message, details, hint, with the status that they carry."""

from __future__ import annotations

import json

import asyncpg
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from agon.kernel import logs
from agon.kernel.database import refusal_of
from agon.kernel.errors import Refusal, Refused, retry_after_s, value_malformed

INSUFFICIENT_PRIVILEGE = "42501"
SIGN_IN_FIRST = Refusal(
    code="sign_in_first",
    message="This needs a signed-in user.",
    hint="Send Authorization: Bearer <token>; `agon token` mints one for local use.",
    status=401,
)
"""What agon.require_wallet says, too."""

TEXT_OR_NULL = {"type": ["string", "null"]}
ERROR_RESPONSE = {
    "description": "A refusal: a stable code, and what to do about it.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["code", "message", "details", "hint"],
                "properties": {
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                    "details": TEXT_OR_NULL,
                    "hint": TEXT_OR_NULL,
                },
            }
        }
    },
}
"""Every path's errors, in OpenAPI."""

log = logs.get("agon.web")


def answer(refusal: Refusal) -> Response:
    """A refusal as PostgREST's clients know it."""
    headers = {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else {}
    if (wait_s := retry_after_s(refusal)) is not None:
        headers["Retry-After"] = str(wait_s)
    # In ASCII: a refusal may quote half of a surrogate pair, which UTF-8 cannot carry.
    return Response(
        json.dumps(refusal.as_json()), refusal.status, headers, media_type="application/json"
    )


def install(app: FastAPI) -> None:
    """Let handlers raise: what they raise becomes an answer here.

    Call it before routers are included: they inherit the documented error.
    """
    app.router.responses = {**app.router.responses, "default": ERROR_RESPONSE}
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(asyncpg.PostgresError, _postgres)
    for lost in (asyncpg.InterfaceError, asyncpg.InternalClientError, ConnectionError):
        app.add_exception_handler(lost, _unreachable)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _surprise)


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return answer(error.refusal)


async def _postgres(request: Request, error: Exception) -> Response:
    assert isinstance(error, asyncpg.PostgresError)
    refusal = refusal_of(error)
    if refusal.code == INSUFFICIENT_PRIVILEGE and "authorization" not in request.headers:
        return answer(SIGN_IN_FIRST)
    if refusal.status >= 500:
        log.error("request.failed", path=request.url.path, sqlstate=refusal.code, error=str(error))
    return answer(refusal)


async def _unreachable(request: Request, error: Exception) -> Response:
    if isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):
        # asyncpg could not encode an argument; the database was never asked.
        log.warning("request.argument_malformed", path=request.url.path, error=str(error))
        return answer(value_malformed())
    log.error("request.failed", path=request.url.path, error=f"{type(error).__name__}: {error}")
    return answer(
        Refusal(
            code="database_unreachable",
            message="The database does not answer right now.",
            hint="Try again in a moment; what was answered before is stored.",
            status=503,
        )
    )


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    lines = [f"/{'/'.join(map(str, part['loc']))}: {part['msg']}" for part in error.errors()]
    return answer(
        Refusal(
            code="request_invalid",
            message="The request does not have the form that this path takes.",
            details="\n".join(lines),
            hint="/docs shows the form of each path.",
            status=422,
        )
    )


async def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "path_unknown", 405: "method_not_allowed"}.get(error.status_code, "http_error")
    return answer(
        Refusal(
            code=code,
            message=str(error.detail),
            hint="/docs lists the paths.",
            status=error.status_code,
        )
    )


async def _surprise(request: Request, error: Exception) -> Response:
    log.error("request.failed", path=request.url.path, exc_info=error)
    return answer(
        Refusal(
            code="internal_error",
            message="Something went wrong here; it is in the log.",
            status=500,
        )
    )
