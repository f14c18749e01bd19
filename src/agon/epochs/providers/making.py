"""What the providers share: what is wished for, how far it is, and how they say that it is not."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from agon.kernel.config import Settings
from agon.kernel.errors import Refused, refuse

WAITS = "generation_waits"
FAILED = "generation_failed"


@dataclass(frozen=True, kw_only=True)
class Made:
    """A model (GLB) and its picture (PNG), where there is one."""

    model: bytes
    preview: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Wish:
    """An avatar that somebody wants: by a prompt, from an ipfs:// URI, or as it was brought."""

    provider: str
    prompt: str | None = None
    source_uri: str | None = None
    brought: Made | None = None


@dataclass(frozen=True, kw_only=True)
class At:
    """How far a wish is.

    task: the party's, begun last; asked_ms: when an earlier step began something of which no
    receipt came, if one did; known: every task that is somebody's.
    """

    task: str | None = None
    asked_ms: int | None = None
    known: Collection[str] = field(default=())


@dataclass(frozen=True, kw_only=True)
class Step:
    """What a step led to: the task that is current now, or the model. waits: what the party says of
    a task that it works on; it is asked again later."""

    task: str | None = None
    waits: str | None = None
    made: Made | None = None


def require(what: str, settings: Settings, needs: Collection[str]) -> None:
    """Refuse to ask a party that is not configured: `provider_not_configured` (501)."""
    missing = [f"AGON_{name.upper()}" for name in needs if not settings[name]]
    if missing:
        raise refuse(
            "provider_not_configured",
            f"This server cannot ask {what} for models.",
            details=f"{', '.join(missing)} not set",
            hint="Bring a model of your own.",
            status=501,
        )


def failed(what: str, details: str) -> Refused:
    """There will be no model."""
    return refuse(
        FAILED,
        f"{what} has no model for this.",
        details=details,
        hint="Ask for another.",
        status=502,
    )
