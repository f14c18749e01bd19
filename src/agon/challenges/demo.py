"""The demonstration: three challenges, honest and dishonest participants, and your own files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.progress import Progress
from rich.table import Column, Table

from agon.challenges import challenges, commands, evidence
from agon.challenges.records import SPORTS, Source
from agon.commons.chain.local_stage import wallet
from agon.commons.content import files as content
from agon.commons.people import wallets
from agon.kernel import clock
from agon.kernel.database import ENGINE, Actor, Database
from agon.kernel.errors import Refused
from agon.kernel.stage import Stage

CREATOR = "agon"

OWN_FILES = {
    "title": "Your own files",
    "model_id": "agon.fitness@1",
    "rule": {
        "version": 1,
        "sports": [sport for sport in SPORTS if sport != "daily"],
        "metric": "activities",
        "compare": ">=",
        "target": 1,
        "manual": "allow",
    },
}


async def play(stage: Stage) -> None:
    """Create the challenges, submit every file, judge, and print what came of it."""
    samples = files("agon.challenges") / "samples"
    index = json.loads((samples / "index.json").read_text("utf-8"))["challenges"]
    if stage.evidence:
        index.append({**OWN_FILES, "participants": [_own(path) for path in stage.evidence]})
    total = sum(len(challenge["participants"]) for challenge in index)
    desk = evidence.Desk(database=stage.database, folder=content.folder(stage.runtime))
    stage.console.print("Each play makes new challenges; those of earlier plays stay.")
    refused: dict[str, Refused] = {}
    with as_file(samples) as folder, Progress(console=stage.console, transient=True) as progress:
        bar = progress.add_task("Submitting evidence", total=total)
        for challenge in index:
            challenge["id"] = await _create(stage, challenge)
            for participant in challenge["participants"]:
                try:
                    await take_part(
                        stage.database, desk, challenge["id"], participant, Path(folder)
                    )
                except Refused as error:
                    refused[f"{challenge['id']} {participant['name']}"] = error
                progress.advance(bar)
    with stage.console.status("Judging …"):
        await stage.work()
    for challenge in index:
        await _print(stage, challenge, refused)


def _own(path: Path) -> dict[str, Any]:
    provider, path = commands.split_evidence(path)
    file = {"path": str(path.resolve()), "provider": provider, "player": None}
    return {"name": path.name, "files": [file], "what": "your file"}


async def _create(stage: Stage, challenge: Mapping[str, Any]) -> int:
    draft = {
        "title": challenge["title"],
        "model_id": challenge["model_id"],
        "proof": {"params": {"rule": challenge["rule"]}},
    }
    async with stage.database.as_worker(ENGINE) as conn:
        row = await challenges.create(conn, wallet(CREATOR), draft, approve=True)
    return row["id"]


async def signed_in(database: Database, name: str) -> Actor:
    """A participant, with their wallet."""
    user_id = wallets.local_user(wallet(name))
    async with database.as_worker() as conn:
        await wallets.link(conn, user_id, wallet(name))
    return Actor(role="authenticated", claims={"sub": user_id})


async def take_part(
    database: Database,
    desk: evidence.Desk,
    challenge_id: int,
    participant: Mapping[str, Any],
    folder: Path,
) -> None:
    """Submit a participant's files as that participant."""
    actor = await signed_in(database, participant["name"])
    for file in participant["files"]:
        path = folder / file["path"]
        provider = file["provider"] or commands.guess_provider(path)
        with content.arriving(desk.folder) as arrived:
            shutil.copyfile(path, arrived)
            upload = evidence.Upload(
                challenge_id=challenge_id,
                subject=wallet(participant["name"]),
                source=Source(provider=provider, player=file["player"]),
                path=arrived,
                received_ms=clock.now_ms(),
            )
            await evidence.receive(desk, actor, upload)


async def _print(stage: Stage, challenge: Mapping[str, Any], refused: dict[str, Refused]) -> None:
    pool = await stage.database.pool("agon_owner")
    rows = await pool.fetch(
        "select * from public.verdicts where challenge_id = $1", challenge["id"]
    )
    verdicts = {row["subject"]: row for row in rows}
    table = Table(
        Column("who", overflow="fold"), "what", "verdict", "why", title=challenge["title"], box=None
    )
    for participant in challenge["participants"]:
        name = participant["name"]
        row = verdicts.get(wallet(name))
        error = refused.get(f"{challenge['id']} {name}")
        if error:
            outcome, why = "[yellow]refused[/]", f"{error.refusal.message} [{error.refusal.code}]"
        elif row is None:
            outcome, why = "[red]none[/]", "not judged"
        else:
            outcome = "[green]pass[/]" if row["pass"] else "[red]fail[/]"
            why = "\n".join(row["reasons"])
            stage.results.append((name, row["result_cid"]))
        table.add_row(name, participant["what"], outcome, escape(why))
    stage.console.print(table, soft_wrap=False)
    stage.console.print()
