"""What is mailed: six digits and a link, which work once, for an hour.

Whoever asks for mail to an address learns nothing of the address: a letter to nobody is written,
sealed and queued like any other, and then forgotten, so it takes as long.
"""

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
    """One thing to prove. user_id: None for nobody; to: where the mail goes, and whose code it is;
    email: of the account, as the mail says, None where it has none yet; flow_id: of PKCE."""

    kind: str
    user_id: uuid.UUID | None
    to: str
    email: str | None
    redirect_to: str
    flow_id: uuid.UUID | None = None
    new_email: str | None = None

    @property
    def template(self) -> str:
        """The words of the mail."""
        if self.kind == "email_change_new" and self.email is None:
            return "first_address"
        return TEMPLATES[self.kind]


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What the mail carries: a code, and the token in its link."""

    code: str = field(repr=False)
    token: str = field(repr=False)
    link: str = field(repr=False)


async def limit(conn: Conn, desk: Desk, email: str) -> Refusal | None:
    """Count a mail to an address, whoever has it or not: one every so many seconds, and so many
    of one who asks."""
    every_s = desk.settings["auth_mail_every_seconds"]
    wait_s = await conn.fetchval(
        "select agon.spend_mail($1, $2)", email, timedelta(seconds=every_s)
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
        "select agon.make_code($1, $2, $3, $4, $5, $6, $7)",
        letter.user_id,
        letter.kind,
        letter.to,
        sessions.digest(token),
        _hash(desk.runtime.jwt_keys[0], letter.to, code),
        lifetime(desk),
        letter.flow_id,
    )
    query = {
        "token": token,
        "type": TYPES.get(letter.kind, letter.kind),
        "redirect_to": letter.redirect_to,
    }
    return Proof(code=code, token=token, link=f"{desk.url}/verify?{urlencode(query)}")


async def send(conn: Conn, desk: Desk, letter: Letter) -> None:
    """Make the code of a letter and queue its mail, in the caller's transaction. Raises Refused as
    `mails.post`, for nobody as for everybody."""
    proof = await make(conn, desk, letter)
    posting = conn.transaction()
    await posting.start()
    await mails.post(
        conn,
        to=letter.to,
        template=letter.template,
        values={
            "site_name": desk.settings["site_name"],
            "email": letter.email or letter.to,
            "new_email": letter.new_email,
            "code": proof.code,
            "link": None if letter.kind == "reauthentication" else proof.link,
        },
    )
    await (posting.rollback() if letter.user_id is None else posting.commit())


def lifetime(desk: Desk) -> timedelta:
    """How long a mailed proof holds, and what waits for it."""
    return timedelta(seconds=desk.settings["auth_code_seconds"])


def hashes(keys: jwt.Keys, to: str, code: str) -> list[bytes]:
    """What a code may be kept as, by each of our keys.

    A million codes are soon tried: so they are keyed, and a dump of the database does not help.
    """
    return [_hash(key, to, code) for key in keys if key.signing is not None]


def keyed(key: jwt.Key, *parts: str) -> bytes:
    """What nobody can compute who does not have the key, 32 bytes."""
    secret = key.signing if key.public_jwk is None else jwt.private_jwk(key)["d"].encode()
    return hmac.digest(secret, "\0".join(parts).encode(), hashlib.sha256)


def _hash(key: jwt.Key, to: str, code: str) -> bytes:
    return keyed(key, "one-time code", to, code)
