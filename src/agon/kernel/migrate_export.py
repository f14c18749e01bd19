"""Migrations as plain SQL files for the Supabase CLI's `db push`, or psql.

Both go by file names and never look at a file twice. So an export into a folder that holds an
earlier one adds files: new shapes, and rules that have changed, numbered after the last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from agon import __version__
from agon.kernel.errors import refuse
from agon.kernel.migrate import CLOSE, LEDGER, File

FIRST_STAMP = datetime(2026, 1, 1)
STAMP_FORMAT = "%Y%m%d%H%M%S"

_HEADER = re.compile(r"^-- agon (\S+) ([0-9a-f]{64})$", re.MULTILINE)


def export(files: Sequence[File], folder: Path) -> list[Path]:
    """Write what the folder does not hold yet as `<14 digits>_<package>_<name>.sql`.

    Each file records itself in `agon.schema_migrations`, so `agon migrate` later agrees.
    Raises Refused `migration_frozen` if the folder holds another version of a shape.
    """
    folder.mkdir(parents=True, exist_ok=True)
    held = _held(folder)
    ledger = File(package="agon.kernel", name="schema_migrations.sql", kind="shape", text=LEDGER)
    paths = []
    stamps = _stamps(folder)
    for file in [ledger, *files]:
        if held.get(file.path) == file.hash:
            continue
        if file.kind == "shape" and file.path in held:
            raise refuse(
                "migration_frozen",
                f"{file.path} differs from the one exported to {folder}.",
                hint="Put the file back and write the change as a new numbered file.",
            )
        stem = file.path.removesuffix(".sql").replace("/migrations", "")
        path = folder / f"{next(stamps)}_{re.sub('[./]', '_', stem)}.sql"
        record = "" if file is ledger else _record(file)
        path.write_text(f"-- agon {file.path} {file.hash}\n\n{file.text}{record}", "utf-8")
        paths.append(path)
    return paths


def _held(folder: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.sql")):
        if match := _HEADER.search(path.read_text("utf-8")):
            found[match[1]] = match[2]
    return found


def _stamps(folder: Path) -> Iterator[str]:
    names = sorted(path.name[:14] for path in folder.glob("*.sql") if path.name[:14].isdecimal())
    stamp = datetime.strptime(names[-1], STAMP_FORMAT) if names else FIRST_STAMP
    while True:
        stamp += timedelta(seconds=1)
        yield stamp.strftime(STAMP_FORMAT)


def _record(file: File) -> str:
    values = ", ".join(
        f"'{value}'" for value in (file.package, file.name, file.kind, file.hash, __version__)
    )
    return (
        f"\n{CLOSE};\n"
        "insert into agon.schema_migrations (package, name, kind, hash, release, milliseconds)\n"
        f"values ({values}, 0)\n"
        "on conflict (package, name) do update\n"
        "  set hash = excluded.hash, release = excluded.release, applied_at = now();\n"
    )
