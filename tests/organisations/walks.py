"""Organisations as the tests meet them: acme, with an owner, an admin, a member, and strangers."""

from __future__ import annotations

from typing import Any

import httpx

from agon.commons.organisations import keys, organisations
from tests.places import Place, wallet

SLUG = "acme"
PEOPLE = {"ada": "owner", "abe": "admin", "mia": "member", "eve": None}
"""Who belongs to acme, with what role."""


def as_(place: Place, name: str) -> dict[str, str]:
    """The headers of somebody who is signed in."""
    return {"Authorization": f"Bearer {place.token(place.actor(name))}"}


def shown(answer: httpx.Response) -> tuple[int, str | None]:
    """Status and code, to compare refusals by."""
    body = answer.json()
    return answer.status_code, body.get("code") if isinstance(body, dict) else None


async def found(place: Place, slug: str = SLUG, owner: str = "ada") -> str:
    """A new organisation of somebody's: its id."""
    await place.own(owner)
    draft = {"name": slug.title(), "slug": slug, "owner_wallet": wallet(owner)}
    async with place.database.as_caller(place.actor(owner)) as conn:
        return (await organisations.create(conn, draft))["id"]


async def join(place: Place, name: str, role: str = "member", slug: str = SLUG) -> None:
    """Somebody becomes a member, as if invited."""
    await place.own(name)
    await place.owner.execute(
        "insert into org_members (org_id, wallet, role) "
        "select id, $1, $2 from organizations where slug = $3",
        wallet(name),
        role,
        slug,
    )


async def acme(place: Place) -> str:
    """Acme with PEOPLE; eve has a wallet and no part in it. Returns its id."""
    org = await found(place)
    for name, role in PEOPLE.items():
        if role is None:
            await place.own(name)
        elif role != "owner":
            await join(place, name, role)
    return org


async def key_of(
    place: Place, *scopes: str, slug: str = SLUG, by: str = "ada", **more: Any
) -> dict[str, Any]:
    """A new key of an organisation's, in clear under `key`."""
    async with place.database.as_worker(place.actor(by)) as conn:
        return await keys.issue(conn, slug, "a program", scopes, **more)


def shows(key: dict[str, Any]) -> dict[str, str]:
    """The headers that show a key."""
    return {"Authorization": f"Bearer {key['key']}"}


async def roles(place: Place, slug: str = SLUG) -> dict[str, str]:
    """Who belongs to it: wallet -> role."""
    rows = await place.owner.fetch(
        "select m.wallet, m.role from org_members m join organizations o on o.id = m.org_id "
        "where o.slug = $1",
        slug,
    )
    return {row["wallet"]: row["role"] for row in rows}


async def told(place: Place, topic: str) -> list[dict[str, Any]]:
    """The payloads of a topic's events, the oldest first."""
    rows = await place.owner.fetch(
        "select payload from agon.events where topic = $1 order by id", topic
    )
    return [row["payload"] for row in rows]
