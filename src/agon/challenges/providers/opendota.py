"""OpenDota: a player's matches, and each in full. Public: an API key only raises the limits.

https://docs.opendota.com. A player whose match data is hidden has no matches here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from typing import Any
from urllib.parse import quote

from agon.challenges.providers import party as parties
from agon.challenges.providers.party import Account, Document, Fetched, Party
from agon.kernel.outbound import Answer, Client

NAME = "OpenDota"
PAGES_MAX = 3
PAGE_ITEMS = 100
DAY_MS = 86_400_000


async def fetch(
    client: Client,
    party: Party,
    account: Account,
    *,
    since_ms: int,
    now_ms: int,
    known: Collection[str] = (),
) -> Fetched:
    """Matches that started at since_ms or later, as answered by /matches/{id}.

    known: ids of matches that need not be fetched again. The newest PAGES_MAX * PAGE_ITEMS are
    looked at. Non-standard modes, which would be void anyway, are left out by OpenDota itself.
    """
    found = _find(client, party, account, since_ms, now_ms, known)
    return await parties.collect(found, since_ms, now_ms)


async def _find(
    client: Client,
    party: Party,
    account: Account,
    since_ms: int,
    now_ms: int,
    known: Collection[str],
) -> AsyncIterator[Document]:
    for start_ms, name in await _list(client, party, account, since_ms, now_ms):
        data = None
        if name not in known:
            answer = await _get(client, party, f"/matches/{name}", {})
            if answer.status == 404:  # listed, but not kept: one lost match must not stop the rest
                continue
            parties.opened(answer, NAME)
            data = answer.body
        yield Document(start_ms=start_ms, data=data)


async def _list(
    client: Client, party: Party, account: Account, since_ms: int, now_ms: int
) -> list[tuple[int, str]]:
    """Start and id of each new match, oldest first. OpenDota lists the newest first."""
    listed: list[tuple[int, str]] = []
    path = f"/players/{quote(account.external_id, safe='')}/matches"
    days = max(1, -(-(now_ms - since_ms) // DAY_MS))
    for page in range(PAGES_MAX):
        query = {"date": str(days), "limit": str(PAGE_ITEMS), "offset": str(page * PAGE_ITEMS)}
        items: Any = parties.opened(await _get(client, party, path, query), NAME)
        if not isinstance(items, list):
            raise parties.failed(NAME, "the matches are no array")
        for item in items:
            start_ms = parties.part(item, "start_time", int, NAME) * 1000
            listed.append((start_ms, str(parties.part(item, "match_id", int, NAME))))
        if len(items) < PAGE_ITEMS:
            break
    return sorted(pair for pair in listed if pair[0] >= since_ms)


async def _get(client: Client, party: Party, path: str, query: dict[str, str]) -> Answer:
    return await client.request(
        "GET",
        party.base_url + path,
        headers={"Authorization": f"Bearer {party.api_key}"} if party.api_key else {},
        params=query,
        limit_bytes=parties.DOCUMENT_BYTES_MAX,
    )
