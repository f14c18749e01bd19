"""Checks of `agon doctor`: where evidence is kept, and which providers can be asked for it."""

from __future__ import annotations

import asyncio
import tempfile

from agon.commons.content import files
from agon.kernel.doctor import Finding
from agon.kernel.runtime import Runtime


async def check_content(runtime: Runtime) -> Finding:
    """The content folder takes files. A folder that does not is an OSError, which the doctor
    reports."""
    folder = await asyncio.to_thread(files.folder, runtime)
    await asyncio.to_thread(_write, str(folder))
    return Finding(state="ok", text=f"{folder} takes files")


async def check_strava(runtime: Runtime) -> Finding:
    """Accounts can be linked, and activities collected."""
    return _configured(runtime, "Strava accounts", "strava_client_id", "strava_client_secret")


async def check_riot(runtime: Runtime) -> Finding:
    """Games can be collected, and accounts linked."""
    return _configured(
        runtime, "Riot accounts", "riot_api_key", "riot_client_id", "riot_client_secret"
    )


async def check_opendota(runtime: Runtime) -> Finding:
    """Games can be collected; a key only lifts limits."""
    if runtime.settings["opendota_api_key"]:
        return Finding(state="ok", text="configured, with a key")
    return Finding(state="note", text="asked without a key, so OpenDota's limits for all hold")


def _configured(runtime: Runtime, what: str, *names: str) -> Finding:
    """A provider that is not set up is no mistake: files need none."""
    missing = [f"AGON_{name.upper()}" for name in names if not runtime.settings[name]]
    if not missing:
        return Finding(state="ok", text="configured")
    return Finding(
        state="note",
        text=f"not configured: {', '.join(missing)} not set",
        hint=f"Only {what} need this; files are taken without it.",
    )


def _write(folder: str) -> None:
    with tempfile.TemporaryFile(dir=folder) as stream:
        stream.write(b"agon")
