"""How an organisation looks: its colours and its style sheet, and the domain of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agon.commons.organisations import stylesheets
from agon.kernel.database import Conn, Database

CSS = "custom_css"


async def put(conn: Conn, slug: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Set the whole branding: as `shown`, with `css_left_out`, what the style sheet lost.

    given: {primary_color?, logo_url?, favicon_url?, custom_css?, footer_text?, custom_domain?}.
    Raises PT403 `not_org_admin`, `scope_missing`, PT422 `field_unknown`, Refused `css_too_large`.
    """
    left_out: list[str] = []
    if isinstance(text := given.get(CSS), str):
        sheet = stylesheets.sanitise(text)
        given, left_out = {**given, CSS: sheet.text or None}, sheet.left_out
    kept = await conn.fetchval("select agon.set_branding($1, $2)", slug, dict(given))
    return {**kept, "css_left_out": left_out}


async def shown(conn: Conn, slug: str) -> dict[str, Any]:
    """The branding, and under `domain` its state and what DNS must say. Raises PT403
    `not_org_admin`, `scope_missing`."""
    return await conn.fetchval("select agon.org_branding($1)", slug)


async def here(conn: Conn) -> dict[str, Any]:
    """How pages look where the request came to."""
    return await conn.fetchval("select agon.show_branding()")


async def ask_check(conn: Conn, slug: str) -> dict[str, Any]:
    """Have the domain looked up soon. Raises as `put`, and PT409 `domain_missing`."""
    return await conn.fetchval("select agon.ask_domain_check($1)", slug)


async def domains(database: Database) -> dict[str, str]:
    """Verified domains, and the organisation (id) of each."""
    async with database.as_worker() as conn:
        rows = await conn.fetch("select domain, org_id::text from agon.list_domains()")
    return {row["domain"]: row["org_id"] for row in rows}
