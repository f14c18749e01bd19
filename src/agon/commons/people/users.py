"""Users: addresses, passwords, and signing in with both."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import timedelta

from agon.commons.people import passwords, sessions
from agon.commons.people.visits import Visit, acting
from agon.kernel.database import Database
from agon.kernel.errors import Refusal, refuse
from agon.kernel.runtime import Runtime

EMAIL_CHARS_MAX = 255
LOCAL_PART_CHARS_MAX = 64
WINDOW = timedelta(minutes=5)
"""Failed sign-ins are counted for so long."""

_EMAIL = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
INVALID = Refusal(code="invalid_credentials", message="Invalid login credentials")
UNCONFIRMED = Refusal(code="email_not_confirmed", message="Email not confirmed")


@dataclass(frozen=True, kw_only=True)
class Tries:
    """How often a sign-in may fail; 0: without limit. here: of an address of mail from one network,
    per_address: of a network, both within WINDOW; per_email: of an address of mail in an hour."""

    here: int
    per_email: int
    per_address: int


def email_of(text: str) -> str:
    """An address in lower case. Raises Refused `validation_failed`."""
    # Asked before: some letters of other scripts have one of ours as their lower case.
    is_ascii = text.isascii()
    email = text.strip().lower()
    fits = len(email) <= EMAIL_CHARS_MAX and email.find("@") <= LOCAL_PART_CHARS_MAX
    if not is_ascii or not fits or not _EMAIL.fullmatch(email):
        raise refuse("validation_failed", "Unable to validate email address: invalid format")
    return email


async def new_password(
    runtime: Runtime, text: str, email: str | None, *, like: str | None = None
) -> str:
    """The hash of a password that is strong enough; like: see `passwords.hash_password`. Raises
    Refused `weak_password`, its details the reasons, separated by commas."""
    reasons = await passwords.weaknesses(text, runtime, email=email)
    if reasons:
        least = runtime.settings["password_length_min"]
        said = {
            "length": f"Password should be at least {least} characters.",
            "characters": "Password should have more different characters, and not be the address.",
            "pwned": "Password is known to be weak and easy to guess, please choose another.",
        }
        raise refuse(
            "weak_password",
            " ".join(said[reason] for reason in reasons),
            details=",".join(reasons),
            status=422,
        )
    return await passwords.hash_password(text, like=like)


async def sign_in(
    database: Database, visit: Visit, terms: sessions.Terms, tries: Tries, email: str, password: str
) -> sessions.Session | Refusal:
    """A session for an address and its password.

    It takes as long for nobody as for somebody. A try counts before it is known to have failed, so
    that many at once do not get past the limit.
    """
    async with acting(database, visit) as conn:
        found = await conn.fetchval(
            "select agon.begin_sign_in($1, $2, $3, $4, $5)",
            email,
            tries.here,
            tries.per_email,
            tries.per_address,
            WINDOW,
        )
    if found["wait_s"]:
        return over_limit(found["wait_s"])
    hashed = found["encrypted_password"]
    is_right = await passwords.verify_password(password, hashed or passwords.DUMMY_HASH)
    is_right = is_right and hashed is not None
    user_id = found["user_id"] and uuid.UUID(found["user_id"])
    renewed = None
    if is_right and passwords.needs_rehash(hashed):
        renewed = await passwords.hash_password(password)
    async with acting(database, visit) as conn:
        if not is_right:
            await conn.execute("select agon.note_failed_sign_in($1, 'password')", user_id)
            return INVALID
        await conn.execute("select agon.end_sign_in($1)", email)
        if not found["is_confirmed"]:
            return UNCONFIRMED
        if renewed:
            await conn.execute("select agon.replace_hash($1, $2, $3)", user_id, hashed, renewed)
        return await sessions.begin(conn, terms, user_id, "password")


def over_limit(wait_s: int) -> Refusal:
    """Too many tries; details name the seconds to wait."""
    return Refusal(
        code="over_request_rate_limit",
        message="Request rate limit reached",
        details=f"retry_after_s={wait_s}",
        status=429,
    )
