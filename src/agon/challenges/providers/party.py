"""What all providers share: the values that go in and out, and how an answer is taken apart.

Time is an argument: `now_ms` is the caller's clock. A fetch always returns what it has: a refusal
on the way stands in `Fetched.stopped`, so that neither documents nor rotated tokens are lost.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from agon.kernel.errors import Refusal, Refused, refuse, retry_after_s
from agon.kernel.outbound import Answer

DOCUMENTS_MAX = 40
"""Fetched in one go for one account; the next poll goes on behind them."""
DOCUMENT_BYTES_MAX = 32 * 1024 * 1024
TOKEN_MARGIN_MS = 5 * 60_000
"""A token that expires within this is refreshed first."""
PAUSE_MS = 60_000
"""Where a party limits the rate and names no wait."""

Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class Party:
    """How to reach an outside party, and who we are to it.

    base_url: of the API, without a trailing slash; Riot's holds `{route}`. auth_url: of the
    OAuth server, where it is another one.
    """

    base_url: str
    auth_url: str | None = None
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Account:
    """A linked account: the subject's wallet, the party's id of the user, and tokens, if any."""

    subject: str
    external_id: str
    access_token: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    token_expires_ms: int | None = None


@dataclass(frozen=True, kw_only=True)
class Tokens:
    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_ms: int


@dataclass(frozen=True, kw_only=True)
class Linked:
    """Who authorised us. handle: the name shown to people, where there is one."""

    external_id: str
    handle: str | None
    tokens: Tokens


@dataclass(frozen=True, kw_only=True)
class Document:
    """One thing found. data: None if it was known before and not fetched again."""

    start_ms: int
    data: bytes | None


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """What a fetch brought: the documents, oldest first.

    next_since_ms: behind the newest start. What arrives late, as from a watch that syncs days
    later, is found by asking from earlier and naming what is known;
    tokens: new ones, to be stored before anything else, since the old ones may be void;
    stopped: why it ended early, None if it did not (`account_unlinked`: the owner must link again);
    next_poll_ms: not to be polled before.
    """

    documents: tuple[bytes, ...]
    next_since_ms: int
    tokens: Tokens | None = None
    stopped: Refusal | None = None
    next_poll_ms: int | None = None


async def collect(
    found: AsyncIterator[Document | Tokens], since_ms: int, now_ms: int, pause_ms: int = PAUSE_MS
) -> Fetched:
    """Gather what a provider finds, oldest first, up to DOCUMENTS_MAX and the first refusal."""
    documents: list[bytes] = []
    tokens = stopped = next_poll_ms = None
    next_since_ms = since_ms
    try:
        async for item in found:
            if isinstance(item, Tokens):
                tokens = item
                continue
            next_since_ms = max(next_since_ms, item.start_ms + 1)
            if item.data is not None:
                documents.append(item.data)
            if len(documents) == DOCUMENTS_MAX:
                break
    except Refused as refused:
        stopped = refused.refusal
        if stopped.code == "outbound_rate_limited":
            asked_s = retry_after_s(stopped)
            next_poll_ms = now_ms + (pause_ms if asked_s is None else asked_s * 1000)
    return Fetched(
        documents=tuple(documents),
        next_since_ms=next_since_ms,
        tokens=tokens,
        stopped=stopped,
        next_poll_ms=next_poll_ms,
    )


def is_expired(account: Account, now_ms: int) -> bool:
    expires_ms = account.token_expires_ms
    return not account.access_token or (
        expires_ms is not None and expires_ms - TOKEN_MARGIN_MS <= now_ms
    )


def opened(answer: Answer, what: str) -> Any:
    """The JSON of a good answer. Refused `provider_failed`, or `outbound_malformed`."""
    if answer.status != 200:
        raise failed(what, f"status {answer.status}")
    return answer.json()


def part(document: Any, key: str, kind: type[Value], what: str) -> Value:
    """A field of a party's answer, of that type. Refused `provider_failed`."""
    value = document.get(key) if isinstance(document, Mapping) else None
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise failed(what, f"{key} is no {kind.__name__}")
    return value


def name_in(document: Mapping[str, Any], key: str) -> str | None:
    """A text that may be missing."""
    value = document.get(key)
    return value if isinstance(value, str) and value else None


def failed(what: str, details: str) -> Refused:
    return refuse(
        "provider_failed",
        f"{what} did not answer as its documentation says.",
        details=details,
        hint="Try again later; if it lasts, check the keys that are configured for this provider.",
        status=502,
    )


def unlinked(what: str) -> Refused:
    return refuse(
        "account_unlinked",
        f"{what} no longer accepts our authorisation for this account.",
        hint="Link the account again.",
        status=403,
    )


def link_refused(what: str) -> Refused:
    return refuse(
        "account_link_refused",
        f"{what} did not accept the authorisation code.",
        hint="Start linking again: a code is valid once, and for a short time.",
    )
