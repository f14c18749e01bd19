"""Teams over HTTP: read, call one function, answer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from agon.leagues import bodies, teams
from agon.web.handlers import Caller, JsonObject, Pools, SignedIn

router = APIRouter(prefix="/api", tags=["teams"])

Row = dict[str, Any]


@router.get("/org/{slug}/teams")
async def list_teams(slug: str, caller: Caller, pools: Pools) -> list[Row]:
    """The teams of an organisation, with their rosters."""
    async with pools.as_caller(caller) as conn:
        return await teams.listed(conn, slug)


@router.post("/org/{slug}/teams", status_code=201, openapi_extra=bodies.TEAM)
async def create_team(slug: str, caller: SignedIn, pools: Pools, body: JsonObject) -> Row:
    """A new team, by a member, who becomes its captain. An admin, or a key with `teams:write`, may
    name a captain, who is invited."""
    async with pools.as_caller(caller) as conn:
        return await teams.create(conn, slug, body)


@router.get("/teams/invitations")
async def list_my_team_invitations(caller: SignedIn, pools: Pools) -> list[Row]:
    """Invitations to teams that wait for the caller's answer."""
    async with pools.as_caller(caller) as conn:
        return await teams.invitations(conn)


@router.post("/teams/invitations/{invitation}/accept")
async def accept_team_invitation(invitation: UUID, caller: SignedIn, pools: Pools) -> Row:
    """The invited wallet goes on the roster."""
    async with pools.as_caller(caller) as conn:
        return await teams.accept(conn, invitation)


@router.post("/teams/invitations/{invitation}/decline")
async def decline_team_invitation(invitation: UUID, caller: SignedIn, pools: Pools) -> Row:
    """The invited wallet does not play."""
    async with pools.as_caller(caller) as conn:
        return await teams.decline(conn, invitation)


@router.delete("/teams/invitations/{invitation}")
async def withdraw_team_invitation(invitation: UUID, caller: SignedIn, pools: Pools) -> Row:
    """The team no longer asks."""
    async with pools.as_caller(caller) as conn:
        return await teams.withdraw(conn, invitation)


@router.get("/teams/{team}")
async def show_team(team: UUID, caller: Caller, pools: Pools) -> Row:
    """A team with its roster."""
    async with pools.as_caller(caller) as conn:
        return await teams.shown(conn, team)


@router.patch("/teams/{team}", openapi_extra=bodies.TEAM_UPDATE)
async def update_team(team: UUID, caller: SignedIn, pools: Pools, body: JsonObject) -> Row:
    """Describe it anew, by its captain, an admin or a key with `teams:write`."""
    async with pools.as_caller(caller) as conn:
        return await teams.update(conn, team, body)


@router.get("/teams/{team}/invitations")
async def list_team_invitations(team: UUID, caller: SignedIn, pools: Pools) -> list[Row]:
    """Whom it asks: for its captain, admins, and keys with `teams:read`."""
    async with pools.as_caller(caller) as conn:
        return await teams.invitations(conn, team)


@router.post("/teams/{team}/invitations", status_code=201, openapi_extra=bodies.INVITE)
async def invite_to_team(team: UUID, caller: SignedIn, pools: Pools, body: JsonObject) -> Row:
    """Ask a wallet to play: by the captain, an admin or a key with `teams:write`; to be captain, by
    the last two."""
    async with pools.as_caller(caller) as conn:
        return await teams.invite(conn, team, body.get("wallet"), body.get("role"))


@router.delete("/teams/{team}/roster/{wallet}")
async def remove_from_roster(
    team: UUID, wallet: str, caller: SignedIn, pools: Pools
) -> dict[str, bool]:
    """Leave, or remove somebody; not while the team plays."""
    async with pools.as_caller(caller) as conn:
        return {"removed": await teams.remove(conn, team, wallet)}


@router.post("/teams/{team}/captain", openapi_extra=bodies.CAPTAIN)
async def make_captain(team: UUID, caller: SignedIn, pools: Pools, body: JsonObject) -> Row:
    """Another player becomes captain."""
    async with pools.as_caller(caller) as conn:
        return await teams.make_captain(conn, team, body.get("wallet"))
