"""Evidence: a file comes in, is read whole or refused, and counts once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agon.challenges import readers, tracks, twins
from agon.challenges.readers.apple import ZIP_MAGIC
from agon.challenges.records import (
    PROVIDERS,
    Reading,
    Record,
    Source,
    content,
    evidence_hash,
    fingerprint,
)
from agon.commons.content import files
from agon.kernel import clock
from agon.kernel.database import Actor, Conn, Database
from agon.kernel.errors import Refusal, Refused, refuse

READ_INLINE_BYTES_MAX = 64 * 1024
"""Larger files are read in another process, so that a long one holds nobody up."""
TWINS_LISTED_MAX = 20

MEDIA_TYPES = {
    "fit": "application/vnd.ant.fit",
    "gpx": "application/gpx+xml",
    "tcx": "application/vnd.garmin.tcx+xml",
    "apple": "application/xml",
}
"""What a model's file_accept names; JSON for every other format, and ZIP for a zipped export."""


@dataclass(frozen=True, kw_only=True)
class Upload:
    """What somebody hands in: a file on disk, and what they say of it."""

    challenge_id: int
    subject: str
    source: Source
    path: Path
    received_ms: int


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """What became of it. skipped: records that counted already, each with its twin and rule."""

    id: int
    inserted: bool
    raw_ref: str
    evidence_hash: str
    records: tuple[Record, ...]
    skipped: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Where evidence is taken in: the database, the content folder, processes that read."""

    database: Database
    folder: Path
    processes: Executor | None = field(default=None)


def check_provider(provider: str) -> str:
    """The provider. Raises Refused `provider_unknown`."""
    if provider not in PROVIDERS:
        raise refuse(
            "provider_unknown",
            f"{provider[:40]!r} is not a provider.",
            hint=f"Name one of {', '.join(PROVIDERS)}.",
        )
    return provider


async def receive(desk: Desk, actor: Actor, upload: Upload) -> Submitted:
    """The whole walk: admit as the caller, read, submit as the engine, keep the file.

    Raises Refused with the reader's code or the database's.
    """
    async with desk.database.as_caller(actor) as conn:
        await admit(conn, upload)
    reading, kind = await _read(desk, upload)
    file = await asyncio.to_thread(files.describe, upload.path)
    async with desk.database.as_worker(actor) as conn:
        await files.record(conn, file, kind)
        submitted = await submit(conn, upload, reading, file, kind)
        await asyncio.to_thread(files.keep, desk.folder, upload.path, file)
        return submitted


async def admit(conn: Conn, upload: Upload) -> None:
    """Refuse what need not be read: a stranger's wallet, a closed challenge, a wrong provider."""
    await conn.execute(
        "select agon.admit_evidence($1, $2, $3)",
        upload.challenge_id,
        upload.subject,
        upload.source.provider,
    )


def read_file(path: Path, source: Source) -> tuple[Reading | Refusal, str]:
    """What a file says, or why it says nothing, and its media type: by content, never by what its
    sender says. Runs in any process."""
    with path.open("rb") as stream:
        found = readers.read(stream, source)
        stream.seek(0)
        is_zip = stream.read(len(ZIP_MAGIC)) == ZIP_MAGIC
    named = MEDIA_TYPES.get(getattr(found, "format", ""), "application/json")
    return found, "application/zip" if is_zip else named


async def submit(
    conn: Conn, upload: Upload, reading: Reading, file: files.File, kind: str
) -> Submitted:
    """Store what is new in a reading, within the caller's transaction.

    Raises Refused `evidence_counted_already` where nothing is new, naming twins and rules, and
    the database's `evidence_of_another_participant`.
    """
    starts_ms = [record["start_ms"] for record in reading.records if record.get("track")]
    turn = await conn.fetchval(
        "select agon.open_submission($1, $2, $3, $4, $5)",
        upload.challenge_id,
        upload.subject,
        upload.source.provider,
        kind,
        starts_ms,
    )
    rows = turn["known"] if upload.challenge_id else []
    records = [_stamp(record, upload, file, turn["nearby"]) for record in reading.records]
    fresh, skipped = _sort_out(records, [record for row in rows for record in row["data"]])
    if not fresh and upload.source.origin == "upload":
        raise _counted_already(skipped)
    data = _merge(rows, upload.source.provider, fresh)
    digest = evidence_hash(data)
    stored = await conn.fetchval(
        "select agon.submit_evidence($1, $2, $3, $4, $5, $6, $7)",
        upload.challenge_id,
        upload.subject,
        upload.source.provider,
        data,
        digest,
        file.cid,
        _marks(fresh, file),
    )
    return Submitted(
        id=stored["id"],
        inserted=stored["inserted"],
        raw_ref=file.cid,
        evidence_hash=digest,
        records=tuple(fresh),
        skipped=tuple(skipped),
    )


async def _read(desk: Desk, upload: Upload) -> tuple[Reading, str]:
    if desk.processes is None or upload.path.stat().st_size <= READ_INLINE_BYTES_MAX:
        found, kind = read_file(upload.path, upload.source)
    else:
        loop = asyncio.get_running_loop()
        found, kind = await loop.run_in_executor(
            desk.processes, read_file, upload.path, upload.source
        )
    if isinstance(found, Refusal):
        raise Refused(found)
    return found, kind


def _stamp(
    record: Record, upload: Upload, file: files.File, nearby: Sequence[dict[str, Any]]
) -> Record:
    """The record with what the intake knows of it (records.INTAKE_KEYS)."""
    stamped = {**record, "file": file.cid, "received_ms": upload.received_ms}
    if any(tracks.is_shared(record, other) for other in nearby):
        stamped["intake_flags"] = ["shared_recording"]
    return stamped


def _sort_out(
    records: Sequence[Record], known: Sequence[Record]
) -> tuple[list[Record], list[dict[str, Any]]]:
    """What is new, and what counted already. A richer recording of a known activity is new:
    the judge then counts the richer one."""
    skipped = {}
    for twin in twins.find_twins(records, known):
        record, counted = records[twin.new_index], known[twin.known_index]
        renews = (
            _renewal(record) is not None
            and _renewal(record) == _renewal(counted)
            and content(record) != content(counted)
        )
        if not renews and twins.distinct((counted, record))[0] is not record:
            skipped[twin.new_index] = _describe(record, counted, twin.rule)
    rest = [record for index, record in enumerate(records) if index not in skipped]
    return list(twins.distinct(rest)), list(skipped.values())


def _describe(record: Record, counted: Record, rule: str) -> dict[str, Any]:
    """One twin, as the submitter reads it."""
    if counted.get("file") == record["file"]:
        rule = "same_file"
    start = clock.from_ms(counted["start_ms"]).isoformat().replace("+00:00", "Z")
    kind = counted.get("sport") or counted.get("title")
    return {
        "rule": rule,
        "provider_id": record["provider_id"],
        "start_ms": record["start_ms"],
        "twin": {
            "what": f"{kind} of {start}, from {counted['format']}",
            "start_ms": counted["start_ms"],
            "provider_id": counted["provider_id"],
            "file": counted.get("file"),
        },
    }


def _counted_already(skipped: Sequence[dict[str, Any]]) -> Refused:
    first = skipped[0]
    return refuse(
        "evidence_counted_already",
        f"This counted already: {first['twin']['what']} ({first['rule']}).",
        details=json.dumps(skipped[:TWINS_LISTED_MAX]),
        hint="An activity counts once in a challenge; docs/evidence.md explains the rules.",
        status=409,
    )


def _merge(rows: Sequence[dict[str, Any]], provider: str, fresh: Sequence[Record]) -> list[Record]:
    """All records of the provider so far: the newest row's and the fresh ones, each once."""
    renewed = {_renewal(record) for record in fresh} - {None}
    kept = [
        record
        for row in rows
        if row["provider"] == provider
        for record in row["data"]
        if _renewal(record) not in renewed
    ]
    return list(twins.distinct([*kept, *fresh]))


def _renewal(record: Record) -> tuple[Any, ...] | None:
    """What a later record of the same thing replaces: an account, or a day that went on."""
    if record["type"] == "account":
        return (record["provider_id"],)
    if record.get("sport") == "daily":
        return (record["format"], record["start_ms"], record["end_ms"])
    return None


def _marks(records: Sequence[Record], file: files.File) -> list[dict[str, Any]]:
    """What makes these recordings the subject's own, anywhere (docs/evidence.md, duplicates)."""
    marks: dict[tuple[str, str], dict[str, Any]] = {}

    def add(kind: str, mark: str | None, **parts: Any) -> None:
        if mark is not None:
            marks[kind, mark] = {"kind": kind, "mark": mark, **parts}

    for record in records:
        add("source", record["provider_id"])
        if record["type"] == "activity" and not record["manual"]:
            # Two players of one match hold the same file, so only recordings are owned by bytes.
            add("file", file.sha256)
        if digest := fingerprint(record):
            shape = {key: record[key] for key in tracks.SHAPE_KEYS}
            add("track", digest, start_ms=record["start_ms"], shape=shape)
    return list(marks.values())
