"""Checks of `agon doctor`: which parties can be asked for avatars."""

from __future__ import annotations

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
