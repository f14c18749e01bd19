"""What the worker does: have published files pinned."""

from __future__ import annotations

from typing import Any

from agon.commons.content import pins
from agon.kernel import logs, outside
from agon.kernel.jobs import Later, Work

log = logs.get("agon.content")


async def pin(work: Work, payload: dict[str, Any]) -> None:
    """Queue a published file for every place that is configured."""
    wanted = await pins.want(work.database, work.runtime.settings, payload["cid"])
    log.debug("pins.wanted", places=wanted, **payload)


async def pin_at(work: Work, payload: dict[str, Any]) -> Later | None:
    """Have one place keep it."""
    return await outside.carry(work, pins.PINNING, payload["key"])
