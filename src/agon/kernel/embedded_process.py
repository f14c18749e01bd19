"""Who lives in an embedded home: locks, pid files, and what a killed server leaves behind.

Every process of a server holds the lock on `running.lock`, which it inherits from its starter. The
system lets it go when the last of them is gone. So "is it alive" needs no guess about process ids,
which reboots and other programs reuse.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agon.kernel.embedded_account import Account, run_as
from agon.kernel.errors import refuse

LOCK_S_MAX = 180
POLL_S = 0.02

# -ef compares where two paths lead, and needs no process of its own.
SERVERS = """
for process in /proc/[0-9]*; do
  if [ "$process/cwd" -ef "$1" ]; then
    case "$(readlink "$process/exe")" in
      */postgres|*/postgres\\ *) echo "${process#/proc/}" ;;
    esac
  fi
done
"""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the lock file until the block ends.

    Raises Refused `home_busy` after LOCK_S_MAX seconds.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + LOCK_S_MAX
    try:
        while not take(descriptor):
            if time.monotonic() > deadline:
                raise refuse(
                    "home_busy",
                    f"Another process has held {path} for {LOCK_S_MAX} seconds.",
                    hint="Look for a hanging `agon` process.",
                    status=503,
                )
            time.sleep(POLL_S)
        yield
    finally:
        os.close(descriptor)


def take(descriptor: int) -> bool:
    """Takes the lock if it is free."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(path: Path) -> bool:
    """Whether somebody holds the lock file."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        return not take(descriptor)
    finally:
        os.close(descriptor)


def find_servers(account: Account, data: Path) -> set[int] | None:
    """The processes of Postgres that work in this folder; None where there is no /proc.

    Asked with the account's rights: root in a container may not look into other users' processes.
    """
    if not Path("/proc/self").exists():
        return None
    done = run_as(account, ["/bin/sh", "-c", SERVERS, "sh", str(data)])
    return {int(number) for number in done.stdout.split()}


def drop_stale_locks(account: Account, data: Path, socket: Path) -> None:
    """Removes Postgres's own lock files if no server works in this folder.

    After a reboot the number in them may be any process of the same user, or a zombie that nobody
    collects, and Postgres would refuse to start. Without /proc, Postgres decides.
    """
    found = [data / "postmaster.pid", socket.with_name(socket.name + ".lock")]
    found = [path for path in found if path.exists()]
    if found and find_servers(account, data) == set():
        for path in found:
            path.unlink()


def end_orphans(account: Account, data: Path) -> bool:
    """Tells the processes that outlived their postmaster to go; returns whether there were any.

    One that computes would not notice for hours. The signal is the one that a postmaster sends to
    all others when one has crashed. Without /proc they end by themselves.
    """
    found = find_servers(account, data)
    if not found or _postmaster(data) in found:
        return False
    run_as(account, ["/bin/sh", "-c", 'kill -QUIT "$@"', "sh", *map(str, sorted(found))])
    return True


def _postmaster(data: Path) -> int | None:
    try:
        return int((data / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None
