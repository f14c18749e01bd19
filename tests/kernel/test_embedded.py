"""The embedded server can be started and stopped at any time, and loses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest

from agon.kernel import embedded, embedded_account, embedded_process
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
    run_python,
    wait_until,
)

# What asyncpg raises when its server is killed under it; the last one where it is mid-message.
LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, asyncpg.InternalClientError)
START = "import sys; from pathlib import Path; from agon.kernel import embedded; "
START += "embedded.start(Path(sys.argv[1])); print('up', flush=True); "


@pytest.fixture
def fresh() -> Iterator[Path]:
    """A home that is not there yet."""
    with new_home() as path:
        yield path


@pytest.fixture(scope="module")
def prepared() -> Iterator[Path]:
    with new_home() as path:
        embedded.start(path)
        embedded.stop(path)
        yield path


@pytest.fixture
def home(prepared: Path) -> Iterator[Path]:
    """A home with a stopped server: a copy, since making one anew takes a second."""
    with new_home() as path:
        subprocess.run(["cp", "-a", str(prepared), str(path)], check=True)
        yield path


# Starting and stopping.


def test_the_default_home_is_agon_home_or_the_account_s_own(monkeypatch):
    monkeypatch.setenv("AGON_HOME", "/somewhere/else")
    assert embedded.default_home() == Path("/somewhere/else")
    monkeypatch.delenv("AGON_HOME")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert embedded.default_home() == Path("/var/lib/agon")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert embedded.default_home().is_relative_to(Path.home())


def test_start_and_stop_can_be_called_at_any_time(fresh):
    home = fresh
    assert embedded.status(home) == "absent"
    assert embedded.stop(home) is False
    server = embedded.start(home)
    first = postmaster(home)
    assert embedded.start(home) == server
    assert postmaster(home) == first
    assert embedded.status(home) == "running"
    assert embedded.stop(home) is True
    assert embedded.stop(home) is False
    assert embedded.status(home) == "stopped"
    assert embedded.start(home) == server
    assert embedded.status(home) == "running"


async def test_createdb_is_given_only_when_asked_for(home):
    can = "select rolcreatedb from pg_roles where rolname = 'agon_owner'"
    assert await ask(embedded.start(home).dsn("agon_owner"), can) is False
    embedded.stop(home)
    assert await ask(embedded.start(home, createdb=True).dsn("agon_owner"), can) is True
    embedded.stop(home)
    assert await ask(embedded.start(home).dsn("agon_owner"), can) is False


async def test_a_lost_password_is_made_anew_at_the_next_start(home):
    server = embedded.start(home)
    lost = server.dsn("agon_web")
    (home / "secrets/agon_web").unlink()
    assert refusal_of(lambda: server.dsn("agon_web")) == "secret_missing"
    embedded.stop(home)
    embedded.start(home)
    assert await ask(server.dsn("agon_web"), "select 1") == 1
    with pytest.raises(DENIED):
        await ask(lost, "select 1")


async def test_changed_settings_are_put_right_while_it_runs(home):
    server = embedded.start(home)
    first = postmaster(home)
    (home / "pg_hba.conf").write_text("local all all trust\n")
    embedded.start(home)
    assert postmaster(home) == first
    trusting = f"postgresql://anon@/agon?host={quote(str(server.sockets), safe='')}"
    with pytest.raises(DENIED):
        await ask(trusting, "select 1")


def test_two_processes_at_once_get_the_same_server(fresh):
    both = [run_python(START, fresh) for _ in range(2)]
    said = [one.communicate(timeout=60)[0] for one in both]
    assert said == ["up\n", "up\n"]
    assert embedded.status(fresh) == "running"


def test_a_path_too_long_for_a_socket_works(prepared):
    with new_home("long name, it's long " * 8) as long:
        subprocess.run(["cp", "-a", str(prepared), str(long)], check=True)
        server = embedded.start(long)
        assert server.sockets.parent == Path("/tmp")
        assert stat.S_IMODE(server.sockets.stat().st_mode) == 0o700
        assert asyncio.run(ask(server.dsn("agon_worker"), "select 1")) == 1


@as_root
async def test_programs_that_the_account_cannot_reach_are_copied(home, monkeypatch):
    closed = home.parent / "closed"
    real = embedded_account.program("postgres").parents[3]
    closed.mkdir(mode=0o700)
    for name in (embedded_account.PROGRAMS, embedded_account.LIBRARIES):
        shutil.copytree(real / name, closed / name)
    monkeypatch.setattr(
        embedded_account, "program", lambda name: closed / embedded_account.PROGRAMS / "bin" / name
    )
    server = embedded.start(home)
    assert await ask(server.dsn("agon_worker"), "select 1") == 1
    (copy,) = home.glob("postgres-*")
    assert os.readlink(f"/proc/{postmaster(home)}/exe").startswith(str(copy))
    for path in [copy, *copy.rglob("*")]:
        assert path.stat().st_uid == 0
        assert path.stat().st_mode & 0o022 == 0, path
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@as_root
def test_an_ordinary_user_gets_a_server_of_their_own(fresh):
    fresh.parent.chmod(0o777)

    def live() -> list[object]:
        embedded.start(fresh)
        return [embedded.status(fresh), embedded.stop(fresh), embedded.status(fresh)]

    assert as_nobody(live) == "['running', True, 'stopped']"
    assert {path.stat().st_uid for path in [fresh, *fresh.rglob("*")]} == {NOBODY}
    assert refusal_of(lambda: embedded.start(fresh)) == "home_of_another_user"
    os.chown(fresh, 0, 0)


# Nothing is lost.


async def test_committed_rows_survive_the_killed_server(home):
    server = embedded.start(home)
    await ask(server.dsn("agon_owner"), "create schema s", "create table s.t (n int)")
    await ask(server.dsn("agon_owner"), "insert into s.t values (1), (2)")
    os.kill(postmaster(home), signal.SIGKILL)
    wait_until(lambda: embedded.status(home) != "running")
    embedded.start(home)
    assert await ask(server.dsn("agon_owner"), "select sum(n) from s.t") == 3


async def test_a_query_that_outlives_its_server_does_not_keep_the_next_one_out(home):
    server = embedded.start(home)
    conn = await asyncpg.connect(server.dsn("agon_worker"))
    busy = asyncio.create_task(conn.execute("select count(*) from generate_series(1, 1e10)"))
    await asyncio.sleep(0.2)
    os.kill(postmaster(home), signal.SIGKILL)
    await asyncio.to_thread(embedded.start, home)
    assert await ask(server.dsn("agon_worker"), "select 1") == 1
    with pytest.raises(LOST):
        await busy


def test_a_stale_pid_file_with_a_living_number_does_not_stop_the_start(home):
    """After a reboot the number may be another process of the server's own user."""
    server = embedded.start(home)
    os.kill(postmaster(home), signal.SIGKILL)
    wait_until(lambda: not embedded_process.is_held(home / "running.lock"))
    account = embedded_account.find_account()
    with subprocess.Popen(["sleep", "60"], **account.identity()) as other:
        (home / "pg/postmaster.pid").write_text(f"{other.pid}\n{home / 'pg'}\n")
        embedded.start(home)
        assert postmaster(home) != other.pid
        assert other.poll() is None
        other.kill()
    assert asyncio.run(ask(server.dsn("agon_worker"), "select 1")) == 1


def test_the_server_outlives_its_starter(home):
    starter = run_python(START + "import time; time.sleep(60)", home, start_new_session=True)
    assert starter.stdout.readline() == "up\n"
    os.killpg(starter.pid, signal.SIGKILL)
    starter.communicate()
    assert embedded.status(home) == "running"


@pytest.mark.parametrize(
    "after_ms",
    [400, *(pytest.param(ms, marks=pytest.mark.prove) for ms in range(50, 2000, 150))],
)
def test_a_starter_killed_halfway_leaves_nothing_half_made(fresh, after_ms):
    starter = run_python(START, fresh)
    time.sleep(after_ms / 1000)
    starter.kill()
    starter.communicate()
    server = embedded.start(fresh)
    assert asyncio.run(ask(server.dsn("agon_owner"), "select 1")) == 1
    assert not (fresh / "pg.new").exists()


def test_a_server_that_cannot_start_says_why(home):
    shutil.rmtree(home / "pg/global")
    with pytest.raises(Refused) as caught:
        embedded.start(home)
    assert caught.value.refusal.code == "server_did_not_start"
    assert "global" in caught.value.refusal.details


def test_data_of_another_version_is_refused(home):
    (home / "pg/PG_VERSION").write_text("15\n")
    assert refusal_of(lambda: embedded.start(home)) == "data_of_another_version"


@pytest.mark.prove
async def test_every_acknowledged_row_survives_random_kills(home):
    server = embedded.start(home)
    await ask(server.dsn("agon_owner"), "create schema s", "create table s.t (n int primary key)")
    acknowledged: list[int] = []
    for turn in range(20):
        conn = await asyncpg.connect(server.dsn("agon_owner"))
        loop = asyncio.get_running_loop()
        loop.call_later(random.uniform(0, 0.5), os.kill, postmaster(home), signal.SIGKILL)
        with contextlib.suppress(*LOST):
            for number in range(turn * 1_000_000, (turn + 1) * 1_000_000):
                await conn.execute("insert into s.t values ($1)", number)
                acknowledged.append(number)
        conn.terminate()
        await asyncio.to_thread(embedded.start, home)
    assert len(acknowledged) > 20
    kept = set(await ask(server.dsn("agon_owner"), "select array_agg(n) from s.t"))
    assert set(acknowledged) <= kept
    assert len(kept) <= len(acknowledged) + 20  # the one in flight at each kill may be there
