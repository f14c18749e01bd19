"""What the doors are measured on: 100,000 posts of 100 people under row level security.

Each case is one request, told three times: as the SQL that the door sends, as a plpgsql function
that sets role and claims and does the same, and as the pgbench script that calls it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

ROWS = 100_000
PEOPLE = 100
READER = "00000000-0000-4000-8000-000000000000"
"""Who asks; the posts whose number is divisible by PEOPLE are this one's."""
CLAIMS = f'{{"sub": "{READER}", "role": "authenticated"}}'

TABLES = f"""
create table public.bench_authors (
  id uuid primary key,
  name text not null
);
create table public.bench_posts (
  id bigint generated always as identity primary key,
  owner_id uuid not null references public.bench_authors,
  tag int not null,
  title text not null,
  body text not null,
  created_at timestamptz not null default now()
);
insert into public.bench_authors (id, name)
  select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'Author ' || n
  from generate_series(0, {PEOPLE - 1}) n;
insert into public.bench_posts (owner_id, tag, title, body)
  select ('00000000-0000-4000-8000-' || lpad((n % {PEOPLE})::text, 12, '0'))::uuid,
    (n / {PEOPLE}) % 10, 'Title ' || n, repeat('x', 120)
  from generate_series(1, {ROWS}) n;
create index on public.bench_posts (owner_id, id);
alter table public.bench_authors enable row level security;
alter table public.bench_posts enable row level security;
revoke all on public.bench_authors, public.bench_posts from anon, authenticated, service_role;
grant select on public.bench_authors to authenticated;
grant select, insert on public.bench_posts to authenticated;
create policy bench_authors_select_authenticated on public.bench_authors
  for select to authenticated using (true);
create policy bench_posts_select_authenticated on public.bench_posts
  for select to authenticated using (owner_id = (select auth.uid()));
create policy bench_posts_insert_authenticated on public.bench_posts
  for insert to authenticated with check (owner_id = (select auth.uid()));
create function public.bench_count(tag int) returns bigint
language sql stable
as 'select count(*) from public.bench_posts p where p.tag = bench_count.tag and p.id < 2000';
grant execute on function public.bench_count(int) to authenticated;
"""

_AROUND = """
select null::text as total, count(*)::text as page, coalesce(json_agg(s), '[]')::text as body,
  nullif(current_setting('response.headers', true), '') as headers,
  nullif(current_setting('response.status', true), '') as status,
  null::text as inserted, null::text as location
from ({}) s
"""
"""The row that the data door reads."""

_COLUMNS = "p.id, p.title, p.tag, p.created_at"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One request. sql: with $1 for its value, of the type `kind`; value: drawn anew for each
    request, by `draw` and, in pgbench, by the line `drawn`, whose outcome is `given`."""

    name: str
    sql: str
    kind: str
    draw: Callable[[random.Random], str]
    drawn: str
    given: str

    @property
    def typed(self) -> str:
        """The same with a parameter that asyncpg may bind as text."""
        return self.sql.replace("$1", f"$1::text::{self.kind}")

    @property
    def function(self) -> str:
        """What pgbench calls: role, claims and the request in one."""
        name = f"public.bench_{self.name}_at_once"
        return f"""
create function {name}(claims text, given {self.kind}) returns text
language plpgsql as $f$
declare
  answer record;
begin
  perform set_config('role', 'authenticated', true),
    set_config('request.jwt.claims', claims, true);
  {self.sql.replace("$1", "given")} into answer;
  return answer.body;
end
$f$;
grant execute on function {name} to agon_web;
"""

    @property
    def script(self) -> str:
        """One transaction of pgbench."""
        call = f"select public.bench_{self.name}_at_once('{CLAIMS}', {self.given});"
        return f"{self.drawn}\n{call}\n"


def _own(chance: random.Random) -> str:
    return str(PEOPLE * chance.randint(1, ROWS // PEOPLE))


def _tag(chance: random.Random) -> str:
    return str(chance.randint(0, 9))


_POST = f'{{"owner_id": "{READER}", "tag": 3, "title": "A new one", "body": "{"x" * 120}"}}'

CASES = (
    Case(
        name="by_key",
        sql=_AROUND.format(f"select {_COLUMNS} from public.bench_posts p where p.id = $1"),
        kind="bigint",
        draw=_own,
        drawn=f"\\set n random(1, {ROWS // PEOPLE}) * {PEOPLE}",
        given=":n",
    ),
    Case(
        name="list_of_10",
        sql=_AROUND.format(
            f"select {_COLUMNS} from public.bench_posts p"
            " where p.tag = $1 order by p.id desc limit 10"
        ),
        kind="int",
        draw=_tag,
        drawn="\\set n random(0, 9)",
        given=":n",
    ),
    Case(
        name="embed",
        sql=_AROUND.format(
            "select p.id, p.title, row_to_json(a) as author from public.bench_posts p"
            " left join lateral (select a.name from public.bench_authors a"
            " where a.id = p.owner_id) a on true"
            " where p.tag = $1 order by p.id desc limit 10"
        ),
        kind="int",
        draw=_tag,
        drawn="\\set n random(0, 9)",
        given=":n",
    ),
    Case(
        name="insert",
        sql="with made as (insert into public.bench_posts (owner_id, tag, title, body)"
        " select r.owner_id, r.tag, r.title, r.body from json_to_record($1) as"
        " r (owner_id uuid, tag int, title text, body text) returning id)"
        + _AROUND.format("select id from made"),
        kind="json",
        draw=lambda _: _POST,
        drawn="",
        given=f"'{_POST}'",
    ),
    Case(
        name="rpc",
        sql=_AROUND.format("select public.bench_count($1) as counted"),
        kind="int",
        draw=_tag,
        drawn="\\set n random(0, 9)",
        given=":n",
    ),
)
