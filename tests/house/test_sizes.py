"""House rules on size and wording, held over every source file."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
FORBIDDEN_NAMES = {"utils", "util", "common", "helpers", "helper", "manager", "base", "misc"}
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|NotImplemented" r"Error)\b")


def tracked(*patterns: str) -> list[Path]:
    """The project's own files, committed or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return [ROOT / line for line in listed.splitlines() if (ROOT / line).is_file()]


PYTHON = tracked("src/*.py", "tests/*.py", "bench/*.py")
SQL = tracked("src/*.sql")


def test_there_are_files_to_hold():
    assert len(PYTHON) > 40
    assert len(SQL) > 15


@pytest.mark.parametrize("path", PYTHON + SQL, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_stops_at_400_lines(path):
    assert len(path.read_text("utf-8").splitlines()) <= FILE_LINES_MAX


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_function_stops_at_60_lines(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < FUNCTION_LINES_MAX, node.name


def test_no_module_has_a_name_that_says_nothing():
    assert [path for path in PYTHON if path.stem in FORBIDDEN_NAMES] == []


def test_nothing_is_left_unfinished():
    found = [path for path in PYTHON + SQL if UNFINISHED.search(path.read_text("utf-8"))]
    assert found == []


@pytest.mark.parametrize(
    "path", [path for path in PYTHON if "src" in path.parts], ids=lambda path: path.stem
)
def test_no_exception_is_swallowed(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ExceptHandler):
            only_pass = len(node.body) == 1 and isinstance(node.body[0], ast.Pass)
            assert not only_pass, f"line {node.lineno}"
            assert node.type is not None, f"line {node.lineno}: a bare except"


@pytest.mark.parametrize(
    "path",
    [path for path in PYTHON if "src" in path.parts],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_public_functions_say_what_they_do(path):
    tree = ast.parse(path.read_text("utf-8"))
    assert ast.get_docstring(tree), "the module"
    for node in tree.body:
        is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if is_function and not node.name.startswith("_") and len(node.body) > 3:
            assert ast.get_docstring(node), node.name
