"""Rows to try the access matrix on, as each system has them in `tests/<system>/rows.py`.

There `KINDS` holds for each of its tables the kinds of rows with the predicates that tell them
apart, and `SOW` the SQL that writes at least one of each. Systems sow in the order of SYSTEMS.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import asyncpg

from agon.systems import SYSTEMS
from tests.access.cast import Kinds

TESTS = Path(__file__).parents[1]
ROWS = [
    import_module(f"tests.{system.name}.rows")
    for system in SYSTEMS
    if (TESTS / system.name / "rows.py").is_file()
]
KINDS: dict[str, Kinds] = dict(
    sorted((table, kinds) for rows in ROWS for table, kinds in rows.KINDS.items())
)


async def sow(owner: asyncpg.Connection) -> None:
    """Every kind of row in every table."""
    for rows in ROWS:
        await owner.execute(rows.SOW)
