"""Meshy makes a model of a text, in two tasks: the mesh (`preview`), then its texture (`refine`).

https://docs.meshy.ai/en/api/text-to-3d. Creating a task costs credits and has no idempotency key,
so where an answer was lost the newest tasks are listed first, and one that is ours is taken up. A
task of ours is written `preview/<id>` or `refine/<id>`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from agon.commons.content import forms
from agon.epochs.providers import making
from agon.epochs.providers.making import At, Made, Step, Wish
from agon.kernel import logs
from agon.kernel.config import Settings
from agon.kernel.errors import Refused, refuse
from agon.kernel.jobs import Work
from agon.kernel.outbound import Answer, Client
from agon.kernel.runtime import Runtime

NEEDS = ("meshy_api_key",)
NAME = "Meshy"
TASKS = "/openapi/v2/text-to-3d"
BALANCE = "/openapi/v1/balance"
LISTED_MAX = 50
"""Tasks that one page lists, at most."""
SKEW_MS_MAX = 60_000
"""By how much Meshy's clock may be behind ours."""
ANSWER_BYTES_MAX = 1024 * 1024

log = logs.get("agon.avatars")


async def step(work: Work, wish: Wish, at: At) -> Step:
    """Ask for the mesh; once it is there for its texture; once that is there bring the model.

    Raises Refused `generation_failed` where Meshy has given up or does not take the prompt,
    `provider_not_configured`, `provider_failed`, `outbound_*`.
    """
    settings = work.runtime.settings
    stage, _, name = (at.task or "").partition("/")
    async with _client(work.runtime) as client:
        if stage != "refine" and at.asked_ms is not None:
            found = await _find(client, settings, wish, at)
            if found is not None:
                return Step(task=found)
        if not stage:
            return Step(task=await _ask(client, settings, "preview", _mesh(wish)))
        document = await _task(client, settings, name)
        if document["status"] != "SUCCEEDED":
            said = f"{NAME} is at work: {document['status']}, {document.get('progress')} %"
            return Step(task=at.task, waits=said)
        if stage == "preview":
            return Step(task=await _ask(client, settings, "refine", _texture(wish, name)))
        return Step(made=await _download(client, document))


async def balance(runtime: Runtime) -> int:
    """The credits that are left. Raises Refused as `step` does."""
    async with _client(runtime) as client:
        answer = await _call(client, runtime.settings, "GET", BALANCE)
    return _part(_opened(answer), "balance", int)


def _client(runtime: Runtime) -> AbstractAsyncContextManager[Client]:
    return runtime.outbound(runtime.settings["meshy_url"])


def _mesh(wish: Wish) -> dict[str, Any]:
    # Remeshed, because the finest mesh is larger than what we keep.
    return {"prompt": wish.prompt, "should_remesh": True, "moderation": True}


def _texture(wish: Wish, preview: str) -> dict[str, Any]:
    return {"preview_task_id": preview, "texture_prompt": wish.prompt, "moderation": True}


async def _ask(client: Client, settings: Settings, stage: str, body: dict[str, Any]) -> str:
    """Create a task."""
    answer = await _call(
        client, settings, "POST", TASKS, body={"mode": stage, "target_formats": ["glb"], **body}
    )
    return f"{stage}/{_part(_opened(answer), 'result', str)}"


async def _find(client: Client, settings: Settings, wish: Wish, at: At) -> str | None:
    """The task that a lost answer told of: of the stage that comes next, with our text, begun since
    we asked, and nobody's."""
    stage, field = ("refine", "texture_prompt") if at.task else ("preview", "prompt")
    query = {"page_size": str(LISTED_MAX), "sort_by": "-created_at"}
    listed = _opened(await _call(client, settings, "GET", TASKS, params=query))
    if not isinstance(listed, list):
        raise _malformed("the tasks are no array")
    for document in listed:
        task = f"{stage}/{_part(document, 'id', str)}"
        if (
            document.get("type") == f"text-to-3d-{stage}"
            and document.get(field) == wish.prompt
            and _part(document, "created_at", int) >= (at.asked_ms or 0) - SKEW_MS_MAX
            and task not in at.known
        ):
            return task
    return None


async def _task(client: Client, settings: Settings, name: str) -> Mapping[str, Any]:
    """A task that has succeeded, or goes on."""
    answer = await _call(client, settings, "GET", f"{TASKS}/{name}")
    if answer.status == 404:
        raise making.failed(NAME, "the task is no longer there")
    document = _opened(answer)
    match _part(document, "status", str):
        case "SUCCEEDED" | "PENDING" | "IN_PROGRESS":
            return document
        case "FAILED" | "CANCELED" | "EXPIRED" as status:
            error = document.get("task_error")
            said = error.get("message") if isinstance(error, dict) else None
            raise making.failed(NAME, f"{status}: {str(said)[:200]}")
        case status:
            raise _malformed(f"status {status[:40]!r}")


async def _download(client: Client, document: Mapping[str, Any]) -> Made:
    """The files. Their addresses are signed, and take no key."""
    url = _part(_part(document, "model_urls", dict), "glb", str)
    model = await client.request("GET", url, limit_bytes=forms.GLB_BYTES_MAX)
    if model.status != 200:
        raise _malformed(f"the model's address answers {model.status}")
    return Made(model=model.body, preview=await _preview(client, document.get("thumbnail_url")))


async def _preview(client: Client, url: object) -> bytes | None:
    """The picture, if it can be had: a model is worth keeping without."""
    if not isinstance(url, str):
        return None
    try:
        picture = await client.request("GET", url, limit_bytes=forms.PNG_BYTES_MAX)
        forms.check(picture.body, forms.PNG)
    except Refused as refused:
        log.warning("preview.left_out", why=str(refused))
        return None
    return picture.body


async def _call(
    client: Client,
    settings: Settings,
    method: str,
    path: str,
    *,
    params: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
) -> Answer:
    making.require(NAME, settings, NEEDS)
    return await client.request(
        method,
        settings["meshy_url"].rstrip("/") + path,
        headers={
            "Authorization": f"Bearer {settings['meshy_api_key']}",
            "Content-Type": "application/json",
        },
        params=params,
        body=None if body is None else json.dumps(body).encode(),
        limit_bytes=ANSWER_BYTES_MAX,
    )


def _opened(answer: Answer) -> Any:
    """The JSON of a good answer. Refused `generation_failed` for a prompt that is not taken."""
    if answer.status in (200, 202):
        return answer.json()
    said = answer.body[:200].decode("utf-8", "replace")
    if answer.status in (400, 422):
        raise making.failed(NAME, f"status {answer.status}: {said}")
    raise _malformed(f"status {answer.status}: {said}")


def _part(document: Any, key: str, kind: type) -> Any:
    value = document.get(key) if isinstance(document, dict) else None
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise _malformed(f"{key} is no {kind.__name__}")
    return value


def _malformed(details: str) -> Refused:
    return refuse(
        "provider_failed",
        f"{NAME} did not answer as its documentation says.",
        details=details,
        hint="It is asked again; if it lasts, check AGON_MESHY_API_KEY and the account's credits.",
        status=502,
    )
