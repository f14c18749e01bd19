"""Codes and links by mail: asking for them, and giving them back."""

from __future__ import annotations

import uuid
from typing import Any

from fastapi import APIRouter
from fastapi.responses import RedirectResponse

from agon.auth import bodies, flows, mailing, sign_ins, sign_ups
from agon.auth.bodies import Body, Fields
from agon.auth.desk import PREFIX, AnyDesk, Desk
from agon.auth.refusals import AuthRoute, validation_failed
from agon.auth.sign_ups import granted
from agon.commons.people import users
from agon.kernel.errors import Refusal, Refused

RESENT = {"signup": "signup", "email_change": "email_change_new"}

router = APIRouter(prefix=PREFIX, tags=["auth"], route_class=AuthRoute)


@router.post("/otp")
@router.post("/magiclink")
async def otp(desk: AnyDesk, body: Body, redirect_to: str | None = None) -> dict[str, Any]:
    """Mail a code and a link that sign in. The answer is the same for everybody."""
    bodies.refuse_phone(body)
    outcome = await sign_ups.by_mail(
        desk,
        users.email_of(bodies.wanted(body, "email")),
        bodies.metadata(body, "data") or {},
        desk.redirect_url(redirect_to),
        flows.challenge_of(body),
        may_sign_up=bodies.flag(body, "create_user", True),
    )
    granted(outcome)
    return {}


@router.post("/recover")
async def recover(desk: AnyDesk, body: Body, redirect_to: str | None = None) -> dict[str, Any]:
    """Mail a code and a link that sign in to set a new password. The same for everybody."""
    email = users.email_of(bodies.wanted(body, "email"))
    challenge = flows.challenge_of(body)
    granted(await _mail(desk, email, "recovery", desk.redirect_url(redirect_to), challenge))
    return {}


@router.post("/resend")
async def resend(desk: AnyDesk, body: Body, redirect_to: str | None = None) -> dict[str, Any]:
    """Mail a confirmation once more. The same for everybody."""
    kind = RESENT.get(bodies.wanted(body, "type"))
    if kind is None:
        raise validation_failed("Resend is possible for signup and email_change")
    email = users.email_of(bodies.wanted(body, "email"))
    challenge = flows.challenge_of(body)
    granted(await _mail(desk, email, kind, desk.redirect_url(redirect_to), challenge))
    return {}


@router.post("/invite")
async def invite(desk: AnyDesk, body: Body, redirect_to: str | None = None) -> Any:
    """Invite somebody, for the service."""
    email = users.email_of(bodies.wanted(body, "email"))
    data = bodies.metadata(body, "data") or {}
    return await sign_ups.invite(desk, email, data, desk.redirect_url(redirect_to))


@router.post("/verify")
async def verify(desk: AnyDesk, body: Body) -> Any:
    """A session for a mailed code, or for the token of a mailed link."""
    kind = _kind(bodies.wanted(body, "type"))
    link = bodies.text(body, "token_hash")
    if link:
        outcome = await sign_ins.with_link(desk, kind, link, by_browser=False)
    else:
        bodies.refuse_phone(body)
        email = users.email_of(bodies.wanted(body, "email"))
        outcome = await sign_ins.with_code(desk, kind, email, bodies.wanted(body, "token"))
    answered = granted(outcome)
    return answered.session or {"msg": sign_ins.HALF_DONE, "code": "200"}


@router.get("/verify")
async def follow(
    desk: AnyDesk, token: str = "", type: str = "", redirect_to: str | None = None
) -> RedirectResponse:
    """A mailed link, followed: on to the site, with a session, a code, or why not."""
    url = desk.redirect_url(redirect_to)
    try:
        outcome = await sign_ins.with_link(desk, _kind(type), token, by_browser=True)
    except Refused as refused:
        outcome = refused.refusal
    return RedirectResponse(_onwards(url, outcome, type), status_code=303)


def _onwards(url: str, outcome: sign_ins.Answered | Refusal, kind: str) -> str:
    if isinstance(outcome, Refusal):
        return flows.with_refusal(url, outcome)
    if outcome.code:
        return flows.with_code(url, outcome.code)
    if outcome.session:
        return flows.with_session(url, outcome.session, kind)
    return flows.with_message(url, sign_ins.HALF_DONE)


def _kind(asked: str) -> str:
    if asked not in mailing.KINDS:
        raise validation_failed("Verify requires a verification type")
    return asked


async def _mail(
    desk: Desk, email: str, kind: str, redirect_to: str, challenge: flows.Challenge | None
) -> Refusal | None:
    """Mail somebody something about an account of theirs, if they have one that it fits."""
    async with desk.acting() as conn:
        refusal = await mailing.limit(conn, desk, email)
        if refusal:
            return refusal
        found: Fields | None = await conn.fetchval(
            "select agon.find_mailbox_for($1, $2)", kind, email
        )
        if found:
            letter = mailing.Letter(
                kind=kind,
                user_id=uuid.UUID(found["user_id"]),
                to=email,
                email=found["email"],
                new_email=found["new_email"],
                redirect_to=redirect_to,
                flow_id=await flows.begin(conn, challenge, redirect_to),
                keeps_password=kind == "signup",
            )
            await mailing.send(conn, desk, letter)
    return None
