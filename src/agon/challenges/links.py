"""Where mail leads to: pages of the site, or this server's own paths; and the tokens in it."""

from __future__ import annotations

import hashlib
import secrets
from urllib.parse import urlencode

from agon.kernel.runtime import Runtime

TOKEN_BYTES = 32
TOKEN_CHARS_MAX = 100


def new_token() -> str:
    """What nobody can guess; the database keeps its hash."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest(token: str) -> bytes:
    """SHA-256 of a token."""
    return hashlib.sha256(token[:TOKEN_CHARS_MAX].encode("utf-8", "replace")).digest()


def challenge(runtime: Runtime, challenge_id: int) -> str:
    """A challenge's page; without pages_url, what the API says of it."""
    return f"{_pages(runtime)}/challenges/{challenge_id}"


def invite(runtime: Runtime, invite_id: str, token: str) -> str:
    """An invite's page, which its token opens."""
    return f"{_pages(runtime)}/invites/{invite_id}?{urlencode({'token': token})}"


def reminder(runtime: Runtime, act: str, token: str) -> str:
    """Where a reminder is confirmed or ended: always here, so that mail programs can post."""
    return f"{runtime.public_url}/reminders/{act}?{urlencode({'token': token})}"


def _pages(runtime: Runtime) -> str:
    return (runtime.settings["pages_url"] or f"{runtime.public_url}/api").rstrip("/")
