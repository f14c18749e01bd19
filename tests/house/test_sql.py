"""House rules of the database, held over the migrated catalogue."""

from __future__ import annotations

import re
from importlib.resources import files

import pglast
import pytest
from pglast.stream import RawStream

from agon.kernel import migrate, sealing
from agon.systems import SYSTEMS

OURS = "('public', 'agon')"
CALL = re.compile(r"\b(auth|agon)\.\w+\(")
ASKED_ONCE = re.compile(r"\b(SELECT|FROM) \(*(auth|agon)\.\w+\(('[^']*'::[a-z]+(, )?)*\)")
"""A call with constants only, as Postgres prints it where a subquery is of nothing else."""

ADDRESS = re.compile(r"~ '\^0x\[0-9a-f\](\{40\}\$'::text|\*\$'::text\) AND \(length\(\w+\) = 42\))")
"""How a CHECK says it, and how where it must be fast."""

STATES_OF_OTHERS = {
    "agon.moves.from_state",
    "agon.moves.to_state",
    # The queue's library moves its own.
    "agon.pgqueuer.status",
    "agon.pgqueuer_log.status",
    "agon.pgqueuer_schedules.status",
    "agon.pgqueuer_statistics.status",
}
"""Columns that look like a state and are no machine of ours."""


async def test_every_table_has_row_level_security(place):
    rows = await place.owner.fetch(
        f"""
        select c.oid::regclass::text as name from pg_class c
        where c.relnamespace::regnamespace::text in {OURS} and c.relkind in ('r', 'p')
          and not c.relrowsecurity
        """
    )
    assert [row["name"] for row in rows] == []


async def test_every_table_and_function_has_a_comment(place):
    rows = await place.owner.fetch(
        f"""
        select c.oid::regclass::text as name from pg_class c
        where c.relnamespace::regnamespace::text in {OURS} and c.relkind in ('r', 'p', 'v', 'm')
          and obj_description(c.oid, 'pg_class') is null
        union all
        select p.oid::regprocedure::text from pg_proc p
        where p.pronamespace::regnamespace::text in {OURS}
          and obj_description(p.oid, 'pg_proc') is null
        """
    )
    assert [row["name"] for row in rows] == []


async def test_a_definer_function_pins_its_search_path(place):
    rows = await place.owner.fetch(
        f"""
        select p.oid::regprocedure::text as name from pg_proc p
        where p.pronamespace::regnamespace::text in {OURS} and p.prosecdef
          and not coalesce(p.proconfig @> array['search_path=""'], false)
        """
    )
    assert [row["name"] for row in rows] == []


async def test_every_foreign_key_is_indexed(place):
    rows = await place.owner.fetch(
        f"""
        select k.conrelid::regclass::text || '.' || k.conname as name
        from pg_constraint k
        where k.contype = 'f' and k.connamespace::regnamespace::text in {OURS}
          and not exists (
            select from pg_index i
            where i.indrelid = k.conrelid
              and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey
          )
        """
    )
    assert [row["name"] for row in rows] == []


async def test_updated_at_is_stamped_wherever_it_exists(place):
    rows = await place.owner.fetch(
        """
        select c.oid::regclass::text as name from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attname = 'updated_at'
        where c.relnamespace::regnamespace::text in ('public', 'agon', 'auth')
          and c.relkind in ('r', 'p') and not exists (
            select from pg_trigger t
            where t.tgrelid = c.oid and t.tgfoid = 'agon.stamp_updated_at'::regproc)
        """
    )
    assert [row["name"] for row in rows] == []


async def test_every_policy_names_its_role_and_has_one_command(place):
    rows = await place.owner.fetch(
        """
        select format('%s on %s', policyname, tablename) as name from pg_policies
        where schemaname in ('public', 'agon')
          and (roles @> '{public}' or (cmd = 'ALL' and not (roles = '{agon_worker}'
            and tablename like 'pgqueuer%')))
        """
    )
    assert [row["name"] for row in rows] == []


async def test_a_policy_is_called_after_its_table_and_command(place):
    rows = await place.owner.fetch(
        """
        select policyname as name, tablename, cmd from pg_policies
        where schemaname in ('public', 'agon')
        """
    )
    wrong = [
        row["name"]
        for row in rows
        if not row["name"].startswith(f"{row['tablename']}_{row['cmd'].lower()}_")
    ]
    assert wrong == []


async def test_policies_ask_for_the_caller_once_a_statement(place):
    # auth.uid() bare is called for every row, and so is one that is given a column;
    # (select auth.uid()) once.
    rows = await place.owner.fetch(
        """
        select format('%s on %s', policyname, tablename) as name, concat(qual, with_check) as said
        from pg_policies where schemaname in ('public', 'agon')
        """
    )
    assert [row["name"] for row in rows if CALL.search(ASKED_ONCE.sub("", row["said"]))] == []
    for said, bare in (
        ("(user_id = ( SELECT auth.uid() AS uid))", False),
        ("( SELECT agon.has_permission('avatars.moderate'::text) AS has_permission)", False),
        ("((auth.uid() = user_id) OR (org IN ( SELECT agon.own_orgs() AS own_orgs)))", True),
        ("( SELECT agon.is_mine(t.id) AS is_mine)", True),
    ):
        assert bool(CALL.search(ASKED_ONCE.sub("", said))) is bare, said


async def test_what_a_policy_looks_up_leads_an_index(place):
    rows = await place.owner.fetch(
        """
        select p.policyname, p.tablename, asked.what[1] as what
        from pg_policies p cross join regexp_matches(
          concat(p.qual, p.with_check), '\\(((?:lower\\(\\w+\\))|\\w+) (?:IN|=) \\( ?SELECT', 'g'
        ) asked (what)
        where p.schemaname in ('public', 'agon') and not exists (
          select from pg_index i
          where i.indrelid = format('%I.%I', p.schemaname, p.tablename)::regclass
            and pg_get_indexdef(i.indexrelid, 1, true) = asked.what[1])
        """
    )
    assert [tuple(row) for row in rows] == []


async def test_a_materialised_view_is_not_in_public(place):
    # It has no row level security: it lives in agon, behind a view.
    rows = await place.owner.fetch(
        "select matviewname from pg_matviews where schemaname = 'public'"
    )
    assert rows == []


async def test_every_column_that_says_a_state_is_a_machine(place):
    rows = await place.owner.fetch(
        f"""
        select format('%s.%s.%s', c.relnamespace::regnamespace, c.relname, a.attname) as name
        from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace::regnamespace::text in {OURS} and c.relkind in ('r', 'p')
          and a.attname ~ '(^|_)(status|state|phase)$' and a.attnum > 0 and not a.attisdropped
          and a.atttypid not in ('integer'::regtype, 'smallint'::regtype)  -- of HTTP
        except
        select machine from agon.moves
        """
    )
    assert {row["name"] for row in rows} <= STATES_OF_OTHERS


async def test_every_state_column_is_guarded(place):
    rows = await place.owner.fetch(
        """
        select distinct m.machine from agon.moves m
        where not exists (
          select from pg_trigger t
          where t.tgfoid = 'agon.guard_move'::regproc
            and t.tgrelid = regexp_replace(m.machine, '\\.[^.]+$', '')::regclass
            and encode(t.tgargs, 'escape') = split_part(m.machine, '.', 3) || '\\000')
        """
    )
    assert [row["machine"] for row in rows] == []


async def test_no_client_role_may_write_a_state_column(place):
    rows = await place.owner.fetch(
        """
        select m.machine, r.role from (select distinct machine from agon.moves) m
        cross join unnest(array['anon', 'authenticated', 'service_role', 'agon_worker']) r (role)
        where has_column_privilege(
          r.role,
          (split_part(m.machine, '.', 1) || '.' || split_part(m.machine, '.', 2))::regclass,
          split_part(m.machine, '.', 3), 'update')
        """
    )
    assert [tuple(row) for row in rows] == []


async def test_constraints_read_as_claims(place):
    # Names that Postgres makes up itself end in _check or _key with a number or without.
    rows = await place.owner.fetch(
        f"""
        select k.conname as name from pg_constraint k join pg_class c on c.oid = k.conrelid
        where k.connamespace::regnamespace::text in {OURS} and k.contype = 'c'
          and c.relname not like 'pgqueuer%' and c.relname <> 'schema_migrations'
          and k.conname ~ '_check[0-9]*$'
        """
    )
    assert [row["name"] for row in rows] == []


async def test_one_form_stands_for_a_sealed_secret_and_one_for_an_address(place):
    """A column that holds a secret is of the domain, which is the form that sealing writes."""
    checks = await place.owner.fetch(
        """
        select conname, pg_get_constraintdef(oid) as said,
          coalesce(nullif(contypid, 0)::regtype::text, conrelid::regclass::text) as of
        from pg_constraint where contype = 'c'
        """
    )
    sealed = [(row["of"], row["said"]) for row in checks if "sealed:" in row["said"]]
    assert sealed == [("agon.sealed", f"CHECK ((VALUE ~ '{sealing.SEALED_PATTERN}'::text))")]
    bare = await place.owner.fetch(
        """
        select attrelid::regclass || '.' || attname as name from pg_attribute
        where attname ~ '^sealed_|_tokens?$' and atttypid <> 'agon.sealed'::regtype
          and attnum > 0 and not attisdropped
          and attrelid in (select oid from pg_class where relkind in ('r', 'p')
            and relnamespace::regnamespace::text in ('public', 'agon'))
        """
    )
    assert [row["name"] for row in bare] == []
    hexes = [row for row in checks if row["conname"].endswith("_is_lower_case_hex")]
    assert [row["conname"] for row in hexes if not ADDRESS.search(row["said"])] == []
    assert len(hexes) > 20


async def test_the_queue_is_as_its_library_wants_it(place):
    """pgqueuer compares the tables with what its release declares."""
    from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
    from pgqueuer.adapters.persistence import qb
    from pgqueuer.adapters.persistence.queries import Queries
    from pgqueuer.domain.settings import DBSettings

    names = DBSettings(db_schema="agon")
    queries = Queries(
        AsyncpgDriver(place.owner), qb.QueryBuilderEnvironment(names), qb.QueryQueueBuilder(names)
    )
    for table in ("pgqueuer", "pgqueuer_log", "pgqueuer_schedules", "pgqueuer_statistics"):
        assert await queries.has_table(table)
    wanted = pglast.parse_sql(queries.qbe.build_install_query(create_schema=False))
    for statement in wanted:
        node = statement.stmt
        if isinstance(node, pglast.ast.CreateStmt):
            for element in node.tableElts:
                if isinstance(element, pglast.ast.ColumnDef):
                    assert await queries.table_has_column(node.relation.relname, element.colname)
        if isinstance(node, pglast.ast.IndexStmt):
            assert await queries.table_has_index(node.relation.relname, node.idxname)


@pytest.mark.parametrize("file", migrate.collect(SYSTEMS), ids=lambda file: file.path)
def test_every_migration_parses(file):
    assert pglast.parse_sql(file.text)


def test_an_object_stands_in_one_file():
    seen: dict[str, str] = {}
    for file in migrate.collect(SYSTEMS):
        if file.kind != "rules":
            continue
        for statement in pglast.parse_sql(file.text):
            name = _made_by(statement.stmt)
            if name:
                assert name not in seen, f"{name} stands in {seen.get(name)} and {file.path}"
                seen[name] = file.path
    assert len(seen) > 50


def _made_by(node: object) -> str | None:
    match node:
        case pglast.ast.CreateFunctionStmt():
            arguments = [RawStream()(p.argType) for p in node.parameters or ()]
            return ".".join(part.sval for part in node.funcname) + f"({','.join(arguments)})"
        case pglast.ast.CreatePolicyStmt():
            return f"policy {node.table.relname}.{node.policy_name}"
        case pglast.ast.CreateTrigStmt():
            return f"trigger {node.relation.relname}.{node.trigname}"
        case pglast.ast.ViewStmt():
            return f"view {node.view.relname}"
    return None


def test_every_rules_file_is_listed_in_its_manifest():
    for system in SYSTEMS:
        package = files(system.package)
        found = {entry.name for entry in package.iterdir() if entry.name.endswith(".sql")}
        assert found == set(system.rules)
