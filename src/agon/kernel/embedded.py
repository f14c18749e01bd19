"""The embedded Postgres: one server a home, shared by all of Agon's processes.

Whoever needs it calls `start`; it goes on when that process ends, and `stop` ends it.
`docs/deciding/embedded-postgres.md` says why it is built this way.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from agon.kernel import embedded_account as accounts
from agon.kernel import embedded_home as files
from agon.kernel import embedded_process as process
from agon.kernel import embedded_setup as setup
from agon.kernel.embedded_account import Account, program
from agon.kernel.embedded_home import default_home
from agon.kernel.embedded_setup import Workshop
from agon.kernel.errors import Refused, refuse

__all__ = ["Server", "default_home", "program", "start", "status", "stop"]

PORT = 5432
START_S_MAX = 60
STOP_S_MAX = 60
ORPHANS_S_MAX = 1  # then what a killed server left behind is told to go
POLL_S = 0.02
ANSWER_S_MAX = 2
ANSWER_BYTES_MAX = 1024
PROTOCOL_VERSION = 196608  # 3.0
STARTING_UP = b"C57P03\x00"  # cannot_connect_now

Status = Literal["absent", "stopped", "starting", "running"]


@dataclass(frozen=True, kw_only=True)
class Server:
    """Where a server is. `home` is resolved; `sockets` may lie outside of it."""

    home: Path
    data: Path
    sockets: Path
    port: int = PORT

    def dsn(self, login: str, database: str = setup.DATABASE) -> str:
        """postgresql URL over the Unix socket, for asyncpg, psql and pg_dump.

        Raises Refused: `unknown_login`, `secret_missing`.
        """
        password = files.read_password(self.home, login)
        host = quote(str(self.sockets), safe="")
        return f"postgresql://{login}:{password}@/{database}?host={host}&port={self.port}"


def start(home: Path | None = None, *, createdb: bool = False) -> Server:
    """The running server of this home, made and started if need be. Safe to call at any time.

    home: a folder of its own; None means `default_home()`. createdb: agon_owner may create
    databases named agon_…, for tests; it counts when the server is not yet running.
    Raises Refused with what to do about it.
    """
    server = _locate(home)
    if _is_current(server):
        return server
    files.open_home(server.home)
    with process.locked(server.home / "starting.lock"):
        account = accounts.find_account()
        files.close_folders(server.home, account)
        changed = setup.write_settings(server.home, account)
        programs = accounts.server_programs(server.home, account)
        if not _answers(server):
            _bring_up(server, account, programs, createdb=createdb)
        elif changed:
            _signal(server, account, programs, "reload")
    return server


def stop(home: Path | None = None) -> bool:
    """Ends the server: open transactions are rolled back, everything committed is on disk.

    Returns whether it was running. Raises Refused `server_did_not_stop`.
    """
    server = _locate(home)
    if not files.check_owner(server.home) or not _is_alive(server):
        return False
    with process.locked(server.home / "starting.lock"):
        account = accounts.find_account()
        if not process.end_orphans(account, server.data):
            programs = accounts.server_programs(server.home, account)
            _signal(server, account, programs, "stop", "-m", "fast", "-W")
        patience = time.monotonic()
        while _is_alive(server):
            if time.monotonic() - patience > STOP_S_MAX:
                raise refuse(
                    "server_did_not_stop",
                    f"The server in {server.home} still runs after {STOP_S_MAX} seconds.",
                    details=setup.log_tail(server.home),
                    status=503,
                )
            time.sleep(POLL_S)
    return True


def status(home: Path | None = None) -> Status:
    """What this home's server does; `starting` also while it recovers or stops."""
    server = _locate(home)
    if not files.check_owner(server.home):
        return "absent"
    if _answers(server):
        return "running"
    if _is_alive(server):
        return "starting"
    return "stopped" if server.data.exists() else "absent"


def _locate(home: Path | None) -> Server:
    home = (home or default_home()).expanduser().resolve()
    return Server(home=home, data=home / "pg", sockets=files.sockets_folder(home))


def _is_current(server: Server) -> bool:
    """The quick answer: it runs, with this version's settings."""
    try:
        hba = (server.home / "pg_hba.conf").read_text(encoding="utf-8")
        settings = (server.home / "postgresql.conf").read_text(encoding="utf-8")
    except OSError:
        return False
    current = (hba, settings) == (setup.HBA, setup.settings(server.home))
    return current and _answers(server)


def _is_alive(server: Server) -> bool:
    return process.is_held(server.home / "running.lock")


def _answers(server: Server) -> bool:
    """Whether it takes connections: asks for one as agon_owner, and goes before the password.

    A refusal other than "starting up" counts as an answer, such as "too many connections".
    """
    names = b"user\0agon_owner\0database\0agon\0\0"
    hello = (len(names) + 8).to_bytes(4, "big") + PROTOCOL_VERSION.to_bytes(4, "big") + names
    try:
        if not files.is_closed(server.sockets, server.data.stat().st_uid):
            return False  # not ours: whoever made it would be given passwords
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(ANSWER_S_MAX)
            line.connect(str(server.sockets / files.SOCKET_NAME))
            line.sendall(hello)
            reply = line.recv(ANSWER_BYTES_MAX)
    except OSError:
        return False
    return reply[:1] == b"R" or (reply[:1] == b"E" and STARTING_UP not in reply)


def _bring_up(server: Server, account: Account, programs: Path, *, createdb: bool) -> None:
    """Launches the server once nothing is left of an earlier one, and waits until it answers."""
    launched, patience = False, time.monotonic()
    while not _answers(server):
        lock = os.open(server.home / "running.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if process.take(lock):
                if launched:
                    raise _not_started(server, "The server ended while it was starting.")
                shop = Workshop(home=server.home, account=account, programs=programs, lock=lock)
                setup.prepare_data(shop, createdb=createdb)
                _launch(server, shop)
                launched, patience = True, time.monotonic()
        finally:
            os.close(lock)
        waited_s = time.monotonic() - patience
        if waited_s > ORPHANS_S_MAX and not launched:
            process.end_orphans(account, server.data)
        if waited_s > START_S_MAX:
            raise _not_started(server, f"The server gave no answer within {START_S_MAX} seconds.")
        time.sleep(POLL_S)


def _not_started(server: Server, message: str) -> Refused:
    details = setup.log_tail(server.home)
    hint = f"See {server.home / 'log'}. A long recovery goes on by itself: try again."
    return refuse("server_did_not_start", message, details=details, hint=hint, status=503)


def _launch(server: Server, shop: Workshop) -> None:
    process.drop_stale_locks(shop.account, server.data, server.sockets / files.SOCKET_NAME)
    setup.prune_logs(server.home)
    accounts.prune_programs(server.home, shop.programs)
    # The shell ends at once, so the server belongs to init: it is no zombie of ours when it dies,
    # and in a session of its own the terminal's Ctrl-C does not reach it.
    command = ["/bin/sh", "-c", '"$@" &', "sh", str(shop.programs / "postgres")]
    command += ["-D", str(server.data), "-c", f"config_file={server.home / 'postgresql.conf'}"]
    (server.home / "start.log").touch(mode=0o600)
    with (server.home / "start.log").open("wb") as log:
        subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=(shop.lock,),
            check=True,
            **shop.account.identity(),  # type: ignore[call-overload]
        )


def _signal(server: Server, account: Account, programs: Path, *words: str) -> None:
    """Signals the server with the account's own rights, so that root's can hit nothing else.

    Its exit code is not asked: the server may end just now, and the caller looks what came of it.
    """
    accounts.run_as(account, [str(programs / "pg_ctl"), *words, "-D", str(server.data), "-s"])
