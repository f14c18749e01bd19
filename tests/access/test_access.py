"""docs/access.md and docs/moves.md say what the running database does."""

from __future__ import annotations

import os
from pathlib import Path

from agon.kernel.database import ANONYMOUS
from tests.access import matrix, moves, seeds
from tests.places import SERVICE

DOCS = Path(__file__).parents[2] / "docs"


def _hold(name: str, text: str) -> None:
    path = DOCS / name
    if os.environ.get("AGON_TEST_WRITE_DOCS"):
        path.write_text(text, "utf-8")
    assert path.read_text("utf-8") == text, "AGON_TEST_WRITE_DOCS=1 writes it again"


async def test_the_access_matrix_holds(place):
    await seeds.sow(place.owner)
    actors = {
        "anon": ANONYMOUS,
        "authenticated": await place.own("ada"),
        "service_role": SERVICE,
        "agon_worker": SERVICE,
    }
    _hold("access.md", await matrix.tried(place, actors))


async def test_every_public_table_is_in_the_matrix(place):
    rows = await place.owner.fetch(
        """
        select 'public.' || relname as name from pg_class
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v')
        """
    )
    assert {row["name"] for row in rows} <= set(seeds.KINDS)


async def test_the_list_of_moves_holds(place):
    _hold("moves.md", await moves.listed(place.owner))
