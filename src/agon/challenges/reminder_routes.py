"""Reminders over HTTP, and the pages that their mails lead to.

Opening a page changes nothing: programs that look at links before people do open them, too. The
button does, and so do mail programs that post to the address in List-Unsubscribe (RFC 8058).
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from fastapi import APIRouter, Response

from agon.challenges import bodies, links, reminders
from agon.web.handlers import Caller, JsonObject, Pools, Process

router = APIRouter(tags=["reminders"])

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@router.post("/api/reminders", status_code=202, openapi_extra=bodies.REMINDER)
async def add_reminder(
    caller: Caller, pools: Pools, process: Process, body: JsonObject
) -> dict[str, str | int]:
    """Wish for a reminder by mail. An address that is verified as the caller's is subscribed;
    any other is asked by mail first."""
    async with pools.as_worker(caller) as conn:
        return await reminders.subscribe(conn, process, body)


@router.get("/reminders/confirm", response_class=Response, include_in_schema=False)
async def ask_to_confirm(token: str, pools: Pools) -> Response:
    """The page of the mail that asks an address."""
    async with pools.as_worker() as conn:
        found = await conn.fetchval("select agon.find_reminder($1)", links.digest(token))
    return _page("Do you want this reminder?", _told(found), "Yes, remind me")


@router.post("/reminders/confirm", response_class=Response, include_in_schema=False)
async def confirm(token: str, pools: Pools) -> Response:
    """The address wants it."""
    async with pools.as_worker() as conn:
        found = await conn.fetchval("select agon.confirm_reminder($1)", links.digest(token))
    return _page("You will be reminded", _told(found))


@router.get("/reminders/unsubscribe", response_class=Response, include_in_schema=False)
async def ask_to_unsubscribe() -> Response:
    """The page of the link in each reminder."""
    return _page("No more reminders?", "You will get no more mail of this kind.", "Unsubscribe")


@router.post("/reminders/unsubscribe", response_class=Response, include_in_schema=False)
async def unsubscribe(pools: Pools, token: str = "") -> Response:
    """The address wants no more of them; one that is not known here gets none either."""
    async with pools.as_worker() as conn:
        await conn.execute("select agon.unsubscribe_reminders($1)", links.digest(token))
    return _page("Done", "You will get no more reminders.")


def _told(found: Mapping[str, object]) -> str:
    what = {
        "proof_deadline": "before the proofs of challenge {} are due",
        "finalization": "when the outcome of challenge {} is final",
    }[str(found["type"])]
    return f"We write to {found['email']} {what.format(found['challenge_id'])}."


def _page(title: str, text: str, button: str = "") -> Response:
    """A page with at most one button, which posts to its own address."""
    form = f'<form method="post"><button>{escape(button)}</button></form>' if button else ""
    return Response(
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title></head>'
        f"<body><h1>{escape(title)}</h1><p>{escape(text)}</p>{form}</body></html>\n",
        headers=HEADERS,
        media_type="text/html; charset=utf-8",
    )
