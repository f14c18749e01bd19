"""A resolver that answers what it is told to."""

from __future__ import annotations

from typing import Any

from aiohttp.abc import AbstractResolver

PUBLIC = "93.184.215.14"


class Names(AbstractResolver):
    """Names that answer one address after another, as a rebinding attacker's do."""

    def __init__(self, *answers: str):
        self.answers = list(answers)
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[Any]:
        self.asked.append(host)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        facts = {"hostname": host, "port": port, "family": 2, "proto": 0, "flags": 0}
        return [{**facts, "host": address} for address in found.split()]

    async def close(self) -> None: ...
