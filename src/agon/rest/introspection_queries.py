"""What the schema cache asks Postgres, one query for each kind of thing.

All run under an empty search_path, so that `format_type` and `pg_get_expr` qualify what is not of
pg_catalog. Types without a modifier are written with -1: `bpchar`, where null would give
`character`, which is one character long.
"""

from __future__ import annotations

# The schemas that are not Postgres's own; its own are also those of temporary tables.
_SCHEMAS = r"""(
  select oid from pg_catalog.pg_namespace
  where nspname not like 'pg\_%' and nspname <> 'information_schema')"""

# A domain and its base type, which may lie under several domains; any of them may forbid nulls.
_BASES = """
recursive domains (oid, base, not_null) as (
  select oid, typbasetype, typnotnull from pg_catalog.pg_type where typtype = 'd'
  union all
  select d.oid, t.typbasetype, d.not_null or t.typnotnull
  from domains d join pg_catalog.pg_type t on t.oid = d.base where t.typtype = 'd'
), bases (oid, base, not_null) as (
  select d.oid, d.base, d.not_null
  from domains d join pg_catalog.pg_type t on t.oid = d.base where t.typtype <> 'd'
)
"""

# $1: schemas. writes: bits, 4 update, 8 insert, 16 delete.
TABLES = """
select n.nspname::text as schema, c.relname::text as name, c.relkind in ('v', 'm') as is_view,
  case when c.relkind in ('r', 'p') then 4 | 8 | 16
    else pg_relation_is_updatable(c.oid, true) end as writes,
  d.description as comment
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_description d
  on d.objoid = c.oid and d.classoid = 'pg_catalog.pg_class'::regclass and d.objsubid = 0
where c.relkind in ('r', 'v', 'm', 'f', 'p') and not c.relispartition and n.nspname = any($1)
order by 1, 2
"""

# $1: schemas. A column's own default comes before its domain's.
COLUMNS = f"""
with {_BASES}
select n.nspname::text as schema, c.relname::text as table, a.attname::text as name,
  format_type(a.atttypid, a.atttypmod) as type,
  format_type(coalesce(b.base, a.atttypid), -1) as base,
  not (a.attnotnull or coalesce(b.not_null, false)) as nullable,
  case
    when a.attgenerated <> '' then null
    when a.attidentity <> '' then (
      select format('nextval(%L::regclass)', format('%I.%I', sn.nspname, s.relname))
      from pg_catalog.pg_depend dep
      join pg_catalog.pg_class s on s.oid = dep.objid and s.relkind = 'S'
      join pg_catalog.pg_namespace sn on sn.oid = s.relnamespace
      where dep.classid = 'pg_catalog.pg_class'::regclass and dep.deptype = 'i'
        and dep.refclassid = 'pg_catalog.pg_class'::regclass
        and dep.refobjid = c.oid and dep.refobjsubid = a.attnum)
    else coalesce(pg_get_expr(ad.adbin, ad.adrelid), pg_get_expr(t.typdefaultbin, 0))
  end as default,
  d.description as comment,
  case when bt.typtype = 'e' then array(
    select e.enumlabel::text from pg_catalog.pg_enum e
    where e.enumtypid = bt.oid order by e.enumsortorder) end as enum
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_catalog.pg_type t on t.oid = a.atttypid
left join bases b on b.oid = a.atttypid
join pg_catalog.pg_type bt on bt.oid = coalesce(b.base, a.atttypid)
left join pg_catalog.pg_attrdef ad on ad.adrelid = c.oid and ad.adnum = a.attnum
left join pg_catalog.pg_description d
  on d.objoid = c.oid and d.classoid = 'pg_catalog.pg_class'::regclass and d.objsubid = a.attnum
where c.relkind in ('r', 'v', 'm', 'f', 'p') and not c.relispartition and n.nspname = any($1)
order by 1, 2, a.attnum
"""

# Primary and unique keys of every schema but Postgres's own: views may show private tables.
KEYS = f"""
select n.nspname::text as schema, c.relname::text as table, k.contype = 'p' as is_primary,
  array(
    select a.attname::text from unnest(k.conkey) with ordinality as key (number, place)
    join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = key.number
    order by key.place) as columns
from pg_catalog.pg_constraint k
join pg_catalog.pg_class c on c.oid = k.conrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where k.contype in ('p', 'u') and not c.relispartition and c.relnamespace in {_SCHEMAS}
order by 1, 2, k.contype, k.conname
"""

# conparentid: what Postgres derives for the partitions of a partitioned table.
FOREIGN_KEYS = f"""
select k.conname::text as name, n.nspname::text as schema, c.relname::text as table,
  fn.nspname::text as target_schema, fc.relname::text as target_table, pairs.own, pairs.other
from pg_catalog.pg_constraint k
join pg_catalog.pg_class c on c.oid = k.conrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_class fc on fc.oid = k.confrelid
join pg_catalog.pg_namespace fn on fn.oid = fc.relnamespace
cross join lateral (
  select array_agg(a.attname::text order by key.place) as own,
    array_agg(b.attname::text order by key.place) as other
  from unnest(k.conkey, k.confkey) with ordinality as key (number, far, place)
  join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = key.number
  join pg_catalog.pg_attribute b on b.attrelid = k.confrelid and b.attnum = key.far
) pairs
where k.contype = 'f' and k.conparentid = 0 and c.relnamespace in {_SCHEMAS}
order by 2, 3, 1
"""

# The query that a view was stored with, as Postgres writes its own nodes, and what the numbers
# in it mean. Of every schema but Postgres's own: a view may stand on a private view.
VIEWS = f"""
select c.oid::bigint as oid, n.nspname::text as schema, c.relname::text as name,
  r.ev_action::text as tree
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_rewrite r on r.ev_class = c.oid and r.rulename = '_RETURN'
where c.relkind in ('v', 'm') and c.relnamespace in {_SCHEMAS}
order by 2, 3
"""

# $1: oids of relations.
ATTRIBUTES = """
select c.oid::bigint as oid, n.nspname::text as schema, c.relname::text as table,
  a.attnum::integer as number, a.attname::text as name
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.oid = any($1::bigint[]::oid[])
"""

# Functions over a row of one relation that give rows of a relation. $1: schemas.
COMPUTED = """
select pn.nspname::text as schema, p.proname::text as name,
  sn.nspname::text as source_schema, s.relname::text as source_table,
  tn.nspname::text as target_schema, t.relname::text as target_table,
  not p.proretset or p.prorows = 1 as to_one,
  format('%I.%I', pn.nspname, p.proname) as function
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace pn on pn.oid = p.pronamespace
join pg_catalog.pg_class s on s.reltype = p.proargtypes[0]
join pg_catalog.pg_namespace sn on sn.oid = s.relnamespace
join pg_catalog.pg_class t on t.reltype = p.prorettype
join pg_catalog.pg_namespace tn on tn.oid = t.relnamespace
where p.prokind = 'f' and p.pronargs = 1 and pn.nspname = any($1)
  and s.relkind in ('r', 'v', 'm', 'f', 'p') and t.relkind in ('r', 'v', 'm', 'f', 'p')
order by 1, 2, 3, 4
"""

# Functions over the rows of a relation, which stand where a column could: `films.full_title`.
FIELDS = """
select sn.nspname::text as schema, s.relname::text as name, array_agg(p.proname::text) as functions
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace pn on pn.oid = p.pronamespace
join pg_catalog.pg_class s on s.reltype = p.proargtypes[0]
join pg_catalog.pg_namespace sn on sn.oid = s.relnamespace
where p.prokind = 'f' and p.pronargs = 1 and pn.nspname = any($1)
  and s.relkind in ('r', 'v', 'm', 'f', 'p')
group by 1, 2
"""

# Implicit casts by function between a domain and JSON or text.
CASTS = """
select format_type(c.castsource, -1) as source, format_type(c.casttarget, -1) as target,
  s.typtype = 'd' as from_domain, format('%I.%I', n.nspname, p.proname) as function
from pg_catalog.pg_cast c
join pg_catalog.pg_type s on s.oid = c.castsource
join pg_catalog.pg_type t on t.oid = c.casttarget
join pg_catalog.pg_proc p on p.oid = c.castfunc
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where c.castcontext = 'i' and c.castmethod = 'f'
  and ((s.typtype = 'd' and t.oid = 'json'::regtype)
    or (t.typtype = 'd' and s.oid in ('json'::regtype, 'text'::regtype)))
"""

# $1: schemas. Arrays run over all parameters, modes and names are null where all are plain or
# nameless. rows_*: the relation whose rows it returns; composite: rows with columns.
FUNCTIONS = f"""
with {_BASES}
select n.nspname::text as schema, p.proname::text as name,
  array(
    select format_type(kind.oid, -1)
    from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]))
      with ordinality as kind (oid, place)
    order by kind.place) as types,
  p.proargmodes::text[] as modes, p.proargnames as names,
  p.pronargs::integer as inputs, p.pronargdefaults::integer as defaults,
  format_type(p.prorettype, -1) as returns, p.proretset as set_returning,
  t.typtype = 'c' or coalesce(p.proargmodes::text[] && '{{t,b,o}}', false) as composite,
  array(
    select a.attname::text from pg_catalog.pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum) as fields,
  case when c.relkind <> 'c' then cn.nspname::text end as rows_schema,
  case when c.relkind <> 'c' then c.relname::text end as rows_table,
  case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end
    as volatility,
  p.proconfig as settings, d.description as comment
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
left join bases b on b.oid = p.prorettype
join pg_catalog.pg_type t on t.oid = coalesce(b.base, p.prorettype)
left join pg_catalog.pg_class c on c.oid = t.typrelid
left join pg_catalog.pg_namespace cn on cn.oid = c.relnamespace
left join pg_catalog.pg_description d
  on d.objoid = p.oid and d.classoid = 'pg_catalog.pg_proc'::regclass
where p.prokind = 'f' and n.nspname = any($1) and p.prorettype not in (
  'trigger'::regtype, 'event_trigger'::regtype, 'internal'::regtype, 'language_handler'::regtype,
  'fdw_handler'::regtype, 'index_am_handler'::regtype, 'table_am_handler'::regtype,
  'tsm_handler'::regtype)
order by 1, 2, p.pronargs, p.oid
"""

TIME_ZONES = "select name from pg_catalog.pg_timezone_names"

# One number that changes with the shape of the schemas, in a few milliseconds. A row's xmin tells
# that it was written again. Not so of pg_class: a refreshed or truncated relation writes that too.
FINGERPRINT = f"""
with spaces as (
  select oid, nspname from pg_catalog.pg_namespace where oid in {_SCHEMAS}
), relations as (
  select c.oid, hashtextextended(concat_ws(' ', c.oid, s.nspname, c.relname, c.relkind), 0) as hash
  from pg_catalog.pg_class c join spaces s on s.oid = c.relnamespace
  where c.relkind in ('r', 'v', 'm', 'f', 'p') and not c.relispartition
), rows (kind, hash) as (
  select 1, hash from relations
  union all
  select 2, hashint8extended(a.attnum + (a.xmin::text::bigint << 16), a.attrelid::bigint)
  from pg_catalog.pg_attribute a join relations r on r.oid = a.attrelid where a.attnum > 0
  union all
  select 3, hashint8extended(k.xmin::text::bigint, k.oid::bigint)
  from pg_catalog.pg_constraint k join relations r on r.oid = k.conrelid
  where k.contype in ('p', 'u', 'f')
  union all
  select 4, hashint8extended(w.xmin::text::bigint, w.oid::bigint)
  from pg_catalog.pg_rewrite w join relations r on r.oid = w.ev_class
  union all
  select 5, hashint8extended(p.xmin::text::bigint, p.oid::bigint)
  from pg_catalog.pg_proc p join spaces s on s.oid = p.pronamespace where p.prokind = 'f'
  union all
  select 6, hashint8extended(t.xmin::text::bigint, t.oid::bigint)
  from pg_catalog.pg_type t join spaces s on s.oid = t.typnamespace where t.typtype in ('d', 'e')
  union all
  select 7, hashint8extended(e.xmin::text::bigint, e.oid::bigint) from pg_catalog.pg_enum e
  union all
  select 8, hashint8extended(c.xmin::text::bigint, c.oid::bigint)
  from pg_catalog.pg_cast c where c.castfunc >= 16384
  union all
  select 9, hashint8extended(g.xmin::text::bigint, g.oid::bigint)
  from pg_catalog.pg_trigger g join relations r on r.oid = g.tgrelid where not g.tgisinternal
)
select string_agg(concat_ws(':', kind, count, hash), ' ' order by kind)
from (select kind, count(*) as count, bit_xor(hash) as hash from rows group by kind) kinds
"""
