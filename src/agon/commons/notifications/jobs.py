"""What the worker does: send mail."""

from __future__ import annotations

from typing import Any

from agon.commons.notifications import mails
from agon.kernel import outside
from agon.kernel.jobs import Later, Work


async def send_mail(work: Work, payload: dict[str, Any]) -> Later | None:
    """Send one mail."""
    return await outside.carry(work, mails.SENDING, payload["key"])
