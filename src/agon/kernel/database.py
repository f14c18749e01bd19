"""Connections: one pool per login, and transactions that run as somebody.

Nothing outside a transaction ever has a role or claims, so nothing can leak to the next caller.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import asyncpg

from agon.kernel.errors import (
    HINT_BY_SQLSTATE,
    Refusal,
    Refused,
    claim_broken,
    refuse,
    status_of_sqlstate,
    value_malformed,
)

Login = Literal["agon_owner", "agon_web", "agon_service", "agon_worker"]
CLIENT_ROLES = ("anon", "authenticated", "service_role")

POOL_CONNECTIONS_MAX = 8
STATEMENT_TIMEOUT_S = 30
IDLE_IN_TRANSACTION_S_MAX = 60
CONNECT_S_MAX = 10
CLOSE_S_MAX = 2
DATA_ERROR_CHARS_MAX = 300
"""Postgres quotes the malformed value, which can be long."""
JSONB_VERSION = b"\x01"
"""The first byte of jsonb on the wire."""

Conn = asyncpg.Connection


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who a request acts as: a role and the claims of a verified token."""

    role: Literal["anon", "authenticated", "service_role"] = "anon"
    claims: Mapping[str, Any] = field(default_factory=dict)

    @property
    def user_id(self) -> str | None:
        return self.claims.get("sub")


ANONYMOUS = Actor()
ENGINE = Actor(role="service_role")
"""The process itself, when it works for nobody in particular."""


def claims_text(actor: Actor) -> str:
    """What `request.jwt.claims` holds for an actor."""
    return json.dumps({**actor.claims, "role": actor.role})


class Database:
    """Pools of the logins that this process uses, opened when first needed."""

    def __init__(self, urls: Mapping[str, str]):
        self._urls = dict(urls)
        self._pools: dict[str, asyncpg.Pool] = {}
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> Database:
        return self

    async def __aexit__(self, *_: object) -> None:
        for pool in self._pools.values():
            await pool.close()
        self._pools.clear()

    async def pool(self, login: Login) -> asyncpg.Pool:
        """The pool of one login; it connects when it is first asked for a connection."""
        async with self._opening:
            if login not in self._pools:
                self._pools[login] = await asyncpg.create_pool(
                    self._urls[login],
                    min_size=0,
                    max_size=POOL_CONNECTIONS_MAX,
                    timeout=CONNECT_S_MAX,
                    init=prepare,
                    reset=_keep,
                    server_settings=session_settings(login),
                )
        return self._pools[login]

    @asynccontextmanager
    async def connection(self, login: Login) -> AsyncIterator[Conn]:
        """A connection of a login's pool. Raises Refused `database_unreachable`."""
        pool = await self.pool(login)
        try:
            conn = await pool.acquire()
        except (OSError, asyncpg.PostgresError, TimeoutError) as error:
            raise _unreachable(self._urls[login], error) from error
        try:
            yield conn
        finally:
            await pool.release(conn)

    @asynccontextmanager
    async def dedicated(self, login: Login) -> AsyncIterator[Conn]:
        """A connection outside the pool, for LISTEN. Raises Refused `database_unreachable`."""
        conn = await connect(self._urls[login], session_settings(login))
        try:
            yield conn
        finally:
            try:
                await conn.close(timeout=CLOSE_S_MAX)
            except (OSError, asyncpg.PostgresError, TimeoutError):
                # The server is gone, or does not answer a farewell.
                conn.terminate()

    @asynccontextmanager
    async def as_caller(self, actor: Actor) -> AsyncIterator[Conn]:
        """A transaction under the caller's role and claims."""
        login: Login = "agon_service" if actor.role == "service_role" else "agon_web"
        async with _refusals(), self.connection(login) as conn, conn.transaction():
            await conn.execute(
                "select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)",
                actor.role,
                claims_text(actor),
            )
            yield conn

    @asynccontextmanager
    async def as_worker(self, actor: Actor = ENGINE) -> AsyncIterator[Conn]:
        """A transaction of the engine, with the claims of whom it works for: itself, or a caller
        on whose behalf a function then checks the right."""
        async with _refusals(), self.connection("agon_worker") as conn, conn.transaction():
            await conn.execute(
                "select set_config('request.jwt.claims', $1, true)", claims_text(actor)
            )
            yield conn

    async def ask(self, query: str, *given: object, actor: Actor = ENGINE) -> Any:
        """The value of one call, in a transaction of its own, as `as_worker`."""
        async with self.as_worker(actor) as conn:
            return await conn.fetchval(query, *given)


async def connect(url: str, settings: Mapping[str, str] | None = None) -> Conn:
    """One connection outside the pools. Raises Refused `database_unreachable`."""
    try:
        conn = await asyncpg.connect(
            url, timeout=CONNECT_S_MAX, server_settings=dict(settings) if settings else None
        )
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        raise _unreachable(url, error) from error
    await prepare(conn)
    return conn


async def prepare(conn: Conn) -> None:
    """JSON in and out as Python values; in binary, or rows of tables with JSON do not decode."""
    for kind, version in (("json", b""), ("jsonb", JSONB_VERSION)):
        await conn.set_type_codec(
            kind,
            encoder=lambda value, version=version: version + json.dumps(value).encode(),
            decoder=lambda data, version=version: json.loads(data.removeprefix(version)),
            schema="pg_catalog",
            format="binary",
        )


async def _keep(_conn: Conn) -> None:
    # asyncpg's own reset costs a round trip; a session of ours holds nothing to reset, since all
    # that we set is local to a transaction.
    return


def session_settings(login: Login) -> dict[str, str]:
    """What every session of a login starts with."""
    return {
        "application_name": login,
        "timezone": "UTC",
        "statement_timeout": f"{STATEMENT_TIMEOUT_S}s",
        "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_S_MAX}s",
    }


def login_password(secret: str, login: str) -> str:
    """A login's password from the one secret that the operator keeps: HMAC-SHA256, base64url."""
    digest = hmac.digest(secret.encode(), f"agon login {login}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


async def set_passwords(conn: Conn, secret: str) -> None:
    """Give the logins the passwords that belong to the operator's secret, taking turns."""
    async with conn.transaction():
        await conn.execute("select pg_advisory_xact_lock(hashtextextended('agon passwords', 0))")
        for login in ("agon_web", "agon_service", "agon_worker"):
            statement = await conn.fetchval(
                "select format('alter role %I password %L', $1::text, $2::text)",
                login,
                login_password(secret, login),
            )
            await conn.execute(statement)


def with_login(url: str, login: str, password: str) -> str:
    """The same database, entered as another login."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(login)}:{quote(password, safe='')}@{place}"))


def without_password(url: str) -> tuple[str, str]:
    """The URL as it may be shown, and its password ('' where it has none)."""
    parts = urlsplit(url)
    login, _, place = parts.netloc.rpartition("@")
    name, _, password = login.partition(":")
    netloc = f"{name}@{place}" if name else place
    return urlunsplit(parts._replace(netloc=netloc)), unquote(password)


def refusal_of(error: asyncpg.PostgresError) -> Refusal:
    """A Postgres error with its four parts. Our own `PT4xx` carry the code in `detail`.

    `claim_broken` is an integrity error (23xxx), `value_malformed` a data error (22xxx); others
    keep their SQLSTATE as the code.
    """
    sqlstate = error.sqlstate or "XX000"
    status = status_of_sqlstate(sqlstate)
    detail, hint = getattr(error, "detail", None), getattr(error, "hint", None)
    if sqlstate.startswith("PT"):
        return Refusal(
            code=detail or sqlstate, message=str(error.args[0]), hint=hint or None, status=status
        )
    if sqlstate.startswith("23"):
        claim = getattr(error, "constraint_name", None) or getattr(error, "column_name", None)
        return claim_broken(sqlstate, claim or "")
    if sqlstate.startswith("22"):
        return value_malformed(str(error.args[0])[:DATA_ERROR_CHARS_MAX])
    return Refusal(
        code=sqlstate,
        message=str(error.args[0]),
        details=detail,
        hint=HINT_BY_SQLSTATE.get(sqlstate, hint),
        status=status,
    )


@asynccontextmanager
async def _refusals() -> AsyncIterator[None]:
    """What a function refuses with `agon.refuse` leaves the transaction as Refused."""
    try:
        yield
    except asyncpg.PostgresError as error:
        if (error.sqlstate or "").startswith("PT"):
            raise Refused(refusal_of(error)) from error
        raise


def _unreachable(url: str, error: Exception) -> Exception:
    place = urlsplit(url)
    where = f"Postgres at {place.hostname or 'the local socket'}"
    name = type(error).__name__
    if isinstance(error, asyncpg.PostgresError):
        message, cause = f"{where} refuses {place.username or 'the login'}.", error.sqlstate or name
        hint = "Check login, password and database of AGON_DATABASE_URL; then run `agon migrate`."
    else:
        message = f"{where} cannot be reached."
        cause = errno.errorcode.get(getattr(error, "errno", None) or 0, name)
        hint = "Check that it runs, and AGON_DATABASE_URL if that is set."
    patience = f"no answer within {CONNECT_S_MAX} s"
    return refuse(
        "database_unreachable",
        message,
        details=f"{cause}: {str(error) or patience}",
        hint=hint,
        status=503,
    )
