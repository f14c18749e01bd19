"""House rules of imports that name no package, so that a new one is held to them at once."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from agon.systems import SYSTEMS

ROOT = Path(__file__).parents[2]
HTTP = (
    "agon.cli", "agon.app", "agon.web.*", "agon.rest.*", "agon.auth.*",
    "*.routes", "*_routes", "*.pages", "*_pages",
)  # fmt: skip
ERRORS = ("agon.kernel.*", "agon.web.*", "agon.rest.*", "agon.cli")
KNOWN_BY = {
    "fastapi": HTTP,
    "starlette": HTTP,
    "uvicorn": HTTP,
    # Only the kernel opens connections; web and the data door know Postgres's errors.
    "asyncpg": ERRORS,
    "aiohttp": ("agon.kernel.*",),
    "pgqueuer": ("agon.kernel.*",),
    "redis": ("agon.kernel.*", "agon.epochs.live"),  # a party's own client
    "smtplib": ("agon.kernel.*",),
    "socket": ("agon.kernel.*", "agon.rest.wire_sockets", "agon.cli"),
}
"""What is imported -> the modules that may."""

PURE = re.compile(r"\bPure[.:,]")


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Every module of ours by its name, parsed."""
    for path in sorted((ROOT / "src").rglob("*.py")):
        parts = path.relative_to(ROOT / "src").with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
        yield name, ast.parse(path.read_text("utf-8"))


def imported(tree: ast.Module) -> set[str]:
    """The outermost packages that a module imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                names |= {alias.name.split(".")[0] for alias in node.names}
            case ast.ImportFrom(module=str(module)):
                names.add(module.split(".")[0])
    return names


def test_a_test_takes_nothing_from_the_tests_of_another_folder():
    # What two folders need stands in a module of its own.
    wrong = [
        f"{path.relative_to(ROOT)} imports {node.module}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module
        for folder, _, name in [node.module.rpartition(".")]
        if name.startswith("test_")
        and folder.split(".") != list(path.relative_to(ROOT).parent.parts)
    ]
    assert wrong == []


def contracts() -> dict[str, dict]:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    return {one["id"]: one for one in tomllib.loads(text)["tool"]["importlinter"]["contracts"]}


def test_only_the_named_modules_know_http_and_open_connections():
    wrong = [
        f"{module} imports {name}"
        for module, tree in modules()
        for name in sorted(imported(tree) & KNOWN_BY.keys())
        if not any(fnmatch(module, pattern) for pattern in KNOWN_BY[name])
    ]
    assert wrong == []


def test_every_system_stands_on_a_floor():
    listed = contracts()
    for contract in (listed["floors"], listed["siblings"]):
        assert contract["exhaustive"]
    placed = {
        f"{contract['containers'][0]}.{name}"
        for contract in (listed["floors"], listed["siblings"])
        for layer in contract["layers"]
        for name in layer.split(" | ")
    }
    assert {system.package for system in SYSTEMS} <= placed


def test_what_calls_itself_pure_is_held_to_it():
    pure = contracts()["pure"]
    assert "allow_indirect_imports" not in pure
    wrong = [
        module
        for module, tree in modules()
        if PURE.search(ast.get_docstring(tree) or "")
        and not any(f"{module}.".startswith(f"{listed}.") for listed in pure["source_modules"])
    ]
    assert wrong == []
