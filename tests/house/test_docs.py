"""What the pages say of the server, held against what it says of itself."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

from agon.app import serve
from agon.kernel import runtime
from agon.systems import SYSTEMS

DOCS = Path(__file__).parents[2] / "docs"
TABLES = {"http.md": "", "auth.md": "/auth/v1"}
"""Pages with a table of paths -> what stands before each of these."""

SPAN = re.compile(r"`([^`]+)`")


def told(page: str, prefix: str) -> set[str]:
    """The operations in the first column of a page's tables of paths.

    `GET|POST /a/b|c` is four; `…` goes on from the row's first path; a query is left out.
    """
    found: set[str] = set()
    table = (DOCS / page).read_text("utf-8").split("| path |", 1)[1].split("\n\n", 1)[0]
    for row in table.splitlines()[2:]:
        first = ""
        for span in SPAN.findall(re.split(r"(?<!\\)\|", row)[1]):
            methods, path = span.replace("\\", "").split("?")[0].split(" ")
            path = path.replace("…", first)
            first = first or path
            kept, _, last = path.rpartition("/")
            ways = itertools.product(methods.split("|"), last.split("|"))
            found |= {f"{method} {unnamed(f'{prefix}{kept}/{end}')}" for method, end in ways}
    return found


def unnamed(path: str) -> str:
    """The path, whatever its parameters are called."""
    return re.sub(r"\{\w+\}", "{}", path)


def test_the_tables_of_paths_are_whole(tmp_path):
    process = runtime.begin(SYSTEMS, environ={"AGON_HOME": str(tmp_path)}, folder=tmp_path)
    served = {
        f"{method.upper()} {unnamed(path)}"
        for path, item in serve(process, work=False).openapi()["paths"].items()
        for method in item
    }
    tables = [told(page, prefix) for page, prefix in TABLES.items()]
    assert sorted(set().union(*tables) - served) == []
    assert sorted(served - set().union(*tables)) == []
