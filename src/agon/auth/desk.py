"""What each handler of the auth door leans on, and this installation's terms."""

from __future__ import annotations

import re
from collections.abc import Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote, urlsplit

from fastapi import Depends, Request
from starlette.datastructures import State

from agon.commons.people import siwe
from agon.commons.people.sessions import Terms
from agon.commons.people.users import Tries
from agon.commons.people.visits import Visit, acting
from agon.kernel.config import Settings
from agon.kernel.database import Conn, Database
from agon.kernel.errors import Refused, refuse
from agon.kernel.runtime import Runtime
from agon.web.actor import Described, address_of
from agon.web.callers import Caller
from agon.web.errors import SIGN_IN_FIRST
from agon.web.gate import Gate
from agon.web.handlers import Pools, Process
from agon.web.headers import headers_of
from agon.web.limits import Limits

PREFIX = "/auth/v1"
URL_CHARS_MAX = 2048
"""Of an address to return to, as it stands in a link of a mail."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The process, its database, and who has come."""

    runtime: Runtime
    database: Database
    visit: Visit

    @property
    def settings(self) -> Settings:
        return self.runtime.settings

    @property
    def url(self) -> str:
        """Where this door stands, for the world."""
        return self.runtime.public_url + PREFIX

    @property
    def site_url(self) -> str:
        return self.settings["site_url"] or self.runtime.public_url

    @property
    def terms(self) -> Terms:
        """What access tokens say, and how long they hold."""
        return Terms(
            key=self.runtime.jwt_keys[0],
            issuer=self.settings["jwt_issuer"] or self.url,
            token_s=self.settings["auth_token_seconds"],
            reuse_s=self.settings["auth_reuse_seconds"],
        )

    @property
    def tries(self) -> Tries:
        return Tries(
            here=self.settings["auth_failures_per_email"],
            per_email=self.settings["auth_failures_per_email_everywhere"],
            per_address=self.settings["auth_failures_per_address"],
        )

    @property
    def autoconfirms(self) -> bool:
        """Whether addresses count as confirmed without an answered mail."""
        asked = self.settings["auth_autoconfirm"]
        return asked == "on" or (asked == "auto" and self.settings["smtp_url"] is None)

    def acting(self) -> AbstractAsyncContextManager[Conn]:
        """A transaction of the engine on behalf of the visitor."""
        return acting(self.database, self.visit)

    def redirect_url(self, asked: str | None) -> str:
        """Where to send people back to: the asked address if it is allowed, else the site."""
        if asked and may_return_to(asked, self.site_url, self._redirect_urls):
            return asked
        return self.site_url

    @property
    def _redirect_urls(self) -> list[str]:
        listed = (one.strip() for one in self.settings["redirect_urls"].split(","))
        return [one for one in listed if one]

    @property
    def wallet_hosts(self) -> frozenset[str]:
        """The hosts that a wallet's message may be signed for: where people are sent back to, and
        this server as the operator names it. Loopback only where one of them is there."""
        named = [self.settings["public_url"]] if self.settings["public_url"] else []
        plain = [one for one in self._redirect_urls if "*" not in one and "?" not in one]
        return siwe.hosts_of([self.site_url, *named, *plain])


def may_return_to(url: str, site_url: str, allowed: Collection[str]) -> bool:
    """Whether people, with their tokens, may be sent to an address: on the site's own host, or as
    one of the allowed patterns."""
    if len(quote(url, safe="")) > URL_CHARS_MAX:
        return False
    if not re.fullmatch(r"[!-~]+", url) or re.search(r'[\\"<>^`]', url):
        return False
    try:
        parts, site = urlsplit(url), urlsplit(site_url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if "@" in parts.netloc or parts.scheme in ("javascript", "data", "vbscript", "file", "blob"):
        return False
    same_scheme = parts.scheme == site.scheme or (host in LOOPBACK and parts.scheme == "http")
    if host and host == site.hostname and same_scheme:
        return True
    bare = url.partition("#")[0]
    return any(re.fullmatch(_pattern(one), bare) for one in allowed)


def _pattern(allowed: str) -> str:
    wild = {"**": ".*", "*": "[^./]*", "?": "[^./]"}
    parts = re.split(r"(\*\*|\*|\?)", allowed.rstrip("/"))
    return "".join(wild.get(part, re.escape(part)) for part in parts) + "/?"


async def any_desk(request: Request, process: Process, pools: Pools, _: Described) -> Desk:
    """The visitor of paths that need nobody signed in. Raises Refused for a key that is not ours,
    `api_key_not_accepted` for an organisation's, `auth_elsewhere` where another server signs in,
    `over_request_rate_limit`."""
    headers = headers_of(request.scope["headers"])
    caller = await _gate(request.app.state).admit(headers, address_of(request))
    return await _desk(request, process, pools, caller)


async def member_desk(request: Request, process: Process, pools: Pools, _: Described) -> Desk:
    """The visitor of paths that need a token, or the secret key; whose it is, the acts ask. Raises
    Refused `no_authorization`, for a token that does not hold, and as `any_desk`."""
    headers = headers_of(request.scope["headers"])
    caller = await _gate(request.app.state).identify(headers, address_of(request))
    desk = await _desk(request, process, pools, caller)
    if caller.actor.role == "anon" and not request.headers.get("authorization"):
        raise Refused(SIGN_IN_FIRST)
    return desk


async def _desk(request: Request, process: Process, pools: Pools, caller: Caller) -> Desk:
    if "api_key" in caller.actor.claims:
        raise refuse(
            "api_key_not_accepted",
            "An organisation's API key signs nobody in, and is no user.",
            hint="Send the publishable key as apikey, or a user's access token.",
            status=403,
        )
    if getattr(request.app.state, "auth_is_ours", None) is None:
        async with pools.as_worker() as conn:
            request.app.state.auth_is_ours = await conn.fetchval("select agon.auth_is_ours()")
    if not request.app.state.auth_is_ours:
        raise refuse(
            "auth_elsewhere",
            "People of this database sign in at its own auth server.",
            hint="Point the client's auth at the Supabase project.",
            status=404,
        )
    visit = Visit(
        actor=caller.actor,
        address=address_of(request) or None,
        user_agent=request.headers.get("user-agent"),
        sign_ups_per_hour=process.settings["auth_sign_ups_per_hour"],
        mails_per_user=process.settings["auth_mails_per_user"],
        mails_per_network=process.settings["auth_mails_per_address"],
    )
    return Desk(runtime=process, database=pools, visit=visit)


def _gate(state: State) -> Gate:
    """The gate of this door, whose rates are its own."""
    if getattr(state, "auth_gate", None) is None:
        settings = state.runtime.settings
        rates = Limits(
            user_per_s=settings["auth_requests_per_s_user"],
            key_per_s=0,
            address_per_s=settings["auth_requests_per_s_address"],
        )
        state.auth_gate = Gate(state.gate.callers, rates)
    return state.auth_gate


AnyDesk = Annotated[Desk, Depends(any_desk)]
MemberDesk = Annotated[Desk, Depends(member_desk)]
