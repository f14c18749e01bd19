"""A table with policies, functions that tell of their request, and those who ask for them."""

from __future__ import annotations

from typing import Any

import httpx

from agon.kernel import clock, jwt

SCHEMA = """
create table public.films (id int primary key, title text not null, owner uuid default auth.uid());
alter table public.films enable row level security;
revoke all on public.films from anon, authenticated, service_role;
grant select on public.films to anon;
grant select, insert, update, delete on public.films to authenticated, service_role;
create policy films_select_public on public.films for select to anon using (id <= 10);
create policy films_select_own on public.films for select to authenticated
  using (owner = (select auth.uid()));
create policy films_insert_own on public.films for insert to authenticated
  with check (owner = (select auth.uid()));
insert into public.films select n, 'film ' || n, null from generate_series(1, 20) n;

create function public.whoami() returns json language sql stable as $$
  select json_build_object(
    'role', current_user, 'session', session_user, 'sub', auth.uid(),
    'claims', current_setting('request.jwt.claims')::json,
    'method', current_setting('request.method'), 'path', current_setting('request.path'),
    'headers', current_setting('request.headers')::json,
    'cookies', current_setting('request.cookies')::json,
    'search_path', current_setting('search_path'), 'zone', current_setting('timezone'),
    'read_only', current_setting('transaction_read_only'),
    'timeout', current_setting('statement_timeout'))
$$;
create function public.become(wanted text) returns text language plpgsql as $$
begin
  perform set_config('role', wanted, true);
  return current_user;
end $$;
create function public.sleep(seconds float8) returns void language sql as $$
  select pg_sleep(seconds)
$$;
create function public.hold(seconds float8) returns void language sql as $$
  select pg_advisory_xact_lock(4242);
  select pg_sleep(seconds)
$$;
create function public.patient(seconds float8) returns int language sql
  set statement_timeout = '20s' as $$ select 1 from pg_sleep(seconds) $$;
create function public.add_film(film int) returns int language sql as $$
  insert into public.films (id, title) values (film, 'new') returning id
$$;
create function public.teapot() returns text language plpgsql as $$
begin
  perform set_config('response.status', '418', true);
  perform set_config('response.headers', '[{"X-Tea": "green"}]', true);
  return 'tea';
end $$;
create function public.refuse_all() returns int language plpgsql as $$
begin
  perform agon.refuse(409, 'films_closed', 'No more films.', 'Come back tomorrow.');
  return 1;
end $$;
grant execute on function public.whoami(), public.become(text), public.sleep(float8),
  public.hold(float8), public.patient(float8), public.add_film(int), public.teapot(),
  public.refuse_all()
  to anon, authenticated, service_role;
"""

Api = httpx.AsyncClient


def user(api: Api, name: str = "ada", **claims: Any) -> dict[str, str]:
    """Headers of a signed-in client."""
    said = {"sub": ids(name), "role": "authenticated", **claims}
    token = jwt.mint(said, api.process.jwt_keys[0], clock.now_s(), 3600)
    return {"apikey": api.process.api_keys.publishable, "authorization": f"Bearer {token}"}


def ids(name: str) -> str:
    return f"00000000-0000-4000-8000-{name.encode().hex():0>12}"


def service(api: Api) -> dict[str, str]:
    return {"apikey": api.process.api_keys.secret}


def no(answer: httpx.Response) -> tuple[int, str]:
    said = answer.json()
    assert set(said) == {"code", "details", "hint", "message"}
    assert answer.headers["proxy-status"] == f"PostgREST; error={said['code']}"
    return answer.status_code, said["code"]


async def get(api: Api, path: str, **headers: str) -> httpx.Response:
    return await api.get(f"/rest/v1{path}", headers=headers)
