"""How a webhook's message is signed, what an answer to it means, and how long to wait after one.

Pure. Standard Webhooks (https://www.standardwebhooks.com), signatures `v1`: HMAC-SHA256.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from standardwebhooks import Webhook

Outcome = Literal["delivered", "failed", "gone"]

WAIT_S_MIN = 1
WAIT_FIRST_S = 10
"""The most after a first failure; it doubles with each further one."""
WAIT_LONGEST_S = 4 * 3600
RETRY_AFTER_S_MAX = 3600
"""An endpoint that asks for a longer pause gets this one."""
BODY_CHARS_MAX = 1024
"""Of an answer, as it is kept."""
GONE = 410


def headers(
    secrets: Sequence[str], message_id: str, sent_at: datetime, body: str
) -> dict[str, str]:
    """The headers of a message.

    secrets: `whsec_…`, each of which signs; message_id: the same at each attempt; sent_at: of this
    attempt, in UTC.
    """
    signatures = (Webhook(secret).sign(message_id, sent_at, body) for secret in secrets)
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def outcome(status: int) -> Outcome:
    """What a status means: 2xx took the message, 410 wants none any more; a redirect took none."""
    if status == GONE:
        return "gone"
    return "delivered" if 200 <= status < 300 else "failed"


def wait_s(failures: int, chance: float, asked_s: int | None) -> float:
    """Seconds from a failure to the next attempt: exponential, with full jitter.

    failures: in a row, before this one; chance: from [0, 1); asked_s: what Retry-After said, which
    is kept to up to RETRY_AFTER_S_MAX.
    """
    most = min(WAIT_LONGEST_S, WAIT_FIRST_S * 2 ** min(failures, 32))
    asked = min(asked_s or 0, RETRY_AFTER_S_MAX)
    return max(WAIT_S_MIN, chance * most, asked)


def excerpt(body: bytes) -> str:
    """The beginning of an answer as text that Postgres can hold."""
    return body.decode(errors="replace").replace("\0", "\ufffd")[:BODY_CHARS_MAX]
