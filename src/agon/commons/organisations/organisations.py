"""Organisations and their members, as the caller may see and change them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from agon.kernel.database import Conn

Row = dict[str, Any]


async def create(conn: Conn, draft: Mapping[str, Any]) -> Row:
    """A new organisation, owned by one of the caller's wallets.

    draft: {name, slug, owner_wallet?, logo_url?, website?, description?, theme?}. Raises PT401
    `sign_in_first`, PT403 `not_your_wallet`, PT409 `slug_taken`, `too_many_organizations`, PT422
    `wallet_missing`.
    """
    return await conn.fetchval(
        "select to_jsonb(public.create_organization($1, $2, $3, $4, $5, $6, $7))",
        draft.get("name"),
        draft.get("slug"),
        draft.get("owner_wallet"),
        draft.get("logo_url"),
        draft.get("website"),
        draft.get("description"),
        draft.get("theme"),
    )


async def listed(conn: Conn) -> list[Row]:
    """The caller's organisations, each with `role`; a key's own; all for the service."""
    return await _rows(conn, "select * from agon.list_orgs() as shown")


async def shown(conn: Conn, slug: str) -> Row:
    """One organisation. Raises PT404 `org_unknown`."""
    return await conn.fetchval("select to_jsonb(agon.find_org($1))", slug)


async def update(conn: Conn, slug: str, changes: Mapping[str, Any]) -> Row:
    """Describe it anew. Raises PT403 `not_org_admin`, PT422 `field_unknown`."""
    return await conn.fetchval(
        "select to_jsonb(public.update_organization($1, $2))", slug, dict(changes)
    )


async def transfer(conn: Conn, slug: str, wallet: str) -> Row:
    """Give it to a member. Raises PT403 `not_org_owner`, `not_your_wallet`, PT404
    `member_unknown`."""
    return await conn.fetchval(
        "select to_jsonb(public.transfer_organization($1, $2))", slug, wallet
    )


async def members(conn: Conn, slug: str) -> list[Row]:
    """Who belongs to it, the owners first. Raises PT403 `not_org_admin`, `scope_missing`."""
    return await _rows(conn, "select to_jsonb(m) as shown from agon.list_members($1) m", slug)


async def invite(conn: Conn, slug: str, wallet: str, role: str | None) -> Row:
    """Invite a wallet, as a member unless said otherwise.

    Raises PT403 `not_org_admin`, `not_org_owner`, `scope_missing`, PT409 `member_already`,
    `invited_already`, `too_many_invitations`, PT422 `wallet_malformed`, `org_role_unknown`,
    `owners_are_not_invited`.
    """
    return await conn.fetchval(
        "select to_jsonb(public.invite_member($1, $2, $3))", slug, wallet, role or "member"
    )


async def change_member(
    conn: Conn, slug: str, wallet: str, role: str | None, email: str | None
) -> Row:
    """Give a member another role or contact address; None leaves what is. Raises PT403
    `not_org_owner`, `not_org_admin`, PT404 `member_unknown`, PT409 `last_owner`."""
    return await conn.fetchval(
        "select to_jsonb(public.change_member($1, $2, $3, $4))", slug, wallet, role, email
    )


async def remove_member(conn: Conn, slug: str, wallet: str) -> bool:
    """Leave, or remove somebody; False when it was not there. Raises PT403 `not_org_admin`,
    `not_org_owner`, `scope_missing`, PT409 `last_owner`."""
    return await conn.fetchval("select public.remove_member($1, $2)", slug, wallet)


async def invitations(conn: Conn, slug: str) -> list[Row]:
    """Whom it invited, who has not answered first. Raises as `members`."""
    return await _rows(conn, "select to_jsonb(i) as shown from agon.list_invitations($1) i", slug)


async def my_invitations(conn: Conn) -> list[Row]:
    """Invitations that wait for the caller's answer, each with its `organization`."""
    return await _rows(conn, "select * from agon.list_my_invitations() as shown")


async def accept(conn: Conn, invitation: UUID, email: str | None) -> Row:
    """Join. Raises PT403 `not_your_wallet`, PT404 `invitation_unknown`, PT409 `invitation_expired`,
    `invitation_ended`, `too_many_members`."""
    return await conn.fetchval(
        "select to_jsonb(public.accept_org_invitation($1, $2))", invitation, email
    )


async def decline(conn: Conn, invitation: UUID) -> Row:
    """Do not join. Raises as `accept`."""
    return await conn.fetchval("select to_jsonb(public.decline_org_invitation($1))", invitation)


async def withdraw(conn: Conn, invitation: UUID) -> Row:
    """No longer invite. Raises as `invite`, PT404 `invitation_unknown`, PT409
    `invitation_ended`."""
    return await conn.fetchval("select to_jsonb(public.withdraw_org_invitation($1))", invitation)


async def _rows(conn: Conn, statement: str, *arguments: str) -> list[Row]:
    return [row["shown"] for row in await conn.fetch(statement, *arguments)]
