"""POST /api/aivm/intake: an upload taken apart, within bounds, into a file on disk."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.datastructures import UploadFile
from starlette.requests import Request

from agon.challenges import bodies, evidence, rules, verdicts
from agon.challenges.records import Source
from agon.challenges.subjects import subject_of
from agon.commons.content import files
from agon.kernel import clock
from agon.kernel.errors import Refused, refuse
from agon.web.handlers import Pools, Process, SignedIn, bounded, json_object

router = APIRouter(prefix="/api", tags=["challenges"])

UPLOAD_BYTES_MAX = 2 * 1024**3
FORM_BYTES_MAX = 1024**2
"""Around the file: the other fields and the form's own lines."""
COPY_BYTES = 1 << 20
FIELDS = ("challenge_id", "subject", "provider", "player", "rule")
GAME_PROVIDERS = ("opendota", "riot", "steam")


@dataclass(frozen=True, kw_only=True)
class Form:
    """An upload, and for previews the rule to judge it by."""

    upload: evidence.Upload
    rule: dict[str, Any] | None


def desk_of(request: Request, pools: Pools, process: Process) -> evidence.Desk:
    """Where this server takes evidence in."""
    return evidence.Desk(
        database=pools, folder=files.folder(process), processes=request.app.state.processes
    )


Desk = Annotated[evidence.Desk, Depends(desk_of)]


@router.post("/aivm/intake", status_code=201, openapi_extra=bodies.INTAKE)
async def take_evidence(request: Request, caller: SignedIn, desk: Desk) -> dict[str, Any]:
    """Submit evidence: multipart/form-data with a `file`, or JSON with the document in `data`.

    Fields: challenge_id (0 is a preview), subject, provider; player for games; rule for previews.
    """
    async with receive(request, desk.folder) as form:
        submitted = await evidence.receive(desk, caller, form.upload)
        return answer(form, submitted)


@asynccontextmanager
async def receive(request: Request, folder: Path) -> AsyncIterator[Form]:
    """The request's form, its file on disk until the block ends."""
    with files.arriving(folder) as path:
        kind = request.headers.get("content-type", "")
        if kind.startswith("multipart/form-data"):
            fields = await _multipart(
                bounded(request, UPLOAD_BYTES_MAX + FORM_BYTES_MAX, _too_large()), path
            )
        else:
            fields = await _json(request, path)
        yield _form(fields, path)


def answer(form: Form, submitted: evidence.Submitted) -> dict[str, Any]:
    """What the submitter reads; a preview carries its verdict."""
    said = {
        "id": submitted.id,
        "challenge_id": form.upload.challenge_id,
        "subject": form.upload.subject,
        "inserted": submitted.inserted,
        "raw_ref": submitted.raw_ref,
        "evidence_hash": submitted.evidence_hash,
        "records": len(submitted.records),
        "skipped": list(submitted.skipped),
    }
    if form.upload.challenge_id:
        return said
    return {**said, "verdict": _preview(form, submitted)}


def _preview(form: Form, submitted: evidence.Submitted) -> Mapping[str, Any]:
    is_game = form.upload.source.provider in GAME_PROVIDERS
    decision = verdicts.decide_on(
        judge="passthrough" if form.rule is None else "gaming" if is_game else "fitness",
        rule=form.rule or {"version": 1},
        records=list(submitted.records),
    )
    return decision.verdict


def _too_large() -> Refused:
    return refuse(
        "evidence_too_large",
        f"A file is at most {UPLOAD_BYTES_MAX} bytes.",
        hint="Export a shorter span of time.",
        status=413,
    )


async def _multipart(request: Request, path: Path) -> dict[str, Any]:
    async with request.form(max_files=1, max_fields=len(FIELDS)) as form:
        upload = form.get("file")
        if not isinstance(upload, UploadFile):
            raise refuse(
                "file_missing", "The form has no file.", hint="Name the part `file`.", status=422
            )
        await asyncio.to_thread(_copy, upload, path)
        return {key: value for key, value in form.items() if key != "file"}


async def _json(request: Request, path: Path) -> dict[str, Any]:
    body = await json_object(request)
    if "data" not in body:
        raise refuse(
            "file_missing",
            "The body has no data.",
            hint="Put the provider's document in `data`, or send a file as multipart/form-data.",
            status=422,
        )
    document = json.dumps(body.pop("data"))
    await asyncio.to_thread(path.write_text, document, "utf-8")
    return body


def _copy(upload: UploadFile, path: Path) -> None:
    copied = 0
    with path.open("wb") as target:
        while block := upload.file.read(COPY_BYTES):
            copied += len(block)
            if copied > UPLOAD_BYTES_MAX:
                raise _too_large()
            target.write(block)


def _form(fields: Mapping[str, Any], path: Path) -> Form:
    unknown = sorted(set(fields) - set(FIELDS))
    if unknown:
        raise refuse(
            "field_unknown",
            f"There is no field {unknown[0]!r} here.",
            hint=f"The fields are {', '.join(FIELDS)}.",
            status=422,
        )
    source = Source(
        provider=evidence.check_provider(str(fields.get("provider", ""))),
        player=str(fields["player"]) if fields.get("player") else None,
    )
    upload = evidence.Upload(
        challenge_id=_challenge_id(fields.get("challenge_id")),
        subject=subject_of(fields),
        source=source,
        path=path,
        received_ms=clock.now_ms(),
    )
    return Form(upload=upload, rule=_rule(fields.get("rule")))


def _challenge_id(value: Any) -> int:
    text = str(value)
    if not text.isdecimal() or int(text) >= 2**63:
        raise refuse(
            "challenge_id_malformed",
            "challenge_id must be a whole number.",
            hint="0 is a preview.",
            status=422,
        )
    return int(text)


def _rule(value: Any) -> dict[str, Any] | None:
    if value in (None, ""):
        return None
    try:
        rule = json.loads(value) if isinstance(value, str) else value
    except ValueError as error:
        raise refuse("invalid_rule", "The rule is not JSON.", details=str(error)) from error
    rules.parse(rule)
    return rule
