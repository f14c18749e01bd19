"""What people are told without asking, and when. Pure: the time is an argument.

Each kind has a span in which it is told: from the moment that calls for it until it is stale. A
worker that was down catches up within the span, and is silent about what is past. Instants are
milliseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

PROOF_MS = DAY_MS
"""Proofs are due so long after a challenge's end (agon.require_open: on a chain, none is taken
after that)."""
PUSH_MS = DAY_MS
"""The final push begins so long before the end; for short challenges with their last quarter."""
PUSH_SHARE = 4
DEADLINE_MAIL_MS = 12 * HOUR_MS
"""proof_deadline goes out so long before proofs are due."""
OUTCOME_STALE_MS = 7 * DAY_MS
"""finalization is no news any more."""
CLAIM_AGAIN_MS = 3 * DAY_MS
"""claim_reminder follows claim_available."""
CLAIM_STALE_MS = 30 * DAY_MS
"""After a challenge's end nobody is told of claims any more."""

ENDED = ("finalized", "canceled", "rejected")


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """What a challenge's row says. title: as others are told it, None where nobody approved it."""

    id: int
    status: str
    title: str | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    told: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.title or f"challenge {self.id}"


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """One notification, as agon.notify takes it."""

    type: str
    title: str
    body: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ClaimStep:
    """What becomes of a wallet's turn: tell it or not, then wait for `next` at `due_ms`, or end."""

    tell: Prompt | None = None
    next: str | None = None
    due_ms: int | None = None


def window(now_ms: int) -> tuple[int, int]:
    """Between which ends a challenge can have something to tell its participants."""
    return now_ms - PROOF_MS, now_ms + PUSH_MS


def for_participants(challenge: Challenge, now_ms: int) -> Prompt | None:
    """What the participants who have not passed are to be told now."""
    if challenge.status != "approved" or challenge.end_ms is None:
        return None
    end_ms, start_ms = challenge.end_ms, challenge.start_ms
    length_ms = end_ms - start_ms if start_ms is not None else PUSH_SHARE * PUSH_MS
    push_ms = end_ms - min(PUSH_MS, length_ms // PUSH_SHARE)
    found: Prompt | None = None
    if push_ms <= now_ms < end_ms:
        found = Prompt(
            type="challenge_final_push",
            title="A challenge is about to end",
            body=f"{challenge.name} ends in {_span(end_ms - now_ms)}, and you have not met its "
            "rule yet.",
            data=data(challenge.id),
        )
    elif end_ms <= now_ms < end_ms + PROOF_MS:
        found = Prompt(
            type="proof_window_open",
            title="It is time for your proof",
            body=f"{challenge.name} has ended. Hand in your evidence within "
            f"{_span(end_ms + PROOF_MS - now_ms)}.",
            data=data(challenge.id),
        )
    return None if found is None or found.type in challenge.told else found


def for_claimant(
    challenge: Challenge,
    type: str,
    ended_ms: int,
    claimable: Sequence[Mapping[str, str]],
    now_ms: int,
) -> ClaimStep:
    """What a wallet is told of its claims, by what the chain would pay it now: [{claim_type,
    amount_wei}]. type: what is due, claim_available or claim_reminder."""
    paying = [dict(each) for each in claimable if each["amount_wei"] != "0"]
    if not paying or challenge.status not in ENDED or now_ms >= ended_ms + CLAIM_STALE_MS:
        return ClaimStep()
    told = data(challenge.id) | {"claimable": paying}
    if type == "claim_reminder":
        body = f"What {challenge.name} left you is still there to claim."
        return ClaimStep(
            tell=Prompt(type=type, title="You have not claimed yet", body=body, data=told)
        )
    body = f"{challenge.name} is over, and there is something for you to claim."
    return ClaimStep(
        tell=Prompt(type=type, title="You can claim", body=body, data=told),
        next="claim_reminder",
        due_ms=now_ms + CLAIM_AGAIN_MS,
    )


def is_worth_asking(ended_ms: int, now_ms: int) -> bool:
    """Whether wallets are to be told of claims, when we learn only now that a challenge ended."""
    return now_ms < ended_ms + CLAIM_STALE_MS


def for_subscriber(
    challenge: Challenge, type: str, ended_ms: int | None, now_ms: int
) -> Literal["send", "wait", "drop"]:
    """Whether a reminder by mail is sent now, later, or never. ended_ms: when the outcome came."""
    if type == "finalization":
        if challenge.status not in ENDED:
            return "wait"
        is_news = ended_ms is not None and now_ms < ended_ms + OUTCOME_STALE_MS
        return "send" if is_news else "drop"
    if challenge.end_ms is None or challenge.status in ENDED:
        return "drop"
    due_ms = challenge.end_ms + PROOF_MS
    if now_ms >= due_ms:
        return "drop"
    is_due = now_ms >= due_ms - DEADLINE_MAIL_MS
    return "send" if is_due and challenge.status == "approved" else "wait"


def data(challenge_id: int) -> dict[str, Any]:
    """The payload of a notification about a challenge; deepLink is a path of the site."""
    return {"challengeId": challenge_id, "deepLink": f"/challenges/{challenge_id}"}


def _span(ms: int) -> str:
    """A length of time in its largest whole unit, rounded down but to a minute at least."""
    if ms >= 2 * HOUR_MS:
        return f"{ms // HOUR_MS} hours"
    minutes = max(1, ms // 60_000)
    return f"{minutes} minute{'s' if minutes > 1 else ''}"
