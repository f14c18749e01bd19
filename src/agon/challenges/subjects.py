"""Subjects: the wallet that a request is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agon.commons.people import wallets
from agon.kernel.errors import refuse


def subject_of(body: Mapping[str, Any]) -> str:
    """The wallet that a body names, in lower case. Raises Refused `subject_missing`, and as
    `wallets.address`."""
    subject = body.get("subject")
    if subject in (None, ""):
        raise refuse(
            "subject_missing",
            "The body names no subject.",
            details="/subject",
            hint="Put one of your wallets in `subject`: 0x and 40 hexadecimal digits.",
            status=422,
        )
    return wallets.address(str(subject))
