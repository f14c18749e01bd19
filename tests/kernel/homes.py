"""Homes of embedded servers for tests, and questions to ask in them."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from agon.kernel import embedded, embedded_home
from agon.kernel.errors import Refused

NOBODY = 65534
DENIED = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidPasswordError)
SOURCES = str(Path(embedded.__file__).parents[2])

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@contextlib.contextmanager
def new_home(*parts: str) -> Iterator[Path]:
    """A path for a home below /tmp, which the server's account can reach; stopped at the end."""
    base = Path(tempfile.mkdtemp(prefix="agon-test-", dir="/tmp"))
    base.chmod(0o711)
    home = base.joinpath(*(parts or ("home",)))
    try:
        yield home
    finally:
        embedded.stop(home)
        shutil.rmtree(base)
        shutil.rmtree(embedded_home.sockets_folder(home), ignore_errors=True)


async def ask(dsn: str, *statements: str) -> object:
    """The one value that the last statement answers."""
    conn = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            value = await conn.fetchval(statement)
        return value
    finally:
        await conn.close()


def postmaster(home: Path) -> int:
    return int((home / "pg/postmaster.pid").read_text().split()[0])


def wait_until(true: Callable[[], bool], seconds: int = 10) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def refusal_of(act: Callable[[], object]) -> str:
    with pytest.raises(Refused) as caught:
        act()
    return caught.value.refusal.code


def run_python(code: str, home: Path, **given: object) -> subprocess.Popen[str]:
    environment = {"PYTHONPATH": SOURCES, "PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    command = [sys.executable, "-B", "-c", code, str(home)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, env=environment, cwd="/", **(pipes | given))


def as_nobody(act: Callable[[], object]) -> str:
    """What a foreign user gets from this act: its answer, or the name of the error.

    A fork, since that user may not be able to enter the folder that this Python lies in.
    """
    source, sink = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            answer = str(act())
        except BaseException as error:  # noqa: BLE001 - the child must not go on as the test
            answer = f"{type(error).__name__}: {error}"
        os.write(sink, answer.encode())
        os._exit(0)
    os.close(sink)
    with os.fdopen(source) as file:
        answer = file.read()
    os.waitpid(child, 0)
    return answer
