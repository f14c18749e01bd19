"""Claims and votes per second through the Python functions, beside pgbench calling the same ones.

hot: everybody claims one slot; spread: each of SLOTS by chance; votes: a wallet by chance on a
tempo by chance. Without cooldowns and minimum hold, so that each claim is written. The peer's one
call sets role and claims and acts: the cheapest shape there is.
Usage: claims.py OUT.json [seconds of a round]
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from agon.epochs import claims, days, profiles
from agon.kernel import commands, database, embedded, runtime
from agon.kernel.database import POOL_CONNECTIONS_MAX, Actor, Conn, Database, claims_text
from agon.kernel.embedded_account import program
from agon.kernel.errors import Refused
from agon.systems import SYSTEMS
from bench.doors_peer import pgbench
from bench.machine import save

CLIENTS = POOL_CONNECTIONS_MAX
ROUNDS = 3
ROUND_S = 3
BOTS = 1000
SLOTS = 64
TEMPOS = 10**9
CODE = "note c4 e4 g4 " * 20
PERSON = "00000000-0000-4000-8000-{:012d}"
OWNER = Actor(role="authenticated", claims={"sub": PERSON.format(0)})
"""Of every bot; the voters are others."""
ROWS = f"""
insert into auth.users (id) select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid
from generate_series(0, {BOTS}) n;
insert into agon.user_wallets (address, user_id)
select '0x' || lpad((n + 1)::text, 40, '0'),
  ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid
from generate_series(0, {BOTS}) n;
insert into public.bot_identities (id, slug, chain_id, contract_address, token_id)
select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'bot_' || n, 1,
  '0x' || repeat('b', 40), n from generate_series(1, {BOTS}) n;
insert into public.bot_identity_owners (bot_identity_id, owner_address, from_block, from_log)
select id, '0x{0:039d}1', 1, 0 from public.bot_identities;
"""
FUNCTIONS = """
create function public.bench_claim(slot integer, bot uuid, code text, claims text) returns jsonb
language plpgsql as $f$
begin
  perform set_config('role', 'authenticated', true), set_config('request.jwt.claims', claims, true);
  return public.claim_slot(slot, code, bot);
end
$f$;
create function public.bench_vote(voter integer, target text) returns jsonb
language plpgsql as $f$
begin
  perform set_config('role', 'authenticated', true),
    set_config('request.jwt.claims', format(
      '{"role": "authenticated", "sub": "00000000-0000-4000-8000-%s"}',
      lpad(voter::text, 12, '0')), true);
  return public.cast_vote('tempo', target, 0.5, '0x' || lpad((voter + 1)::text, 40, '0'));
end
$f$;
grant execute on function public.bench_claim, public.bench_vote to agon_web;
"""


@dataclass(frozen=True, kw_only=True)
class Load:
    """One kind of act. act: as a caller of chance; script: one transaction of pgbench."""

    name: str
    act: Callable[[Database, random.Random], Awaitable[Any]]
    script: str


def claiming(slots: int) -> Callable[[Database, random.Random], Awaitable[Any]]:
    """A claim of one of so many slots."""

    async def act(pools: Database, chance: random.Random) -> None:
        bot = PERSON.format(chance.randint(1, BOTS))
        async with pools.as_caller(OWNER) as conn:
            await claims.claim_slot(conn, chance.randrange(slots), CODE, bot)

    return act


async def voting(pools: Database, chance: random.Random) -> None:
    """A vote of one of the voters."""
    voter, target = chance.randint(1, BOTS), str(chance.randrange(TEMPOS))
    actor = Actor(role="authenticated", claims={"sub": PERSON.format(voter)})
    async with pools.as_caller(actor) as conn:
        await claims.cast_vote(conn, None, "tempo", target, "0.5", f"0x{voter + 1:040d}")


def claim_script(slots: int) -> str:
    """The same claim by pgbench."""
    bot = "('00000000-0000-4000-8000-' || lpad(:bot::text, 12, '0'))::uuid"
    return (
        f"\\set slot random(0, {slots - 1})\n\\set bot random(1, {BOTS})\n"
        f"select public.bench_claim(:slot, {bot}, '{CODE}', '{claims_text(OWNER)}');\n"
    )


LOADS = (
    Load(name="hot", act=claiming(1), script=claim_script(1)),
    Load(name="spread", act=claiming(SLOTS), script=claim_script(SLOTS)),
    Load(
        name="votes",
        act=voting,
        script=f"\\set voter random(1, {BOTS})\n\\set target random(0, {TEMPOS})\n"
        "select public.bench_vote(:voter, :target::text);\n",
    ),
)


def profile() -> dict[str, Any]:
    """A day of SLOTS slots without any wait."""
    config = profiles.daily()
    config |= {
        "phases_s": {"prep": 1, "live": 86_000, "freeze": 1, "snapshot": 1, "settle": 1},
        "slots": [{"index": n, "type": "melody", "label": f"Slot {n}"} for n in range(SLOTS)],
        "cooldown_ms": {"bot": 0, "slot": 0},
        "minimum_hold_ms": 0,
    }
    config["votes"] |= {"per_address_max": 10_000, "per_session_max": 10_000}
    return config


async def prepare(owner: Conn, pools: Database) -> None:
    """Bots, voters, and a day that is live."""
    await owner.execute(ROWS + FUNCTIONS)
    async with pools.as_worker() as conn:
        await days.keep_profile(conn, "bench", profile(), activate=True)
        await days.open_day(conn)
        await days.advance(conn)
    await owner.execute("vacuum analyze")


async def rate(load: Load, pools: Database, round_s: float) -> float:
    """Acts per second of CLIENTS that wait for each other's connections only."""
    started, done = time.perf_counter(), 0

    async def client(number: int) -> None:
        nonlocal done
        chance = random.Random(started + number)
        while time.perf_counter() - started < round_s:
            await load.act(pools, chance)
            done += 1

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    return done / (time.perf_counter() - started)


async def measure(at: runtime.Runtime, folder: Path, round_s: int) -> dict[str, Any]:
    """Each load, in turns with the peer; the median counts."""
    figures = {}
    owner = await database.connect(at.urls["agon_owner"])
    async with at.database() as pools:
        await prepare(owner, pools)
        for load in LOADS:
            ours, peers = [], []
            for _ in range(ROUNDS):
                ours.append(await rate(load, pools, round_s))
                url = at.urls["agon_web"]
                peer, _ = await pgbench(load, CLIENTS, url=url, folder=folder, round_s=round_s)  # type: ignore[arg-type]
                peers.append(peer)
            mine, theirs = statistics.median(ours), statistics.median(peers)
            figures[load.name] = {
                "per_s": round(mine),
                "pgbench_per_s": round(theirs),
                "share_of_pgbench": round(mine / theirs, 2),
            }
            print(load.name, figures[load.name], flush=True)
        figures["events"] = await owner.fetchval("select count(*) from public.epoch_events")
    await owner.close()
    return figures


async def main(out: Path, round_s: int) -> None:
    """Measure on a home of its own and write the figures."""
    folder = Path(tempfile.mkdtemp(prefix="agon-bench-", dir="/tmp"))
    os.chmod(folder, 0o711)
    home = folder / "home"
    try:
        at = runtime.begin(SYSTEMS, environ={"AGON_HOME": str(home)}, folder=folder)
        await commands.migrate_all(at)
        save(out, {"clients": CLIENTS, **await measure(at, folder, round_s)})
    finally:
        embedded.stop(home)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    try:
        program("pgbench")
    except Refused as missing:
        print(f"claims: skipped, since there is no pgbench to compare with: {missing}")
    else:
        uvloop.run(main(Path(sys.argv[1]), int((sys.argv[2:] or [ROUND_S])[0])))
