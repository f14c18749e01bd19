"""Teams of organisations, and their rosters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from agon.kernel.database import Conn

Row = dict[str, Any]


async def create(conn: Conn, slug: str, draft: Mapping[str, Any]) -> Row:
    """A new team of an organisation: {id, org_id, name, tag, logo_url, created_at, roster}.

    draft: {name, tag?, logo_url?, captain?}. Raises PT403 `not_org_member`, `not_org_admin`,
    `scope_missing`, PT404 `org_unknown`, PT409 `team_name_taken`, `too_many_teams`.
    """
    return await conn.fetchval(
        "select public.create_team($1, $2, $3, $4, $5)",
        slug, draft.get("name"), draft.get("tag"), draft.get("logo_url"), draft.get("captain"),
    )  # fmt: skip


async def listed(conn: Conn, slug: str) -> list[Row]:
    """The teams of an organisation, by name. Raises PT404 `org_unknown`."""
    rows = await conn.fetch("select shown from agon.list_teams($1) as shown", slug)
    return [row["shown"] for row in rows]


async def shown(conn: Conn, team: UUID) -> Row:
    """A team with its roster. Raises PT404 `team_unknown`."""
    return await conn.fetchval("select agon.load_team($1)", team)


async def update(conn: Conn, team: UUID, changes: Mapping[str, Any]) -> Row:
    """Describe it anew. Raises PT403 `not_org_admin`, `scope_missing`, PT422 `field_unknown`."""
    return await conn.fetchval("select public.update_team($1, $2)", team, dict(changes))


async def invite(conn: Conn, team: UUID, wallet: str, role: str | None) -> Row:
    """Ask a wallet to play, or to be captain. Raises PT403 `not_org_admin`, `scope_missing`, PT409
    `plays_already`, `invited_already`, `too_many_invitations`, PT422 `wallet_malformed`."""
    return await conn.fetchval(
        "select to_jsonb(public.invite_to_team($1, $2, $3))", team, wallet, role or "player"
    )


async def invitations(conn: Conn, team: UUID | None = None) -> list[Row]:
    """Of a team, as the caller may see them; else those that wait for the caller's answer."""
    rows = await conn.fetch(
        "select to_jsonb(i) as shown from agon.list_team_invitations($1) i", team
    )
    return [row["shown"] for row in rows]


async def accept(conn: Conn, invitation: UUID) -> Row:
    """Go on the roster: the team. Raises PT403 `not_your_wallet`, PT404 `invitation_unknown`, PT409
    `invitation_expired`, `invitation_ended`, `roster_locked`, `roster_full`."""
    return await conn.fetchval("select public.accept_team_invitation($1)", invitation)


async def decline(conn: Conn, invitation: UUID) -> Row:
    """Do not play. Raises PT403 `not_your_wallet`, PT404 `invitation_unknown`, PT409
    `invitation_ended`."""
    return await conn.fetchval("select to_jsonb(public.decline_team_invitation($1))", invitation)


async def withdraw(conn: Conn, invitation: UUID) -> Row:
    """No longer ask. Raises PT403 `not_org_admin`, `scope_missing`, PT404 `invitation_unknown`,
    PT409 `invitation_ended`."""
    return await conn.fetchval("select to_jsonb(public.withdraw_team_invitation($1))", invitation)


async def remove(conn: Conn, team: UUID, wallet: str) -> bool:
    """Leave, or remove somebody; False when it was not there. Raises PT403 `not_org_admin`,
    `scope_missing`, PT409 `roster_locked`, `captain_stays`."""
    return await conn.fetchval("select public.remove_from_roster($1, $2)", team, wallet)


async def make_captain(conn: Conn, team: UUID, wallet: str) -> Row:
    """Another player becomes captain: the team. Raises PT403 `not_org_admin`, `scope_missing`,
    PT404 `player_unknown`."""
    return await conn.fetchval("select public.make_captain($1, $2)", team, wallet)
