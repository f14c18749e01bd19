"""Acts: routes that call one SQL function as the caller, and answer with the row that it returns.

They stand in literal tables beside the other routes; whatever there is to check, the function does.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter

from agon.web.handlers import Caller, JsonObject, Pools

NAMED = re.compile(r"{(\w+)}")


@dataclass(frozen=True, kw_only=True)
class Act:
    """One of them, a POST.

    path: below its router's; call: the function with its arguments, $1 and on for what the whole
    path names, in that order, and then for the body; says: what it does, for its description;
    takes: the body's form in OpenAPI, if it takes one.
    """

    path: str
    call: str
    says: str
    takes: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        return self.call.partition("(")[0].rpartition(".")[2]


def install(router: APIRouter, acts: Iterable[Act], named: Mapping[str, Any]) -> None:
    """Add them to a router. named: the types of what paths name."""
    for act in acts:
        given = {name: named[name] for name in NAMED.findall(router.prefix + act.path)}
        if act.takes is not None:
            given["body"] = JsonObject
        router.add_api_route(
            act.path,
            _handler(act, given),
            methods=["POST"],
            name=act.name,
            description=act.says,
            openapi_extra=dict(act.takes or {}),
        )


def _handler(act: Act, given: Mapping[str, Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    statement = f"select to_jsonb({act.call})"

    async def handle(caller: Caller, pools: Pools, **sent: Any) -> Any:
        async with pools.as_caller(caller) as conn:
            return await conn.fetchval(statement, *(sent[name] for name in given))

    # FastAPI reads what a handler takes from its signature.
    handle.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=type_)
        for name, type_ in {**given, "caller": Caller, "pools": Pools}.items()
    )
    return handle
