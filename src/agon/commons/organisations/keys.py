"""API keys of organisations: made here and shown once; the database keeps their SHA-256.

One is sent as `Authorization: Bearer agon_key_…`, or as `apikey`, and makes its bearer
`authenticated` without `sub`: no user, no wallet, and of the organisation's acts those that its
scopes name.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from agon.kernel.database import Conn, Database
from agon.web.quotas import Lease, Wanted

PREFIX = "agon_key_"
RANDOM_BYTES = 32
SHOWN_CHARS = 8
"""Of the random part, where a key is listed."""


@dataclass(frozen=True, kw_only=True)
class Secret:
    """A key in clear. text: to be shown once; sha256: what is kept of it, in hexadecimal."""

    text: str = field(repr=False)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def prefix(self) -> str:
        return self.text[len(PREFIX) :][:SHOWN_CHARS]


async def issue(
    conn: Conn,
    slug: str,
    label: str,
    scopes: Sequence[str],
    *,
    rate_limit: int | None = None,
    expires_at: str | None = None,
) -> dict[str, Any]:
    """A new key of an organisation: {key: in clear, never shown again, id, org_id, key_prefix,
    label, scopes, rate_limit, last_used_at, expires_at, created_at, revoked_at}.

    rate_limit: requests an hour; expires_at: ISO 8601, None for never. Raises PT403
    `not_org_admin`, `scope_missing`, PT404 `org_unknown`, PT409 `too_many_api_keys`, PT422
    `scope_unknown`, `expiry_over`.
    """
    secret = Secret(text=PREFIX + secrets.token_urlsafe(RANDOM_BYTES))
    kept = await conn.fetchval(
        "select agon.issue_api_key($1, $2, $3, $4, $5, $6, $7::text::timestamptz)",
        slug,
        secret.sha256,
        secret.prefix,
        label,
        scopes,
        rate_limit,
        expires_at,
    )
    return {"key": secret.text, **kept}


async def listed(conn: Conn, slug: str) -> list[dict[str, Any]]:
    """The keys of an organisation, without their secrets, the newest first."""
    rows = await conn.fetch("select * from agon.list_api_keys($1) as shown", slug)
    return [row["shown"] for row in rows]


async def revoke(conn: Conn, slug: str, key: UUID) -> bool:
    """End a key, at once; False when none held."""
    return await conn.fetchval("select agon.revoke_api_key($1, $2)", slug, key)


async def scopes(conn: Conn) -> list[dict[str, str]]:
    """What a key may be allowed: {scope, comment}."""
    rows = await conn.fetch('select scope, comment from agon.api_scopes order by scope collate "C"')
    return [dict(row) for row in rows]


async def claims(database: Database, text: str) -> dict[str, Any] | None:
    """What the bearer of a key claims: {org_id, scopes, api_key, exp where it ends}; None for one
    that is unknown, revoked or expired."""
    async with database.as_worker() as conn:
        return await conn.fetchval("select agon.find_api_key($1)", Secret(text=text).sha256)


async def quota(database: Database, claimed: Mapping[str, Any], wanted: Wanted) -> Lease | None:
    """Requests of this hour for a serving process; None for a key that does not hold."""
    async with database.as_worker() as conn:
        lease = await conn.fetchval(
            "select agon.lease_requests($1::text::uuid, $2, $3, $4::text::timestamptz)",
            claimed["api_key"],
            wanted.requests,
            wanted.unused,
            wanted.hour,
        )
    return lease and Lease(**lease)
