"""Organisations over HTTP: read, call one function, answer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from agon.commons.organisations import bodies, organisations
from agon.web.handlers import Caller, JsonObject, Pools, SignedIn

router = APIRouter(prefix="/api/org", tags=["organisations"])

Row = dict[str, Any]


@router.get("")
async def list_organizations(caller: SignedIn, pools: Pools) -> list[Row]:
    """The caller's organisations, each with the caller's role; a key's own."""
    async with pools.as_caller(caller) as conn:
        return await organisations.listed(conn)


@router.post("", status_code=201, openapi_extra=bodies.CREATE)
@router.post("/new", status_code=201, openapi_extra=bodies.CREATE)
async def create_organization(caller: SignedIn, pools: Pools, body: JsonObject) -> Row:
    """A new organisation of one of the caller's wallets."""
    async with pools.as_caller(caller) as conn:
        return await organisations.create(conn, body)


@router.get("/invitations")
async def list_my_invitations(caller: SignedIn, pools: Pools) -> list[Row]:
    """Invitations that wait for the caller's answer."""
    async with pools.as_caller(caller) as conn:
        return await organisations.my_invitations(conn)


@router.post("/invitations/{invitation}/accept")
async def accept_invitation(
    invitation: UUID, caller: SignedIn, pools: Pools, email: str | None = None
) -> Row:
    """The invited wallet joins. email: where the organisation's admins may write to."""
    async with pools.as_caller(caller) as conn:
        return await organisations.accept(conn, invitation, email)


@router.post("/invitations/{invitation}/decline")
async def decline_invitation(invitation: UUID, caller: SignedIn, pools: Pools) -> Row:
    """The invited wallet does not join."""
    async with pools.as_caller(caller) as conn:
        return await organisations.decline(conn, invitation)


@router.delete("/invitations/{invitation}")
async def withdraw_invitation(invitation: UUID, caller: SignedIn, pools: Pools) -> Row:
    """The organisation no longer asks."""
    async with pools.as_caller(caller) as conn:
        return await organisations.withdraw(conn, invitation)


@router.get("/{slug}")
async def show_organization(slug: str, caller: Caller, pools: Pools) -> Row:
    """An organisation."""
    async with pools.as_caller(caller) as conn:
        return await organisations.shown(conn, slug)


@router.patch("/{slug}", openapi_extra=bodies.UPDATE)
async def update_organization(slug: str, caller: SignedIn, pools: Pools, body: JsonObject) -> Row:
    """Describe it anew, by an admin; what is left out stays."""
    async with pools.as_caller(caller) as conn:
        return await organisations.update(conn, slug, body)


@router.post("/{slug}/transfer", openapi_extra=bodies.TRANSFER)
async def transfer_organization(slug: str, caller: SignedIn, pools: Pools, body: JsonObject) -> Row:
    """The owner gives it to a member, at once, and stays as an admin."""
    async with pools.as_caller(caller) as conn:
        return await organisations.transfer(conn, slug, body.get("wallet"))


@router.get("/{slug}/members")
async def list_members(slug: str, caller: SignedIn, pools: Pools) -> list[Row]:
    """Who belongs to it; for admins, and keys with `members:read`."""
    async with pools.as_caller(caller) as conn:
        return await organisations.members(conn, slug)


@router.post("/{slug}/members", status_code=201, openapi_extra=bodies.INVITE)
async def invite_member(slug: str, caller: SignedIn, pools: Pools, body: JsonObject) -> Row:
    """Invite a wallet: members by an admin, or a key with `members:write`; admins by an owner."""
    async with pools.as_caller(caller) as conn:
        return await organisations.invite(conn, slug, body.get("wallet"), body.get("role"))


@router.patch("/{slug}/members/{wallet}", openapi_extra=bodies.CHANGE)
async def change_member(
    slug: str, wallet: str, caller: SignedIn, pools: Pools, body: JsonObject
) -> Row:
    """Another role, by an owner; another contact address, by an admin or the member."""
    role, email = body.get("role"), body.get("email")
    async with pools.as_caller(caller) as conn:
        return await organisations.change_member(conn, slug, wallet, role, email)


@router.delete("/{slug}/members/{wallet}")
async def remove_member(slug: str, wallet: str, caller: SignedIn, pools: Pools) -> dict[str, bool]:
    """Leave, or remove somebody. The last owner stays."""
    async with pools.as_caller(caller) as conn:
        return {"removed": await organisations.remove_member(conn, slug, wallet)}


@router.get("/{slug}/invitations")
async def list_invitations(slug: str, caller: SignedIn, pools: Pools) -> list[Row]:
    """Whom it invited, who has not answered first; for admins, and keys with `members:read`."""
    async with pools.as_caller(caller) as conn:
        return await organisations.invitations(conn, slug)
