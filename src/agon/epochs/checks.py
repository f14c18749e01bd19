"""Checks of `agon doctor`: who can be asked for avatars, and what serves the live board."""

from __future__ import annotations

from agon.epochs import live
from agon.epochs.providers import meshy
from agon.kernel.doctor import Finding
from agon.kernel.runtime import Runtime


async def check_meshy(runtime: Runtime) -> Finding:
    """Meshy takes the key, and has credits left for it. A key that it does not take is refused,
    which the doctor reports."""
    if not runtime.settings["meshy_api_key"]:
        return Finding(
            state="note",
            text="not configured: AGON_MESHY_API_KEY not set",
            hint="Only avatars that Meshy makes need this; others are brought.",
        )
    credits = await meshy.balance(runtime)
    if credits < 1:
        return Finding(state="wrong", text="Meshy has no credits left", hint="Buy some.")
    return Finding(state="ok", text=f"{credits} credits at Meshy")


async def check_redis(runtime: Runtime) -> Finding:
    """Redis answers, as quickly as claims wait for it."""
    async with live.opened(runtime) as found:
        if found is None:
            return Finding(state="note", text="AGON_REDIS_URL is not set: Postgres serves it")
        try:
            await found.ping()
        except live.LOST as error:
            return Finding(
                state="wrong",
                text=f"Redis does not answer: {type(error).__name__}: {error}",
                hint="Start it, or correct AGON_REDIS_URL. Postgres serves the board meanwhile.",
            )
    return Finding(state="ok", text="Redis answers")
