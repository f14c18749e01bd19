"""What is mailed: six digits and a link, which work once, for an hour."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlencode

from agon.auth.desk import Desk
from agon.commons.notifications import mails
from agon.commons.people import sessions
from agon.kernel import jwt
from agon.kernel.database import Conn
from agon.kernel.errors import Refusal

CODE_DIGITS = 6
ATTEMPTS_MAX = 5
"""Wrong guesses of one code; the right one after them is refused, too."""

TEMPLATES = {
    "signup": "confirmation",
    "invite": "invite",
    "magiclink": "magic_link",
    "recovery": "recovery",
    "email_change_new": "email_change",
    "email_change_current": "email_change",
    "reauthentication": "reauthentication",
}
TYPES = {"email_change_new": "email_change", "email_change_current": "email_change"}
"""The verification type of a kind, where it has another name."""
KINDS = {
    "signup": ("signup",),
    "invite": ("invite",),
    "magiclink": ("magiclink", "signup"),
    "recovery": ("recovery",),
    "email": ("magiclink", "signup", "invite"),
    "email_change": ("email_change_new", "email_change_current"),
}
"""Which kinds a verification type may answer."""


@dataclass(frozen=True, kw_only=True)
class Letter:
    """One thing to prove. to: where the mail goes, and whose code it is; email: of the account, as
    the mail says; flow_id: of PKCE; keeps_password: it confirms the sign-up that set it."""

    kind: str
    user_id: uuid.UUID
    to: str
    email: str
    redirect_to: str
    flow_id: uuid.UUID | None = None
    keeps_password: bool = False
    new_email: str | None = None


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What the mail carries: a code, and the token in its link."""

    code: str = field(repr=False)
    token: str = field(repr=False)
    link: str = field(repr=False)


async def limit(conn: Conn, desk: Desk, email: str) -> Refusal | None:
    """Count a mail to an address, whoever has it or not: one every so many seconds."""
    every_s = desk.settings["auth_mail_every_seconds"]
    wait_s = await conn.fetchval(
        "select agon.spend_for('mail', $1, $2, $3)",
        email,
        1 if every_s else 0,
        timedelta(seconds=every_s),
    )
    if not wait_s:
        return None
    return Refusal(
        code="over_email_send_rate_limit",
        message=f"For security purposes, you can only request this after {wait_s} seconds.",
        details=f"retry_after_s={wait_s}",
        status=429,
    )


async def make(conn: Conn, desk: Desk, letter: Letter) -> Proof:
    """A code and a link for a letter, remembered by hash; a former one no longer holds."""
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    token = sessions.new_secret()
    await conn.execute(
        "select agon.make_code($1, $2, $3, $4, $5, $6, $7, $8)",
        letter.user_id,
        letter.kind,
        letter.to,
        sessions.digest(token),
        _hash(desk.runtime.jwt_keys[0], letter.to, code),
        timedelta(seconds=desk.settings["auth_code_seconds"]),
        letter.flow_id,
        letter.keeps_password,
    )
    query = {
        "token": token,
        "type": TYPES.get(letter.kind, letter.kind),
        "redirect_to": letter.redirect_to,
    }
    return Proof(code=code, token=token, link=f"{desk.url}/verify?{urlencode(query)}")


async def send(conn: Conn, desk: Desk, letter: Letter, *, to_nobody: bool = False) -> None:
    """Make the code of a letter and queue its mail, in the caller's transaction.

    to_nobody: the address is another's, and gets no mail of it.
    """
    proof = await make(conn, desk, letter)
    if to_nobody:
        return
    await mails.post(
        conn,
        to=letter.to,
        template=TEMPLATES[letter.kind],
        values={
            "site_name": desk.settings["site_name"],
            "email": letter.email or letter.to,
            "new_email": letter.new_email,
            "code": proof.code,
            "link": None if letter.kind == "reauthentication" else proof.link,
        },
    )


def hashes(keys: jwt.Keys, to: str, code: str) -> list[bytes]:
    """What a code may be kept as, by each of our keys.

    A million codes are soon tried: so they are keyed, and a dump of the database does not help.
    """
    return [_hash(key, to, code) for key in keys if key.signing is not None]


def _hash(key: jwt.Key, to: str, code: str) -> bytes:
    secret = key.signing if key.public_jwk is None else jwt.private_jwk(key)["d"].encode()
    return hmac.digest(secret, f"one-time code\0{to}\0{code}".encode(), hashlib.sha256)
