"""The keys of this installation: what signs access tokens, and what opens sealed secrets.

Given by the configuration, or made once and kept in the home's `secrets` folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from agon.kernel import jwt, sealing
from agon.kernel.config import Settings
from agon.kernel.database import Conn
from agon.kernel.errors import Refused, refuse

JWT_FILE = "jwt.jwks"
SEALING_FILE = "sealing.keys"
SECRET_MODE = 0o600
DRAFT_NAME_BYTES = 8
JWT_KEYS_MAX = 8
"""Keys that verify at once: the one that signs, and former ones."""


class JwtKeys:
    """The keys for access tokens; read again when their file has changed.

    So a running server signs with a new key, and drops a retired one, without a restart.
    """

    def __init__(self, settings: Settings, home: Path):
        self._settings, self._home = settings, home
        self._read_at: tuple[int, int] | None = None
        self._keys: jwt.Keys = ()

    def current(self) -> jwt.Keys:
        """The keys; the first one signs. The same tuple as long as nothing has changed."""
        changed_at = self._changed_at()
        if not self._keys or changed_at != self._read_at:
            self._keys = jwt_keys(self._settings, self._home)
            self._read_at = self._changed_at()
        return self._keys

    def _changed_at(self) -> tuple[int, int] | None:
        """When the file was made, and which one it is; None where a shared secret signs."""
        if self._settings["jwt_secret"]:
            return None
        try:
            facts = (self._home / "secrets" / JWT_FILE).stat()
        except FileNotFoundError:
            return 0, 0
        return facts.st_mtime_ns, facts.st_ino


def jwt_keys(settings: Settings, home: Path) -> jwt.Keys:
    """Keys for access tokens; the first one signs."""
    if settings["jwt_secret"]:
        return (jwt.secret_key(settings["jwt_secret"]),)
    text = kept(home / "secrets" / JWT_FILE, _new_jwks)
    return jwt.read_jwks(json.loads(text))


def rotate_jwt(settings: Settings, home: Path) -> jwt.Key:
    """Make a new key, which signs from now on; the former ones go on verifying.

    Raises Refused `jwt_keys_given`, `jwt_keys_many`.
    """
    with _jwks_of(settings, home) as (listed, write):
        if len(listed) >= JWT_KEYS_MAX:
            raise refuse(
                "jwt_keys_many",
                f"There are {len(listed)} signing keys already.",
                hint="Retire former ones first: `agon keys retire KID`; `agon keys` lists them.",
            )
        new = jwt.generate()
        write([jwt.private_jwk(new), *listed])
    return new


def retire_jwt(settings: Settings, home: Path, kid: str) -> None:
    """Forget a former key: tokens that it signed hold no more.

    Raises Refused `jwt_keys_given`, `jwt_key_unknown`, `jwt_key_signs`.
    """
    with _jwks_of(settings, home) as (listed, write):
        names = [each.get("kid") for each in listed]
        if kid not in names:
            raise refuse("jwt_key_unknown", f"There is no key {kid}.", hint=", ".join(names))
        if kid == names[0]:
            raise refuse(
                "jwt_key_signs",
                f"Key {kid} is the one that signs.",
                hint="Run `agon keys rotate` first; then this key can go.",
            )
        write([each for each in listed if each.get("kid") != kid])


def sealing_keys(settings: Settings, home: Path) -> dict[str, Any]:
    """Private keys by id; the last one is the newest, and new secrets are sealed to it."""
    text = settings["sealing_key"] or kept(home / "secrets" / SEALING_FILE, _new_sealing_key)
    keys = sealing.keyring(text)
    if not keys:
        raise refuse(
            "sealing_key_missing",
            "AGON_SEALING_KEY holds no key.",
            hint="Give one private key a line, the newest last, or leave it unset.",
        )
    return keys


def kept(path: Path, make: Callable[[], str]) -> str:
    """The file's text, made first if it is not there. Of two makers at once, one wins."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Another process may be first: then its key counts.
        with _draft(path, make()) as draft, contextlib.suppress(FileExistsError):
            os.link(draft, path)
    return path.read_text("utf-8")


def _new_jwks() -> str:
    return json.dumps({"keys": [jwt.private_jwk(jwt.generate())]})


def _new_sealing_key() -> str:
    return sealing.private_text(sealing.generate()[0]) + "\n"


@contextlib.contextmanager
def _jwks_of(
    settings: Settings, home: Path
) -> Iterator[tuple[list[dict[str, Any]], Callable[[list[dict[str, Any]]], None]]]:
    """The kept private keys, and how to write them back whole, while nobody else changes them."""
    if settings["jwt_secret"]:
        raise _given()
    path = home / "secrets" / JWT_FILE
    kept(path, _new_jwks)
    descriptor = os.open(path.with_suffix(".lock"), os.O_WRONLY | os.O_CREAT, SECRET_MODE)
    with os.fdopen(descriptor, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        def write(listed: list[dict[str, Any]]) -> None:
            with _draft(path, json.dumps({"keys": listed})) as draft:
                os.replace(draft, path)

        yield json.loads(path.read_text("utf-8"))["keys"], write


async def publish_sealing_key(conn: Conn, private_keys: dict[str, Any]) -> None:
    """Let everyone seal to the newest of these keys; whoever holds it opens.

    private_keys: as `sealing_keys` gives them.
    """
    name, private = list(private_keys.items())[-1]
    public = sealing.public_text(private.public_key())
    await conn.execute("select agon.keep_sealing_key($1, $2)", name, public)


async def sealer(conn: Conn) -> Any:
    """The public key to seal to, as it was published last.

    Raises Refused `sealing_key_missing`.
    """
    text = await conn.fetchval("select agon.sealing_key()")
    if text is None:
        raise refuse(
            "sealing_key_missing",
            "No worker has published a key to seal secrets to.",
            hint="Start one: `agon work`, or `agon serve`.",
            status=503,
        )
    return sealing.load_public(text)


@contextlib.contextmanager
def _draft(path: Path, text: str) -> Iterator[Path]:
    """A file beside it, written and synced, that only we can read; gone at the end of the block.

    Its name is random: what a killed process left behind is in nobody's way.
    """
    draft = path.with_suffix(f".{secrets.token_hex(DRAFT_NAME_BYTES)}.new")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, SECRET_MODE)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _given() -> Refused:
    return refuse(
        "jwt_keys_given",
        "AGON_JWT_SECRET signs the access tokens, so there are no kept keys.",
        hint="Change AGON_JWT_SECRET and restart: all tokens end, the JWT forms of keys too.",
    )
