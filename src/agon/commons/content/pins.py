"""Pins: a published file is kept at other places, too, each asked until it says that it has it."""

from __future__ import annotations

from agon.commons.content import files
from agon.commons.content.pinners import PINNERS
from agon.commons.content.pinners.content import DIFFERS, Content
from agon.kernel.config import Settings
from agon.kernel.database import Conn, Database
from agon.kernel.errors import refuse
from agon.kernel.jobs import Later, Work
from agon.kernel.outside import Errand, Row


def targets(settings: Settings) -> list[str]:
    """The places that are configured."""
    return [name for name, pinner in PINNERS.items() if settings[pinner.URL]]


async def want(database: Database, settings: Settings, cid: str) -> int:
    """Queue the pinning of a published file at every configured place; at how many."""
    async with database.as_worker() as conn:
        return await conn.fetchval("select agon.want_pins($1, $2)", cid, targets(settings))


async def _pin(work: Work, row: Row) -> Later | None:
    """Have one place keep one file."""
    pinner, settings = PINNERS[row["target"]], work.runtime.settings
    if not settings[pinner.URL]:
        raise refuse(
            "pin_not_configured",
            "The place to pin at is no longer configured.",
            hint=f"Set AGON_{pinner.URL.upper()} again.",
            status=501,
        )
    cid, profile = row["cid"], files.PROFILES[row["profile"]]
    path = files.locate(files.folder(work.runtime), cid)
    async with work.runtime.outbound(settings[pinner.URL]) as client:
        return await pinner.pin(client, settings, Content(cid=cid, path=path, profile=profile))


async def _note_pinned(_work: Work, conn: Conn, row: Row, _answer: None) -> None:
    await conn.execute("select agon.note_pinned($1, $2)", row["cid"], row["target"])


PINNING = Errand(
    job="content.pin_at",
    load="agon.waiting_pin",
    act=_pin,
    receipt=_note_pinned,
    gave_up="agon.note_pin_failed",
    attempt_s=600,
    attempts_max=30,  # 1.8 hours, within which a pinning service finds the blocks
    final=(DIFFERS,),
)
