"""Avatars: brought, or asked of an outside party between an intent and a receipt; kept to ourselves
until a moderator has approved them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from agon.commons.content import files, forms, publishing
from agon.epochs import manifests
from agon.epochs.providers import PROVIDERS, making
from agon.epochs.providers.making import At, Made, Wish
from agon.kernel.database import Actor, Conn
from agon.kernel.jobs import Later, Work
from agon.kernel.outside import Errand, Row

FINAL = frozenset(
    (
        making.FAILED, "cid_malformed", "content_empty", "content_too_large", "glb_malformed",
        "glb_refers_outside", "outbound_too_large",
    )
)  # fmt: skip
"""Refusals that no further attempt would change."""


async def bring(work: Work, caller: Actor, slug: str, brought: Made) -> Mapping[str, Any]:
    """Keep the model that a bot's owner brings; the avatar's row, also where it was there before.

    Raises Refused `not_your_bot` (403), `bot_not_active`, `too_many_avatars` (429), and what
    `forms.check` refuses.
    """
    wish = Wish(provider="manual", brought=brought)
    step = await PROVIDERS[wish.provider].step(work, wish, At())
    async with work.database.as_worker(caller) as conn:
        uris = await _keep(conn, work, wish, step.made or brought)
        return await conn.fetchval(
            "select to_jsonb(agon.bring_avatar($1, $2, $3, $4))", slug, *uris
        )


async def request(work: Work, caller: Actor, slug: str, wish: Wish) -> Mapping[str, Any]:
    """Ask an outside party for a model of the caller's bot; the generation's row.

    Raises Refused as `bring` does, and `provider_not_configured` (501).
    """
    if wish.provider in PROVIDERS:
        making.require(wish.provider, work.runtime.settings, PROVIDERS[wish.provider].NEEDS)
    async with work.database.as_worker(caller) as conn:
        return await conn.fetchval(
            "select to_jsonb(agon.request_avatar($1, $2, $3, $4))",
            slug,
            wish.provider,
            wish.prompt,
            wish.source_uri,
        )


async def _make(work: Work, row: Row) -> Made | Later:
    """Go on with a generation, step by step, until there is a model or the party is at work."""
    wish = _wish(row)
    while True:
        step = await PROVIDERS[wish.provider].step(work, wish, await _reached(work, row["id"]))
        if step.made is not None:
            return step.made
        async with work.database.as_worker() as conn:
            await conn.execute("select agon.note_generation_task($1, $2)", row["id"], step.task)
        if step.waits:
            return Later(why=f"[{making.WAITS}] {step.waits}")


async def _reached(work: Work, generation_id: object) -> At:
    """Noted before the party is asked for the next step."""
    async with work.database.as_worker() as conn:
        row = await conn.fetchrow("select * from agon.begin_generation($1)", generation_id)
    asked = row["asked_at"]
    return At(
        task=row["task"],
        asked_ms=None if asked is None else int(asked.timestamp() * 1000),
        known=frozenset(row["known"]),
    )


async def _finish(work: Work, conn: Conn, row: Row, made: Made) -> None:
    uris = await _keep(conn, work, _wish(row), made)
    await conn.execute("select agon.finish_generation($1, $2, $3, $4)", row["id"], *uris)


def _wish(row: Row) -> Wish:
    return Wish(provider=row["source_provider"], prompt=row["prompt"], source_uri=row["source_uri"])


async def _keep(conn: Conn, work: Work, wish: Wish, made: Made) -> tuple[str, str | None, str]:
    """Check the files and hold them, with a manifest; the URIs of model, preview and manifest."""
    root = await asyncio.to_thread(files.folder, work.runtime)
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


GENERATION = Errand(
    job="epochs.generate_avatar",
    load="agon.wanted_generation",
    act=_make,
    receipt=_finish,
    gave_up="agon.note_generation_failed",
    attempt_s=600,
    attempts_max=30,  # 1.8 hours; Meshy takes minutes
    final=FINAL,
)
