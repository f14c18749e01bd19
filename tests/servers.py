"""The Postgres that the tests run on: the embedded one, or Debian's with AGON_TEST_PG_BIN."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from agon.kernel import embedded

LOGINS = ("agon_owner", "agon_web", "agon_service", "agon_worker")
CLIENT_ROLES = """
create role anon nologin noinherit;
create role authenticated nologin noinherit;
create role service_role nologin noinherit bypassrls;
"""
"""As docs/install.md has an administrator make them, and as Supabase has them."""
DEBIAN_ACCOUNT = "postgres"
START_S_MAX = 30
MEMORY_BYTES_MIN = 6 * 1024**3


@dataclass(frozen=True, kw_only=True)
class TestServer:
    """A running server whose owner may create databases. home: of the installation under test."""

    __test__ = False

    home: Path
    sockets: Path
    passwords: Mapping[str, str]
    is_embedded: bool

    def url(self, login: str, database: str) -> str:
        host = quote(str(self.sockets), safe="")
        return f"postgresql://{login}:{self.passwords[login]}@/{database}?host={host}&port=5432"

    def urls(self, database: str) -> dict[str, str]:
        return {login: self.url(login, database) for login in LOGINS}


@contextmanager
def running() -> Iterator[TestServer]:
    """A server of our own for the length of the block."""
    home = Path(tempfile.mkdtemp(prefix="agon-test-", dir=_folder()))
    home.chmod(0o711)
    try:
        if programs := os.environ.get("AGON_TEST_PG_BIN"):
            with _debian(home, Path(programs)) as server:
                yield server
        else:
            with _embedded(home / "home") as server:
                yield server
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _folder() -> str:
    """In memory where there is room: hundreds of databases are made, and none has to last."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > MEMORY_BYTES_MIN
    return str(memory if roomy else "/tmp")


@contextmanager
def _embedded(home: Path) -> Iterator[TestServer]:
    server = embedded.start(home, createdb=True)
    try:
        passwords = {login: (home / "secrets" / login).read_text().strip() for login in LOGINS}
        yield TestServer(home=home, sockets=server.sockets, passwords=passwords, is_embedded=True)
    finally:
        embedded.stop(home)


@contextmanager
def _debian(folder: Path, programs: Path) -> Iterator[TestServer]:
    """A cluster of Debian's Postgres with an owner that is no superuser."""
    account = pwd.getpwnam(DEBIAN_ACCOUNT) if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    passwords = {login: secrets.token_urlsafe(24) for login in LOGINS}
    data, sockets = folder / "pg", folder / "sockets"
    for path in (data, sockets):
        path.mkdir(mode=0o700)
        os.chown(path, account.pw_uid, account.pw_gid)

    def call(name: str, *arguments: str, text: str = "") -> None:
        subprocess.run(
            [programs / name, *arguments],
            input=text,
            text=True,
            check=True,
            capture_output=True,
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=[],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        )

    call("initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
    options = f"-c listen_addresses='' -c unix_socket_directories={sockets} -c fsync=off"
    call("pg_ctl", "-D", str(data), "-w", "-t", str(START_S_MAX), "-l", str(data / "log"),
         "-o", options, "start")  # fmt: skip
    try:
        logins = "".join(
            f"create role {login} login {kind} password '{passwords[login]}';\n"
            for login, kind in zip(
                LOGINS, ("createrole createdb", "noinherit", "noinherit", "noinherit"), strict=True
            )
        )
        call(
            "psql", "-h", str(sockets), "-U", "postgres", "-v", "ON_ERROR_STOP=1", "-q",
            text=logins + CLIENT_ROLES + "create database agon owner agon_owner;\n",
        )  # fmt: skip
        yield TestServer(home=folder / "home", sockets=sockets, passwords=passwords,
                         is_embedded=False)  # fmt: skip
    finally:
        call("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
