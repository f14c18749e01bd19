"""Signing in at another party: out with a state that works once, back with who it was."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from agon.auth import flows, github
from agon.auth.desk import Desk
from agon.auth.refusals import of_data
from agon.commons.people import sessions
from agon.kernel import clock
from agon.kernel.config import Settings
from agon.kernel.database import Conn
from agon.kernel.errors import Refusal, Refused, refuse

PARTIES: dict[str, ModuleType] = {"github": github}
"""By the name that clients use; each has the same functions."""

SCOPES_MAX = 20
COOKIE = "agon_sign_in"
COOKIE_S = 600

LOST = Refusal(code="bad_oauth_state", message="OAuth state is invalid, used, or has expired")
CROSSED = Refusal(
    code="bad_oauth_state",
    message="This sign-in began in another browser",
    hint="Begin again, and allow cookies of this server.",
)


@dataclass(frozen=True, kw_only=True)
class Departure:
    """Where a browser goes, and the cookie that it must bring back, if any."""

    url: str
    binder: str | None = field(default=None, repr=False)


async def depart(
    desk: Desk,
    provider: str,
    scopes: str | None,
    redirect_to: str,
    challenge: flows.Challenge | None,
    *,
    links: bool = False,
) -> Departure:
    """Begin a sign-in at a provider; links: it is added to the caller instead, which needs a
    challenge.

    Without a challenge only the browser that leaves may come back, so that nobody is led into
    another's account; with one, the code is of no use to anybody else anyway. Raises Refused
    `validation_failed`.
    """
    party, app = _party(provider), _application(desk.settings, provider)
    asked = tuple((scopes or "").replace(",", " ").split())[:SCOPES_MAX]
    state = sessions.new_secret()
    binder = sessions.new_secret() if challenge is None else None
    async with desk.acting() as conn:
        await conn.execute(
            "select agon.begin_flow($1, $2, $3, $4, $5, $6, $7)",
            provider,
            challenge and challenge.challenge,
            challenge and challenge.method,
            redirect_to,
            sessions.digest(state),
            binder and sessions.digest(binder),
            links,
        )
    return Departure(url=party.authorize_url(app, _callback(desk), state, asked), binder=binder)


async def arrive(desk: Desk, query: Mapping[str, str], binder: str | None) -> str:
    """Finish a sign-in with what the browser brought; the address to send it to.

    What the provider or the caller got wrong is told to the client's own address.
    """
    async with desk.acting() as conn:
        flow = await conn.fetchrow(
            "select * from agon.return_to_flow($1)", sessions.digest(query.get("state", ""))
        )
    if flow["id"] is None:
        return flows.with_refusal(desk.site_url, LOST)
    if flow["binder_hash"] and sessions.digest(binder or "") != flow["binder_hash"]:
        return flows.with_refusal(desk.site_url, CROSSED)
    try:
        return await _arrived(desk, flow, query)
    except Refused as refused:
        refusal: Refusal | None = refused.refusal
    except Exception as error:
        refusal = of_data(error)
        if refusal is None:
            raise
    return flows.with_refusal(flow["redirect_to"], refusal)


async def _arrived(desk: Desk, flow: Mapping[str, Any], query: Mapping[str, str]) -> str:
    party, app = _party(flow["provider"]), _application(desk.settings, flow["provider"])
    async with desk.runtime.outbound() as client:
        tokens = await party.exchange(client, app, party.code_of(query), _callback(desk))
        who = await party.profile(client, app, tokens.access_token, clock.now_s())
    given = {"provider_token": tokens.access_token, "provider_refresh_token": tokens.refresh_token}
    async with desk.acting() as conn:
        user_id, proved = flow["links_to"], None
        if user_id is None:
            user_id = await _user(conn, desk, flow["provider"], who)
        else:
            # Whose browser this is shows only at the exchange.
            proved = {"provider_id": who.subject, "data": who.identity_data()}
        if flow["code_challenge"]:
            code = await flows.issue(
                conn, flow["id"], user_id, "oauth", tokens=json.dumps(given), proved=proved
            )
            return flows.with_code(flow["redirect_to"], code)
        session = await sessions.begin(conn, desk.terms, user_id, "oauth")
        return flows.with_session(flow["redirect_to"], session | given)


async def _user(conn: Conn, desk: Desk, provider: str, who: github.Profile) -> uuid.UUID:
    """Who signs in. Raises PT422 `email_exists`, `signup_disabled`, PT429
    `over_request_rate_limit`."""
    data = who.identity_data()
    return await conn.fetchval(
        "select agon.sign_in_with_identity($1, $2, $3, $4, $5, $6, $7)",
        provider,
        who.subject,
        data,
        who.email,
        who.email_verified,
        data,
        desk.settings["auth_sign_ups"],
    )


def is_enabled(settings: Settings, provider: str) -> bool:
    """Whether people can sign in there."""
    try:
        PARTIES[provider].application(settings)
    except Refused:
        return False
    return True


def _party(provider: str) -> ModuleType:
    if provider not in PARTIES:
        raise refuse("validation_failed", f"Unsupported provider: {provider[:40]} is not known")
    return PARTIES[provider]


def _application(settings: Settings, provider: str) -> Any:
    try:
        return _party(provider).application(settings)
    except Refused as refused:
        raise refuse(
            "validation_failed",
            "Unsupported provider: provider is not enabled",
            hint=refused.refusal.hint,
        ) from refused


def _callback(desk: Desk) -> str:
    return f"{desk.url}/callback"
