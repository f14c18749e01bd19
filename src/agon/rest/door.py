"""The data door: a plain ASGI callable, for one request from its bytes to its answer.

who asks -> how often -> what is asked (requests, plans) -> Postgres (pool) -> respond
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from starlette.types import Receive, Scope, Send

from agon.kernel import clock, logs
from agon.kernel.errors import Refused, refuse
from agon.rest import batch, context, policies, refusals, respond
from agon.rest.arriving import ClientLeft, Watches, body_of
from agon.rest.ask import Answer, Row
from agon.rest.binding import bind, whole_number
from agon.rest.catalogue import Catalogue
from agon.rest.plans import Planned, Plans
from agon.rest.pool import Pool
from agon.rest.requests import WITH_BODY, Request, read, schema_of, target_of, unsupported
from agon.rest.resolve import table_of
from agon.rest.rules import Rules, rules_of
from agon.rest.schema_cache import SchemaCache
from agon.rest.wire_messages import PostgresError, Result
from agon.web import limits
from agon.web.callers import Caller, Headers
from agon.web.doors import HEADERS_KEY, Server
from agon.web.limits import Limits

PREFIX = "/rest/v1"
READY_S_MAX = 10
"""How long the server's start waits for the schema cache; later, requests are told PGRST002."""
MISSING = frozenset(("PGRST200", "PGRST202", "PGRST204", "PGRST205"))
"""What may only be missing because the schema cache is old."""
BODILESS = (204, 304)
LENGTH = b"content-length"

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
        pools = {"anon": web, "authenticated": web, "service_role": service}
        yield Door(server=server, pools=pools, cache=cache, rules=rules)


class Door:
    """Answers what comes under PREFIX. pools: by role; those of service_role are its own."""

    def __init__(self, *, server: Server, pools: dict[str, Pool], cache: SchemaCache, rules: Rules):
        settings = server.runtime.settings
        self._callers, self._pools, self._cache, self._rules = server.callers, pools, cache, rules
        self._plans, self._version = Plans(rules.bounds), cache.version
        self._watches = Watches()
        self._limits = Limits(
            user_per_s=settings["rest_requests_per_s_user"],
            key_per_s=settings["rest_requests_per_s_key"],
            address_per_s=settings["rest_requests_per_s_address"],
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One HTTP request; other kinds of scope are not spoken here."""
        try:
            answer = await self._answer(scope, receive)
        except Refused as refused:
            answer = refusals.answer(refused.refusal)
        except ClientLeft:
            return
        headers, body = answer.headers, answer.body
        if scope["method"] == "HEAD" or answer.status in BODILESS:
            body = b""
        else:
            headers = [*headers, (LENGTH, b"%d" % len(body))]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        headers: Headers = scope[HEADERS_KEY]
        caller = await self._callers.identify(headers, clock.now_s())
        address = (scope.get("client") or ("",))[0]
        now_s = asyncio.get_running_loop().time()
        wait_s = self._limits.wait_s(caller, address, now_s)
        if wait_s:
            after = limits.retry_after(wait_s).encode()
            return refusals.answer(limits.refusal(wait_s), [(b"retry-after", after)])
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
            pool = self._pools[caller.actor.role]
            work = batch.answer(self, pool, caller, self._rules.schemas, body)
        else:
            query = scope["query_string"]
            request = read(method, path, query, headers, self._rules.schemas, body)
            work = self._answer_request(request, caller)
        task = asyncio.current_task()
        assert task is not None
        watch = self._watches.begin(receive, task, now_s)
        try:
            return await work
        except asyncio.CancelledError:
            if not watch.client_left:
                raise
            task.uncancel()
            raise ClientLeft from None
        finally:
            self._watches.end(watch)

    async def _answer_request(self, request: Request, caller: Caller) -> Answer:
        if request.accept == policies.POLICIES_TYPE:
            return await self._policies(request, caller)
        planned = await self.plan(request)
        role = caller.actor.role
        try:
            results = await self._pools[role].run(
                role=role,
                context=self.context(request, planned, caller),
                steps=self.steps(planned),
                rollback=planned.plan.statement.rollback,
            )
        except PostgresError as error:
            return self._faulty(error, request.path, caller)
        return self.answer(request, planned, results)

    async def plan(self, request: Request) -> Planned:
        """What to ask Postgres. A name that is not there is looked for once more."""
        catalogue, version = self._catalogue()
        try:
            return self._plans.find(request, catalogue, version)
        except Refused as refused:
            missing = refused.refusal.code in MISSING
            if not missing or not await self._cache.miss(version):
                raise
        return self._plans.find(request, *self._catalogue())

    def _catalogue(self) -> tuple[Catalogue, int]:
        catalogue, version = self._cache.current, self._cache.version
        if version != self._version:
            self._version = version
            for pool in set(self._pools.values()):
                pool.forget_statements()
        return catalogue, version

    def context(self, request: Request, planned: Planned, caller: Caller) -> tuple[str, list]:
        """The statement that sets who asks and how, and what it binds."""
        statement, zone = planned.plan.statement, planned.plan.ask.preferences.timezone
        role = caller.actor.role
        sql = context.statement(
            role,
            request.schema,
            statement.read_only,
            self._rules.timeouts_ms[role],
            statement.settings,
            zone is not None,
        )
        return sql, context.values(caller, request.method, request.path, request.headers, zone)

    def steps(self, planned: Planned) -> list[tuple[str, list[bytes | None]]]:
        """The request's own statements, and what they bind. Raises Refused PGRST100, PGRST103."""
        statement, values, body = planned.plan.statement, planned.values, planned.body
        rows_max = self._rules.bounds.rows_max
        steps = [(statement.sql, bind(statement.params, values, body, rows_max))]
        if statement.count_sql is not None:
            counted = bind(statement.count_params, values, body, rows_max)
            steps.append((statement.count_sql, counted))
        return steps

    def answer(self, request: Request, planned: Planned, results: list[Result]) -> Answer:
        """What the results of `steps` make. Raises Refused PGRST111, PGRST112, PGRST116."""
        plan = planned.plan
        if plan.statement.explain:
            return respond.explained(plan.frame, [line[0] or b"" for line in results[0].rows])
        row = Row.read(results[0].rows[0])
        if plan.statement.count_sql is not None:
            planned_rows = respond.rows_planned(results[1].rows[0][0] or b"")
            row = respond.estimated(row, planned_rows, self._rules.bounds.rows_max)
        offset = 0
        if plan.offset is not None:
            offset = whole_number(planned.values[plan.offset], "offset")
        return respond.respond(plan.frame, row, offset=offset, query=request.query)

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
        try:
            return await policies.answer(request, caller, self._catalogue()[0], self._pools)
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
        catalogue, _ = self._catalogue()
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
