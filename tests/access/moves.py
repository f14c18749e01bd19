"""docs/moves.md, from the table of moves."""

from __future__ import annotations

import asyncpg


async def listed(owner: asyncpg.Connection) -> str:
    """Every machine with its moves, as Markdown."""
    rows = await owner.fetch(
        """
        select machine, coalesce(from_state, '(new)') as from_state, to_state, by, comment
        from agon.moves order by machine, from_state nulls first, to_state
        """
    )
    lines = [
        "# Moves",
        "",
        "Written by `tests/access` from `agon.moves`. One trigger refuses every other move; no",
        "role may write a state column, so moves happen inside functions, which check the actor.",
    ]
    machine = None
    for row in rows:
        if row["machine"] != machine:
            machine = row["machine"]
            lines += ["", f"## {machine}", "", "| from | to | by | what |", "| --- " * 4 + "|"]
        lines.append("| " + " | ".join(row[1:5]) + " |")
    return "\n".join([*lines, ""])
