"""The data door: a plain ASGI callable, for one request from its bytes to its answer.

who asks -> how often -> what is asked (requests, plans) -> Postgres (pool) -> respond
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from starlette.types import Receive, Scope, Send

from agon.kernel import logs
from agon.kernel.errors import Refusal, Refused, refuse
from agon.rest import batch, policies, refusals, respond
from agon.rest.arriving import ClientLeft, Watches, body_of
from agon.rest.ask import Answer
from agon.rest.desk import Desk
from agon.rest.pool import Pool
from agon.rest.requests import WITH_BODY, Request, read, schema_of, target_of, unsupported
from agon.rest.resolve import table_of
from agon.rest.rules import rules_of
from agon.rest.schema_cache import SchemaCache
from agon.rest.turns import Later, Turns
from agon.rest.wire_messages import PostgresError
from agon.web import limits
from agon.web.callers import Caller
from agon.web.doors import HEADERS_KEY, Server
from agon.web.headers import Headers

PREFIX = "/rest/v1"
READY_S_MAX = 10
"""How long the server's start waits for the schema cache; later, requests are told PGRST002."""
BODILESS = (204, 304)
LENGTH = b"content-length"
CALLER_SHARE = 2
"""One connection in so many, and at least one, is a single caller's at a time."""
SURPRISE = Refusal(
    code="internal_error",
    message="Something went wrong here; it is in the log.",
    status=500,
)

log = logs.get("agon.rest")


@asynccontextmanager
async def open_door(server: Server) -> AsyncIterator[Door]:
    """The door, with its pools and its schema cache, for the length of the block."""
    settings, urls = server.runtime.settings, server.runtime.urls
    rules = rules_of(settings)
    most = settings["rest_connections"]
    async with AsyncExitStack() as stack:
        web = await stack.enter_async_context(Pool(urls["agon_web"], "agon_web", max_size=most))
        service = await stack.enter_async_context(
            Pool(urls["agon_service"], "agon_service", max_size=most)
        )
        cache = await stack.enter_async_context(SchemaCache(server.database, rules.schemas))
        try:
            async with asyncio.timeout(READY_S_MAX):
                await cache.ready()
        except TimeoutError:
            log.warning("schema_cache.late", waited_s=READY_S_MAX)
        thread = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="agon-rest"))
        # anon and authenticated share one pool: agon_web may become either, and nobody else.
        pools = {"anon": web, "authenticated": web, "service_role": service}
        desk = Desk(pools=pools, cache=cache, rules=rules, thread=thread)
        yield Door(server=server, desk=desk)


class Door:
    """Answers what comes under PREFIX."""

    def __init__(self, *, server: Server, desk: Desk):
        settings = server.runtime.settings
        self._gate, self._desk, self._rules = server.gate, desk, desk.rules
        self._watches = Watches()
        self._turns = Turns(max(1, settings["rest_connections"] // CALLER_SHARE))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One HTTP request; other kinds of scope are not spoken here."""
        try:
            answer = await self._answer(scope, receive)
        except Refused as refused:
            answer = refusals.answer(refused.refusal)
        except Later as later:
            answer = refusals.answer(later.refusal, [(b"retry-after", later.after.encode())])
        except ClientLeft:
            return
        except Exception as error:  # what nobody foresaw is logged, and answered like all else
            log.error("request.failed", path=scope["path"], exc_info=error)
            answer = refusals.answer(SURPRISE)
        headers, body = answer.headers, answer.body
        if scope["method"] == "HEAD" or answer.status in BODILESS:
            body = b""
        else:
            headers = [*headers, (LENGTH, b"%d" % len(body))]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        headers: Headers = scope[HEADERS_KEY]
        address = (scope.get("client") or ("",))[0]
        caller = await self._gate.identify(headers, address)
        method, path = scope["method"], scope["path"][len(PREFIX) :]
        at_root = path in ("", "/")
        if at_root and not batch.is_batch(method, headers):
            return self._root(method)
        if method == "OPTIONS":
            return self._options(*target_of(path), headers)
        body = b""
        if method in WITH_BODY:
            body = await body_of(headers, receive, self._rules.body_bytes)
        if at_root:
            answering = partial(self._answer_batch, body, caller, address)
        else:
            query = scope["query_string"]
            request = read(method, path, query, headers, self._rules.schemas, body)
            answering = partial(self._answer_request, request, caller)
        task = asyncio.current_task()
        assert task is not None
        watch = self._watches.begin(receive, task, _now_s())
        try:
            return await self._in_turn(caller, address, answering)
        except asyncio.CancelledError:
            if not watch.client_left:
                raise
            task.uncancel()
            raise ClientLeft from None
        finally:
            self._watches.end(watch)

    async def _in_turn(
        self, caller: Caller, address: str, answering: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        """The answer, when the caller has fewer others under way than would leave no room."""
        if caller.actor.role == "service_role":  # it is trusted, and has connections of its own
            return await answering()
        whose = caller.user or (caller.key, limits.network_of(address))
        if not self._turns.take(whose):
            await self._turns.wait(whose)
        try:
            return await answering()
        finally:
            self._turns.give(whose)

    async def _answer_request(self, request: Request, caller: Caller) -> Answer:
        if policies.asked_for(request):
            return await self._policies(request, caller)
        desk, role = self._desk, caller.actor.role
        planned = await desk.plan(request)
        try:
            results = await desk.pools[role].run(
                role=role,
                context=desk.context(request, planned, caller),
                steps=desk.steps(planned),
                rollback=planned.plan.statement.rollback,
            )
        except PostgresError as error:
            return self._faulty(error, request.path, caller)
        return desk.answer(request, planned, results)

    async def _answer_batch(self, body: bytes, caller: Caller, address: str) -> Answer:
        requests = await self._desk.beside(len(body), batch.read, body, self._rules.schemas)
        if len(requests) > 1:  # one of them was counted when the batch came
            self._gate.charge(caller, address, len(requests) - 1)
            if caller.quota is not None:
                await caller.quota.spend(len(requests) - 1)
        return await batch.answer(self._desk, caller, requests)

    def _faulty(self, error: PostgresError, path: str, caller: Caller) -> Answer:
        answer = refusals.answer_fault(error.fault, caller.actor.role)
        if answer.status >= 500:
            log.error("request.failed", path=path, sqlstate=error.fault.sqlstate,
                      error=error.fault.message)  # fmt: skip
        return answer

    async def _policies(self, request: Request, caller: Caller) -> Answer:
        trusted = caller.by_secret_key or caller.actor.role == policies.SERVICE
        if not trusted and not self._rules.policies_for_anyone:
            raise policies.forbidden()
        timeout_ms = self._rules.timeouts_ms[caller.actor.role]
        report = partial(policies.answer, request, caller, self._desk.pools, timeout_ms)
        try:
            return await self._desk.with_catalogue(report)
        except PostgresError as error:
            return self._faulty(error, request.path, caller)

    def _root(self, method: str) -> Answer:
        if method == "OPTIONS":
            return respond.allowing("OPTIONS,GET,HEAD,POST")
        if method in ("GET", "HEAD"):
            raise refuse("PGRST126", "Root endpoint metadata is disabled", status=404)
        raise unsupported(method)

    def _options(self, target: str, call: bool, headers: Headers) -> Answer:
        """What can be done with a table or function, whatever the caller may do."""
        catalogue, _ = self._desk.catalogue()
        schema = schema_of("OPTIONS", headers, self._rules.schemas)
        if not call:
            return respond.allowing(respond.methods_of(table_of(catalogue, schema, target)))
        functions = catalogue.functions.get((schema, target), ())
        if not functions:
            raise refuse(
                "PGRST202",
                f"Could not find the function {schema}.{target} in the schema cache",
                status=404,
            )
        volatile = all(each.volatility == "volatile" for each in functions)
        return respond.allowing("OPTIONS,POST" if volatile else "OPTIONS,GET,HEAD,POST")


def _now_s() -> float:
    return asyncio.get_running_loop().time()
