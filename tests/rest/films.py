"""The film library, and a connection of `agon_web` to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from agon.rest import introspection, wire
from agon.rest.ask import Bounds, Row
from agon.rest.catalogue import Catalogue
from tests import places, servers
from tests.rest import asking

LIBRARY = Path(__file__).parent.parent / "clients"


@dataclass(frozen=True, kw_only=True)
class Films:
    """The library's schema cache, and where it is asked."""

    conn: wire.Connection
    catalogue: Catalogue
    place: places.Place

    async def ask(
        self,
        method: str,
        url: str,
        *,
        role: str = "anon",
        bounds: Bounds | None = None,
        **parts: str,
    ) -> Row:
        """A request's one row. parts: body, prefer, accept."""
        asked = asking.parsed(method, url, **parts)
        row, _ = await asking.answered(self.conn, self.catalogue, asked, role=role, bounds=bounds)
        return row


@asynccontextmanager
async def library(server: servers.TestServer, name: str, folder: Path) -> AsyncIterator[Films]:
    """A database with the library."""
    async with places.opened(server, name, folder) as place:
        for file in ("schema.sql", "functions.sql"):
            await place.owner.execute((LIBRARY / file).read_text("utf-8"))
        conn = await wire.connect(place.runtime.urls["agon_web"], settings={}, timeout_s=10)
        catalogue = await introspection.load(place.owner, ("public",))
        yield Films(conn=conn, catalogue=catalogue, place=place)
        conn.close()
