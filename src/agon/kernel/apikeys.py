"""The keys that clients send as `apikey`: who may knock, not who somebody is.

The publishable key makes its bearer `anon` and may stand in every page; the secret key makes it
`service_role` and stays on servers. Given by the configuration, or made once and kept in the home.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from agon.kernel import jwt, keys
from agon.kernel.config import Settings
from agon.kernel.errors import Refused, refuse

API_FILE = "api.keys"
PUBLISHABLE = "sb_publishable_"
SECRET = "sb_secret_"
KEY_CHARS_MIN = 32
"""Of a whole key, its beginning included."""
KEY_CHARS_MAX = 256
RANDOM_BYTES = 24

JWT_YEARS = 10
JWT_S = JWT_YEARS * 365 * 24 * 3600
ISSUER = "supabase"
"""What the JWT forms carry as `iss` where no issuer is demanded, as Supabase's do."""


@dataclass(frozen=True, kw_only=True)
class ApiKeys:
    """Both keys of an installation."""

    publishable: str
    secret: str = field(repr=False)

    def roles(self) -> dict[str, Literal["anon", "service_role"]]:
        """What each key makes its bearer."""
        return {self.publishable: "anon", self.secret: "service_role"}


def is_api_key(text: str) -> bool:
    """Whether it is meant as such a key, ours or not. No JWT begins so."""
    return text.startswith("sb_")


def load(settings: Settings, home: Path) -> ApiKeys:
    """The keys given by the configuration, or else those kept in the home, made when missing.

    Raises Refused `api_key_unfit`.
    """
    given = {
        "publishable": settings["publishable_key"],
        "secret": settings["secret_key"],
    }
    if not all(given.values()):
        kept = json.loads(keys.kept(home / "secrets" / API_FILE, _new_keys))
        given = {name: value or kept[name] for name, value in given.items()}
    _check("AGON_PUBLISHABLE_KEY", given["publishable"], PUBLISHABLE)
    _check("AGON_SECRET_KEY", given["secret"], SECRET)
    return ApiKeys(publishable=given["publishable"], secret=given["secret"])


def jwt_forms(key: jwt.Key, now_s: int, issuer: str | None) -> dict[str, str]:
    """Long-lived tokens that say the same as the two keys, by role, for clients that want a JWT."""
    claims: Mapping[str, Any] = {"iss": issuer or ISSUER}
    return {
        role: jwt.mint({**claims, "role": role}, key, now_s, JWT_S)
        for role in ("anon", "service_role")
    }


def _new_keys() -> str:
    return json.dumps(
        {
            "publishable": PUBLISHABLE + secrets.token_urlsafe(RANDOM_BYTES),
            "secret": SECRET + secrets.token_urlsafe(RANDOM_BYTES),
        }
    )


def _check(variable: str, key: str, beginning: str) -> None:
    fits = key.startswith(beginning) and key.isascii() and key.isprintable() and " " not in key
    if not fits or not KEY_CHARS_MIN <= len(key) <= KEY_CHARS_MAX:
        raise _unfit(variable, beginning)


def _unfit(variable: str, beginning: str) -> Refused:
    return refuse(
        "api_key_unfit",
        f"{variable} cannot be used.",
        details=f"It is {beginning} and random text, {KEY_CHARS_MIN} to {KEY_CHARS_MAX} "
        "characters together.",
        hint=f"Correct {variable}, or leave it unset: then a key is made and kept in the home.",
    )
