"""Sign-ins that leave for a browser or a mailbox and come back with a code (PKCE, RFC 7636)."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from agon.auth.bodies import text
from agon.auth.desk import Desk
from agon.auth.refusals import renamed, validation_failed
from agon.commons.people import sessions
from agon.kernel import sealing
from agon.kernel.database import Conn
from agon.kernel.errors import Refusal

CODE_LIFETIME = timedelta(minutes=5)
_CHALLENGE = re.compile(r"[A-Za-z0-9._~-]{43,128}")

REFUSALS = {
    "unknown": Refusal(
        code="flow_state_not_found",
        message="invalid flow state, no valid flow state found",
        status=404,
    ),
    "expired": Refusal(
        code="flow_state_expired",
        message="invalid flow state, flow state has expired",
        status=422,
    ),
    "wrong": Refusal(
        code="bad_code_verifier",
        message="code challenge does not match previously saved code verifier",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """What only the client that began can answer. method: s256 or plain."""

    challenge: str
    method: str


def challenge_of(fields: Mapping[str, Any]) -> Challenge | None:
    """The challenge that a client sends; None where it wants its session directly."""
    challenge, method = text(fields, "code_challenge"), text(fields, "code_challenge_method")
    if challenge is None and method is None:
        return None
    if challenge is None or method is None:
        raise validation_failed("PKCE flow requires code_challenge_method and code_challenge")
    if not _CHALLENGE.fullmatch(challenge) or method.lower() not in ("s256", "plain"):
        raise validation_failed("code challenge has to be of 43 to 128 unreserved characters")
    return Challenge(challenge=challenge, method=method.lower())


async def begin(
    conn: Conn, challenge: Challenge | None, redirect_to: str, provider: str = "email"
) -> uuid.UUID | None:
    """Remember a challenge until the mail is answered; None for none."""
    if challenge is None:
        return None
    return await conn.fetchval(
        "select agon.begin_flow($1, $2, $3, $4)",
        provider,
        challenge.challenge,
        challenge.method,
        redirect_to,
    )


async def issue(
    conn: Conn,
    flow_id: uuid.UUID,
    user_id: uuid.UUID,
    method: str,
    *,
    tokens: str | None = None,
    proved: Mapping[str, Any] | None = None,
) -> str:
    """The code of a flow, for this user's session. tokens: a provider's, as JSON; proved:
    {provider_id, data} of the identity that the exchange links to the user.

    Tokens are sealed to a key that is made of the code, so only who has the code opens them.
    """
    code = sessions.new_secret()
    sealed = None
    if tokens is not None:
        sealed = sealing.seal(_opener(code).public_key(), tokens.encode(), _identity(flow_id))
    await conn.execute(
        "select agon.issue_flow_code($1, $2, $3, $4, $5, $6)",
        flow_id,
        user_id,
        sessions.digest(code),
        method,
        sealed,
        proved,
    )
    return code


async def exchange(
    conn: Conn, desk: Desk, code: str, verifier: str
) -> tuple[sessions.Session, str | None] | Refusal:
    """The session for a code and its verifier, once, and the provider's tokens as JSON. Raises
    PT422 `identity_already_exists` where an identity was to be linked that is another's."""
    found = await conn.fetchval(
        "select agon.use_flow_code($1, $2, $3)", sessions.digest(code), verifier, CODE_LIFETIME
    )
    if found["outcome"] != "ok":
        return REFUSALS[found["outcome"]]
    tokens = None
    if found["provider_tokens"]:
        opener = _opener(code)
        keys = {sealing.key_id(opener.public_key()): opener}
        identity = _identity(found["flow_id"])
        tokens = sealing.open_sealed(keys, found["provider_tokens"], identity).decode()
    session = await sessions.begin(conn, desk.terms, found["user_id"], found["method"])
    return session, tokens


def with_code(url: str, code: str) -> str:
    """Where a client finds the code to exchange."""
    return _with_query(url, {"code": code})


def with_session(url: str, session: Mapping[str, Any], kind: str | None = None) -> str:
    """Where a client finds its session: in the fragment, which browsers send to no server."""
    names = ("access_token", "expires_at", "expires_in", "refresh_token", "token_type",
             "provider_token", "provider_refresh_token")  # fmt: skip
    values = {name: session[name] for name in names if session.get(name) is not None}
    return _with_fragment(url, values | ({"type": kind} if kind else {}))


def with_message(url: str, message: str) -> str:
    """Where a client finds something to tell people."""
    return _with_fragment(url, {"message": message})


def with_refusal(url: str, refusal: Refusal) -> str:
    """Where a client finds why it did not work: in the query (PKCE) and in the fragment."""
    refusal = renamed(refusal)
    kind = "server_error" if refusal.status >= 500 else "access_denied"
    values = {
        "error": kind
        if refusal.status in (401, 403) or refusal.status >= 500
        else "invalid_request",
        "error_code": refusal.code,
        "error_description": refusal.message,
    }
    return _with_fragment(_with_query(url, values), values)


def _with_query(url: str, values: Mapping[str, Any]) -> str:
    parts = urlsplit(url)
    query = "&".join(filter(None, (parts.query, urlencode(values))))
    return urlunsplit(parts._replace(query=query, fragment=""))


def _with_fragment(url: str, values: Mapping[str, Any]) -> str:
    return urlunsplit(urlsplit(url)._replace(fragment=urlencode(values)))


def _opener(code: str) -> X25519PrivateKey:
    material = hashlib.sha256(b"agon flow code\0" + code.encode()).digest()
    return X25519PrivateKey.from_private_bytes(material)


def _identity(flow_id: uuid.UUID | str) -> str:
    return f"flow_states:{flow_id}:provider_tokens"
