"""The embedded server lets in four logins with their passwords, and nobody else."""

from __future__ import annotations

import os
import shutil
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest

from agon.kernel import embedded, embedded_account, embedded_home
from agon.kernel.errors import Refused
from tests.kernel.homes import (
    DENIED,
    NOBODY,
    as_nobody,
    as_root,
    ask,
    new_home,
    postmaster,
    refusal_of,
)

LOGINS = ("agon_owner", "agon_web", "agon_service", "agon_worker")


@pytest.fixture(scope="module")
def server() -> Iterator[embedded.Server]:
    with new_home() as home:
        yield embedded.start(home, createdb=True)


@pytest.fixture
def home() -> Iterator[Path]:
    with new_home() as path:
        yield path


# Who gets in.


@pytest.mark.parametrize("login", LOGINS)
async def test_a_login_enters_with_its_password_and_is_no_superuser(server, login):
    fields = "rolsuper, rolreplication, rolbypassrls, current_setting('is_superuser')::bool"
    query = f"select array[{fields}] from pg_roles where rolname = current_user"
    assert await ask(server.dsn(login), query) == [False] * 4
    assert await ask(server.dsn(login), "select current_user::text") == login


@pytest.mark.parametrize("login", LOGINS)
async def test_a_login_without_its_password_stays_out(server, login):
    password = embedded_home.read_password(server.home, login)
    for wrong in ("wrong", "", password[:-1], embedded_home.read_password(server.home, LOGINS[0])):
        if wrong != password:
            with pytest.raises(DENIED):
                await ask(server.dsn(login).replace(password, wrong), "select 1")


@pytest.mark.parametrize("user", ["postgres", "anon", "service_role", "nobody_at_all"])
@pytest.mark.parametrize("database", ["agon", "postgres", "template1"])
async def test_no_other_role_enters(server, user, database):
    host = quote(str(server.sockets), safe="")
    for password in ("", "postgres", embedded_home.read_password(server.home, "agon_owner")):
        with pytest.raises(DENIED):
            await ask(f"postgresql://{user}:{password}@/{database}?host={host}", "select 1")


@pytest.mark.parametrize("database", ["postgres", "template1", "agonistic"])
async def test_a_login_enters_no_database_but_ours(server, database):
    with pytest.raises(DENIED):
        await ask(server.dsn("agon_owner", database), "select 1")


async def test_the_superuser_has_no_password_and_no_login(server):
    assert (
        await ask(
            server.dsn("agon_owner"), "select rolcanlogin from pg_roles where rolname = 'postgres'"
        )
        is False
    )


@pytest.mark.parametrize(
    ("login", "allowed"),
    [
        ("agon_web", {"anon", "authenticated"}),
        ("agon_service", {"service_role"}),
        ("agon_worker", set()),
    ],
)
async def test_a_login_becomes_its_roles_and_no_others(server, login, allowed):
    everyone = {*LOGINS, "anon", "authenticated", "service_role", "postgres"} - {login}
    for role in sorted(everyone):
        become = ask(server.dsn(login), f"set role {role}", "select current_user::text")
        if role in allowed:
            assert await become == role
        else:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await become


async def test_the_owner_administers_the_roles_but_has_none_of_their_rights(server):
    conn = await asyncpg.connect(server.dsn("agon_owner"))
    try:
        await conn.execute("alter role agon_worker set statement_timeout = '5min'")
        await conn.execute("alter role agon_worker reset statement_timeout")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute("alter role agon_worker superuser")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute("alter role agon_worker bypassrls")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute("create role intruder replication login")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute("copy (select 1) to program 'true'")
        assert not await conn.fetchval("select pg_has_role('service_role', 'usage')")
    finally:
        await conn.close()


async def test_the_owner_makes_databases_for_tests_only_under_our_name(server):
    owner = await asyncpg.connect(server.dsn("agon_owner"))
    try:
        await owner.execute("create database agon_copy_1 template agon")
        assert await ask(server.dsn("agon_web", "agon_copy_1"), "select 1") == 1
        await owner.execute("drop database agon_copy_1")
        await owner.execute("create database stray")
        with pytest.raises(DENIED):
            await ask(server.dsn("agon_owner", "stray"), "select 1")
        await owner.execute("drop database stray")
    finally:
        await owner.close()


async def test_the_settings_that_others_rely_on_hold(server):
    wanted = {
        "wal_level": "logical",
        "fsync": "on",
        "data_checksums": "on",
        "TimeZone": "UTC",
        "listen_addresses": "",
        "password_encryption": "scram-sha-256",
        "server_encoding": "UTF8",
        "log_parameter_max_length": "0",
        "track_functions": "pl",
        "compute_query_id": "on",
    }
    for name, value in wanted.items():
        assert await ask(server.dsn("agon_worker"), f"show {name}") == value, name
    locale = "select array[datlocprovider::text, datlocale, (select rolname::text from pg_roles r "
    locale += "where r.oid = datdba)] from pg_database where datname = 'agon'"
    assert await ask(server.dsn("agon_worker"), locale) == ["b", "C.UTF-8", "agon_owner"]


def test_an_unknown_login_has_no_address(server):
    assert refusal_of(lambda: server.dsn("postgres")) == "unknown_login"
    assert refusal_of(lambda: server.dsn("../pg_hba.conf")) == "unknown_login"


# Who does not.


@as_root
def test_a_foreign_user_cannot_reach_the_socket(server):
    def connect() -> str:
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(server.sockets / embedded_home.SOCKET_NAME))
        return "in"

    assert connect() == "in"
    assert as_nobody(connect).startswith("PermissionError")


@as_root
def test_a_foreign_user_can_list_read_and_write_nothing(server):
    paths = [server.home, *server.home.rglob("*")]
    assert len(paths) > 500

    def reachable() -> list[Path]:
        modes = (os.R_OK, os.W_OK)
        return [path for path in paths if any(os.access(path, mode) for mode in modes)]

    assert reachable() == paths
    assert as_nobody(reachable) == "[]"
    assert as_nobody(lambda: os.listdir(server.home)).startswith("PermissionError")
    assert as_nobody(lambda: server.dsn("agon_web")).startswith("Refused")
    assert as_nobody(lambda: embedded.start(server.home)).startswith("Refused")
    assert as_nobody(lambda: embedded.stop(server.home)).startswith("Refused")


def test_nothing_below_the_home_is_open_to_others(server):
    """The home is a wall; its rooms are closed as well, each for itself."""
    assert stat.S_IMODE(server.home.stat().st_mode) & 0o067 == 0
    for name in ("pg", "sockets", "log", "secrets"):
        assert stat.S_IMODE((server.home / name).stat().st_mode) == 0o700, name
    for name in ("pg_hba.conf", "postgresql.conf", "start.log", "running.lock", "roles.sha256"):
        assert stat.S_IMODE((server.home / name).stat().st_mode) & 0o037 == 0, name
    for login in LOGINS:
        path = server.home / "secrets" / login
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.stat().st_uid == os.geteuid()


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux's /proc")
def test_no_tcp_port_is_open(server):
    pid = postmaster(server.home)
    ours = {os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()}
    tables = [Path(f"/proc/net/{name}") for name in ("tcp", "tcp6", "udp", "udp6")]
    rows = [row.split() for path in tables if path.exists() for row in path.open()]
    assert not {f"socket:[{row[9]}]" for row in rows[1:]} & ours
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", 5432), 1):
        pytest.skip("another Postgres listens on 5432")


def test_passwords_stand_in_no_log(server):
    texts = [path.read_text() for path in (server.home / "log").iterdir()]
    texts.append((server.home / "start.log").read_text())
    for login in LOGINS:
        password = embedded_home.read_password(server.home, login)
        assert len(password) >= 40
        assert not any(password in text for text in texts)


def test_parents_keep_their_modes(server):
    base = server.home.parent
    assert stat.S_IMODE(base.stat().st_mode) == 0o711
    assert stat.S_IMODE(Path("/tmp").stat().st_mode) == 0o1777


@as_root
def test_a_home_below_a_closed_folder_is_refused(home):
    home.parent.chmod(0o700)
    with pytest.raises(Refused) as caught:
        embedded.start(home)
    refusal = caught.value.refusal
    assert refusal.code == "home_not_reachable"
    assert str(home.parent) in refusal.message
    assert stat.S_IMODE(home.parent.stat().st_mode) == 0o700
    assert not (home / "pg").exists()


@as_root
def test_a_home_of_another_user_is_refused(home):
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    for act in (embedded.start, embedded.stop, embedded.status):
        assert refusal_of(lambda act=act: act(home)) == "home_of_another_user"
    os.chown(home, 0, 0)


def test_a_folder_with_other_files_is_refused_and_kept_as_it_is(home):
    home.mkdir(mode=0o755)
    (home / "letters.txt").write_text("dear")
    assert refusal_of(lambda: embedded.start(home)) == "home_not_empty"
    assert stat.S_IMODE(home.stat().st_mode) == 0o755


def test_a_path_that_settings_cannot_hold_is_refused(home):
    for name in ("a\nb", 'a"b', "a\\b"):
        assert refusal_of(lambda name=name: embedded.start(home / name)) == "home_not_usable"
    home.write_text("a file")
    assert refusal_of(lambda: embedded.start(home)) == "home_not_usable"
    home.unlink()


@as_root
def test_a_socket_folder_that_somebody_else_made_is_refused(home):
    long = home / ("x" * 100)
    taken = embedded_home.sockets_folder(long)
    taken.mkdir(mode=0o700)
    os.chown(taken, NOBODY, NOBODY)
    assert refusal_of(lambda: embedded.start(long)) == "folder_of_another_user"
    assert embedded.status(long) != "running"
    taken.rmdir()


@as_root
def test_without_useradd_the_hint_says_what_to_do(monkeypatch):
    monkeypatch.setattr(embedded_account, "ACCOUNT", "agon-no-such-account")
    monkeypatch.setattr(embedded_account, "ACCOUNT_RETRY_S", 0)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    assert refusal_of(embedded_account.find_account) == "account_missing"
