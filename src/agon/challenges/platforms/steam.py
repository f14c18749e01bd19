"""Steam, OpenID 2.0: the person signs in at Steam, and Steam confirms its own answer.

https://openid.net/specs/openid-authentication-2_0.html, sections 9 to 11, and Steam's own page
https://partner.steamgames.com/doc/features/auth#website. We keep no association, so each answer is
confirmed by Steam itself (11.4.2), which does so once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit

from agon.kernel.errors import Refused, refuse
from agon.kernel.outbound import Client

NAME = "steam"
NAMESPACE = "http://specs.openid.net/auth/2.0"
ANY_IDENTITY = f"{NAMESPACE}/identifier_select"
PREFIX = "openid."
SIGNED = frozenset(
    ("op_endpoint", "claimed_id", "identity", "return_to", "response_nonce", "assoc_handle")
)
"""Fields that the answer's signature must cover (10.1)."""
FIELDS_MAX = 32
FIELD_CHARS_MAX = 2_048
ANSWER_BYTES_MAX = 4 * 1024
AGE_MAX = timedelta(minutes=10)
"""How far the time in `response_nonce` may lie from now, either way."""

_ACCOUNT = re.compile(r"7656119[0-9]{10}")
_RESPONSE_NONCE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)[!-~]{0,235}", re.ASCII)

Fields = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Return:
    """Where Steam sends a person back to: our page, with what the binding was started with."""

    url: str
    wallet: str
    nonce: str

    def __str__(self) -> str:
        return f"{self.url}?{urlencode({'wallet': self.wallet, 'nonce': self.nonce})}"


def endpoint(base_url: str) -> str:
    """Where Steam signs people in and confirms its answers."""
    return f"{base_url.rstrip('/')}/openid/login"


def authorize_url(base_url: str, back: Return) -> str:
    """Where the person's browser goes to sign in at Steam."""
    parts = urlsplit(back.url)
    query = {
        "ns": NAMESPACE,
        "mode": "checkid_setup",
        "return_to": str(back),
        "realm": f"{parts.scheme}://{parts.netloc}",
        "identity": ANY_IDENTITY,
        "claimed_id": ANY_IDENTITY,
    }
    return f"{endpoint(base_url)}?{urlencode({PREFIX + key: query[key] for key in query})}"


def fields_of(value: object) -> Fields:
    """The answer's fields out of what was sent. Raises Refused `steam_answer_malformed`."""
    if not isinstance(value, Mapping):
        raise malformed("mode")
    found = {key: each for key, each in value.items() if str(key).startswith(PREFIX)}
    for key, each in found.items():
        if not isinstance(each, str) or len(key) + len(each) > FIELD_CHARS_MAX:
            raise malformed(key[:100].removeprefix(PREFIX))
    if len(found) > FIELDS_MAX:
        raise malformed("*")
    return found


def read_answer(fields: Fields, base_url: str, back: Return, now: datetime) -> str:
    """The Steam64 id that the answer names, if it is one of this Steam to this question, now.

    Whether Steam gave it, `confirm` says. Raises Refused `steam_sign_in_cancelled`, and
    `steam_answer_malformed` (400), its details the field that is not as it must be.
    """
    said = {key.removeprefix(PREFIX): value for key, value in fields.items()}
    if said.get("mode") == "cancel":
        raise refuse(
            "steam_sign_in_cancelled", "Nobody signed in at Steam.", hint="Start again if you will."
        )
    prefix = f"{base_url.rstrip('/')}/openid/id/"
    claimed = said.get("claimed_id", "")
    account = claimed.removeprefix(prefix)
    holds = {
        "ns": said.get("ns") == NAMESPACE,
        "mode": said.get("mode") == "id_res",
        "op_endpoint": said.get("op_endpoint") == endpoint(base_url),
        "claimed_id": claimed.startswith(prefix) and _ACCOUNT.fullmatch(account),
        "identity": said.get("identity") == claimed,
        "return_to": said.get("return_to") == str(back),
        "response_nonce": _is_fresh(said.get("response_nonce", ""), now),
        "signed": set(said.get("signed", "").split(",")) >= SIGNED,
        "sig": bool(said.get("sig")),
    }
    for field, is_right in holds.items():
        if not is_right:
            raise malformed(field)
    return account


async def confirm(client: Client, base_url: str, fields: Fields) -> None:
    """Ask Steam whether it gave this answer. Raises Refused `steam_answer_denied` (403) where it
    did not, `steam_failed` (502), `outbound_*`."""
    answer = await client.request(
        "POST",
        endpoint(base_url),
        form={**fields, "openid.mode": "check_authentication"},
        limit_bytes=ANSWER_BYTES_MAX,
        retries=0,
    )
    pairs = [line.partition(":") for line in answer.body.decode("utf-8", "replace").splitlines()]
    said = {key: value for key, _, value in pairs}
    if answer.status != 200 or len(said) != len(pairs) or said.get("ns") != NAMESPACE:
        raise _failed(f"status {answer.status}, {len(answer.body)} bytes")
    match said.get("is_valid"):
        case "true":
            return
        case "false":
            raise refuse(
                "steam_answer_denied",
                "Steam did not give this answer, or has confirmed it before.",
                hint="Start again, and sign in at Steam.",
                status=403,
            )
    raise _failed("no is_valid")


def malformed(field: str) -> Refused:
    """An answer one of whose fields is not what Steam would have answered."""
    return refuse(
        "steam_answer_malformed",
        "This is not Steam's answer to the sign-in that was started here.",
        details=PREFIX + field,
        hint="Send every openid field as Steam sent it, within ten minutes.",
    )


def _is_fresh(response_nonce: str, now: datetime) -> bool:
    found = _RESPONSE_NONCE.fullmatch(response_nonce)
    try:
        return bool(found) and abs(now - datetime.fromisoformat(found[1])) <= AGE_MAX
    except ValueError:  # a day or an hour that does not exist
        return False


def _failed(details: str) -> Refused:
    return refuse(
        "steam_failed",
        "Steam did not answer as its documentation says.",
        details=details,
        hint="Start again later.",
        status=502,
    )
