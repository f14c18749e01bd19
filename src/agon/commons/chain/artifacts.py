"""Our contracts as they were compiled: `make contracts` writes them from contracts/src."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from agon.kernel.errors import refuse

Entry = Mapping[str, Any]
"""One entry of a contract's ABI, as JSON has it."""


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """One contract. version: of its ABI; bytecode: what deploys it, before its constructor's
    arguments; sources, sources_sha256: what it was compiled from."""

    name: str
    version: int
    abi: tuple[Entry, ...] = field(repr=False)
    bytecode: bytes = field(repr=False)
    sources: tuple[str, ...]
    sources_sha256: str


@cache
def load(name: str, version: int = 1) -> Artifact:
    """The artifact of a contract. Raises Refused `contract_unknown`."""
    file = files(__package__) / "artifacts" / f"{name}.json"
    document = json.loads(file.read_text("utf-8")) if name.isalnum() and file.is_file() else {}
    if document.get("version") != version:
        raise refuse(
            "contract_unknown",
            f"There is no contract {name}, version {version}.",
            hint=f"There are {', '.join(names())}.",
        )
    return parse(document)


def names() -> list[str]:
    """The contracts that there are artifacts of."""
    folder = files(__package__) / "artifacts"
    return sorted(each.name.removesuffix(".json") for each in folder.iterdir())


def parse(document: Mapping[str, Any]) -> Artifact:
    """An artifact from what compile.mjs writes."""
    return Artifact(
        name=document["name"],
        version=document["version"],
        abi=tuple(document["abi"]),
        bytecode=bytes.fromhex(document["bytecode"].removeprefix("0x")),
        sources=tuple(document["sources"]),
        sources_sha256=document["sources_sha256"],
    )
