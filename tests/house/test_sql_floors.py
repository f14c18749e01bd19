"""House rules of the floors in SQL: a package uses its own objects and those of lower floors.

A package of commons also uses those that SYSTEMS lists before it, in whose order they are applied:
who calls, and whose wallets, is asked of people everywhere.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pglast

from agon.kernel import migrate
from agon.kernel.manifest import FLOORS
from agon.systems import SYSTEMS

SRC = Path(__file__).parents[2] / "src"
FILES = migrate.collect(SYSTEMS)
HEIGHT = {
    system.package: (FLOORS.index(system.floor), place if system.floor == "commons" else 0)
    for place, system in enumerate(SYSTEMS)
}
MADE_APART = {
    # By code, or by statements that ask first whether Supabase has them already.
    "agon.schema_migrations": "agon.kernel",
    "auth.email": "agon.kernel",
    "auth.jwt": "agon.kernel",
    "auth.role": "agon.kernel",
    "auth.uid": "agon.kernel",
    "auth.users": "agon.commons.people",
}
NAME = re.compile(r"(?<![\w.\"])(?:public|agon|auth)\.[a-z_0-9]+")
LINE_COMMENT = re.compile(r"--[^\n]*")


def made() -> dict[str, set[str]]:
    """Each table, view, type and function by its name -> the packages that make one so called."""
    makers: dict[str, set[str]] = defaultdict(set)
    for name, package in MADE_APART.items():
        makers[name].add(package)
    for file in FILES:
        for statement in pglast.parse_sql(file.text):
            if name := _made_by(statement.stmt):
                makers[name].add(file.package)
    return makers


def _made_by(node: object) -> str | None:
    match node:
        case pglast.ast.CreateFunctionStmt():
            parts = node.funcname
        case pglast.ast.CreateDomainStmt():
            parts = node.domainname
        case pglast.ast.CreateEnumStmt():
            parts = node.typeName
        case pglast.ast.CreateStmt(relation=made):
            return f"{made.schemaname}.{made.relname}"
        case (
            pglast.ast.ViewStmt(view=made)
            | pglast.ast.CreateTableAsStmt(into=pglast.ast.IntoClause(rel=made))
            | pglast.ast.CompositeTypeStmt(typevar=made)
            | pglast.ast.CreateSeqStmt(sequence=made)
        ):
            return f"{made.schemaname}.{made.relname}"
        case _:
            return None
    return ".".join(part.sval for part in parts)


MAKERS = made()


def texts() -> Iterator[tuple[str, str, str]]:
    """(package, place, text) of all SQL: statements with what they say in strings, as SQL that is
    put together or registered stands there, but no comments; and the strings of Python."""
    for file in FILES:
        for line, statement in migrate.statements(file.text):
            bare = LINE_COMMENT.sub("", statement)
            if not bare.lstrip().startswith("comment on"):
                yield file.package, f"{file.path}:{line}", bare
    for system in SYSTEMS:
        for path in sorted((SRC / system.package.replace(".", "/")).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield system.package, f"{path.relative_to(SRC)}:{node.lineno}", node.value


def test_a_package_uses_its_own_objects_and_those_of_lower_floors():
    wrong = [
        f"{place} uses {name} of {maker}"
        for package, place, text in texts()
        for name in NAME.findall(text)
        for maker in MAKERS.get(name, ())
        if maker != package and HEIGHT[maker] >= HEIGHT[package]
    ]
    assert wrong == []


def test_a_name_is_made_by_one_package():
    # Else two functions are one name overloaded by accident, and rpc cannot tell them apart.
    assert {name: made for name, made in MAKERS.items() if len(made) > 1} == {}
    assert len(MAKERS) > 400


async def test_every_object_has_a_package_that_makes_it(place):
    rows = await place.owner.fetch(
        """
        select c.relnamespace::regnamespace || '.' || c.relname as name from pg_class c
        where c.relnamespace::regnamespace::text in ('public', 'agon')
          and c.relkind in ('r', 'p', 'v')
        union
        select p.pronamespace::regnamespace || '.' || p.proname from pg_proc p
        where p.pronamespace::regnamespace::text in ('public', 'agon')
        """
    )
    assert {row["name"] for row in rows} - MAKERS.keys() == set()
