"""The memory of plans: a request of a shape seen before is planned by one look-up."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import NamedTuple

from agon.kernel.errors import Refused
from agon.rest import grammar, media, payload, preferences, respond
from agon.rest.ask import Ask, Body, Bounds, Statement
from agon.rest.catalogue import Catalogue
from agon.rest.grammar import Shape
from agon.rest.plan import plan
from agon.rest.requests import BY_GET, WITH_BODY, Request
from agon.rest.respond import Frame
from agon.rest.tree import Query

PLANS_MAX = 2000
SHAPE_CHARS_MAX = 8 * 1024
"""Of a shape whose plan is remembered: a longer one does not come again and again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What all requests of one shape share. offset: the slot of the root's `offset`, if any."""

    ask: Ask
    statement: Statement
    frame: Frame
    offset: int | None


class Planned(NamedTuple):
    """One request, planned. values: of its slots; body: what is bound of its payload. A tuple,
    since that is made fastest."""

    plan: Plan
    values: list[str]
    body: bytes | None


class Plans:
    """Plans requests against the catalogue as it is; a new one makes it forget all plans."""

    def __init__(self, bounds: Bounds):
        self._bounds = bounds
        self._version = -1
        self._plans: OrderedDict[Hashable, Plan] = OrderedDict()
        self._queries: OrderedDict[tuple[Shape, bool], Query] = OrderedDict()

    def find(self, request: Request, catalogue: Catalogue, version: int) -> Planned:
        """The plan of a request. Raises Refused with PostgREST's codes."""
        if version != self._version:
            self._plans.clear()
            self._version = version
        call = request.action == "call"
        by_get = call and request.method in BY_GET
        shape, values = grammar.split(request.pairs, call=by_get)
        body, bound = None, None
        if request.method in WITH_BODY:
            columns = self._query(request, shape, by_get).columns
            body, bound = payload.read(
                request.content_type or None, request.body, columns=columns, call=call
            )
        if call and body is not None and body.keys and _takes_whole(request, catalogue):
            body = replace(body, keys=())
        key = (
            request.action,
            request.method,
            request.schema,
            request.target,
            shape,
            request.prefer,
            request.accept,
            body,
        )
        found = self._plans.get(key)
        if found is None:
            found = self._plan(request, catalogue, self._query(request, shape, by_get), body)
            said = (request.accept, request.prefer, *(body.keys if body else ()))
            if len(request.query) + sum(map(len, said)) <= SHAPE_CHARS_MAX:
                _remember(self._plans, key, found)
        else:
            self._plans.move_to_end(key)
        return Planned(plan=found, values=values, body=bound)

    def _query(self, request: Request, shape: Shape, by_get: bool) -> Query:
        query = self._queries.get((shape, by_get))
        if query is None:
            try:
                query = grammar.parse(shape, call=by_get)
            except Refused:
                # Read again, for a message that quotes what was written.
                query, _ = grammar.read(request.pairs, call=by_get)
            if len(request.query) <= SHAPE_CHARS_MAX:
                _remember(self._queries, (shape, by_get), query)
        return query

    def _plan(
        self, request: Request, catalogue: Catalogue, query: Query, body: Body | None
    ) -> Plan:
        bounds = self._bounds
        wished = preferences.settle(
            preferences.read((request.prefer,)) if request.prefer else preferences.read(()),
            time_zones=catalogue.time_zones,
            tx_allowed=bounds.tx_rollback,
        )
        preferences.check(wished)
        ask = Ask(
            action=request.action,
            schema=request.schema,
            target=request.target,
            query=query,
            preferences=wished,
            media=media.negotiate(request.accept, action=request.action, plans=bounds.explain),
            body=body,
            by_get=request.method in BY_GET,
            head=request.method == "HEAD",
        )
        statement = plan(ask, catalogue, bounds)
        if _resolves_nothing(ask, catalogue):
            ask = replace(ask, preferences=replace(wished, resolution=None))
        return Plan(
            ask=ask,
            statement=statement,
            frame=respond.frame(ask, statement, schemas=len(catalogue.schemas)),
            offset=next((slot.index for path, slot in query.offsets if not path), None),
        )


def _takes_whole(request: Request, catalogue: Catalogue) -> bool:
    """Whether a function takes the payload as its one parameter, whatever the keys are."""
    overloads = catalogue.functions.get((request.schema, request.target), ())
    return bool(overloads) and all(
        [parameter.name for parameter in each.parameters] == [""] for each in overloads
    )


def _resolves_nothing(ask: Ask, catalogue: Catalogue) -> bool:
    """Whether a row could be a duplicate of none: then no resolution was applied."""
    if ask.action != "insert" or ask.preferences.resolution is None or ask.query.on_conflict:
        return False
    return not catalogue.tables[ask.schema, ask.target].primary_key


def _remember(memory: OrderedDict, key: Hashable, value: object) -> None:
    if len(memory) >= PLANS_MAX:
        memory.popitem(last=False)
    memory[key] = value
