"""Linked accounts: authorised at the provider, sealed here, asked for new activities."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from agon.challenges import evidence
from agon.challenges.providers import LINKED_BY_OAUTH, PROVIDERS
from agon.challenges.providers.party import (
    Account,
    Fetched,
    Linked,
    Party,
    Tokens,
    is_expired,
)
from agon.challenges.readers import opendota
from agon.challenges.records import Source
from agon.commons.content import files
from agon.kernel import clock, keys, logs, sealing
from agon.kernel.config import Settings
from agon.kernel.database import ENGINE, Conn, Database
from agon.kernel.errors import Refused, refuse
from agon.kernel.outbound import Client

STATE_BYTES = 32
LATE_SYNC_S = 30 * 24 * 3600
"""How far back we ask for a challenge that names no start."""
CALLBACK_PATH = "/api/accounts/{provider}/callback"

log = logs.get("agon.accounts")


Privates = Mapping[str, Any]
"""The worker's sealing keys by id; the server that seals has none of them at hand."""


def party(settings: Settings, provider: str) -> Party:
    """How to reach a provider. Raises Refused `provider_not_configured`."""
    match provider:
        case "strava":
            return Party(
                base_url=settings["strava_url"],
                client_id=settings["strava_client_id"],
                client_secret=settings["strava_client_secret"],
            )
        case "riot":
            return Party(
                base_url=settings["riot_url"],
                auth_url=settings["riot_auth_url"],
                client_id=settings["riot_client_id"],
                client_secret=settings["riot_client_secret"],
                api_key=settings["riot_api_key"],
            )
        case "opendota":
            return Party(base_url=settings["opendota_url"], api_key=settings["opendota_api_key"])
    raise refuse(
        "provider_not_linkable",
        f"Accounts of {provider[:40]!r} cannot be linked.",
        hint=f"Link one of {', '.join(PROVIDERS)}.",
        status=404,
    )


def oauth_party(settings: Settings, provider: str) -> Party:
    """A party that people authorise us at. Raises Refused `provider_not_configured`."""
    found = party(settings, provider)
    if provider not in LINKED_BY_OAUTH or not found.client_id or not found.client_secret:
        raise refuse(
            "provider_not_configured",
            f"Linking {provider} accounts by OAuth is not configured here.",
            hint=f"The operator sets AGON_{provider.upper()}_CLIENT_ID and _CLIENT_SECRET.",
            status=501 if provider in LINKED_BY_OAUTH else 404,
        )
    return found


def callback_url(settings: Settings, provider: str) -> str:
    """Where a provider sends people back to."""
    base = settings["public_url"] or f"http://{settings['host']}:{settings['port']}"
    return base.rstrip("/") + CALLBACK_PATH.format(provider=provider)


async def list_linked(conn: Conn, subject: str) -> list[dict[str, Any]]:
    """The subject's accounts, as the caller may see them."""
    rows = await conn.fetch(
        """
        select id, subject, provider, external_id, handle, token_expires_at, verified_at,
          polled_at, last_error, created_at
        from public.linked_accounts where lower(subject) = $1 order by provider
        """,
        subject,
    )
    return [dict(row) for row in rows]


async def link(
    conn: Conn, settings: Settings, subject: str, provider: str, external_id: object, binder: str
) -> dict[str, Any]:
    """Link by id where the provider knows no OAuth; else begin the way over the provider."""
    party(settings, provider)
    if provider in LINKED_BY_OAUTH:
        return {"authorize_url": await start_linking(conn, settings, subject, provider, binder)}
    number = _account_number(provider, external_id)
    account_id = await conn.fetchval(
        "select agon.link_account($1, $2, $3)", subject, provider, number
    )
    return {"id": account_id, "verified": False}


def _account_number(provider: str, external_id: object) -> str:
    """The one spelling of an account's number, so that an account has one wallet.

    Raises Refused `external_id_missing`.
    """
    try:
        return str(opendota.account_id(str(external_id)))
    except Refused as refused:
        raise refuse(
            "external_id_missing",
            f"A {provider} account is linked by its number.",
            hint="Send external_id: the 32-bit account id that stands in your profile's address, "
            "or the Steam64 id.",
            status=422,
        ) from refused


async def start_linking(
    conn: Conn, settings: Settings, subject: str, provider: str, binder: str
) -> str:
    """The address at which the subject's owner authorises us; its state works once.

    binder: a secret of the browser that starts, kept in its cookie. Only that browser can finish,
    so nobody is led into linking their account to another's wallet.
    """
    at = oauth_party(settings, provider)
    state = secrets.token_urlsafe(STATE_BYTES)
    await conn.execute(
        "select agon.start_linking($1, $2, $3)", subject, provider, _state_hash(state + binder)
    )
    module = LINKED_BY_OAUTH[provider]
    return module.authorize_url(at, state, callback_url(settings, provider))


async def finish_linking(
    database: Database, client: Client, settings: Settings, provider: str, state: str, code: str
) -> str:
    """Exchange the provider's code and store the account, sealed. Returns the subject.

    state: as `start_linking` hashed it, with the browser's binder.
    """
    at = oauth_party(settings, provider)
    async with database.as_worker(ENGINE) as conn:
        subject = await conn.fetchval(
            "select agon.finish_linking($1, $2)", provider, _state_hash(state)
        )
        public = await keys.sealer(conn)
    linked: Linked = await LINKED_BY_OAUTH[provider].exchange(
        client, at, code, callback_url(settings, provider), clock.now_ms()
    )
    access, refresh = seal(public, subject, provider, linked.tokens)
    async with database.as_worker(ENGINE) as conn:
        await conn.execute(
            "select agon.link_account($1, $2, $3, $4, $5, $6, $7, true)",
            subject,
            provider,
            linked.external_id,
            linked.handle,
            access,
            refresh,
            clock.from_ms(linked.tokens.expires_ms),
        )
    return subject


def seal(public: Any, subject: str, provider: str, tokens: Tokens) -> tuple[str, str | None]:
    """Both tokens, sealed to the opener for this row only."""

    def sealed(token: str, column: str) -> str:
        return sealing.seal(public, token.encode(), _identity(subject, provider, column))

    refresh = tokens.refresh_token
    return (
        sealed(tokens.access_token, "access_token"),
        sealed(refresh, "refresh_token") if refresh else None,
    )


async def collect(
    database: Database, client: Client, desk: evidence.Desk, settings: Settings, privates: Privates,
    account_id: int,
) -> int:  # fmt: skip
    """Fetch what is new at an account and submit it to each challenge that it may count in.

    Returns how many rows of evidence came of it. A provider's refusal is noted on the account.
    """
    row = await database.ask("select agon.load_collection($1)", account_id)
    if row is None or not row["challenges"]:
        return 0
    account = account_of(privates, row)
    try:
        account = await _refresh(database, client, settings, row, account)
        fetched = await _fetch(client, settings, row, account)
    except Refused as refused:
        fetched = Fetched(documents=(), next_since_ms=0, stopped=refused.refusal)
    if fetched.tokens:
        await _renew(database, row, fetched.tokens)
    inserted = 0
    for document in fetched.documents:
        for challenge in row["challenges"]:
            inserted += await _submit(desk, row, challenge["id"], document)
            await database.ask(
                "select agon.note_document($1, $2, $3)",
                account_id,
                challenge["id"],
                document_id(row["provider"], document),
            )
    stopped = str(fetched.stopped) if fetched.stopped else None
    wait_ms = max(0, (fetched.next_poll_ms or 0) - clock.now_ms())
    await database.ask(
        "select agon.note_collection($1, $2, $3)",
        account_id,
        stopped,
        timedelta(milliseconds=wait_ms),
    )
    log.info("account.collected", account=account_id, inserted=inserted, stopped=stopped)
    return inserted


def document_id(provider: str, document: bytes) -> str:
    """The provider's own id of a fetched document."""
    body = json.loads(document)
    match provider:
        case "strava":
            return str((body.get("activity") or body)["id"])
        case "riot":
            return str(body["metadata"]["matchId"])
    return str(body["match_id"])


def account_of(privates: Privates, row: Mapping[str, Any]) -> Account:
    """The account of a row, its tokens opened."""
    return Account(
        subject=row["subject"],
        external_id=row["external_id"] or "",
        access_token=_open(privates, row, "access_token"),
        refresh_token=_open(privates, row, "refresh_token"),
        token_expires_ms=row["token_expires_ms"],
    )


async def _refresh(
    database: Database, client: Client, settings: Settings, row: Mapping[str, Any], account: Account
) -> Account:
    """The account with tokens that hold. New ones are stored before anything else is done with
    them, since the old ones may be void from now on."""
    now_ms = clock.now_ms()
    if row["provider"] != "strava" or not is_expired(account, now_ms):
        return account
    at = party(settings, row["provider"])
    tokens = await PROVIDERS["strava"].refresh(client, at, account.refresh_token, now_ms)
    await _renew(database, row, tokens)
    return replace(
        account,
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        token_expires_ms=tokens.expires_ms,
    )


async def _renew(database: Database, row: Mapping[str, Any], tokens: Tokens) -> None:
    async with database.as_worker() as conn:
        access, refresh = seal(await keys.sealer(conn), row["subject"], row["provider"], tokens)
        await conn.execute(
            "select agon.renew_tokens($1, $2, $3, $4, $5)",
            row["id"],
            row["access_token"],
            access,
            refresh,
            clock.from_ms(tokens.expires_ms),
        )


async def _fetch(
    client: Client, settings: Settings, row: Mapping[str, Any], account: Account
) -> Fetched:
    recently_s = clock.now_s() - LATE_SYNC_S
    timelines = [challenge["timeline"] or {} for challenge in row["challenges"]]
    since_s = min(timeline.get("start", recently_s) for timeline in timelines)
    return await PROVIDERS[row["provider"]].fetch(
        client,
        party(settings, row["provider"]),
        account,
        since_ms=since_s * 1000,
        now_ms=clock.now_ms(),
        known=frozenset(row["known"]),
    )


async def _submit(
    desk: evidence.Desk, row: Mapping[str, Any], challenge_id: int, document: bytes
) -> bool:
    """Submit one fetched document like an upload. An account that nobody has proven to be the
    subject's proves no more than an upload does."""
    origin = "provider" if row["is_proven"] else "upload"
    with files.arriving(desk.folder) as path:
        path.write_bytes(document)
        upload = evidence.Upload(
            challenge_id=challenge_id,
            subject=row["subject"],
            source=Source(provider=row["provider"], origin=origin, player=row["external_id"]),
            path=path,
            received_ms=clock.now_ms(),
        )
        try:
            return (await evidence.receive(desk, ENGINE, upload)).inserted
        except Refused as refused:
            log.info("account.document_refused", code=refused.refusal.code, row=row["id"])
            return False


def _open(privates: Privates, row: Mapping[str, Any], column: str) -> str | None:
    if row[column] is None:
        return None
    identity = _identity(row["subject"], row["provider"], column)
    return sealing.open_sealed(privates, row[column], identity).decode()


def _identity(subject: str, provider: str, column: str) -> str:
    return f"linked_accounts:{subject}:{provider}:{column}"


def _state_hash(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
