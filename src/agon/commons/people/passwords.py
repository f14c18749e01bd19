"""Passwords: argon2id hashes, and which passwords are too weak to take.

Hashing eats memory and time on purpose, so few run at once, each in a thread. Hashes of other
kinds (bcrypt, of users that another server made) verify nobody: their users set a new password by
the recovery mail.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from agon.kernel import logs
from agon.kernel.errors import Refused, refuse
from agon.kernel.runtime import Runtime

if TYPE_CHECKING:  # its library takes long to import
    from agon.kernel.outbound import Client

log = logs.get("agon.people.passwords")

# 80 ms on one core of a small server; twice the memory that OWASP asks for with two passes.
HASH_MEMORY_KIB = 46 * 1024
HASH_PASSES = 2
HASH_LANES = 1
HASHES_AT_ONCE_MAX = 2
"""Of one process: bounds memory to 92 MiB."""
HASHES_WAITING_MAX = 64
"""About three seconds of work; who comes later is asked to come again. Verifying and making count
apart, so that those who sign up in crowds do not keep others from signing in."""

PASSWORD_BYTES_MAX = 1024
CHARACTERS_MIN = 4
"""Different ones."""
TAIL_CHARS_MAX = 6
"""Digits and signs after a common word that do not make it a password: sunshine2024!"""
PREFIX_DIGITS = 5
"""Of the SHA-1 that the list of leaks is asked for: about one in a million passwords has it."""
LEAKS_S_MAX = 3
LEAKS_BYTES_MAX = 1024 * 1024

# Nobody's password: verified against where there is no user, so that both answers take as long.
DUMMY_HASH = (
    "$argon2id$v=19$m=47104,t=2,p=1$LYBQ2vkzxAKGqAMldjMIWA$"
    "Z9JpoQiR1wSaL/8r9UtA2pMwJV1vHwnqm+T5hSDpY1s"
)

_PLAIN = str.maketrans("013457@$!", "oieastasi")

_hasher = PasswordHasher(time_cost=HASH_PASSES, memory_cost=HASH_MEMORY_KIB, parallelism=HASH_LANES)
_threads = ThreadPoolExecutor(HASHES_AT_ONCE_MAX, thread_name_prefix="password")
_turns: dict[str, set[object]] = {"make": set(), "verify": set()}
"""One for each hash that runs or waits."""


async def hash_password(text: str, *, like: str | None = None) -> str:
    """The password's argon2id hash, with its parameters and salt.

    like: a hash whose salt to use: the two are equal if the passwords and parameters are. Raises
    Refused `validation_failed` for a text that no password can be (`weaknesses` names it first),
    `over_request_rate_limit` (429) when too many are waiting.
    """
    data = _bytes(text)
    if data is None:
        raise refuse(
            "validation_failed",
            f"A password is at most {PASSWORD_BYTES_MAX} bytes of UTF-8.",
        )
    return await _in_turn("make", partial(_hasher.hash, data, salt=like and _salt_of(like)))


async def verify_password(text: str, hashed: str) -> bool:
    """Whether the hash is this password's; False, too, for a hash of a kind that is not ours.

    Raises Refused `over_request_rate_limit` (429) when too many are waiting.
    """
    data = _bytes(text)
    return data is not None and await _in_turn("verify", partial(_matches, hashed, data))


def needs_rehash(hashed: str) -> bool:
    """Whether a hash has other parameters than those of today; ask after it has verified."""
    try:
        return _hasher.check_needs_rehash(hashed)
    except InvalidHashError:
        return True


async def weaknesses(text: str, runtime: Runtime, *, email: str | None = None) -> list[str]:
    """Why not to take this password; [] where nothing speaks against it.

    `length`: too short, or more than PASSWORD_BYTES_MAX; `characters`: of too few different ones,
    or not text at all, or the account's own address; `pwned`: it stands in a list of passwords
    that everybody tries. The list of leaks is asked where `password_leaks_url` is set; while that
    does not answer, passwords are taken without it, and the log says so.
    """
    reasons = []
    data = _bytes(text)
    if len(text) < runtime.settings["password_length_min"] or len(text) > PASSWORD_BYTES_MAX:
        reasons.append("length")
    elif data is None:
        reasons.append("length" if _is_text(text) else "characters")
    if "characters" not in reasons and (
        len(set(text)) < CHARACTERS_MIN or _is_address(text, email)
    ):
        reasons.append("characters")
    if is_common(text) or (data is not None and not reasons and await _leaked(data, runtime)):
        reasons.append("pwned")
    return reasons


def is_common(text: str) -> bool:
    """Whether a password is among those tried first: a listed one, or a listed word in disguise
    (p4ssw0rd), with or without a short tail of digits and signs (Sunshine2024!)."""
    plain = text[:PASSWORD_BYTES_MAX].casefold()
    word = plain.rstrip("0123456789!?.,-_#*@$%&+= ")
    candidates = {plain, plain.translate(_PLAIN)}
    if len(plain) - len(word) <= TAIL_CHARS_MAX:
        candidates |= {word, word.translate(_PLAIN)}
    return not _common().isdisjoint(candidates)


@cache
def _common() -> frozenset[str]:
    text = (files("agon.commons.people") / "passwords_common.txt").read_text("utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


def _bytes(text: str) -> bytes | None:
    """None for half a surrogate pair, which JSON can carry, and for what is too long."""
    data = text[: PASSWORD_BYTES_MAX + 1].encode("utf-8", "surrogatepass")
    return data if len(data) <= PASSWORD_BYTES_MAX and _is_text(text) else None


def _is_text(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _is_address(text: str, email: str | None) -> bool:
    address = (email or "").casefold()
    return bool(address) and text.casefold() in (address, address.partition("@")[0])


def _matches(hashed: str, data: bytes) -> bool:
    try:
        return _hasher.verify(hashed, data)
    except InvalidHashError:
        log.warning("password.hash_unknown", kind=hashed[:4])
        return False
    except Argon2Error:
        return False


def _salt_of(hashed: str) -> bytes:
    text = hashed.split("$")[4]
    return base64.b64decode(text + "=" * (-len(text) % 4))


async def _in_turn(queue: str, work: Callable[[], Any]) -> Any:
    turns = _turns[queue]
    if len(turns) >= HASHES_WAITING_MAX:
        raise refuse(
            "over_request_rate_limit",
            "Too many people are signing in right now.",
            hint="Try again in a few seconds.",
            status=429,
        )
    turn = object()
    turns.add(turn)
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads, work)
    finally:
        turns.discard(turn)


async def _leaked(data: bytes, runtime: Runtime) -> bool:
    url = runtime.settings["password_leaks_url"]
    if url is None:
        return False
    try:
        async with asyncio.timeout(LEAKS_S_MAX), runtime.outbound() as client:
            return await _stands_in(client, url, data)
    except (Refused, TimeoutError) as error:
        # Who attacks the list must not be able to keep everybody from signing up.
        log.warning("password.leaks_unknown", error=str(error) or type(error).__name__)
        return False


async def _stands_in(client: Client, url: str, data: bytes) -> bool:
    digest = hashlib.sha1(data, usedforsecurity=False).hexdigest().upper()
    prefix, rest = digest[:PREFIX_DIGITS], digest[PREFIX_DIGITS:]
    headers: Mapping[str, str] = {"Add-Padding": "true"}
    answer = await client.request(
        "GET", f"{url.rstrip('/')}/{prefix}", headers=headers, limit_bytes=LEAKS_BYTES_MAX,
        retries=0,
    )  # fmt: skip
    if answer.status != 200:
        log.warning("password.leaks_unknown", status=answer.status)
        return False
    for line in answer.body.decode("ascii", "replace").splitlines():
        suffix, _, count = line.partition(":")
        # Padding has the count 0, so that the answer's size tells nothing.
        if suffix.strip().upper() == rest and count.strip() != "0":
            return True
    return False
