"""A list of leaked passwords that answers by the first five digits of a SHA-1, as haveibeenpwned's
range API does, with padding."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from aiohttp import web

from tests.standins.server import Standin, serve

PADDING = {hashlib.sha1(str(number).encode()).hexdigest()[5:]: 0 for number in range(3)}


@asynccontextmanager
async def standin(leaks: Mapping[str, int]) -> AsyncIterator[Standin]:
    """leaks: passwords, and how often each was seen; 0 for a line of padding."""
    hashed = {hashlib.sha1(text.encode()).hexdigest(): count for text, count in leaks.items()}

    async def answer(request: web.Request) -> web.Response:
        prefix = request.match_info["prefix"].lower()
        found = {digest[5:]: n for digest, n in hashed.items() if digest.startswith(prefix)}
        lines = [f"{rest.upper()}:{count}" for rest, count in sorted((PADDING | found).items())]
        return web.Response(text="\r\n".join(lines))

    async with serve({"GET /range/{prefix}": answer}) as running:
        yield running
