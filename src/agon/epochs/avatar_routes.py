"""Bots' looks over HTTP: avatars, their moderation, loadouts, snapshots, and where a bot stands."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import FileResponse
from starlette.datastructures import UploadFile

from agon.commons.content import files, forms
from agon.commons.content.routes import headers_of
from agon.epochs import avatars, snapshots
from agon.epochs.providers.making import Made, Wish
from agon.kernel.errors import Refused, refuse
from agon.kernel.jobs import Work
from agon.web import acts
from agon.web.acts import Act
from agon.web.bodies import takes
from agon.web.handlers import Caller, JsonObject, Pools, Process, SignedIn, bounded, json_object

router = APIRouter(prefix="/api/bots/{slug}", tags=["bots"])
queue_router = APIRouter(prefix="/api/admin", tags=["admin"])

FORM_BYTES_MAX = 64 * 1024
"""Around the files: the form's own lines."""
MEDIA_TYPES = {"model": forms.GLB, "preview": forms.PNG, "manifest": forms.JSON}
INDEX_MAX = 2**31 - 1
"""Postgres's integer."""

Index = Annotated[int, Path(ge=1, le=INDEX_MAX)]


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


AVATAR = takes(
    ("provider",),
    {
        "provider": {"enum": ["meshy", "import"]},
        "prompt": _text("For meshy: what to make, in at most 600 characters."),
        "uri": _text("For import: ipfs://<content id> of a GLB."),
    },
    form={
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": {"type": "string", "format": "binary", "description": "The model, as GLB."},
            "preview": {"type": "string", "format": "binary", "description": "A PNG picture."},
        },
    },
)
LOADOUT = takes(("generation_index",), {"generation_index": {"type": "integer", "minimum": 1}})
REASON = takes(("reason",), {"reason": {"type": "string", "maxLength": 500}})
SNAPSHOT = takes(
    ("stats",),
    {"epoch_id": {"type": ["string", "null"], "format": "uuid"}, "stats": {"type": "object"}},
)
ACTS = (
    Act(
        path="/avatars/{index}/approve",
        call="public.approve_avatar($1, $2)",
        says="Let everyone see it.",
    ),
    Act(
        path="/avatars/{index}/reject",
        call="public.reject_avatar($1, $2, $3::jsonb ->> 'reason')",
        says="Turn it down.",
        takes=REASON,
    ),
    Act(
        path="/loadout",
        call="public.wear_avatar($1, ($2::jsonb ->> 'generation_index')::integer)",
        says="Have the bot wear one of its approved avatars.",
        takes=LOADOUT,
    ),
    Act(
        path="/suspend",
        call="public.suspend_bot($1, $2::jsonb ->> 'reason')",
        says="Stop a bot from acting, as an admin.",
        takes=REASON,
    ),
    Act(
        path="/reinstate",
        call="public.reinstate_bot($1)",
        says="Let a suspended bot act again, as an admin.",
    ),
    Act(
        path="/retire",
        call="public.retire_bot($1)",
        says="End a bot for good, as its owner or an admin.",
    ),
)
acts.install(router, ACTS, {"slug": str, "index": Index})


@router.post("/avatars", status_code=201, openapi_extra=AVATAR)
async def add_avatar(
    slug: str, request: Request, caller: SignedIn, pools: Pools, process: Process, answer: Response
) -> Any:
    """Bring a model as multipart/form-data (201), or ask a provider for one (202)."""
    work = Work(database=pools, runtime=process)
    async with pools.as_caller(caller) as conn:
        await conn.execute("select agon.admit_avatar($1)", slug)
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await avatars.bring(work, caller, slug, await _upload(request))
    answer.status_code = 202
    return await avatars.request(work, caller, slug, _wish(await json_object(request)))


@router.get("/avatars")
async def list_avatars(slug: str, caller: Caller, pools: Pools) -> dict[str, Any]:
    """The avatars that the caller may see: approved ones; of an own bot all, and what was asked."""
    async with pools.as_caller(caller) as conn:
        row = await conn.fetchrow(
            "select agon.show_avatars($1) as avatars, agon.show_generations($1) as generations",
            slug,
        )
        return dict(row)


@router.get("/avatars/{index}/{part}", response_class=FileResponse)
async def show_part(
    slug: str, index: Index, part: str, caller: Caller, pools: Pools, process: Process
) -> Response:
    """The model, preview or manifest of an avatar that the caller may see, also before others."""
    async with pools.as_caller(caller) as conn:
        cid = await conn.fetchval("select agon.avatar_file($1, $2, $3)", slug, index, part)
    path = await asyncio.to_thread(files.locate, files.folder(process), cid)
    headers = {**headers_of(cid, MEDIA_TYPES[part]), "Cache-Control": "private, no-cache"}
    return FileResponse(path, headers=headers, media_type=MEDIA_TYPES[part])


@router.post("/snapshots", status_code=201, openapi_extra=SNAPSHOT)
async def take_snapshot(
    slug: str, caller: Caller, pools: Pools, process: Process, body: JsonObject
) -> Any:
    """Publish what a bot has done, as the service."""
    stats = body.get("stats")
    if not isinstance(stats, dict):
        raise refuse("stats_missing", "The body has no object `stats`.", status=422)
    return await snapshots.take(pools, process, slug, stats, body.get("epoch_id"), caller)


@queue_router.get("/avatars")
async def list_queue(caller: Caller, pools: Pools) -> list[dict[str, Any]]:
    """The avatars that wait for a moderator, the longest waiting first."""
    async with pools.as_caller(caller) as conn:
        return await conn.fetchval("select agon.avatars_to_moderate()")


async def _upload(request: Request) -> Made:
    """The files of a form, read whole: their limits are what a process can hold."""
    bytes_max = forms.GLB_BYTES_MAX + forms.PNG_BYTES_MAX + FORM_BYTES_MAX
    whole = bounded(request, bytes_max, _too_large(bytes_max))
    async with whole.form(max_files=2, max_fields=0) as form:
        model, preview = form.get("file"), form.get("preview")
        if not isinstance(model, UploadFile):
            raise refuse(
                "file_missing", "The form has no file.", hint="Name the part `file`.", status=422
            )
        return Made(
            model=await model.read(),
            preview=await preview.read() if isinstance(preview, UploadFile) else None,
        )


def _too_large(bytes_max: int) -> Refused:
    return refuse(
        "content_too_large", f"A form with a model is at most {bytes_max} bytes.", status=413
    )


def _wish(body: dict[str, Any]) -> Wish:
    def text(key: str) -> str | None:
        return None if body.get(key) is None else str(body[key])

    return Wish(provider=text("provider") or "", prompt=text("prompt"), source_uri=text("uri"))
