"""Meshy's text-to-3D API (v2) and its balance, as far as avatars speak to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from agon.kernel import clock
from tests.standins.server import Standin, serve

KEY = "msy_test"
TASKS = "/openapi/v2/text-to-3d"
PROMPT_CHARACTERS_MAX = 600


@dataclass(kw_only=True)
class Meshy:
    """The running party. model, picture: what every task brings; looks: how often a task is looked
    at before it has ended; ends: how each does; loses: how many answers to a POST are lost after
    the task was made; tasks: as they were made."""

    model: bytes
    picture: bytes | None
    party: Standin = field(init=False)
    credits: int = 1000
    looks: int = 0
    ends: str = "SUCCEEDED"
    loses: int = 0
    tasks: list[dict[str, Any]] = field(default_factory=list)

    async def create(self, request: web.Request) -> web.Response:
        """POST: a preview, or the refinement of one that has succeeded."""
        if refused := _stranger(request):
            return refused
        body = await request.json()
        task = {
            "id": f"018a-{len(self.tasks) + 1}",
            "type": f"text-to-3d-{body['mode']}",
            "created_at": clock.now_ms(),
            "status": "PENDING",
            "progress": 0,
            "asked": body,
        }
        if body["mode"] == "refine":
            before = self.find(body.get("preview_task_id", ""))
            if before is None or before["status"] != "SUCCEEDED":
                return _refusal(400, "Task not ready")
            task |= {"prompt": before["prompt"], "texture_prompt": body["texture_prompt"]}
        elif not 1 <= len(body.get("prompt", "")) <= PROMPT_CHARACTERS_MAX:
            return _refusal(400, "Invalid prompt")
        else:
            task["prompt"] = body["prompt"]
        if self.credits < 20:
            return _refusal(402, "Insufficient funds")
        self.credits -= 20
        self.tasks.append(task)
        if self.loses:
            self.loses -= 1
            return web.Response(status=502, body=b"<html>Bad Gateway</html>")
        return web.json_response({"result": task["id"]}, status=202)

    async def show(self, request: web.Request) -> web.Response:
        """GET one: each look brings it on."""
        task = self.find(request.match_info["id"])
        if refused := _stranger(request):
            return refused
        if task is None:
            return _refusal(404, "Task not found")
        task["progress"] += 1
        task["status"] = self.ends if task["progress"] > self.looks else "IN_PROGRESS"
        return web.json_response(self.told(task))

    async def list(self, request: web.Request) -> web.Response:
        """GET all: the newest first."""
        if refused := _stranger(request):
            return refused
        assert request.query["sort_by"] == "-created_at"
        newest = self.tasks[::-1][: int(request.query["page_size"])]
        return web.json_response([self.told(task) for task in newest])

    async def balance(self, request: web.Request) -> web.Response:
        return _stranger(request) or web.json_response({"balance": self.credits})

    async def asset(self, request: web.Request) -> web.Response:
        """The signed addresses take no key."""
        assert "Authorization" not in request.headers
        data = self.model if request.match_info["name"] == "model.glb" else self.picture
        return web.Response(body=data)

    def find(self, name: str) -> dict[str, Any] | None:
        return next((task for task in self.tasks if task["id"] == name), None)

    def told(self, task: dict[str, Any]) -> dict[str, Any]:
        """A task object as it is documented."""
        told = {key: value for key, value in task.items() if key != "asked"}
        told["task_error"] = {"message": "harmful" if task["status"] == "FAILED" else ""}
        if task["status"] == "SUCCEEDED":
            place = f"{self.party.url}/assets/{task['id']}"
            told["model_urls"] = {"glb": f"{place}/model.glb?Expires=1"}
            if self.picture is not None:
                told["thumbnail_url"] = f"{place}/preview.png?Expires=1"
        return told

    def asked(self) -> list[str]:
        """What was asked for, in order: the modes of the tasks that were made."""
        return [task["asked"]["mode"] for task in self.tasks]


@asynccontextmanager
async def standin(model: bytes, picture: bytes | None = None, **given: Any) -> AsyncIterator[Meshy]:
    """given: the other fields of Meshy."""
    meshy = Meshy(model=model, picture=picture, **given)
    routes = {
        f"POST {TASKS}": meshy.create,
        f"GET {TASKS}": meshy.list,
        f"GET {TASKS}/{{id}}": meshy.show,
        "GET /openapi/v1/balance": meshy.balance,
        "GET /assets/{id}/{name}": meshy.asset,
    }
    async with serve(routes) as meshy.party:
        yield meshy


def _stranger(request: web.Request) -> web.Response | None:
    if request.headers.get("Authorization") == f"Bearer {KEY}":
        return None
    return _refusal(401, "Invalid API key")


def _refusal(status: int, message: str) -> web.Response:
    return web.json_response({"message": message}, status=status)
