"""Sessions: access tokens that hold for an hour, and refresh tokens that work once.

A refresh token is made of its parent: HMAC-SHA256(parent, salt). The database keeps the salt and
the hash of the token. So two clients that show one parent within the reuse window both get the one
active token, while whoever reads the database gets none.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from agon.kernel import clock, jwt
from agon.kernel.database import Conn
from agon.kernel.errors import Refusal

SECRET_BYTES = 32
"""Of refresh tokens, links, codes of flows, and salts."""
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")

UNKNOWN = Refusal(
    code="refresh_token_not_found", message="Invalid Refresh Token: Refresh Token Not Found"
)
REFUSALS = {
    "unknown": UNKNOWN,
    "reused": Refusal(
        code="refresh_token_already_used", message="Invalid Refresh Token: Already Used"
    ),
    "banned": Refusal(code="user_banned", message="Invalid Refresh Token: User Banned"),
}

Session = dict[str, Any]
"""As Supabase's clients know it: access_token, token_type, expires_in, expires_at, refresh_token,
user."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What tokens say and how long they hold. key: signs; token_s: of an access token; reuse_s: how
    long a used refresh token still leads to the active one."""

    key: jwt.Key = field(repr=False)
    issuer: str
    token_s: int
    reuse_s: int


def new_secret() -> str:
    """256 bits of chance as 43 characters."""
    return secrets.token_urlsafe(SECRET_BYTES)


def digest(secret: str) -> bytes:
    """What the database keeps of a secret that nobody can guess."""
    return hashlib.sha256(secret.encode()).digest()


async def begin(conn: Conn, terms: Terms, user_id: str | uuid.UUID, method: str) -> Session:
    """Sign a user in, who has proved to be that user by `method` (password, otp, oauth, web3,
    anonymous). Raises PT400 `user_banned`, PT403 `user_not_found`."""
    token = new_secret()
    opened = await conn.fetchval(
        "select agon.open_session($1, $2, $3)", uuid.UUID(str(user_id)), method, digest(token)
    )
    return _session(terms, opened, token)


async def refresh(conn: Conn, terms: Terms, token: str) -> Session | Refusal:
    """A new access token for a refresh token, which is used up.

    A Refusal is an outcome to be committed: a stolen token has ended its session.
    """
    if not _SECRET.fullmatch(token):
        return UNKNOWN
    salt = secrets.token_bytes(SECRET_BYTES)
    answer = await conn.fetchval(
        "select agon.refresh_session($1, $2, $3, $4)",
        digest(token),
        salt,
        digest(_child(token, salt)),
        timedelta(seconds=terms.reuse_s),
    )
    if answer["outcome"] != "ok":
        return REFUSALS[answer["outcome"]]
    for each in answer["salts"]:
        token = _child(token, bytes.fromhex(each))
    return _session(terms, answer, token)


def _child(token: str, salt: bytes) -> str:
    made = hmac.digest(token.encode(), salt, hashlib.sha256)
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def _session(terms: Terms, opened: Mapping[str, Any], refresh_token: str) -> Session:
    now_s, user = clock.now_s(), opened["user"]
    claims = {
        "iss": terms.issuer,
        "sub": user["id"],
        "aud": user["aud"],
        "email": user["email"],
        "phone": user["phone"],
        "app_metadata": user["app_metadata"],
        "user_metadata": user["user_metadata"],
        "role": user["role"],
        "aal": opened["aal"],
        "amr": opened["amr"],
        "session_id": opened["id"],
        "is_anonymous": user["is_anonymous"],
    }
    return {
        "access_token": jwt.mint(claims, terms.key, now_s, terms.token_s),
        "token_type": "bearer",
        "expires_in": terms.token_s,
        "expires_at": now_s + terms.token_s,
        "refresh_token": refresh_token,
        "user": user,
    }
