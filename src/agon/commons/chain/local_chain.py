"""A chain on this machine, for demonstrations: anvil, which npm brings. Its money is none."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import as_file, files
from pathlib import Path

from agon.kernel.errors import Refused, refuse

CHAIN_ID = 31337
KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
"""Of the first account, with 10,000 ether: known to all the world."""
INSTALL_S_MAX = 120
START_S_MAX = 20
STOP_S_MAX = 5

_LISTENING = re.compile(rb"Listening on (127\.0\.0\.1:\d+)")


def program(folder: Path) -> Path:
    """The program: one that is installed, or the one that npm brings into a folder.

    Raises Refused `local_chain_missing`.
    """
    if found := shutil.which("anvil"):
        return Path(found)
    missing = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
    if missing:
        raise _missing(f"{' and '.join(missing)} not installed")
    if (found := _brought(folder)) is None:
        _bring(folder)
        found = _brought(folder)
    if found is None:
        raise _missing("npm has no anvil for this machine")
    return found


@asynccontextmanager
async def running(binary: Path) -> AsyncIterator[str]:
    """A chain of its own for the length of the block; its URL.

    A transaction is mined when it comes; any address may send, no key is asked for.
    """
    with tempfile.TemporaryDirectory(prefix="agon-anvil-") as home:
        process = await asyncio.create_subprocess_exec(
            str(binary), "--host", "127.0.0.1", "--port", "0", "--chain-id", str(CHAIN_ID),
            "--hardfork", "cancun", "--slots-in-an-epoch", "1", "--auto-impersonate",
            env={"HOME": home, "PATH": os.environ.get("PATH", "")},
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert process.stdout is not None
        rest = None
        try:
            place = await _place(process.stdout)
            rest = asyncio.create_task(_read_on(process.stdout))
            yield f"http://{place}"
        finally:
            await _stop(process)
            if rest is not None:
                await rest


def _brought(folder: Path) -> Path | None:
    return next(folder.glob("node_modules/@foundry-rs/anvil-*/bin/anvil"), None)


def _bring(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with as_file(files("agon.commons.chain") / "local") as source:
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(source / name, folder / name)
    words = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    try:
        done = subprocess.run(
            words, cwd=folder, capture_output=True, text=True, timeout=INSTALL_S_MAX, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise _missing(f"npm did not bring it within {INSTALL_S_MAX} s") from error
    if done.returncode:
        raise _missing(f"npm: {done.stderr.strip()[-300:]}")


def _missing(why: str) -> Refused:
    return refuse(
        "local_chain_missing",
        "There is no anvil here to be the chain.",
        details=why,
        hint="Install Node 20 or newer with npm, or Foundry's anvil.",
        status=503,
    )


async def _place(output: asyncio.StreamReader) -> str:
    """Where it listens, which it says once it does."""
    with contextlib.suppress(TimeoutError):  # told below, as is an end
        async with asyncio.timeout(START_S_MAX):
            async for line in output:
                if found := _LISTENING.search(line):
                    return found[1].decode()
    raise refuse(
        "local_chain_not_started",
        f"anvil ended while it was starting, or said nothing within {START_S_MAX} s.",
        hint="Start it by hand to see why.",
        status=503,
    )


async def _read_on(output: asyncio.StreamReader) -> None:
    """What it tells of each call is of no use here, but unread it would stop anvil."""
    while await output.read(1 << 16):
        pass


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), STOP_S_MAX)
    if process.returncode is None:
        process.kill()
        await process.wait()
