"""What each handler of the auth door leans on, and this installation's terms."""

from __future__ import annotations

import re
from collections.abc import Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request

from agon.commons.people.sessions import Terms
from agon.commons.people.users import Tries
from agon.commons.people.visits import Visit, acting
from agon.kernel.config import Settings
from agon.kernel.database import Conn, Database
from agon.kernel.errors import Refused, refuse
from agon.kernel.runtime import Runtime
from agon.web.errors import SIGN_IN_FIRST
from agon.web.handlers import Caller, Pools, Process

PREFIX = "/auth/v1"
URL_CHARS_MAX = 2048
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
            per_email=self.settings["auth_failures_per_email"],
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
        allowed = [one.strip() for one in self.settings["redirect_urls"].split(",")]
        if asked and may_return_to(asked, self.site_url, [one for one in allowed if one]):
            return asked
        return self.site_url


def may_return_to(url: str, site_url: str, allowed: Collection[str]) -> bool:
    """Whether people, with their tokens, may be sent to an address: on the site's own host, or as
    one of the allowed patterns."""
    if len(url) > URL_CHARS_MAX or not re.fullmatch(r"[!-~]+", url) or re.search(r'[\\"<>^`]', url):
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


async def desk_of(request: Request, process: Process, pools: Pools, actor: Caller) -> Desk:
    """The visitor at this door. Raises Refused `auth_elsewhere` where another server signs in."""
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
        actor=actor,
        address=request.client.host if request.client else None,
        user_agent=request.headers.get("user-agent"),
    )
    return Desk(runtime=process, database=pools, visit=visit)


async def member_desk(request: Request, desk: Annotated[Desk, Depends(desk_of)]) -> Desk:
    """The desk for who brings a token; whose it is, the acts ask. Raises Refused
    `no_authorization`."""
    if not request.headers.get("authorization"):
        raise Refused(SIGN_IN_FIRST)
    return desk


AnyDesk = Annotated[Desk, Depends(desk_of)]
MemberDesk = Annotated[Desk, Depends(member_desk)]
