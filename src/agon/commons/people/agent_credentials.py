"""Credentials of bots: made here and shown once; the database keeps their SHA-256.

One is sent as `Authorization: Bearer agon_bot_…`, and makes its bearer `authenticated` without
`sub`: no user, no wallet, and of the acts only those that its bot may do.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any

from agon.kernel.database import Database

PREFIX = "agon_bot_"
RANDOM_BYTES = 32
SHOWN_CHARS = len(PREFIX) + 6
"""Of a credential, where it is listed."""


@dataclass(frozen=True, kw_only=True)
class Secret:
    """A credential in clear. text: to be shown once; sha256: what is kept of it."""

    text: str = field(repr=False)

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.text.encode()).digest()

    @property
    def prefix(self) -> str:
        return self.text[:SHOWN_CHARS]


def new() -> Secret:
    """One that nobody has."""
    return Secret(text=PREFIX + secrets.token_urlsafe(RANDOM_BYTES))


async def claims(database: Database, text: str) -> dict[str, Any] | None:
    """What the bearer of a credential claims: {agent_credential, bot_identity_id, exp}; None for
    one that is unknown, revoked or expired."""
    async with database.as_worker() as conn:
        return await conn.fetchval(
            "select agon.find_agent_credential($1)", Secret(text=text).sha256
        )
