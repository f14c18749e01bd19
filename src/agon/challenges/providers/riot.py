"""Riot Games: sign-on (RSO, OAuth 2), account-v1 and match-v5 for League of Legends.

https://developer.riotgames.com. Accounts are proven by sign-on; matches are read with our API
key, so a fetch needs no token of the player. Each platform is served by one regional route.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Collection
from typing import Any
from urllib.parse import quote, urlencode

from agon.challenges.providers import party as parties
from agon.challenges.providers.party import Account, Document, Fetched, Linked, Party, Tokens
from agon.kernel.outbound import Answer, Client

NAME = "Riot"
SCOPE = "openid offline_access"
PAGES_MAX = 3
PAGE_ITEMS = 100
"""The most that match-v5 lists at once."""

ACCOUNT_ROUTE = "americas"  # any of americas, asia and europe knows every account
PLATFORMS_BY_ROUTE = {
    "americas": ("na1", "br1", "la1", "la2"),
    "asia": ("kr", "jp1"),
    "europe": ("euw1", "eun1", "me1", "tr1", "ru"),
    "sea": ("oc1", "ph2", "sg2", "th2", "tw2", "vn2"),
}


def authorize_url(party: Party, state: str, redirect_uri: str) -> str:
    """Where the player's browser goes to sign on."""
    query = urlencode(
        {
            "client_id": party.client_id or "",
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "scope": SCOPE,
            "state": state,
        }
    )
    return f"{party.auth_url}/authorize?{query}"


async def exchange(
    client: Client, party: Party, code: str, redirect_uri: str, now_ms: int
) -> Linked:
    """Who signed on: the PUUID. Refused `account_link_refused`, `provider_failed`, `outbound_*`."""
    grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    answer = await _token(client, party, grant)
    if _is_invalid_grant(answer):
        raise parties.link_refused(NAME)
    tokens = _tokens(parties.opened(answer, NAME), now_ms)
    mine = await client.request(
        "GET",
        _routed(party, ACCOUNT_ROUTE, "/riot/account/v1/accounts/me"),
        headers={"Authorization": f"Bearer {tokens.access_token}"},
    )
    account = parties.opened(mine, NAME)
    puuid = parties.part(account, "puuid", str, NAME)
    name, tag = parties.name_in(account, "gameName"), parties.name_in(account, "tagLine")
    return Linked(
        external_id=puuid,
        handle=f"{name}#{tag}" if name and tag else None,
        tokens=tokens,
    )


async def refresh(client: Client, party: Party, refresh_token: str | None, now_ms: int) -> Tokens:
    """New tokens. Refused `account_unlinked` if the grant was withdrawn."""
    if not refresh_token:
        raise parties.unlinked(NAME)
    answer = await _token(
        client, party, {"grant_type": "refresh_token", "refresh_token": refresh_token}
    )
    if _is_invalid_grant(answer):
        raise parties.unlinked(NAME)
    return _tokens(parties.opened(answer, NAME), now_ms, refresh_token)


async def fetch(
    client: Client,
    party: Party,
    account: Account,
    *,
    since_ms: int,
    now_ms: int,
    known: Collection[str] = (),
) -> Fetched:
    """Matches that started at since_ms or later, as answered by match-v5.

    known: ids of matches that need not be fetched again. The newest PAGES_MAX * PAGE_ITEMS are
    looked at.
    """
    found = _find(client, party, account, since_ms, known)
    return await parties.collect(found, since_ms, now_ms)


async def _find(
    client: Client, party: Party, account: Account, since_ms: int, known: Collection[str]
) -> AsyncIterator[Document]:
    route = await _route_of(client, party, account)
    for name in await _list(client, party, account, route, since_ms) if route else ():
        if name in known:
            continue
        path = f"/lol/match/v5/matches/{quote(name, safe='')}"
        answer = await _get(client, party, route, path, {})
        info = parties.part(parties.opened(answer, NAME), "info", dict, NAME)
        began = "gameStartTimestamp" if info.get("gameStartTimestamp") else "gameCreation"
        yield Document(start_ms=parties.part(info, began, int, NAME), data=answer.body)


async def _route_of(client: Client, party: Party, account: Account) -> str | None:
    """The regional route of the player's platform; None for one who never played."""
    path = f"/riot/account/v1/region/by-game/lol/by-puuid/{quote(account.external_id, safe='')}"
    answer = await _get(client, party, ACCOUNT_ROUTE, path, {})
    if answer.status == 404:
        return None
    platform = parties.part(parties.opened(answer, NAME), "region", str, NAME).lower()
    for route, platforms in PLATFORMS_BY_ROUTE.items():
        if platform in platforms:
            return route
    raise parties.failed(NAME, f"platform {platform[:20]} is not known")


async def _list(
    client: Client, party: Party, account: Account, route: str, since_ms: int
) -> list[str]:
    """Ids of new matches, oldest first. Riot lists the newest first."""
    listed: list[str] = []
    path = f"/lol/match/v5/matches/by-puuid/{quote(account.external_id, safe='')}/ids"
    for page in range(PAGES_MAX):
        query = {
            "startTime": str(-(-since_ms // 1000)),
            "start": str(page * PAGE_ITEMS),
            "count": str(PAGE_ITEMS),
        }
        names = parties.opened(await _get(client, party, route, path, query), NAME)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise parties.failed(NAME, "the match ids are no array of texts")
        listed += names
        if len(names) < PAGE_ITEMS:
            break
    return listed[::-1]


async def _get(
    client: Client, party: Party, route: str, path: str, query: dict[str, str]
) -> Answer:
    return await client.request(
        "GET",
        _routed(party, route, path),
        headers={"X-Riot-Token": party.api_key or ""},
        params=query,
        limit_bytes=parties.DOCUMENT_BYTES_MAX,
    )


async def _token(client: Client, party: Party, grant: dict[str, str]) -> Answer:
    secret = f"{party.client_id}:{party.client_secret}".encode()
    basic = base64.b64encode(secret).decode()
    return await client.request(
        "POST",
        f"{party.auth_url}/token",
        headers={"Authorization": f"Basic {basic}"},
        form=grant,
    )


def _routed(party: Party, route: str, path: str) -> str:
    return party.base_url.replace("{route}", route) + path


def _tokens(document: Any, now_ms: int, refresh_token: str | None = None) -> Tokens:
    """refresh_token: the one used, which stays valid where no new one is handed out."""
    return Tokens(
        access_token=parties.part(document, "access_token", str, NAME),
        refresh_token=parties.name_in(document, "refresh_token") or refresh_token,
        expires_ms=now_ms + parties.part(document, "expires_in", int, NAME) * 1000,
    )


def _is_invalid_grant(answer: Answer) -> bool:
    """Whether the code or refresh token is void (RFC 6749, 5.2), and not our own secret."""
    if answer.status not in (400, 401):
        return False
    document = answer.json()
    return isinstance(document, dict) and document.get("error") == "invalid_grant"
