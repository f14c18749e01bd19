"""Commands of challenges: judge files without a server, and submit one to a challenge."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape
from rich.progress import track
from rich.table import Column, Table

from agon.challenges import evidence, readers, rules, verdicts
from agon.challenges.judges.verdict import SENTENCES
from agon.challenges.readers.xml import HEAD_BYTES
from agon.challenges.records import Reading, Record, Source, evidence_hash
from agon.commons.content import files
from agon.commons.people import wallets
from agon.kernel import cid, clock, commands
from agon.kernel.database import ENGINE
from agon.kernel.errors import Refusal, Refused, refuse
from agon.kernel.runtime import Runtime

FILES_PROVIDER = "garmin"
"""Of FIT, GPX and TCX files, which come from many devices: all that is known is their format."""


def judge(
    paths: list[Path] = typer.Argument(help="Evidence files."),
    rule: Path = typer.Option(help="The rule, as JSON."),
    provider: str = typer.Option(None, help="Needed for JSON; files tell their format."),
    player: str = typer.Option(None, help="The account that plays, for games."),
    as_json: bool = typer.Option(False, "--json", help="Print the verdict as JSON."),
    bundle: Path = typer.Option(None, help="Write the result bundle to this file."),
) -> None:
    """Judge files by a rule, offline. Exits with 1 if the verdict is fail."""
    document = read_rule(rule)
    readings = [
        _read(path, provider, player)
        for path in track(paths, "Reading", disable=as_json, console=commands.out, transient=True)
    ]
    records = [record for reading in readings for record in reading.records]
    decision = verdicts.decide_on(
        judge=choose_judge(document, records), rule=document, records=records
    )
    if bundle:
        bundle.write_bytes(decision.bundle.data)
    if as_json:
        print(json.dumps({**decision.verdict, "result_cid": decision.bundle.cid}, indent=2))
    else:
        _print(decision, readings, paths)
    if not decision.verdict["pass"]:
        raise typer.Exit(1)


def submit(
    path: Path = typer.Argument(help="An evidence file."),
    challenge: int = typer.Option(help="The challenge's id."),
    subject: str = typer.Option(help="The participant's wallet."),
    provider: str = typer.Option(None, help="Needed for JSON; files tell their format."),
    player: str = typer.Option(None, help="The account that plays, for games."),
) -> None:
    """Submit a file to a challenge, as the operator."""
    process = commands.begin()
    named = provider or guess_provider(path)
    submitted = commands.run(_submit(process, path, challenge, subject, named, player))
    commands.out.print_json(
        data={
            "id": submitted.id,
            "inserted": submitted.inserted,
            "raw_ref": submitted.raw_ref,
            "evidence_hash": submitted.evidence_hash,
            "skipped": list(submitted.skipped),
        }
    )


def read_rule(path: Path) -> dict[str, Any]:
    """A rule from a file. Raises Refused `file_missing`, `invalid_rule`."""
    if not path.is_file():
        raise refuse("file_missing", f"There is no file {path}.", hint="Check the path.")
    try:
        document = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise refuse("invalid_rule", f"{path} is not JSON.", details=str(error)) from error
    rules.parse(document)
    return document


def guess_provider(path: Path) -> str:
    """A provider whose reader takes this file, as far as its bytes tell.

    Raises Refused `file_missing`, `provider_missing`.
    """
    if not path.is_file():
        raise refuse("file_missing", f"There is no file {path}.", hint="Check the path.")
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    format = readers.detect(head, FILES_PROVIDER)
    if format is None and readers.detect(head, readers.JSON_PROVIDERS[0]):
        raise refuse(
            "provider_missing",
            f"{path.name} is JSON, which does not tell its provider.",
            hint=f"Name it, as --provider P (with run and demo as --evidence P:{path.name}): "
            f"{', '.join(readers.JSON_PROVIDERS)}.",
        )
    # What is no evidence at all goes there, too: the reader says what is wrong with it.
    return "apple" if format == "apple" else FILES_PROVIDER


def split_evidence(path: Path) -> tuple[str | None, Path]:
    """The provider, if one is named, and the file of `PATH` or `PROVIDER:PATH`.

    Raises Refused `provider_unknown`.
    """
    provider, colon, rest = str(path).partition(":")
    if path.is_file() or not colon:
        return None, path
    return evidence.check_provider(provider), Path(rest)


def choose_judge(rule: dict[str, Any], records: Sequence[Record]) -> str:
    """The judge that can read the rule; the records tell where both can, or neither."""
    names = ["fitness", "gaming"]
    if any(record["type"] != "activity" for record in records):
        names.reverse()
    return next((name for name in names if not rules.check(rule, name)), names[0])


def _read(path: Path, provider: str | None, player: str | None) -> Reading:
    named = evidence.check_provider(provider or guess_provider(path))
    source = Source(provider=named, player=player)
    found, _ = evidence.read_file(path, source)
    if isinstance(found, Refusal):
        raise Refused(found)
    with path.open("rb") as stream:
        name = cid.of_stream(stream)[0]
    return Reading(
        format=found.format, records=tuple({**record, "file": name} for record in found.records)
    )


async def _submit(
    process: Runtime, path: Path, challenge: int, subject: str, provider: str, player: str | None
) -> evidence.Submitted:
    async with process.database() as database:
        desk = evidence.Desk(database=database, folder=files.folder(process))
        with files.arriving(desk.folder) as arrived:
            await asyncio.to_thread(shutil.copyfile, path, arrived)
            upload = evidence.Upload(
                challenge_id=challenge,
                subject=wallets.address(subject),
                source=Source(provider=evidence.check_provider(provider), player=player),
                path=arrived,
                received_ms=clock.now_ms(),
            )
            return await evidence.receive(desk, ENGINE, upload)


def _print(decision: verdicts.Decision, readings: list[Reading], paths: list[Path]) -> None:
    verdict = decision.verdict
    out = commands.out
    files_table = Table(
        Column("file", overflow="fold"), "format", "records", "evidence hash", box=None
    )
    for path, reading in zip(paths, readings, strict=True):
        digest = evidence_hash(reading.records)
        files_table.add_row(path.name, reading.format, str(len(reading.records)), digest[:16])
    out.print(files_table, soft_wrap=False)
    out.print("[green]pass[/]" if verdict["pass"] else "[red]fail[/]")
    for reason in verdict["reasons"]:
        out.print(f"  {reason}", markup=False)
    _print_breakdown(verdict["metadata"])
    out.print(f"  result {decision.bundle.cid}", style="dim")


def _print_breakdown(metadata: dict[str, Any]) -> None:
    """What each condition asked and was shown, doubtful traits, and the rule's mistakes."""
    out = commands.out
    table = Table("asked", "shown", "met", box=None)
    for condition in metadata.get("conditions", ()):
        met = "[green]yes[/]" if condition["met"] else "[red]no[/]"
        table.add_row(escape(condition["asked"]), escape(condition["shown"]), met)
    if table.row_count:
        out.print(table, soft_wrap=False)
    flags = metadata.get("flags", {"count": 0, "first": ()})
    for flag in flags["first"]:
        out.print(f"  flag: {SENTENCES[flag['code']]} [{flag['code']}] {flag['id']}", markup=False)
    if flags["count"] > len(flags["first"]):
        out.print(f"  and {flags['count'] - len(flags['first'])} flags more")
    for mistake in metadata.get("mistakes", ()):
        out.print(f"  {mistake['pointer'] or '/'}: {mistake['sentence']}", markup=False)
