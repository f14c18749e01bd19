"""Webhooks of organisations: made, changed, paused and resumed. Their secrets are made here, shown
once, and sealed: whoever serves can seal them, and only a worker can open them."""

from __future__ import annotations

import base64
import secrets
import uuid
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import UUID

from agon.kernel import keys, sealing
from agon.kernel.database import Conn
from agon.kernel.outbound import Client
from agon.kernel.runtime import Runtime

PREFIX = "whsec_"
RANDOM_BYTES = 32
OVERLAP_S = 24 * 3600
"""How long the previous secret signs, too, unless said otherwise."""

Row = dict[str, Any]
Privates = Mapping[str, Any]


def calling(runtime: Runtime) -> AbstractAsyncContextManager[Client]:
    """The client for webhooks' addresses, which anybody may choose who runs an organisation."""
    return runtime.outbound(allowed="webhook_allow")


async def create(conn: Conn, client: Client, slug: str, draft: Mapping[str, Any]) -> Row:
    """A new webhook, with its `secret` in clear, which is never shown again.

    draft: {url, events}. Raises PT403 `not_org_admin`, `scope_missing`, PT404 `org_unknown`, PT409
    `too_many_webhooks`, PT422 `event_unknown`, Refused `outbound_forbidden_address`,
    `sealing_key_missing`.
    """
    webhook_id, secret = uuid.uuid4(), _secret()
    made = await conn.fetchval(
        "select agon.create_webhook($1, $2, $3, $4, $5)",
        slug,
        webhook_id,
        draft.get("url"),
        draft.get("events"),
        await _seal(conn, webhook_id, secret),
    )
    client.check(made["url"])
    return {**made, "secret": secret}


async def listed(conn: Conn, slug: str) -> list[Row]:
    """The webhooks of an organisation, without secrets, the oldest first. Raises PT403
    `not_org_admin`, `scope_missing`."""
    rows = await conn.fetch("select * from agon.list_webhooks($1) as shown", slug)
    return [row["shown"] for row in rows]


async def update(
    conn: Conn, client: Client, slug: str, webhook: UUID, changes: Mapping[str, Any]
) -> Row:
    """Change url, events or active; what is left out stays. Raises as `create`, PT404
    `webhook_unknown`, PT422 `field_unknown`."""
    changed = await conn.fetchval(
        "select agon.update_webhook($1, $2, $3)", slug, webhook, dict(changes)
    )
    if "url" in changes:
        client.check(changed["url"])
    return changed


async def resume(conn: Conn, slug: str, webhook: UUID, skip: str) -> Row:
    """Go on where it stopped. skip: `one` leaves out the delivery that waits, `all` everything
    until now. Raises PT403 and PT404 as `update`, PT422 `skip_unknown`."""
    return await conn.fetchval("select agon.resume_webhook($1, $2, $3)", slug, webhook, skip)


async def rotate(conn: Conn, slug: str, webhook: UUID, overlap_s: int) -> Row:
    """Another `secret`, in clear, never shown again; the one before signs, too, for overlap_s.
    Raises PT403 and PT404 as `update`, PT422 `overlap_out_of_range`."""
    secret = _secret()
    shown = await conn.fetchval(
        "select agon.rotate_webhook_secret($1, $2, $3, make_interval(secs => $4))",
        slug,
        webhook,
        await _seal(conn, webhook, secret),
        overlap_s,
    )
    return {**shown, "secret": secret}


async def delete(conn: Conn, slug: str, webhook: UUID) -> bool:
    """End a webhook, with its deliveries. Raises PT403 and PT404 as `update`."""
    return await conn.fetchval("select agon.delete_webhook($1, $2)", slug, webhook)


async def events(conn: Conn) -> list[dict[str, str]]:
    """What a webhook may subscribe to: {event, comment}."""
    rows = await conn.fetch(
        'select event, comment from agon.webhook_events order by event collate "C"'
    )
    return [dict(row) for row in rows]


def open_secret(privates: Privates, webhook: UUID, sealed: str) -> str:
    """A secret in clear, for a worker. Raises Refused as `sealing.open_sealed`."""
    return sealing.open_sealed(privates, sealed, _identity(webhook)).decode()


def _secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(RANDOM_BYTES)).decode()


async def _seal(conn: Conn, webhook: UUID, secret: str) -> str:
    return sealing.seal(await keys.sealer(conn), secret.encode(), _identity(webhook))


def _identity(webhook: UUID) -> str:
    # Of both columns: a rotation moves the sealed value from one to the other.
    return f"webhooks:{webhook}:secret"
