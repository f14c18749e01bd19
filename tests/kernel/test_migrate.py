"""Migrations: once, again when rules change, and nothing by halves."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from agon.kernel import database, migrate, migrate_export
from agon.kernel.errors import Refused
from agon.kernel.migrate import File
from agon.systems import SYSTEMS


def _file(name: str, text: str, kind: str = "rules") -> File:
    return File(package="agon.example", name=name, kind=kind, text=text)


async def test_a_second_run_applies_nothing(place):
    assert await migrate.run(place.owner, migrate.collect(SYSTEMS)) == []


async def test_changed_rules_are_applied_again(place):
    rules = _file("noun.sql", "create or replace function agon.one() returns int return 1;")
    files = [*migrate.collect(SYSTEMS), rules]
    await migrate.run(place.owner, files)
    changed = replace(rules, text=rules.text.replace("return 1", "return 2"))
    applied = await migrate.run(place.owner, [*files[:-1], changed])
    assert [state.state for state in applied] == ["changed"]
    assert await place.owner.fetchval("select agon.one()") == 2


async def test_a_changed_shape_is_refused(place):
    files = migrate.collect(SYSTEMS)
    changed = [replace(files[0], text=files[0].text + "\n-- later"), *files[1:]]
    with pytest.raises(Refused) as refused:
        await migrate.run(place.owner, changed)
    assert refused.value.refusal.code == "migration_frozen"


async def test_a_missing_shape_is_refused(place):
    files = [file for file in migrate.collect(SYSTEMS) if not file.name.endswith("0001_roles.sql")]
    with pytest.raises(Refused) as refused:
        await migrate.run(place.owner, files)
    assert refused.value.refusal.code == "migration_missing"


async def test_a_shape_below_an_applied_one_is_refused(place):
    late = File(package="agon.kernel", name="migrations/0000_late.sql", kind="shape", text="")
    with pytest.raises(Refused) as refused:
        await migrate.run(place.owner, [late, *migrate.collect(SYSTEMS)])
    assert refused.value.refusal.code == "migration_out_of_order"


async def test_a_failing_file_names_its_line_and_leaves_nothing(place):
    broken = _file("noun.sql", "create table agon.half (id int);\nselect 1;\nselect nothing_here;")
    with pytest.raises(Refused) as refused:
        await migrate.run(place.owner, [*migrate.collect(SYSTEMS), broken])
    assert refused.value.refusal.code == "migration_failed"
    assert "agon.example/noun.sql, line 3" in refused.value.refusal.message
    assert await place.owner.fetchval("select to_regclass('agon.half')") is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("-- one\n\ncreate table agon.events (id int);", 3),
        (
            "select 1;\n/* two\n lines */ select 2;\ndrop table agon.absent;",
            4,
        ),
        ("select ';';\ndo $$ begin\n perform 1;\n raise 'no'; end $$;", 2),
        ("select 1,\n  2,\n  nothing_here;", 3),
    ],
)
async def test_the_line_is_that_of_the_failing_statement(place, text, line):
    with pytest.raises(Refused) as refused:
        await migrate.run(place.owner, [*migrate.collect(SYSTEMS), _file("noun.sql", text)])
    assert f"noun.sql, line {line}:" in refused.value.refusal.message


async def test_a_new_function_is_closed_until_it_is_granted(place):
    rules = _file("noun.sql", "create function agon.one() returns int return 1;")
    await migrate.run(place.owner, [*migrate.collect(SYSTEMS), rules])
    with pytest.raises(Exception, match="permission denied"):
        async with place.database.as_caller(place.actor("ada")) as conn:
            await conn.execute("select agon.one()")


async def test_two_runs_at_once_take_turns(place):
    slow = _file("noun.sql", "select pg_sleep(0.3); create table agon.once (id int);")
    files = [*migrate.collect(SYSTEMS), slow]
    other = await database.connect(place.runtime.urls["agon_owner"])
    try:
        both = await asyncio.gather(migrate.run(place.owner, files), migrate.run(other, files))
    finally:
        await other.close()
    assert sorted(len(applied) for applied in both) == [0, 1]


async def test_an_export_grows_by_what_changed(tmp_path: Path):
    files = migrate.collect(SYSTEMS)
    first = migrate_export.export(files, tmp_path)
    assert len(first) == len(files) + 1
    assert migrate_export.export(files, tmp_path) == []
    rules = next(file for file in files if file.kind == "rules")
    changed = [replace(f, text=f.text + "\n-- more\n") if f is rules else f for f in files]
    (more,) = migrate_export.export(changed, tmp_path)
    assert more.name > max(path.name for path in first)


async def test_an_export_refuses_a_changed_shape(tmp_path: Path):
    files = migrate.collect(SYSTEMS)
    migrate_export.export(files, tmp_path)
    changed = [replace(files[0], text=files[0].text + "\n-- later"), *files[1:]]
    with pytest.raises(Refused) as refused:
        migrate_export.export(changed, tmp_path)
    assert refused.value.refusal.code == "migration_frozen"


async def test_an_exported_database_is_a_migrated_one(place, server, tmp_path: Path):
    paths = migrate_export.export(migrate.collect(SYSTEMS), tmp_path)
    await place.owner.execute("create database agon_exported")
    conn = await database.connect(server.url("agon_owner", "agon_exported"))
    try:
        for path in sorted(paths):
            await conn.execute(path.read_text("utf-8"))
        states = await migrate.status(conn, migrate.collect(SYSTEMS))
        assert {state.state for state in states} == {"applied"}
        assert await conn.fetchval("select count(*) from public.models") > 0
    finally:
        await conn.close()
        await place.owner.execute("drop database agon_exported with (force)")
