"""Bots with avatars, as tests make them: owned by ada, brought, decided on."""

from __future__ import annotations

from typing import Any

from agon.epochs import avatars
from agon.epochs.providers.making import Made, Wish
from agon.kernel import outside
from agon.kernel.database import Actor
from agon.kernel.jobs import Work
from tests.content.walks import glb, work
from tests.epochs.ledger import ADA, Transfer, tell
from tests.places import ADMIN, Place
from tests.standins.meshy import KEY, Meshy


def model(name: str = "a bot") -> bytes:
    """A model of its own."""
    return glb({"asset": {"version": "2.0", "generator": name}, "nodes": [{}, {}],
                "materials": [{"name": "steel"}], "skins": [{"joints": [0, 1]}]})  # fmt: skip


async def bot_of(place: Place, owner: str = ADA, token: int = 1) -> str:
    """A bot of somebody's; its slug."""
    await tell(place.owner, [Transfer(block=10 * token, token=token, receiver=owner)])
    return await place.owner.fetchval(
        "select slug from bot_identities where token_id = $1::text::numeric", str(token)
    )


def working(place: Place, meshy: Meshy | None = None, **settings: Any) -> Work:
    """What providers may use; meshy: the party that is configured."""
    if meshy is not None:
        settings = {"meshy_url": meshy.party.url, "meshy_api_key": KEY, **settings}
    return work(place, **settings)


async def brought(
    place: Place, actor: Actor, slug: str, name: str = "a bot", preview: bytes | None = None
) -> int:
    """An avatar that its owner brings; its number."""
    made = Made(model=model(name), preview=preview)
    return (await avatars.bring(working(place), actor, slug, made))["generation_index"]


async def asked(place: Place, actor: Actor, slug: str, at: Work, prompt: str = "a knight") -> str:
    """A generation that is asked of Meshy; its id."""
    row = await avatars.request(at, actor, slug, Wish(provider="meshy", prompt=prompt))
    return row["id"]


async def generate(place: Place, at: Work, name: str) -> str:
    """Go on with a generation as the queue would: its status, or the code for which it waits."""
    later = await outside.carry(at, avatars.GENERATION, str(name))
    if later is not None:
        return later.why.partition("]")[0].removeprefix("[")
    query = "select status from agon.avatar_generations where id::text = $1"
    return await place.owner.fetchval(query, str(name))


async def act(place: Place, actor: Actor, call: str, *arguments: Any) -> Any:
    """What a function of SQL answers to somebody, as JSON."""
    async with place.database.as_caller(actor) as conn:
        return await conn.fetchval(f"select to_jsonb({call})", *arguments)


async def approve(place: Place, slug: str, number: int, by: Actor = ADMIN) -> dict[str, Any]:
    return await act(place, by, "public.approve_avatar($1, $2)", slug, number)


async def wear(place: Place, actor: Actor, slug: str, number: int) -> dict[str, Any]:
    return await act(place, actor, "public.wear_avatar($1, $2)", slug, number)


async def seen(place: Place, actor: Actor, slug: str) -> list[tuple[int, str]]:
    """The avatars that somebody sees: number and moderation."""
    rows = await act(place, actor, "agon.show_avatars($1)", slug)
    return [(row["generation_index"], row["moderation_status"]) for row in rows]


async def published(place: Place) -> set[str]:
    """The content ids that everybody may read."""
    rows = await place.owner.fetch("select cid from agon.files where published_at is not null")
    return {row["cid"] for row in rows}
