"""Avatars: brought, or asked of an outside party between an intent and a receipt; kept to ourselves
until a moderator has approved them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from agon.commons.content import files, forms, publishing
from agon.epochs import manifests
from agon.epochs.providers import PROVIDERS, making
from agon.epochs.providers.making import At, Desk, Made, Wish
from agon.kernel import logs
from agon.kernel.database import Actor, Conn
from agon.kernel.errors import Refused

ATTEMPTS_MAX = 30
"""With the queue's back-off: 1.8 hours; Meshy takes minutes."""
FINAL = frozenset(
    (
        making.FAILED, "cid_malformed", "content_empty", "content_too_large", "glb_malformed",
        "glb_refers_outside", "outbound_too_large",
    )
)  # fmt: skip
"""Refusals that no further attempt would change."""

log = logs.get("agon.avatars")


async def bring(desk: Desk, caller: Actor, slug: str, brought: Made) -> Mapping[str, Any]:
    """Keep the model that a bot's owner brings; the avatar's row, also where it was there before.

    Raises Refused `not_your_bot` (403), `bot_not_active`, `too_many_avatars` (429), and what
    `forms.check` refuses.
    """
    wish = Wish(provider="manual", brought=brought)
    step = await PROVIDERS[wish.provider].step(desk, wish, At())
    async with desk.database.as_worker(caller) as conn:
        uris = await _keep(conn, desk, wish, step.made or brought)
        return await conn.fetchval(
            "select to_jsonb(agon.bring_avatar($1, $2, $3, $4))", slug, *uris
        )


async def request(desk: Desk, caller: Actor, slug: str, wish: Wish) -> Mapping[str, Any]:
    """Ask an outside party for a model of the caller's bot; the generation's row.

    Raises Refused as `bring` does, and `provider_not_configured` (501).
    """
    if wish.provider in PROVIDERS:
        making.require(wish.provider, desk.runtime.settings, PROVIDERS[wish.provider].NEEDS)
    async with desk.database.as_worker(caller) as conn:
        return await conn.fetchval(
            "select to_jsonb(agon.request_avatar($1, $2, $3, $4))",
            slug,
            wish.provider,
            wish.prompt,
            wish.source_uri,
        )


async def generate(desk: Desk, generation_id: str) -> str:
    """Go on with a generation as far as it goes now: done | failed | nothing (to do).

    Raises Refused where a later attempt may go further.
    """
    while True:
        async with desk.database.as_worker() as conn:
            row = await conn.fetchrow("select * from agon.begin_generation($1)", generation_id)
        if row is None:
            return "nothing"
        try:
            if await _advance(desk, row):
                return "done"
        except Refused as refused:
            if await _note_trouble(desk, generation_id, refused) == "wanted":
                raise
            log.error("avatar.failed", generation=generation_id, why=str(refused))
            return "failed"


async def _advance(desk: Desk, row: Mapping[str, Any]) -> bool:
    """One step, and its receipt; whether it was the last."""
    wish = Wish(provider=row["source_provider"], prompt=row["prompt"], source_uri=row["source_uri"])
    asked = row["asked_at"]
    at = At(
        task=row["task"],
        asked_ms=None if asked is None else int(asked.timestamp() * 1000),
        known=frozenset(row["known"]),
    )
    step = await PROVIDERS[wish.provider].step(desk, wish, at)
    async with desk.database.as_worker() as conn:
        if step.made is None:
            await conn.execute("select agon.note_generation_task($1, $2)", row["id"], step.task)
            return False
        uris = await _keep(conn, desk, wish, step.made)
        await conn.execute("select agon.finish_generation($1, $2, $3, $4)", row["id"], *uris)
        return True


async def _keep(conn: Conn, desk: Desk, wish: Wish, made: Made) -> tuple[str, str | None, str]:
    """Check the files and hold them, with a manifest; the URIs of model, preview and manifest."""
    root = await asyncio.to_thread(files.folder, desk.runtime)
    cid = await publishing.hold(conn, root, made.model, forms.GLB)
    model = manifests.part(cid, made.model)
    scene = await asyncio.to_thread(forms.scene_of, made.model)
    preview = None
    if made.preview is not None:
        cid = await publishing.hold(conn, root, made.preview, forms.PNG)
        preview = manifests.part(cid, made.preview)
    source = {"provider": wish.provider, "prompt": wish.prompt, "uri": wish.source_uri}
    manifest = manifests.write(model=model, preview=preview, source=source, scene=scene)
    cid = await publishing.hold(conn, root, manifest, forms.JSON)
    return model["uri"], preview and preview["uri"], f"ipfs://{cid}"


async def _note_trouble(desk: Desk, generation_id: str, refused: Refused) -> str:
    """The generation's status after a step that brought nothing."""
    refusal = refused.refusal
    why = " ".join(filter(None, (f"[{refusal.code}]", refusal.message, refusal.details)))
    async with desk.database.as_worker() as conn:
        return await conn.fetchval(
            "select agon.note_generation_trouble($1, $2, $3, $4, $5)",
            generation_id,
            why,
            refusal.code == making.WAITS,
            refusal.code in FINAL,
            ATTEMPTS_MAX,
        )
