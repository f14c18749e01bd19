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
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from agon.kernel.errors import Refused, refuse

CHAIN_ID = 31337
KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
"""Of the first account, with 10,000 ether: known to all the world."""
INSTALL_S_MAX = 120
START_S_MAX = 20
STOP_S_MAX = 5
POLL_S = 0.01
EPOCH = "--slots-in-an-epoch"

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


@dataclass(frozen=True, kw_only=True)
class Chain:
    """A chain that runs. url: of its JSON-RPC; pid: of the process."""

    url: str
    pid: int


@asynccontextmanager
async def running(binary: Path, *options: str) -> AsyncIterator[Chain]:
    """A chain of its own for the length of the block. Raises Refused `local_chain_not_started`.

    A transaction is mined when it comes, unless "--no-mining" is among the options; any address may
    send, no key is asked for. `finalized` is two blocks below the head, or twice what EPOCH says.
    """
    epoch = () if EPOCH in options else (EPOCH, "1")
    with tempfile.TemporaryDirectory(prefix="agon-anvil-") as home:
        said = Path(home) / "said"
        # To a file: a pipe that nobody empties in time would stop it.
        with said.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                str(binary), "--host", "127.0.0.1", "--port", "0", "--chain-id", str(CHAIN_ID),
                "--hardfork", "cancun", *epoch, "--auto-impersonate", "--no-request-size-limit",
                *options,
                env={"HOME": home, "PATH": os.environ.get("PATH", "")},
                stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
        try:
            yield Chain(url=f"http://{await _place(process, said)}", pid=process.pid)
        finally:
            await _stop(process)


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


async def _place(process: asyncio.subprocess.Process, said: Path) -> str:
    """Where it listens, which it says once it does."""
    with contextlib.suppress(TimeoutError):  # told below, as is an end
        async with asyncio.timeout(START_S_MAX):
            while process.returncode is None:
                if place := _listening(said):
                    return place
                await asyncio.sleep(POLL_S)
    raise refuse(
        "local_chain_not_started",
        f"anvil ended while it was starting, or said nothing within {START_S_MAX} s.",
        hint="Start it by hand to see why.",
        status=503,
    )


def _listening(said: Path) -> str | None:
    found = _LISTENING.search(said.read_bytes())
    return found and found[1].decode()


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), STOP_S_MAX)
    if process.returncode is None:
        process.kill()
        await process.wait()
