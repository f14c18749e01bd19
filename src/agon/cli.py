"""The command line: composition of the systems' commands, and errors on one line.

What is slow to import (the server, the queue) is imported by the command that needs it.

Exit codes: 0 done; 1 the answer is no (a result differs, a check is wrong, a verdict is fail);
2 a mistake in the command or the configuration; 3 refused; 4 something needed is out of reach.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import signal
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import typer
from rich.console import Console
from rich.table import Column, Table

from agon import __version__
from agon.kernel import clock, commands
from agon.kernel.database import refusal_of
from agon.kernel.errors import Refusal, Refused, refuse
from agon.kernel.manifest import load
from agon.kernel.runtime import Runtime
from agon.systems import SYSTEMS

if TYPE_CHECKING:
    from agon.kernel.stage import Stage

EXIT_NO = 1
EXIT_USAGE = 2
EXIT_REFUSED = 3
EXIT_UNREACHABLE = 4
STOP_GRACE_S = 10
LISTEN_BACKLOG = 2048
UNMIGRATED = (
    asyncpg.InvalidSchemaNameError,
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedFunctionError,
)
"""What Postgres says of objects that a migration is yet to make."""
EVIDENCE_HELP = "Also judge this file, as FILE or PROVIDER:FILE; may be repeated."

app = typer.Typer(
    name="agon",
    help="Contests with results that anyone can recompute.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def _root(version: bool = typer.Option(False, "--version", help="Print the version.")) -> None:
    if version:
        print(__version__)
        raise typer.Exit


def serve(
    work: bool = typer.Option(True, help="Do the queue's jobs in this process, too."),
) -> None:
    """Serve HTTP until stopped."""
    runtime = commands.begin()
    with _bind(runtime) as line:
        commands.run(_migrate(runtime))
        _serve(runtime, line, work=work)


def work() -> None:
    """Do the queue's jobs until stopped."""
    commands.run(_work(commands.begin()))


def demo(
    evidence: list[Path] = typer.Option([], help=EVIDENCE_HELP),
) -> None:
    """Play the demonstration and print its results."""
    commands.run(_demo(commands.begin(), _check_files(evidence)))


def run(
    evidence: list[Path] = typer.Option([], help=EVIDENCE_HELP),
    once: bool = typer.Option(False, "--once", help="Stop after the demonstration."),
) -> None:
    """Set up, play the demonstration, then serve HTTP until stopped."""
    runtime = commands.begin()
    own = _check_files(evidence)
    if once:
        commands.run(_demo(runtime, own))
        return
    with _bind(runtime) as line:
        commands.run(_demo(runtime, own))
        _serve(runtime, line, work=True)


def _bind(runtime: Runtime) -> socket.socket:
    """Our address, taken before anything else is done; nobody is let in before `_serve`.

    Raises Refused `port_in_use`, `address_unusable`.
    """
    host, port = runtime.settings["host"], runtime.settings["port"]
    line = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        line.bind((host, port))
    except OSError as error:
        line.close()
        raise _unusable(runtime, error) from error
    return line


def _unusable(runtime: Runtime, error: OSError) -> Refused:
    host, port = runtime.settings["host"], runtime.settings["port"]
    if error.errno == errno.EADDRINUSE:
        return refuse(
            "port_in_use",
            f"Port {port} of {host} is taken by another process.",
            hint="Give AGON_PORT another number, or stop that process.",
            status=503,
        )
    return refuse(
        "address_unusable",
        f"Agon cannot serve on {host}, port {port}.",
        details=str(error),
        hint="Correct AGON_HOST or AGON_PORT.",
        status=503,
    )


def _serve(runtime: Runtime, line: socket.socket, *, work: bool) -> None:
    import uvicorn

    from agon.app import serve as application
    from agon.web.protocol import Protocol

    try:
        line.listen(LISTEN_BACKLOG)
    except OSError as error:  # another process was bound to it, too, and listened first
        raise _unusable(runtime, error) from error
    host, port = runtime.settings["host"], runtime.settings["port"]
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    commands.out.print(f"Serving on http://{place} (paths: /docs). Ctrl-C stops.", markup=False)
    config = uvicorn.Config(
        application(runtime, work=work),
        loop="uvloop",
        http=Protocol,
        log_config=None,
        access_log=False,
        forwarded_allow_ips=runtime.settings["trusted_proxies"],
        timeout_graceful_shutdown=STOP_GRACE_S,
    )
    server = uvicorn.Server(config)
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[line])
    if not server.started:
        raise refuse("server_did_not_start", "The server ended while it was starting.", status=503)


async def _migrate(runtime: Runtime) -> None:
    await commands.migrate_all(runtime)


async def _work(runtime: Runtime) -> None:
    from agon.kernel import jobs

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with runtime.database() as database:
        work = jobs.Work(database=database, runtime=runtime)
        with work.processes:
            await jobs.run(work, stop)


def _check_files(evidence: list[Path]) -> tuple[Path, ...]:
    """The user's files, before anything is started for them. Raises Refused `file_missing`."""
    for path in evidence:
        if not path.is_file() and not Path(str(path).partition(":")[2]).is_file():
            raise refuse(
                "file_missing", f"There is no file {path}.", hint="Give FILE or PROVIDER:FILE."
            )
    return tuple(evidence)


async def _demo(runtime: Runtime, evidence: tuple[Path, ...]) -> None:
    from agon.kernel.stage import Stage

    console = commands.out
    with console.status("Starting Postgres and migrating …"):
        await commands.migrate_all(runtime)
    async with runtime.database() as database:
        stage = Stage(runtime=runtime, database=database, console=console, evidence=evidence)
        for system in runtime.systems:
            for part in system.demonstrations:
                await load(part)(stage)
        await _verify(stage)


async def _verify(stage: Stage) -> None:
    """`agon verify` on every result of the demonstration."""
    from agon.kernel import results

    kinds = stage.runtime.result_kinds()
    pool = await stage.database.pool("agon_owner")
    table = Table(
        Column("who", overflow="fold"), Column("result", no_wrap=True), "agon verify", box=None
    )
    differing = 0
    for what, cid in stage.results:
        data = await pool.fetchval("select bundle from agon.results where cid = $1", cid)
        found = results.verify(data, kinds, cid)
        differing += not found.ok
        table.add_row(what, cid, "[green]same[/]" if found.ok else "[red]differs[/]")
    stage.console.print(table, soft_wrap=False)
    if differing:
        raise refuse("result_differs", f"{differing} results differ.", status=500)


for _command in (serve, work, demo, run):
    app.command(_command.__name__)(_command)


@cache
def _compose() -> None:
    """Hang each system's commands into the tree, once a process."""
    groups = {"": app}
    for system in SYSTEMS:
        for name, reference in system.commands:
            command = load(reference)
            group, _, own_name = name.rpartition(" ")
            if isinstance(command, typer.Typer):
                groups[name] = command
                groups[group].add_typer(command, name=own_name)
            else:
                groups[group].command(own_name)(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; a refusal becomes one line with its hint, and an exit code."""
    commands.compose(SYSTEMS)
    _compose()
    try:
        app(args=arguments)
    except Refused as refused:
        sys.exit(_report(refused.refusal))
    except UNMIGRATED as error:
        sys.exit(_report(_unmigrated(error)))
    except asyncpg.PostgresError as error:
        sys.exit(_report(refusal_of(error)))
    except OSError as error:
        sys.exit(_report(_unusable_file(error)))
    except KeyboardInterrupt:
        sys.exit(130)


def _unmigrated(error: asyncpg.PostgresError) -> Refusal:
    return Refusal(
        code="not_migrated",
        message="The database is not migrated to this release.",
        details=str(error),
        hint="Run `agon migrate`.",
        status=503,
    )


def _unusable_file(error: OSError) -> Refusal:
    if isinstance(error, ConnectionError | TimeoutError):
        return Refusal(
            code="connection_lost",
            message="A connection broke off.",
            details=f"{type(error).__name__}: {error}",
            hint="`agon doctor` says what is reachable.",
            status=503,
        )
    what = str(error.filename) if error.filename else "A file or folder"
    return Refusal(
        code="file_unusable",
        message=f"{what} cannot be used: {error.strerror or error}.",
        hint="Check the path, its rights and the space left.",
    )


def _report(refusal: Refusal) -> int:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"agon: {refusal.message} [{refusal.code}]", markup=False, style="bold red")
    for line in _lines(refusal.details or ""):
        console.print(f"  {line}", markup=False)
    if refusal.hint:
        console.print(f"  hint: {refusal.hint}", markup=False)
    if refusal.code in ("configuration_wrong", "login_secret_missing"):
        return EXIT_USAGE
    return EXIT_UNREACHABLE if refusal.status >= 500 else EXIT_REFUSED


def _lines(details: str) -> list[str]:
    """Details line by line; of a JSON list, which programs read, a line an item."""
    try:
        items = json.loads(details)
    except ValueError:
        return details.splitlines()
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        return details.splitlines()
    return ["; ".join(_parts(item)) for item in items]


def _parts(item: Mapping[str, Any]) -> Iterator[str]:
    for name, value in item.items():
        if isinstance(value, dict):
            yield f"{name}: {', '.join(_parts(value))}"
        elif name.endswith("_ms") and isinstance(value, int):
            yield f"{name.removesuffix('_ms')} {clock.from_ms(value):%Y-%m-%dT%H:%M:%SZ}"
        elif value is not None:
            yield f"{name} {value}"
