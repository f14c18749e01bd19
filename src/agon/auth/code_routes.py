"""Codes and links by mail: asking for them, and giving them back."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import RedirectResponse

from agon.auth import bodies, flows, mailing, sign_ins, sign_ups
from agon.auth.bodies import Body
from agon.auth.desk import PREFIX, AnyDesk
from agon.auth.refusals import AuthRoute, granted, validation_failed
from agon.commons.people import users
from agon.kernel.errors import Refusal, Refused

RESENT = ("signup", "email_change")

router = APIRouter(prefix=PREFIX, tags=["auth"], route_class=AuthRoute)


@router.post(
    "/otp",
    openapi_extra=bodies.described(
        "email", *bodies.CHALLENGE, create_user=bodies.FLAG, data=bodies.OBJECT
    ),
)
@router.post(
    "/magiclink",
    openapi_extra=bodies.described(
        "email", *bodies.CHALLENGE, create_user=bodies.FLAG, data=bodies.OBJECT
    ),
)
async def otp(desk: AnyDesk, body: Body, redirect_to: str | None = None) -> dict[str, Any]:
    """Mail a code and a link that sign in. The answer is the same for everybody."""
    bodies.refuse_phone(body)
    may_sign_up = bodies.flag(body, "create_user", True)
    newcomer = sign_ups.newcomer_of(desk, body, redirect_to)
    granted(await sign_ups.by_mail(desk, newcomer, may_sign_up=may_sign_up))
    return {}


@router.post("/recover", openapi_extra=bodies.described("email", *bodies.CHALLENGE))
async def recover(desk: AnyDesk, body: Body, redirect_to: str | None = None) -> dict[str, Any]:
    """Mail a code and a link that sign in to set a new password. The same for everybody."""
    granted(await sign_ups.remind(desk, "recovery", sign_ups.newcomer_of(desk, body, redirect_to)))
    return {}


@router.post(
    "/resend",
    openapi_extra=bodies.described("type", "email", *bodies.CHALLENGE),
)
async def resend(desk: AnyDesk, body: Body, redirect_to: str | None = None) -> dict[str, Any]:
    """Mail a confirmation once more. The same for everybody."""
    kind = bodies.wanted(body, "type")
    if kind not in RESENT:
        raise validation_failed("Resend is possible for signup and email_change")
    granted(await sign_ups.remind(desk, kind, sign_ups.newcomer_of(desk, body, redirect_to)))
    return {}


@router.post("/invite", openapi_extra=bodies.described("email", data=bodies.OBJECT))
async def invite(desk: AnyDesk, body: Body, redirect_to: str | None = None) -> Any:
    """Invite somebody, for the service."""
    return await sign_ups.invite(desk, sign_ups.newcomer_of(desk, body, redirect_to))


@router.post(
    "/verify",
    openapi_extra=bodies.described("type", "email", "token", "token_hash"),
)
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
