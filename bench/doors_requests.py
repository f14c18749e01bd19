"""The measured requests as supabase-js sends them, and wrk, which sends them."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.doors_tables import PEOPLE, READER, ROWS

WRK = "wrk"
WRK_THREADS = 1
PROGRAM_S_MAX = 60

NODE = {
    "accept": "*/*",
    "accept-encoding": "gzip, deflate",
    "accept-language": "*",
    "connection": "keep-alive",
    "sec-fetch-mode": "cors",
    "user-agent": "node",
    "x-client-info": "supabase-js-node/2.99.0",
}
"""What supabase-js under Node sends with each request."""
_READ = {"accept-profile": "public"}
_WRITE = {"content-profile": "public", "content-type": "application/json"}
_POST = {"owner_id": READER, "tag": 3, "title": "A new one", "body": "x" * 120}

_LUA = """
local headers = {%(headers)s}
function setup(thread)
  turns = (turns or 0) + 1
  thread:set("turn", turns)
end
function init()
  math.randomseed(os.time() * 1000 + turn)
end
function request()
  return wrk.format("%(method)s", %(path)s, headers, %(body)s)
end
function done(summary, latency)
  local wrong = summary.errors
  io.write("told ", string.format(
    '{"requests": %%d, "micros": %%d, "p99_us": %%d, "wrong": %%d}',
    summary.requests, summary.duration, latency:percentile(99),
    wrong.connect + wrong.read + wrong.write + wrong.status + wrong.timeout), "\\n")
end
"""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A request. path, body: expressions of Lua, evaluated for each request anew; example,
    example_body: what they may come to."""

    method: str
    headers: Mapping[str, str]
    path: str
    example: str
    body: str = "nil"
    example_body: str | None = None


def _rows(query: str, drawn: str, rest: str, value: str) -> Sent:
    before, after = json.dumps(f"/rest/v1/bench_posts?{query}"), json.dumps(rest)
    return Sent(
        method="GET",
        headers=_READ,
        path=f"{before} .. {drawn} .. {after}",
        example=f"/rest/v1/bench_posts?{query}{value}{rest}",
    )


_TAG = "math.random(0, 9)"
_NEWEST = "&order=id.desc&limit=10"

REQUESTS = {
    "by_key": _rows(
        "select=id%2Ctitle%2Ctag%2Ccreated_at&id=eq.",
        f"{PEOPLE} * math.random({ROWS // PEOPLE})",
        "",
        str(PEOPLE),
    ),
    "list_of_10": _rows("select=id%2Ctitle%2Ctag%2Ccreated_at&tag=eq.", _TAG, _NEWEST, "3"),
    "embed": _rows(
        "select=id%2Ctitle%2Cauthor%3Abench_authors%28name%29&tag=eq.", _TAG, _NEWEST, "3"
    ),
    "insert": Sent(
        method="POST",
        headers={**_WRITE, "prefer": "return=representation"},
        path='"/rest/v1/bench_posts?select=id"',
        example="/rest/v1/bench_posts?select=id",
        body=f"[[{json.dumps(_POST)}]]",
        example_body=json.dumps(_POST),
    ),
    "rpc": Sent(
        method="POST",
        headers=_WRITE,
        path='"/rest/v1/rpc/bench_count"',
        example="/rest/v1/rpc/bench_count",
        body=f"""'{{"tag":' .. {_TAG} .. '}}'""",
        example_body='{"tag": 3}',
    ),
}
"""By the name of the case of `doors_tables` that they ask for."""

OPTIONS = Sent(
    method="OPTIONS",
    headers=_WRITE,
    path='"/rest/v1/bench_posts"',
    example="/rest/v1/bench_posts",
)
"""What the door answers without Postgres."""


def script_of(sent: Sent, headers: Mapping[str, str]) -> str:
    """A wrk script. headers: who asks."""
    pairs = {**NODE, **headers, **sent.headers}
    listed = ", ".join(f"[{json.dumps(key)}] = {json.dumps(pairs[key])}" for key in sorted(pairs))
    return _LUA % {
        "headers": listed,
        "method": sent.method,
        "path": sent.path,
        "body": sent.body,
    }


@dataclass(frozen=True, kw_only=True)
class Load:
    """What one run of wrk came to."""

    requests: int
    micros: int
    p99_us: int
    wrong: int

    @property
    def per_s(self) -> float:
        """Requests per second."""
        return self.requests * 1e6 / self.micros


async def wrk(script: Path, url: str, *, clients: int, round_s: int) -> Load:
    """Send what a script says as fast as it is answered. Raises RuntimeError for any answer of
    400 or above, and for any connection that broke."""
    child = await asyncio.create_subprocess_exec(
        WRK, "-t", str(WRK_THREADS), "-c", str(clients), "-d", f"{round_s}s", "-s", str(script),
        url, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    said, wrong = await asyncio.wait_for(child.communicate(), PROGRAM_S_MAX)
    told = [line for line in said.decode().splitlines() if line.startswith("told ")]
    if child.returncode or not told:
        raise RuntimeError(f"wrk: {wrong.decode()} {said.decode()}")
    load = Load(**json.loads(told[0].removeprefix("told ")))
    if load.wrong or not load.requests:
        raise RuntimeError(f"wrk: {load}")
    return load
