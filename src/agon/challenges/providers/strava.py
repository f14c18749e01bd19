"""Strava, API v3: OAuth, an athlete's activities, and their streams.

https://developers.strava.com/docs/reference and /docs/authentication. Refresh tokens rotate: the
old one is void as soon as a new one was handed out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from agon.challenges.providers import party as parties
from agon.challenges.providers.party import Account, Document, Fetched, Linked, Party, Tokens
from agon.kernel.outbound import Answer, Client

NAME = "Strava"
SCOPE = "read,activity:read"
STREAMS = "time,distance,latlng,heartrate,cadence"
PAGES_MAX = 3
PAGE_ITEMS = 100
LIMIT_WINDOW_MS = 15 * 60_000
"""The rate limit starts afresh at each quarter of an hour; a 429 names no wait."""


def authorize_url(party: Party, state: str, redirect_uri: str) -> str:
    """Where the athlete's browser goes to grant access."""
    query = urlencode(
        {
            "client_id": party.client_id or "",
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "approval_prompt": "auto",
            "scope": SCOPE,
            "state": state,
        }
    )
    return f"{party.auth_url or party.base_url}/oauth/authorize?{query}"


async def exchange(
    client: Client, party: Party, code: str, redirect_uri: str, now_ms: int
) -> Linked:
    """Who granted the code. Refused `account_link_refused`, `provider_failed`, `outbound_*`.

    redirect_uri and now_ms are not needed here: Strava names the expiry as an instant.
    """
    answer = await _token(client, party, {"grant_type": "authorization_code", "code": code})
    if _names(answer, "AuthorizationCode", "RequestToken"):
        raise parties.link_refused(NAME)
    document = parties.opened(answer, NAME)
    athlete = parties.part(document, "athlete", dict, NAME)
    return Linked(
        external_id=str(parties.part(athlete, "id", int, NAME)),
        handle=parties.name_in(athlete, "username"),
        tokens=_tokens(document),
    )


async def refresh(client: Client, party: Party, refresh_token: str | None, now_ms: int) -> Tokens:
    """New tokens. Refused `account_unlinked` if the grant was withdrawn."""
    if not refresh_token:
        raise parties.unlinked(NAME)
    answer = await _token(
        client, party, {"grant_type": "refresh_token", "refresh_token": refresh_token}
    )
    if _names(answer, "RefreshToken"):
        raise parties.unlinked(NAME)
    return _tokens(parties.opened(answer, NAME))


async def fetch(
    client: Client,
    party: Party,
    account: Account,
    *,
    since_ms: int,
    now_ms: int,
    known: Collection[str] = (),
) -> Fetched:
    """Activities that started at since_ms or later, each with its streams where it has any.

    known: Strava's ids of activities that need not be fetched again.
    A document is the activity as answered, or {"activity": …, "streams": …}, both as answered.
    """
    found = _find(client, party, account, since_ms, now_ms, known)
    pause_ms = LIMIT_WINDOW_MS - now_ms % LIMIT_WINDOW_MS
    return await parties.collect(found, since_ms, now_ms, pause_ms)


async def _find(
    client: Client,
    party: Party,
    account: Account,
    since_ms: int,
    now_ms: int,
    known: Collection[str],
) -> AsyncIterator[Document | Tokens]:
    token, refresh_token = account.access_token, account.refresh_token
    is_stale = parties.is_expired(account, now_ms)
    for _ in range(2):  # a token may be void before its time: then once more with a fresh one
        if is_stale:
            tokens = await refresh(client, party, refresh_token, now_ms)
            token, refresh_token = tokens.access_token, tokens.refresh_token
            yield tokens
        first = await _page(client, party, token, since_ms, 1)
        is_stale = first.status == 401
        if not is_stale:
            break
    for start_ms, activity in await _list(client, party, token, since_ms, first):
        name = str(parties.part(activity, "id", int, NAME))
        is_manual = activity.get("manual") is True
        data = None if name in known else await _read(client, party, token, name, is_manual)
        yield Document(start_ms=start_ms, data=data)


async def _list(
    client: Client, party: Party, token: str | None, since_ms: int, answer: Answer
) -> list[tuple[int, dict[str, Any]]]:
    """Start and summary of each new activity, oldest first, from the first page's answer on."""
    listed: list[tuple[int, dict[str, Any]]] = []
    for page in range(1, PAGES_MAX + 1):
        if page > 1:
            answer = await _page(client, party, token, since_ms, page)
        items = _opened(answer)
        if not isinstance(items, list):
            raise parties.failed(NAME, "the activities are no array")
        listed += [(_start_ms(item), item) for item in items]
        if len(items) < PAGE_ITEMS:
            break
    return sorted((pair for pair in listed if pair[0] >= since_ms), key=lambda pair: pair[0])


async def _page(
    client: Client, party: Party, token: str | None, since_ms: int, page: int
) -> Answer:
    """`after` makes Strava list the oldest first; it takes those that started behind it."""
    after_s = max(0, -(-since_ms // 1000) - 1)
    query = {"after": str(after_s), "per_page": str(PAGE_ITEMS), "page": str(page)}
    return await _get(client, party, token, "/athlete/activities", query)


async def _read(
    client: Client, party: Party, token: str | None, name: str, is_manual: bool
) -> bytes:
    activity = await _get(client, party, token, f"/activities/{quote(name, safe='')}", {})
    _opened(activity)
    if is_manual:
        return activity.body
    query = {"keys": STREAMS, "key_by_type": "true"}
    streams = await _get(client, party, token, f"/activities/{quote(name, safe='')}/streams", query)
    if streams.status == 404:  # recorded without samples
        return activity.body
    _opened(streams)
    return b'{"activity":' + activity.body + b',"streams":' + streams.body + b"}"


async def _get(
    client: Client, party: Party, token: str | None, path: str, query: dict[str, str]
) -> Answer:
    # No retries: a request over the limit still counts against the limit of the day.
    return await client.request(
        "GET",
        f"{party.base_url}/api/v3{path}",
        headers={"Authorization": f"Bearer {token}"},
        params=query,
        limit_bytes=parties.DOCUMENT_BYTES_MAX,
        retries=0,
    )


async def _token(client: Client, party: Party, grant: dict[str, str]) -> Answer:
    who = {"client_id": party.client_id or "", "client_secret": party.client_secret or ""}
    return await client.request(
        "POST", f"{party.auth_url or party.base_url}/oauth/token", form=who | grant
    )


def _opened(answer: Answer) -> Any:
    if answer.status == 401:
        raise parties.unlinked(NAME)
    return parties.opened(answer, NAME)


def _tokens(document: Any) -> Tokens:
    return Tokens(
        access_token=parties.part(document, "access_token", str, NAME),
        refresh_token=parties.part(document, "refresh_token", str, NAME),
        expires_ms=parties.part(document, "expires_at", int, NAME) * 1000,
    )


def _names(answer: Answer, *resources: str) -> bool:
    """Whether a refusal blames one of these, and not our own client id or secret."""
    if answer.status not in (400, 401):
        return False
    document = answer.json()
    errors = document.get("errors") if isinstance(document, dict) else None
    return isinstance(errors, list) and any(
        isinstance(error, dict) and error.get("resource") in resources for error in errors
    )


def _start_ms(activity: Any) -> int:
    text = parties.part(activity, "start_date", str, NAME)
    try:
        start = datetime.fromisoformat(text)
    except ValueError as error:
        raise parties.failed(NAME, "start_date is no time") from error
    if start.tzinfo is None:
        raise parties.failed(NAME, "start_date has no offset")
    return int(start.timestamp()) * 1000
