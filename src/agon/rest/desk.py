"""What stands between a request and Postgres: what is asked, and what the results answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from functools import partial
from typing import TypeVar

from agon.kernel import logs
from agon.kernel.errors import Refused
from agon.rest import context, respond
from agon.rest.ask import Answer
from agon.rest.binding import bind, whole_number
from agon.rest.catalogue import Catalogue
from agon.rest.plans import Planned, Plans
from agon.rest.pool import Pool, Statement
from agon.rest.requests import Request
from agon.rest.rules import Rules
from agon.rest.schema_cache import LOST, SchemaCache
from agon.rest.wire_messages import Result
from agon.web.callers import Caller

MISSING = frozenset(("42703", "PGRST200", "PGRST202", "PGRST204", "PGRST205"))
"""What may only be missing because the schema cache is old."""
LARGE_BYTES_MIN = 256 * 1024
"""A payload from this size on is read beside the event loop, which serves others meanwhile."""

log = logs.get("agon.rest")
_T = TypeVar("_T")


class Desk:
    """Plans requests against the schema as it is, and knows the pools.

    pools: by role; several roles may share one. thread: of one worker, for large payloads.
    """

    def __init__(
        self, *, pools: Mapping[str, Pool], cache: SchemaCache, rules: Rules, thread: Executor
    ):
        self.pools, self.rules = pools, rules
        self._cache, self._version, self._thread = cache, cache.version, thread
        # The thread has a memory of plans to itself, since none is made for two at once.
        self._plans, self._plans_of_large = Plans(rules.bounds), Plans(rules.bounds)

    def catalogue(self) -> tuple[Catalogue, int]:
        """The schema cache and its version. Raises Refused PGRST002."""
        catalogue, version = self._cache.current, self._cache.version
        if version != self._version:
            self._version = version
            for pool in set(self.pools.values()):
                pool.forget_statements()
        return catalogue, version

    async def plan(self, request: Request) -> Planned:
        """What to ask Postgres."""
        return await self.with_catalogue(partial(self._find, request))

    async def with_catalogue(self, act: Callable[[Catalogue, int], Awaitable[_T]]) -> _T:
        """What an act makes of the schema cache and its version. A name that is not there is
        looked for once more."""
        catalogue, version = self.catalogue()
        try:
            return await act(catalogue, version)
        except Refused as refused:
            if refused.refusal.code not in MISSING or not await self._is_another(version):
                raise
        return await act(*self.catalogue())

    async def beside(self, size: int, act: Callable[..., _T], *arguments: object) -> _T:
        """What a pure function answers; in the thread if it has so many bytes to read."""
        if size < LARGE_BYTES_MIN:
            return act(*arguments)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, act, *arguments)

    def context(self, request: Request, planned: Planned, caller: Caller) -> Statement:
        """The statement that sets who asks and how, and what it binds."""
        statement, zone = planned.plan.statement, planned.plan.ask.preferences.timezone
        role = caller.actor.role
        sql = context.statement(
            role,
            request.schema,
            statement.read_only,
            self.rules.timeouts_ms[role],
            statement.settings,
            zone is not None,
        )
        return sql, context.values(caller, request.method, request.path, request.headers, zone)

    def steps(self, planned: Planned) -> list[Statement]:
        """The request's own statements, and what they bind. Raises Refused PGRST100, PGRST103."""
        statement, values, body = planned.plan.statement, planned.values, planned.body
        rows_max = self.rules.bounds.rows_max
        steps: list[Statement] = [
            (statement.sql, bind(statement.params, values, body, rows_max)),
        ]
        if statement.count_sql is not None:
            counted = bind(statement.count_params, values, body, rows_max)
            steps.append((statement.count_sql, counted))
        return steps

    def answer(self, request: Request, planned: Planned, results: list[Result]) -> Answer:
        """What the results of `steps` make. Raises Refused PGRST111, PGRST112, PGRST116."""
        plan, offset = planned.plan, 0
        if plan.offset is not None:
            offset = whole_number(planned.values[plan.offset], "offset")
        return respond.answer(
            plan.frame,
            plan.statement,
            results,
            rows_max=self.rules.bounds.rows_max,
            offset=offset,
            query=request.query,
        )

    async def _find(self, request: Request, catalogue: Catalogue, version: int) -> Planned:
        size = len(request.body)
        plans = self._plans if size < LARGE_BYTES_MIN else self._plans_of_large
        return await self.beside(size, plans.find, request, catalogue, version)

    async def _is_another(self, version: int) -> bool:
        """Whether the schema has changed since that version; not, where nobody can tell."""
        try:
            return await self._cache.miss(version)
        except LOST as error:
            log.warning("schema_cache.not_asked", error=f"{type(error).__name__}: {error}")
            return False
