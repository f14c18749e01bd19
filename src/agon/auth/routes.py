"""What the auth door tells everybody: settings, health, and the keys of its tokens; sign-up."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from agon import __version__
from agon.auth import bodies, flows, providers, sign_ups
from agon.auth.bodies import Body
from agon.auth.desk import PREFIX, AnyDesk
from agon.auth.refusals import AuthRoute, granted
from agon.commons.people import users
from agon.kernel import jwt
from agon.web.handlers import Process

JWKS_S = 600
"""How long others may keep the list of keys."""
ELSEWHERE = (
    "apple", "azure", "bitbucket", "discord", "facebook", "figma", "fly", "gitlab", "google",
    "keycloak", "kakao", "linkedin", "linkedin_oidc", "notion", "slack", "slack_oidc", "snapchat",
    "spotify", "twitch", "twitter", "workos", "zoom",
)  # fmt: skip
"""Providers of the auth server that we imitate which are not here."""

router = APIRouter(prefix=PREFIX, tags=["auth"], route_class=AuthRoute)


@router.get("/health")
async def health(_desk: AnyDesk) -> dict[str, str]:
    """The door answers."""
    return {"version": f"v{__version__}", "name": "Agon", "description": "Agon's auth door"}


@router.get("/.well-known/jwks.json")
async def jwks(process: Process, response: Response) -> dict[str, Any]:
    """The public keys of access tokens; none where a shared secret signs."""
    response.headers["Cache-Control"] = f"public, max-age={JWKS_S}"
    return jwt.jwks(process.jwt_keys)


@router.get("/settings")
async def settings(desk: AnyDesk) -> dict[str, Any]:
    """What clients may offer to people."""
    chosen = desk.settings
    external = {name: False for name in ELSEWHERE} | {
        "anonymous_users": chosen["auth_anonymous"],
        "email": True,
        "phone": False,
        "web3": True,
        **{name: providers.is_enabled(chosen, name) for name in providers.PARTIES},
    }
    return {
        "external": external,
        "disable_signup": not chosen["auth_sign_ups"],
        "mailer_autoconfirm": desk.autoconfirms,
        "phone_autoconfirm": False,
        "sms_provider": "",
        "saml_enabled": False,
    }


@router.post(
    "/signup",
    openapi_extra=bodies.described("email", "password", *bodies.CHALLENGE, data=bodies.OBJECT),
)
async def sign_up(desk: AnyDesk, body: Body, redirect_to: str | None = None) -> Any:
    """A session, or the user where an address has to be confirmed first."""
    bodies.refuse_phone(body)
    email, password = bodies.text(body, "email"), bodies.text(body, "password")
    data = bodies.metadata(body, "data") or {}
    if email is None and password is None:
        return granted(await sign_ups.without_name(desk, data))
    newcomer = sign_ups.Newcomer(
        email=users.email_of(bodies.wanted(body, "email")),
        password=bodies.wanted(body, "password"),
        data=data,
        redirect_to=desk.redirect_url(redirect_to),
        challenge=flows.challenge_of(body),
    )
    return granted(await sign_ups.with_password(desk, newcomer))
