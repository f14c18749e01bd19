"""A resolved read as SQL: one select, its embeds as lateral joins, each row's JSON built in
Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from agon.rest.ask import Param
from agon.rest.filters import Params, condition_sql, expression, filter_sql, order_sql
from agon.rest.quoting import identifier, qualified, type_name
from agon.rest.resolved import Child, Node, leaves
from agon.rest.tree import Condition, Field, Logic, Order, Pick

VALUE = '"agon_value"'
"""The column of a join that has an embed's JSON."""


@dataclass(frozen=True, slots=True)
class _Item:
    """A column of a select. name: None for `*`; grouped: whether it is no aggregate; is_json: an
    embed's, which only jsonb can be grouped by."""

    sql: str
    name: str | None
    grouped: bool = True
    is_json: bool = False


@dataclass(slots=True, kw_only=True)
class Reading:
    """Writes reads into one statement. rows: for an alias that is no relation's own, what stands
    for its whole row (computed relationships take it)."""

    params: Params
    capped: bool = True
    rows: dict[str, str] = field(default_factory=dict)

    def select(
        self,
        node: Node,
        source: str,
        test: str | None = None,
        *,
        hoisted: bool = False,
        columns: str | None = None,
    ) -> str:
        """All of a node but its page: columns, embeds, filters, order. source: what stands after
        `from`; test: a condition besides the node's own; hoisted: aggregates are left to the
        parent, which this node is spread into; columns: instead of the node's items."""
        items = list(self._items(node, hoisted))
        aggregated = any(not item.grouped for item in items)
        if aggregated:
            items = [item for each in items for item in _expanded(node, each)]
        shown = columns or ", ".join(
            f"{item.sql} as {identifier(item.name)}" if item.name else item.sql for item in items
        )
        joins = "".join(self._join(node, child) for child in node.children)
        tests = [test] if test else []
        tests += [self._filter(node, part) for part in node.where]
        groups = [item.sql for item in items if item.grouped] if aggregated else []
        return (
            f"select {shown} from {source}{joins}"
            f"{_where(tests)}"
            f"{' group by ' + ', '.join(groups) if groups else ''}"
            f"{self._order(node)}"
        )

    def page(self, node: Node, *, cap: bool) -> str:
        """`limit` and `offset`. cap: at most rows_max also where no limit was asked for."""
        sql = ""
        if node.limit is not None:
            sql += f" limit {self.params.slot(node.limit, 'limit')}"
        elif cap:
            sql += f" limit {self.params.bind(Param(form='limit'))}"
        if node.offset is not None:
            sql += f" offset {self.params.slot(node.offset, 'offset')}"
        return sql

    def existing(self, node: Node, source: str, extra: str = "") -> str:
        """A select of 1 for each row that `select` has without its page: for counts."""
        tests = [extra] if extra else []
        tests += [self._filter(node, part, counted=True) for part in node.where]
        tests += [self._exists(node, child) for child in node.children if child.inner]
        return f"select 1 from {source}{_where(tests)}"

    def _items(self, node: Node, hoisted: bool) -> Iterator[_Item]:
        for item in node.items:
            if isinstance(item, Pick):
                yield _picked(node, item, hoisted)
            elif item.shown:
                yield from _embedded(item, hoisted)

    def _join(self, node: Node, child: Child) -> str:
        tested = child in tests_embed(node)
        if not child.shown and not child.inner and not tested:
            return ""
        kind = "inner" if child.inner else "left"
        joined = identifier(child.joined)
        on = "true"
        if child.inner and child.shown and not child.to_one:
            on = f"{joined}.{VALUE} is not null"
        return f" {kind} join lateral ({self._lateral(node, child)}) as {joined} on {on}"

    def _lateral(self, node: Node, child: Child) -> str:
        source, test = self._source(node, child)
        inner = self.select(child.node, source, test, hoisted=child.spread and child.to_one)
        inner += self.page(child.node, cap=self.capped and not child.to_one)
        if not child.shown:
            return f"select true as {VALUE} from ({inner}) as r limit 1"
        if child.to_one:
            return inner
        if child.spread:
            names = [identifier(name) for name, _ in _spread(child)]
            columns = ", ".join(f"json_agg(r.{name}) as {name}" for name in names)
            return f"select {columns}, bool_or(true) as {VALUE} from ({inner}) as r"
        return f"select json_agg(r) as {VALUE} from ({inner}) as r"

    def _source(self, node: Node, child: Child) -> tuple[str, str]:
        """What an embed reads from, and the test that ties it to the parent's row."""
        parent, alias = identifier(node.alias), identifier(child.node.alias)
        relationship = child.relationship
        if relationship.function:
            row = self.rows.get(node.alias, f"{parent}.*")
            test = f"not ({alias} is null)" if child.to_one else "true"
            return f"{relationship.function}({row}) as {alias}", test
        source = f"{qualified(relationship.target)} as {alias}"
        if relationship.junction is None:
            return source, _equal(parent, alias, relationship.columns)
        junction = relationship.junction
        between = identifier(f"{child.joined}_j")
        source += (
            f" inner join {qualified(junction.table)} as {between}"
            f" on {_equal(alias, between, junction.target_columns)}"
        )
        return source, _equal(parent, between, junction.source_columns)

    def _exists(self, node: Node, child: Child) -> str:
        source, test = self._source(node, child)
        return f"exists ({self.existing(child.node, source, test)})"

    def _filter(self, node: Node, part: Condition | Logic, *, counted: bool = False) -> str:
        def one(condition: Condition) -> str:
            child = _is_embed_test(node, condition)
            if child is None:
                return condition_sql(self.params, node.alias, node.table, condition)
            absent = (condition.value == "null") is not condition.negated
            if counted:
                return ("not " if absent else "") + self._exists(node, child)
            joined = identifier(child.joined)
            if child.to_one:
                return f"{joined} is {'not ' if absent else ''}distinct from null"
            return f"{joined}.{VALUE} is {'' if absent else 'not '}null"

        return filter_sql(part, one)

    def _order(self, node: Node) -> str:
        if not node.order:
            return ""
        return " order by " + ", ".join(self._term(node, term) for term in node.order)

    def _term(self, node: Node, term: Order) -> str:
        if term.relation is None:
            return order_sql(term, expression(node.alias, node.table, term.field, compared=True))
        child = node.child(term.relation)
        assert child is not None, "resolve has checked it"
        source, test = self._source(node, child)
        tests = [test] + [self._filter(child.node, part, counted=True) for part in child.node.where]
        value = expression(child.node.alias, child.node.table, term.field, compared=True)
        return order_sql(term, f"(select {value} from {source}{_where(tests)} limit 1)")


def _where(tests: list[str]) -> str:
    return f" where {' and '.join(tests)}" if tests else ""


def _equal(left: str, right: str, columns: tuple[tuple[str, str], ...]) -> str:
    return " and ".join(
        f"{left}.{identifier(one)} = {right}.{identifier(other)}" for one, other in columns
    )


def tests_embed(node: Node) -> list[Child]:
    """The embeds that a node's filters ask about as a whole (`rel=is.null`)."""
    return [child for leaf in leaves(node) if (child := _is_embed_test(node, leaf)) is not None]


def _is_embed_test(node: Node, condition: Condition) -> Child | None:
    """The embed of a filter such as `rel=is.null`, which asks whether there are rows."""
    if condition.operator != "is" or condition.value not in ("null", "not_null"):
        return None
    return None if condition.field.path else node.child(condition.field.name)


def pick_name(pick: Pick) -> str:
    """What a column of the answer is called."""
    if pick.alias:
        return pick.alias
    if pick.aggregate:
        return pick.aggregate
    assert pick.field is not None, "only a bare count() has no field"
    keys = [step.key for step in pick.field.path if isinstance(step.key, str)]
    return keys[-1] if keys else pick.field.name


def _raw(node: Node, pick: Pick) -> str:
    """A pick before its aggregate."""
    assert pick.field is not None, "only a bare count() has no field"
    sql = expression(node.alias, node.table, pick.field)
    column = node.table.columns.get(pick.field.name) if node.table else None
    shown = column.representation.to_json if column and column.representation else None
    if shown and not pick.field.path and not pick.cast:
        sql = f"{shown}({sql})"
    return f"cast({sql} as {type_name(pick.cast)})" if pick.cast else sql


def _aggregate(pick: Pick, argument: str) -> str:
    sql = f"{pick.aggregate}({argument})"
    return f"cast({sql} as {type_name(pick.aggregate_cast)})" if pick.aggregate_cast else sql


def _picked(node: Node, pick: Pick, hoisted: bool) -> _Item:
    if pick.aggregate:
        if hoisted:
            return _Item(_raw(node, pick) if pick.field else "1", pick_name(pick))
        argument = _raw(node, pick) if pick.field else "*"
        return _Item(_aggregate(pick, argument), pick_name(pick), grouped=False)
    if pick.field is not None and pick.field.name == "*":
        shown = _represented(node)
        return _Item(shown or f"{identifier(node.alias)}.*", None)
    return _Item(_raw(node, pick), pick_name(pick))


def _represented(node: Node) -> str | None:
    """All columns by name, where some of them are shown by a cast of their domain."""
    if node.table is None or not any(
        column.representation and column.representation.to_json
        for column in node.table.columns.values()
    ):
        return None
    return ", ".join(
        f"{_raw(node, Pick(field=Field(name)))} as {identifier(name)}"
        for name in node.table.columns
    )


def _embedded(child: Child, hoisted: bool) -> Iterator[_Item]:
    """An embed's columns in its parent's select."""
    joined = identifier(child.joined)
    if not child.spread:
        value = f"row_to_json({joined}.*)" if child.to_one else f"coalesce({joined}.{VALUE}, '[]')"
        yield _Item(value, child.name, is_json=True)
        return
    for name, pick in _spread(child):
        value = f"{joined}.{identifier(name)}"
        if not child.to_one:
            value = f"coalesce({value}, '[]')"
        if pick and pick.aggregate and not hoisted:
            yield _Item(_aggregate(pick, value), name, grouped=False)
        else:
            yield _Item(value, name, is_json=not child.to_one)


def _spread(child: Child) -> Iterator[tuple[str, Pick | None]]:
    """The columns that a spread gives to its parent, each with the pick that it comes from."""
    for item in child.node.items:
        if isinstance(item, Child):
            if item.spread:
                yield from _spread(item)
            elif item.shown:
                yield item.name, None
        elif item.field is not None and item.field.name == "*" and child.node.table:
            yield from ((name, None) for name in child.node.table.columns)
        else:
            yield pick_name(item), item


def _expanded(node: Node, item: _Item) -> Iterator[_Item]:
    """An item for `group by`, which takes neither `*` nor json."""
    if item.is_json:
        yield _Item(f"{item.sql}::jsonb", item.name)
    elif item.name is not None or node.table is None:
        yield item
    else:
        for name in node.table.columns:
            yield _Item(_raw(node, Pick(field=Field(name))), name)
