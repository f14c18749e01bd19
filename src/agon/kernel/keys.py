"""The keys of this installation: what signs access tokens, and what opens sealed secrets.

Given by the configuration, or made once and kept in the home's `secrets` folder.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agon.kernel import jwt, sealing
from agon.kernel.config import Settings
from agon.kernel.errors import refuse

JWT_FILE = "jwt.jwks"
SEALING_FILE = "sealing.keys"
SECRET_MODE = 0o600


def jwt_keys(settings: Settings, home: Path) -> jwt.Keys:
    """Keys for access tokens; the first one signs."""
    if settings["jwt_secret"]:
        return (jwt.secret_key(settings["jwt_secret"]),)
    text = _kept(home / "secrets" / JWT_FILE, _new_jwks)
    return jwt.read_jwks(json.loads(text))


def sealing_keys(settings: Settings, home: Path) -> dict[str, Any]:
    """Private keys by id; the last one is the newest, and new secrets are sealed to it."""
    text = settings["sealing_key"] or _kept(home / "secrets" / SEALING_FILE, _new_sealing_key)
    keys = sealing.keyring(text)
    if not keys:
        raise refuse(
            "sealing_key_missing",
            "AGON_SEALING_KEY holds no key.",
            hint="Give one private key a line, the newest last, or leave it unset.",
        )
    return keys


def _new_jwks() -> str:
    return json.dumps({"keys": [jwt.private_jwk(jwt.generate())]})


def _new_sealing_key() -> str:
    return sealing.private_text(sealing.generate()[0]) + "\n"


def _kept(path: Path, make: Callable[[], str]) -> str:
    """The file's text, made first if it is not there. Of two makers at once, one wins."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}.new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, SECRET_MODE)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(make())
            stream.flush()
            os.fsync(stream.fileno())
        with contextlib.suppress(FileExistsError):  # another process was first: its key counts
            os.link(draft, path)
        draft.unlink()
    return path.read_text("utf-8")
