"""The folders and the secrets of an embedded Postgres.

Started by root, the home stays root's: the server's account can pass through it, reads the settings
in it, and owns only pg, log and sockets. Otherwise everything is one person's alone.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from pathlib import Path

from agon.kernel.embedded_account import Account, run_as
from agon.kernel.errors import Refused, refuse

ROOT_HOME = Path("/var/lib/agon")
LOGINS = ("agon_owner", "agon_web", "agon_service", "agon_worker")
# A home that is not empty is taken only if one of these shows that it is Agon's.
MARKS = ("starting.lock", "agon.toml")

PASSWORD_BYTES = 32
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_BYTES_MAX = 103  # sun_path is 104 bytes on macOS, 108 on Linux, with the final zero


def default_home() -> Path:
    """AGON_HOME, or root's /var/lib/agon, or the platform's user data folder.

    Root's own home is closed to the server's account, and we open no folder that is not ours.
    """
    if given := os.environ.get("AGON_HOME"):
        return Path(given)
    if os.geteuid() == 0:
        return ROOT_HOME
    import platformdirs

    return Path(platformdirs.user_data_dir("agon", appauthor=False))


def sockets_folder(home: Path) -> Path:
    """Where the socket of a home lies: inside, or in /tmp where the path would be too long.

    /tmp, not TMPDIR: every process has to find the same folder.
    """
    inside = home / "sockets"
    if len(os.fsencode(inside / SOCKET_NAME)) <= SOCKET_PATH_BYTES_MAX:
        return inside
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return Path("/tmp") / f"agon-{os.geteuid()}-{digest}"


def open_home(home: Path) -> None:
    """Makes the home, or checks that the one that exists is ours to close to others.

    Raises Refused: `home_not_usable`, `home_of_another_user`, `home_not_empty`.
    """
    # A settings file cannot hold the rest.
    if not str(home).isprintable() or any(mark in str(home) for mark in '"\\'):
        raise _not_usable(home, "the path holds a control character, a double quote or a backslash")
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_owner(home)
        names = os.listdir(home)
    except OSError as error:
        raise _not_usable(home, str(error)) from error
    if names and not any(mark in names for mark in MARKS):
        raise refuse(
            "home_not_empty",
            f"The folder {home} holds files that are not Agon's.",
            details=", ".join(sorted(names)[:5]),
            hint="Set AGON_HOME to an empty or a new folder.",
        )


def check_owner(home: Path) -> bool:
    """Whether the home exists; one that belongs to another user is refused."""
    try:
        uid = home.stat().st_uid
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _not_usable(home, str(error)) from error
    if uid != os.geteuid():
        raise refuse(
            "home_of_another_user",
            f"The folder {home} belongs to user {uid}.",
            hint="Run as that user, or set AGON_HOME to a folder of your own.",
        )
    return True


def _not_usable(home: Path, details: str) -> Refused:
    message = f"The folder {str(home)!r} cannot be used."
    hint = "Set AGON_HOME to a folder of your own."
    return refuse("home_not_usable", message, details=details, hint=hint)


def close_folders(home: Path, account: Account) -> None:
    """Gives each folder its owner and mode, and checks that the server can reach them.

    Raises Refused: `home_not_reachable`, `folder_of_another_user`.
    """
    if account.name is None:
        home.chmod(0o700)
    else:
        os.chown(home, 0, account.gid)
        home.chmod(0o710)
        _check_reach(home, account)
    (home / "secrets").mkdir(mode=0o700, exist_ok=True)
    for folder in (home / "log", sockets_folder(home)):
        folder.mkdir(mode=0o700, exist_ok=True)
        give_folder(folder, account)


def _check_reach(home: Path, account: Account) -> None:
    def enters(folder: Path) -> bool:
        return run_as(account, ["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)]).returncode == 0

    if enters(home):
        return
    closed = next((folder for folder in reversed(home.parents) if not enters(folder)), home)
    raise refuse(
        "home_not_reachable",
        f"Postgres runs as {account.name}, which cannot enter {closed}.",
        details=f"home is {home}",
        hint=f"Set AGON_HOME to a folder below open ones, such as {ROOT_HOME}, "
        "or run Agon as an ordinary user.",
    )


def give_folder(folder: Path, account: Account) -> None:
    """Gives a folder that we made to the server, and refuses one that anybody else made."""
    if is_closed(folder, os.geteuid()):
        os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    if not is_closed(folder, account.uid):
        raise refuse(
            "folder_of_another_user",
            f"{folder} is not a folder that only user {account.uid} may enter.",
            hint="Find out who made it, remove it, and start again.",
        )


def is_closed(folder: Path, uid: int) -> bool:
    """Whether it is a real folder of this user, closed to all others."""
    found = folder.lstat()
    closed = stat.S_IMODE(found.st_mode) & 0o077 == 0
    return stat.S_ISDIR(found.st_mode) and found.st_uid == uid and closed


def write_file(path: Path, text: str, account: Account | None = None) -> bool:
    """Writes a file whole or not at all, for us alone or also readable by the server.

    Returns whether its content changed.
    """
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        if account is not None and account.name is not None:
            os.fchown(descriptor, 0, account.gid)
            os.fchmod(descriptor, 0o640)
        file.flush()
        os.fsync(descriptor)
    draft.rename(path)
    sync_folder(path.parent)
    return True


def sync_folder(folder: Path) -> None:
    """Makes a rename in this folder last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_passwords(home: Path) -> dict[str, str]:
    """The password of each login; those without one get one, on disk before anybody uses it."""
    passwords = {}
    for login in LOGINS:
        path = home / "secrets" / login
        if not path.exists():
            write_file(path, secrets.token_urlsafe(PASSWORD_BYTES))
        passwords[login] = path.read_text(encoding="utf-8")
    return passwords


def read_password(home: Path, login: str) -> str:
    """The password of a login.

    Raises Refused: `unknown_login`, `secret_missing`.
    """
    if login not in LOGINS:
        raise refuse("unknown_login", f"There is no login {login}.", hint=", ".join(LOGINS))
    try:
        return (home / "secrets" / login).read_text(encoding="utf-8")
    except (FileNotFoundError, PermissionError) as error:
        raise refuse(
            "secret_missing",
            f"The password of {login} cannot be read.",
            details=str(error),
            hint="Start the server as the owner of its home; a lost password is made anew then.",
        ) from error
