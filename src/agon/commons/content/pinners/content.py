"""What the places share: what is to be pinned, and how they fail."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from agon.kernel.cid import Profile
from agon.kernel.errors import Refused, refuse
from agon.kernel.outbound import Answer

DIFFERS = "pin_differs"
ANSWER_BYTES_MAX = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Content:
    """A published file. path: where its bytes lie; profile: how its cid was made of them."""

    cid: str
    path: Path
    profile: Profile


def differs(content: Content, theirs: object, what: str) -> Refused:
    return refuse(
        DIFFERS,
        f"{what} has these bytes under another content id.",
        details=f"{str(theirs)[:100]!r} instead of {content.cid}",
        hint=f"It does not cut files by the profile {content.profile.name}.",
        status=502,
    )


def failed(what: str, answer: Answer) -> Refused:
    """details: how its answer begins, which says why."""
    said = answer.body[:200].decode("utf-8", "replace")
    return refuse(
        "pin_failed",
        f"{what} did not pin the content.",
        details=f"status {answer.status}: {said}",
        hint="It is tried again; if it lasts, check the address and the token.",
        status=502,
    )
