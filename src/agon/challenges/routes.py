"""Challenges over HTTP: read, call one function, answer."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from agon.challenges import bodies, challenges, registry
from agon.challenges.subjects import subject_of
from agon.web.handlers import Caller, JsonObject, Pools, Process, RowId

router = APIRouter(prefix="/api", tags=["challenges"])


@router.post("/challenges", status_code=201, openapi_extra=bodies.CHALLENGE)
async def create_challenge(
    caller: Caller, pools: Pools, process: Process, body: JsonObject
) -> dict[str, Any]:
    """Create a challenge. `subject` is one of the caller's wallets; the rule stands in
    proof.params.rule. With `id`, describe a challenge that its creator made on the chain."""
    creator = subject_of(body)
    draft = {key: value for key, value in body.items() if key not in ("subject", "id")}
    approve = process.settings["challenge_approval"] == "automatic"
    async with pools.as_worker(caller) as conn:
        if "id" in body:
            return await registry.describe(conn, creator, body["id"], draft)
        return await challenges.create(conn, creator, draft, approve=approve)


@router.get("/challenges/{challenge_id}")
async def show_challenge(challenge_id: RowId, caller: Caller, pools: Pools) -> dict[str, Any]:
    """A challenge, as everyone may see it."""
    async with pools.as_caller(caller) as conn:
        return await conn.fetchval("select to_jsonb(agon.show_challenge($1))", challenge_id)


@router.get("/challenges/{challenge_id}/progress")
async def show_progress(
    challenge_id: RowId, subject: str, caller: Caller, pools: Pools
) -> dict[str, Any]:
    """How far a participant is; strangers see the verdict only."""
    async with pools.as_caller(caller) as conn:
        return await conn.fetchval(
            "select public.challenge_progress($1, $2)", challenge_id, subject
        )


@router.get("/challenge/{challenge_id}/participant")
async def show_participant(
    challenge_id: RowId, subject: str, caller: Caller, pools: Pools
) -> dict[str, Any]:
    """The caller's own enrolment."""
    async with pools.as_caller(caller) as conn:
        return await conn.fetchval(
            "select to_jsonb(agon.show_participant($1, $2))", challenge_id, subject
        )


@router.post("/challenge/{challenge_id}/participant", status_code=201, openapi_extra=bodies.JOINING)
async def join_challenge(
    challenge_id: RowId, caller: Caller, pools: Pools, body: JsonObject
) -> dict[str, Any]:
    """Enrol one of the caller's wallets."""
    async with pools.as_worker(caller) as conn:
        return await conn.fetchval(
            "select to_jsonb(agon.join_challenge($1, $2, $3))",
            challenge_id,
            subject_of(body),
            body.get("tx_hash"),
        )


@router.get("/me/challenges")
async def list_mine(caller: Caller, pools: Pools) -> list[dict[str, Any]]:
    """The challenges that the caller's wallets take part in, newest first."""
    async with pools.as_caller(caller) as conn:
        rows = await conn.fetch("select * from public.my_challenges() as progress")
        return [row["progress"] for row in rows]


@router.get("/templates")
async def list_templates(caller: Caller, pools: Pools) -> list[dict[str, Any]]:
    """The templates that challenges can be made from."""
    async with pools.as_caller(caller) as conn:
        rows = await conn.fetch(
            """
            select to_jsonb(t) as row from public.challenge_templates t
            where active order by kind, id
            """
        )
        return [row["row"] for row in rows]
