"""Notifications over HTTP: told, listed, and marked as read."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from agon.kernel.errors import refuse
from agon.web.handlers import Caller, JsonObject, Pools

router = APIRouter(prefix="/api/v1/notifications", tags=["notifications"])

LISTED_MAX = 100
MARKED_MAX = 1000

_WALLET = {"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"}
_TEXT_OR_NULL = {"type": ["string", "null"]}
_ID = {"type": "string", "format": "uuid"}
_ALL = {"description": "Mark every notification of the wallet."}


def _takes(required: tuple[str, ...], properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    schema = {"type": "object", "required": list(required), "properties": properties, **more}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


NOTIFICATION = _takes(
    ("wallet", "type", "title"),
    {
        "wallet": _WALLET,
        "type": {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,63}$"},
        "title": {"type": "string", "maxLength": 200},
        "body": {**_TEXT_OR_NULL, "maxLength": 2000},
        "data": {"type": "object", "description": "challengeId, inviteId, deepLink, and others."},
        "key": {**_TEXT_OR_NULL, "description": "The wallet is told once for a type and key."},
    },
)
MARKING = _takes(
    ("wallet",),
    {
        "wallet": _WALLET,
        "ids": {"type": "array", "items": _ID, "maxItems": MARKED_MAX},
        "all": {"const": True, **_ALL},
    },
    oneOf=[{"required": ["ids"]}, {"required": ["all"]}],
)


@router.get("")
async def list_notifications(
    wallet: str,
    caller: Caller,
    pools: Pools,
    unread: bool = False,
    before: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=LISTED_MAX)] = 50,
) -> dict[str, Any]:
    """Notifications of one of the caller's wallets, the newest first, and how many are unread.
    `before` takes the `next` of an earlier answer."""
    async with pools.as_caller(caller) as conn:
        return await conn.fetchval(
            "select agon.list_notifications($1, $2, $3, $4)", wallet, unread, before, limit
        )


@router.post("", status_code=201, openapi_extra=NOTIFICATION)
async def send_notification(caller: Caller, pools: Pools, body: JsonObject) -> dict[str, Any]:
    """Tell a wallet something; admins only."""
    async with pools.as_worker(caller) as conn:
        return await conn.fetchval(
            "select to_jsonb(agon.send_notification($1, $2, $3, $4, $5, $6)) - 'key'",
            *(body.get(name) for name in ("wallet", "type", "title", "body", "data", "key")),
        )


@router.post("/mark-read", openapi_extra=MARKING)
async def mark_read(caller: Caller, pools: Pools, body: JsonObject) -> dict[str, int]:
    """Mark notifications of one of the caller's wallets as read: those in `ids`, or `all`."""
    ids = None if body.get("all") is True and "ids" not in body else _ids(body.get("ids"))
    async with pools.as_caller(caller) as conn:
        return await conn.fetchval(
            "select agon.mark_notifications_read($1, $2)", body.get("wallet"), ids
        )


def _ids(given: object) -> list[UUID]:
    """The ids of a body. Raises Refused `ids_malformed`."""
    try:
        if not isinstance(given, list) or len(given) > MARKED_MAX:
            raise ValueError("not a list, or too long")
        return [UUID(str(each)) for each in given]
    except ValueError as error:
        raise refuse(
            "ids_malformed",
            f"ids is not a list of at most {MARKED_MAX} notifications' ids.",
            details="/ids",
            hint='To mark all, send "all": true without ids.',
            status=422,
        ) from error
