"""Platforms that do not answer us who an account's owner is: an operator vouches for it.

The operator (a service of the installation's, or a person) sees the owner's proof, such as a
sign-in with the platform or a code shown in the profile, and signs the binding with a key whose
address stands in AGON_BINDING_OPERATORS.
"""

from __future__ import annotations

import re

from agon.kernel.config import Settings
from agon.kernel.errors import Refused, refuse

ACCOUNTS = {
    "riot": re.compile(r"[A-Za-z0-9_-]{40,128}"),
    "epic": re.compile(r"[0-9a-f]{32}"),
}
"""Ids of accounts: Riot's PUUID, Epic's account id."""
HANDLE_CHARS_MAX = 100

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


def account(platform: str, platform_id: str) -> str:
    """The id, where it can be one of that platform. Raises Refused `platform_unknown`,
    `platform_id_malformed`."""
    if platform not in ACCOUNTS:
        raise refuse(
            "platform_unknown",
            f"Accounts of {platform[:40]!r} are not bound by countersignature.",
            hint=f"That is for {' and '.join(ACCOUNTS)}; Steam begins at /api/auth/steam.",
            status=404,
        )
    if not ACCOUNTS[platform].fullmatch(platform_id):
        raise refuse(
            "platform_id_malformed",
            f"This is no account id of {platform.title()}.",
            details="/platform_id",
            hint="Riot: the PUUID; Epic: the account id of 32 hexadecimal digits.",
            status=422,
        )
    return platform_id


def handle(value: object) -> str | None:
    """The name that people see, or none. Raises Refused `handle_malformed`."""
    if value is None:
        return None
    if isinstance(value, str) and value.isprintable() and 0 < len(value) <= HANDLE_CHARS_MAX:
        return value
    raise refuse(
        "handle_malformed",
        f"A handle is one line of 1 to {HANDLE_CHARS_MAX} characters.",
        details="/handle",
        status=422,
    )


def operators(settings: Settings) -> frozenset[str]:
    """The addresses, in lower case, whose countersignature counts. Raises Refused
    `binding_not_configured` (501) where there is none, `configuration_wrong`."""
    words = [word.strip() for word in settings["binding_operators"].split(",") if word.strip()]
    if not all(map(_ADDRESS.fullmatch, words)):
        raise refuse(
            "configuration_wrong",
            f"AGON_BINDING_OPERATORS holds {settings['binding_operators']!r}.",
            hint="Give addresses (0x and 40 hexadecimal digits), separated by commas.",
            status=500,
        )
    if not words:
        raise not_configured()
    return frozenset(word.lower() for word in words)


def not_configured() -> Refused:
    return refuse(
        "binding_not_configured",
        "Nobody countersigns bindings here.",
        hint="The operator sets AGON_BINDING_OPERATORS to the addresses that do.",
        status=501,
    )
