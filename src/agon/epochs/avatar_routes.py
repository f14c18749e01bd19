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
from agon.epochs.providers.making import Desk, Made, Wish
from agon.kernel.errors import Refused, refuse
from agon.web.handlers import (
    Caller,
    JsonObject,
    Pools,
    Process,
    SignedIn,
    bounded,
    json_object,
)

router = APIRouter(prefix="/api/bots/{slug}", tags=["bots"])
queue_router = APIRouter(prefix="/api/admin", tags=["admin"])

FORM_BYTES_MAX = 64 * 1024
"""Around the files: the form's own lines."""
QUEUE_MAX = 100
MEDIA_TYPES = {"model": forms.GLB, "preview": forms.PNG, "manifest": forms.JSON}
INDEX_MAX = 2**31 - 1
"""Postgres's integer."""

Index = Annotated[int, Path(ge=1, le=INDEX_MAX)]


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


def _takes(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    schema = {"type": "object", "required": list(required), "properties": properties}
    return {"requestBody": {"content": {"application/json": {"schema": schema}}}}


AVATAR = _takes(
    {
        "provider": {"enum": ["meshy", "import"]},
        "prompt": _text("For meshy: what to make, in at most 600 characters."),
        "uri": _text("For import: ipfs://<content id> of a GLB."),
    },
    "provider",
)
AVATAR["requestBody"]["content"]["multipart/form-data"] = {
    "schema": {
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": {"type": "string", "format": "binary", "description": "The model, as GLB."},
            "preview": {"type": "string", "format": "binary", "description": "A PNG picture."},
        },
    }
}
LOADOUT = _takes({"generation_index": {"type": "integer", "minimum": 1}}, "generation_index")
REASON = _takes({"reason": {"type": "string", "maxLength": 500}}, "reason")
SNAPSHOT = _takes(
    {"epoch_id": {"type": ["string", "null"], "format": "uuid"}, "stats": {"type": "object"}},
    "stats",
)


@router.post("/avatars", status_code=201, openapi_extra=AVATAR)
async def add_avatar(
    slug: str, request: Request, caller: SignedIn, pools: Pools, process: Process, answer: Response
) -> Any:
    """Bring a model as multipart/form-data (201), or ask a provider for one (202)."""
    desk = Desk(database=pools, runtime=process)
    async with pools.as_caller(caller) as conn:
        await conn.execute("select agon.admit_avatar($1)", slug)
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await avatars.bring(desk, caller, slug, await _upload(request))
    answer.status_code = 202
    return await avatars.request(desk, caller, slug, _wish(await json_object(request)))


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


@router.post("/avatars/{index}/approve")
async def approve_avatar(slug: str, index: Index, caller: Caller, pools: Pools) -> Any:
    """Let everyone see it."""
    async with pools.as_caller(caller) as conn:
        return await conn.fetchval("select to_jsonb(public.approve_avatar($1, $2))", slug, index)


@router.post("/avatars/{index}/reject", openapi_extra=REASON)
async def reject_avatar(
    slug: str, index: Index, caller: Caller, pools: Pools, body: JsonObject
) -> Any:
    """Turn it down."""
    async with pools.as_caller(caller) as conn:
        return await conn.fetchval(
            "select to_jsonb(public.reject_avatar($1, $2, $3::jsonb ->> 'reason'))",
            slug,
            index,
            body,
        )


@router.post("/loadout", openapi_extra=LOADOUT)
async def wear_avatar(slug: str, caller: Caller, pools: Pools, body: JsonObject) -> Any:
    """Have the bot wear one of its approved avatars."""
    async with pools.as_caller(caller) as conn:
        return await conn.fetchval(
            "select to_jsonb(public.wear_avatar($1, ($2::jsonb ->> 'generation_index')::integer))",
            slug,
            body,
        )


@router.post("/snapshots", status_code=201, openapi_extra=SNAPSHOT)
async def take_snapshot(
    slug: str, caller: Caller, pools: Pools, process: Process, body: JsonObject
) -> Any:
    """Publish what a bot has done, as the service."""
    stats = body.get("stats")
    if not isinstance(stats, dict):
        raise refuse("stats_missing", "The body has no object `stats`.", status=422)
    return await snapshots.take(pools, process, slug, stats, body.get("epoch_id"), caller)


@router.post("/suspend", openapi_extra=REASON)
async def suspend(slug: str, caller: Caller, pools: Pools, body: JsonObject) -> Any:
    """Stop a bot from acting, as an admin."""
    async with pools.as_caller(caller) as conn:
        return await conn.fetchval(
            "select to_jsonb(public.suspend_bot($1, $2::jsonb ->> 'reason'))", slug, body
        )


@router.post("/reinstate")
async def reinstate(slug: str, caller: Caller, pools: Pools) -> Any:
    """Let a suspended bot act again, as an admin."""
    async with pools.as_caller(caller) as conn:
        return await conn.fetchval("select to_jsonb(public.reinstate_bot($1))", slug)


@router.post("/retire")
async def retire(slug: str, caller: Caller, pools: Pools) -> Any:
    """End a bot for good, as its owner or an admin."""
    async with pools.as_caller(caller) as conn:
        return await conn.fetchval("select to_jsonb(public.retire_bot($1))", slug)


@queue_router.get("/avatars")
async def list_queue(caller: Caller, pools: Pools) -> list[dict[str, Any]]:
    """The avatars that wait for a moderator, the longest waiting first."""
    async with pools.as_caller(caller) as conn:
        rows = await conn.fetch(
            """
            select to_jsonb(a) || jsonb_build_object('slug', i.slug) as row
            from agon.avatars_to_moderate($1) a
            join public.bot_identities i on i.id = a.bot_identity_id
            order by a.created_at, a.id
            """,
            QUEUE_MAX,
        )
        return [row["row"] for row in rows]


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
