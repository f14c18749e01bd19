"""Evidence: a file comes in, is read whole or refused, and counts once."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agon.challenges import readers, tracks, twins, windows
from agon.challenges.readers.apple import ZIP_MAGIC
from agon.challenges.readers.refusals import too_many_records
from agon.challenges.records import (
    PROVIDERS,
    RECORDS_MAX,
    Reading,
    Record,
    Source,
    content,
    evidence_hash,
    fingerprint,
)
from agon.commons.content import files
from agon.kernel.canonical import canonical
from agon.kernel.database import Actor, Conn, Database
from agon.kernel.errors import Refusal, Refused, refuse
from agon.kernel.processes import Processes

READ_INLINE_BYTES_MAX = 64 * 1024
"""Larger files are read in another process, so that a long one holds nobody up."""
TWINS_LISTED_MAX = 20
POINTS_MIN = 3
"""Points, a minute apart, that nobody else has at the same second."""
TELLING_STEPS_MIN = 1_000
"""A day of fewer steps may be two people's by chance."""

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
    processes: Processes | None = None


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
        "select agon.open_submission($1, $2, $3, $4, $5, $6)",
        upload.challenge_id,
        upload.subject,
        upload.source.provider,
        kind,
        starts_ms,
        sorted({name for record in reading.records if (name := _device(record))}),
    )
    rows = turn["known"] if upload.challenge_id else []
    records = [_stamp(record, upload, file, turn) for record in reading.records]
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
        found, kind = await desk.processes.run(read_file, upload.path, upload.source)
    if isinstance(found, Refusal):
        raise Refused(found)
    return found, kind


def _stamp(record: Record, upload: Upload, file: files.File, turn: dict[str, Any]) -> Record:
    """The record with what the intake knows of it (records.INTAKE_KEYS)."""
    stamped = {**record, "file": file.cid, "received_ms": upload.received_ms}
    # A poorer recording of somebody else's says nothing against a richer one.
    rivals = (other for other in turn["nearby"] if other["trust"] >= record["trust"])
    flags = []
    if any(tracks.is_shared(record, other) for other in rivals):
        flags.append("shared_recording")
    if _device(record) in turn["lent"]:
        flags.append("shared_device")
    return {**stamped, "intake_flags": flags} if flags else stamped


def _device(record: Record) -> str | None:
    """Maker and serial number of the device that a FIT file names."""
    if record["format"] != "fit" or not record["provider_id"]:
        return None
    return ":".join(record["provider_id"].split(":")[1:3])


def _sort_out(
    records: Sequence[Record], known: Sequence[Record]
) -> tuple[list[Record], list[dict[str, Any]]]:
    """What is new, and what gives way to a record that counts in its place.

    The judge decides the same way over everything that was ever taken, so the order in which
    files come in makes no difference.
    """
    _check_players(records, known)
    kept, _ = twins.split([*known, *records])
    counted = {id(record) for record in kept}
    fresh = [record for record in records if id(record) in counted and not _is_held(record, known)]
    passed = [record for record in records if id(record) not in counted]
    passed += [record for record in records if id(record) in counted and _is_held(record, known)]
    skipped = []
    for record in passed:
        others = [other for other in (*known, *kept) if other is not record]
        twin = next(iter(twins.find_twins([record], others)), None)
        skipped.append(_describe(record, others[twin.known_index] if twin else record, twin))
    return fresh, skipped


def _is_held(record: Record, known: Sequence[Record]) -> bool:
    """Whether exactly this account is known already; other records have twins for that."""
    return record["type"] == "account" and any(
        content(record) == content(other) for other in known if other["type"] == "account"
    )


def _check_players(records: Sequence[Record], known: Sequence[Record]) -> None:
    """A participant plays a title as one account. Raises Refused `evidence_other_player`."""
    players: dict[str, str] = {}
    for record in [*known, *records]:
        if record["type"] == "activity":
            continue
        first = players.setdefault(record["title"], record["player_id"])
        if first != record["player_id"]:
            raise refuse(
                "evidence_other_player",
                f"In this challenge you play {record['title']} as {first}.",
                details=f"this is a record of {record['player_id']}",
                hint="Hand in the matches of one account only.",
                status=409,
            )


def _describe(record: Record, counted: Record, twin: twins.Twin | None) -> dict[str, Any]:
    """One record that gives way, and its twin, as the submitter reads it."""
    rule = twin.rule if twin else "same_source"
    if counted.get("file") == record["file"]:
        rule = "same_file"
    what = counted.get("sport") or counted["title"]
    start_ms = counted.get("start_ms")
    when = "" if start_ms is None else f" of {windows.rfc3339(start_ms)}"
    return {
        "rule": rule,
        "provider_id": record["provider_id"],
        "start_ms": record.get("start_ms"),
        "twin": {
            "what": f"{what}{when}, from {counted['format']}",
            "start_ms": start_ms,
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
    """All records of the provider that were ever taken. Raises Refused `evidence_too_many_records`.

    Also those that now give way to a fresh one: which of them count is the judge's to say.
    """
    held = [record for row in rows if row["provider"] == provider for record in row["data"]]
    merged = [*held, *fresh]
    if len(merged) > RECORDS_MAX:
        raise too_many_records(len(merged))
    return sorted(merged, key=lambda record: (record.get("start_ms", 0), canonical(record)))


def _marks(records: Sequence[Record], file: files.File) -> list[dict[str, Any]]:
    """What makes these recordings the subject's own, anywhere (docs/evidence.md, duplicates)."""
    marks: dict[tuple[str, str], dict[str, Any]] = {}

    def add(kind: str, mark: str | None, record: Record, **parts: Any) -> None:
        if mark is not None:
            marks[kind, mark] = {"kind": kind, "mark": mark, "trust": record["trust"], **parts}

    for record in records:
        add("source", record["provider_id"], record)
        if record["type"] != "activity" or record["manual"]:
            continue
        # Two players of one match hold the same file, so only recordings are owned by bytes.
        add("file", file.sha256, record)
        add("device", _device(record), record)
        add("content", _content_mark(record), record)
        if len(record["track"]) >= POINTS_MIN:
            points = [record["start_ms"] // 1000, record["track"]]
            add("points", hashlib.sha256(canonical(points)).hexdigest(), record)
        if digest := fingerprint(record):
            shape = {key: record[key] for key in tracks.SHAPE_KEYS}
            add("track", digest, record, start_ms=record["start_ms"], shape=shape)
    return list(marks.values())


def _content_mark(record: Record) -> str | None:
    """The whole record's hash, if it says enough that two people do not say it by chance."""
    is_telling = record["measures"] and (
        record["distance_mm"] or (record["steps"] or 0) >= TELLING_STEPS_MIN
    )
    return hashlib.sha256(canonical(content(record))).hexdigest() if is_telling else None
