"""Checks of `agon doctor`: where mail goes."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from agon.commons.notifications import folder, mails
from agon.kernel import smtp
from agon.kernel.doctor import Finding
from agon.kernel.runtime import Runtime


async def check_mail(runtime: Runtime) -> Finding:
    """The mail server answers, takes our login and has a sender; or the folder takes files."""
    sender = mails.sender_of(runtime.settings)
    if runtime.settings["smtp_url"] is None:
        root = folder.place(runtime)
        await asyncio.to_thread(_try, root)
        return Finding(
            state="note",
            text=f"mail is files in {root}: AGON_SMTP_URL is not set",
            hint="`agon mail` lists them.",
        )
    server = smtp.read_url(runtime.settings["smtp_url"])
    return Finding(state="ok", text=f"{await smtp.greet(server)}; from {sender.addr_spec}")


def _try(root: Path) -> None:
    """A folder that takes no files is an OSError, which the doctor reports."""
    folder.prepare(root)
    with tempfile.TemporaryFile(dir=root) as stream:
        stream.write(b"agon")
