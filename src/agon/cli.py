"""The command line: composition of the systems' commands, and errors on one line.

What is slow to import (the server, the queue) is imported by the command that needs it.

Exit codes: 0 done; 1 the answer is no (a result differs, a check is wrong, a verdict is fail);
2 a mistake in the command or the configuration; 3 refused; 4 something needed is out of reach.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import typer
from rich.console import Console
from rich.table import Column, Table

from agon import __version__
from agon.kernel import commands
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
    commands.run(_migrate(runtime))
    _serve(runtime, work=work)


def work() -> None:
    """Do the queue's jobs until stopped."""
    commands.run(_work(commands.begin()))


def demo(
    evidence: list[Path] = typer.Option([], help="Also judge this file; may be repeated."),
) -> None:
    """Play the demonstration and print its results."""
    commands.run(_demo(commands.begin(), tuple(evidence)))


def run(
    evidence: list[Path] = typer.Option([], help="Also judge this file; may be repeated."),
    once: bool = typer.Option(False, "--once", help="Stop after the demonstration."),
) -> None:
    """Set up, play the demonstration, then serve HTTP until stopped."""
    runtime = commands.begin()
    commands.run(_demo(runtime, tuple(evidence)))
    if not once:
        _serve(runtime, work=True)


def _serve(runtime: Runtime, *, work: bool) -> None:
    import uvicorn

    from agon.app import serve as application

    host, port = runtime.settings["host"], runtime.settings["port"]
    commands.out.print(f"Serving on http://{host}:{port} (paths: /docs). Ctrl-C stops.")
    uvicorn.run(
        application(runtime, work=work),
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=STOP_GRACE_S,
    )


async def _migrate(runtime: Runtime) -> None:
    await commands.migrate_all(runtime)


async def _work(runtime: Runtime) -> None:
    from agon.kernel import jobs

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with runtime.database() as database:
        await jobs.run(jobs.Work(database=database, runtime=runtime), stop)


async def _demo(runtime: Runtime, evidence: tuple[Path, ...]) -> None:
    from agon.kernel.stage import Stage

    missing = [path for path in evidence if not path.is_file()]
    if missing:
        raise refuse("file_missing", f"There is no file {missing[0]}.", hint="Check the path.")
    console = commands.out
    with console.status("Starting Postgres and migrating …"):
        await commands.migrate_all(runtime)
    async with runtime.database() as database:
        stage = Stage(runtime=runtime, database=database, console=console, evidence=evidence)
        for system in runtime.systems:
            if system.demonstration:
                await load(system.demonstration)(stage)
        await _verify(stage)


async def _verify(stage: Stage) -> None:
    """`agon verify` on every result of the demonstration."""
    from agon.kernel import results

    kinds = stage.runtime.result_kinds()
    pool = await stage.database.pool("agon_owner")
    table = Table("who", Column("result", no_wrap=True), "agon verify", box=None)
    differing = 0
    for what, cid in stage.results:
        data = await pool.fetchval("select bundle from agon.results where cid = $1", cid)
        found = results.verify(data, kinds, cid)
        differing += not found.ok
        table.add_row(what, cid, "[green]same[/]" if found.ok else "[red]differs[/]")
    stage.console.print(table)
    if differing:
        raise refuse("result_differs", f"{differing} results differ.", status=500)


for _command in (serve, work, demo, run):
    app.command(_command.__name__)(_command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; a refusal becomes one line with its hint, and an exit code."""
    commands.compose(SYSTEMS)
    for system in SYSTEMS:
        for name, reference in system.commands:
            command = load(reference)
            if isinstance(command, typer.Typer):
                app.add_typer(command, name=name)
            else:
                app.command(name)(command)
    try:
        app(args=arguments)
    except Refused as refused:
        sys.exit(_report(refused.refusal))
    except asyncpg.PostgresError as error:
        sys.exit(_report(refusal_of(error)))
    except KeyboardInterrupt:
        sys.exit(130)


def _report(refusal: Refusal) -> int:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"agon: {refusal.message} [{refusal.code}]", markup=False, style="bold red")
    for line in (refusal.details or "").splitlines():
        console.print(f"  {line}", markup=False)
    if refusal.hint:
        console.print(f"  hint: {refusal.hint}", markup=False)
    if refusal.code in ("configuration_wrong", "login_secret_missing"):
        return EXIT_USAGE
    return EXIT_UNREACHABLE if refusal.status >= 500 else EXIT_REFUSED
