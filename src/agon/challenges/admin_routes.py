"""What admins do: templates, models, and the moves of challenges."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from agon.challenges import bodies, models, templates
from agon.kernel.database import Actor
from agon.web import acts
from agon.web.acts import Act
from agon.web.handlers import Caller, JsonObject, Pools, RowId

router = APIRouter(prefix="/api/admin", tags=["admin"])


async def admin_of(caller: Caller, pools: Pools) -> Actor:
    """The caller, before anything of the body is read. Raises Refused `admin_only`."""
    async with pools.as_caller(caller) as conn:
        await conn.execute("select agon.require_admin()")
    return caller


Admin = Annotated[Actor, Depends(admin_of)]


ACTS = (
    Act(
        path="/challenges/{challenge_id}/approve",
        call="public.approve_challenge($1)",
        says="Open a pending challenge.",
    ),
    Act(
        path="/challenges/{challenge_id}/reject",
        call="public.reject_challenge($1)",
        says="Turn a pending challenge down.",
    ),
    Act(
        path="/challenges/{challenge_id}/cancel",
        call="public.cancel_challenge($1)",
        says="Call a challenge off; its creator may while it is pending.",
    ),
    Act(
        path="/challenges/{challenge_id}/finalize",
        call="public.finalize_challenge($1, ($2::jsonb ->> 'outcome')::smallint)",
        says="Set the outcome: 1 success, 2 failure.",
        takes=bodies.OUTCOME,
    ),
)
acts.install(router, ACTS, {"challenge_id": RowId})


@router.get("/templates")
async def list_templates(caller: Admin, pools: Pools) -> list[dict[str, Any]]:
    """All templates, also those that are not active."""
    async with pools.as_caller(caller) as conn:
        return [
            row["row"]
            for row in await conn.fetch(
                "select to_jsonb(t) as row from public.challenge_templates t order by kind, id"
            )
        ]


@router.put("/templates", openapi_extra=bodies.TEMPLATE)
async def put_template(caller: Admin, pools: Pools, body: JsonObject) -> dict[str, Any]:
    """Write a template, whole. Its rule is checked."""
    templates.check(body)
    async with pools.as_caller(caller) as conn:
        return await conn.fetchval("select to_jsonb(agon.put_template($1))", body)


@router.get("/models")
async def list_models(caller: Admin, pools: Pools) -> list[dict[str, Any]]:
    """All models, also those that are not active."""
    async with pools.as_caller(caller) as conn:
        return [
            row["row"]
            for row in await conn.fetch(
                "select to_jsonb(m) as row from public.models m order by id"
            )
        ]


@router.put("/models", openapi_extra=bodies.MODEL)
async def put_model(caller: Admin, pools: Pools, body: JsonObject) -> dict[str, Any]:
    """Write a model, whole. Its schema, sources and media types are checked."""
    models.check(body)
    async with pools.as_caller(caller) as conn:
        return await conn.fetchval("select to_jsonb(agon.put_model($1))", body)
