"""Mail as files, where no mail server is configured: for development, read with `agon mail`."""

from __future__ import annotations

import asyncio
import email
import os
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from agon.kernel.runtime import Runtime

FILES_MAX = 1000
"""Kept in the folder; older ones go."""
SUFFIX = ".eml"
FILE_MODE = 0o600

_LINK = re.compile(r"^https?://\S+$", re.MULTILINE)
_CODE = re.compile(r"^\d{4,12}$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A mail of the folder. link, code: the first of each in its text, '' where there is none."""

    path: Path
    at: datetime
    to: str
    subject: str
    text: str
    link: str
    code: str

    def as_json(self) -> dict[str, Any]:
        """What `agon mail --json` prints."""
        return {
            "at": self.at.isoformat(),
            "to": self.to,
            "subject": self.subject,
            "link": self.link or None,
            "code": self.code or None,
            "file": str(self.path),
        }


def place(runtime: Runtime) -> Path:
    """Where the files lie."""
    return runtime.home / "mail"


async def keep(runtime: Runtime, data: bytes, name: str) -> Path:
    """Write one mail, whole or not at all; the same name again replaces it."""
    return await asyncio.to_thread(_write, place(runtime), data, name)


def newest(root: Path, most: int) -> list[Kept]:
    """The newest mails, newest first."""
    return [_read(path) for path in reversed(_files(root)[-most:])] if most > 0 else []


def prepare(root: Path) -> None:
    """Make the folder if it is missing, closed to other users."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)


def _write(root: Path, data: bytes, name: str) -> Path:
    prepare(root)
    draft, path = root / f".{secrets.token_hex(8)}.new", root / f"{name}{SUFFIX}"
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)
    for old in _files(root)[:-FILES_MAX]:
        old.unlink(missing_ok=True)  # another worker may have been first
    return path


def _files(root: Path) -> list[Path]:
    """The mails' files, oldest first: their names begin with the time."""
    return sorted(root.glob(f"*{SUFFIX}")) if root.is_dir() else []


def _read(path: Path) -> Kept:
    message = email.message_from_bytes(path.read_bytes(), policy=policy.default)
    assert isinstance(message, EmailMessage)
    body = message.get_body(preferencelist=("plain",))
    text = body.get_content().replace("\r\n", "\n") if body else ""
    link, code = _LINK.search(text), _CODE.search(text)
    return Kept(
        path=path,
        at=message["Date"].datetime,
        to=str(message["To"]),
        subject=str(message["Subject"]),
        text=text,
        link=link.group() if link else "",
        code=code.group() if code else "",
    )
