"""Pins: a published file is kept at other places, too, each asked until it says that it has it."""

from __future__ import annotations

from agon.commons.content import files
from agon.commons.content.pinners import PINNERS
from agon.commons.content.pinners.content import DIFFERS, Content
from agon.kernel import logs
from agon.kernel.cid import Profile
from agon.kernel.config import Settings
from agon.kernel.database import Database
from agon.kernel.errors import Refused, refuse
from agon.kernel.runtime import Runtime

ATTEMPTS_MAX = 30
"""With the queue's back-off: 1.8 hours, within which a pinning service finds the blocks."""

log = logs.get("agon.pins")


def targets(settings: Settings) -> list[str]:
    """The places that are configured."""
    return [name for name, pinner in PINNERS.items() if settings[pinner.URL]]


async def want(database: Database, settings: Settings, cid: str) -> int:
    """Queue the pinning of a published file at every configured place; at how many."""
    async with database.as_worker() as conn:
        return await conn.fetchval("select agon.want_pins($1, $2)", cid, targets(settings))


async def pin(database: Database, runtime: Runtime, cid: str, target: str) -> str:
    """Have one place keep one file, unless that is done: pinned | failed | nothing (to do).

    Raises Refused where a later attempt may succeed.
    """
    async with database.as_worker() as conn:
        row = await conn.fetchrow("select * from agon.begin_pin($1, $2)", cid, target)
    if row["cid"] is None:
        return "nothing"
    try:
        await _pin(runtime, target, cid, files.PROFILES[row["profile"]])
    except Refused as refused:
        if await _note_trouble(database, cid, target, refused) == "queued":
            raise
        log.error("pin.failed", cid=cid, target=target, why=str(refused))
        return "failed"
    async with database.as_worker() as conn:
        await conn.execute("select agon.note_pinned($1, $2)", cid, target)
    return "pinned"


async def _pin(runtime: Runtime, target: str, cid: str, profile: Profile) -> None:
    pinner, settings = PINNERS[target], runtime.settings
    if not settings[pinner.URL]:
        raise refuse(
            "pin_not_configured",
            "The place to pin at is no longer configured.",
            hint=f"Set AGON_{pinner.URL.upper()} again.",
            status=501,
        )
    path = files.locate(files.folder(runtime), cid)
    async with runtime.outbound(settings[pinner.URL]) as client:
        await pinner.pin(client, settings, Content(cid=cid, path=path, profile=profile))


async def _note_trouble(database: Database, cid: str, target: str, refused: Refused) -> str:
    """The pin's status after an attempt that did not do it."""
    refusal = refused.refusal
    why = " ".join(filter(None, (f"[{refusal.code}]", refusal.message, refusal.details)))
    async with database.as_worker() as conn:
        return await conn.fetchval(
            "select status from agon.note_pin_trouble($1, $2, $3, $4, $5)",
            cid,
            target,
            why,
            refusal.code == DIFFERS,
            ATTEMPTS_MAX,
        )
