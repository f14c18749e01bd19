"""The demonstration of a day: 40 bots play for 16 slots on a fast clock, and are settled."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from rich.table import Table

from agon.commons.chain.local_stage import wallet
from agon.epochs import days, profiles, replay_commands
from agon.kernel import results
from agon.kernel.database import ENGINE
from agon.kernel.stage import Stage, apart

DAY = date(2026, 3, 2)
KEY = "demonstration"
BOTS, OWNERS, VOTERS = 40, 25, 60
TICKS, CLAIMS_PER_TICK, VOTES_PER_TICK = 240, 10, 8
SLOTS, SHOWN_BOTS = 16, 12
SUMMED = ("occupied_ms", "claims", "defense_ms", "bps", "wei")
CODE = "abcdefgh"

MINT = """
    insert into public.bot_identities (id, slug, created_at, chain_id, contract_address, token_id)
    select agon.bot_identity_id(1, $1, t), agon.bot_slug(1, $1, t), $3, 1, $1, t
    from generate_series(1, cardinality($2::text[])) t
    returning id::text, slug
"""
OWN = """
    insert into public.bot_identity_owners
      (bot_identity_id, owner_address, effective_from, from_block, from_log)
    select b.id, b.owner, $3, b.place, 0
    from unnest($1::uuid[], $2::text[]) with ordinality b (id, owner, place)
"""
CLOCK = """
    insert into agon.clock (reads_at) values ($1)
    on conflict (only_row) do update set reads_at = excluded.reads_at
"""
CLAIM = """
    select sum((public.claim_slot(c.slot, c.code, c.bot, $4) ->> 'accepted')::boolean::integer)
    from unnest($1::integer[], $2::text[], $3::uuid[]) c (slot, code, bot)
"""
VOTE = """
    select count(public.cast_vote(v.kind, v.target, v.score, v.voter, $5))
    from unnest($1::text[], $2::text[], $3::numeric[], $4::text[]) v (kind, target, score, voter)
"""


async def play(stage: Stage) -> None:
    """Play it in an installation of its own, whose clock can be moved."""
    with stage.console.status("Playing a day of an epoch …"):
        async with apart(stage, {"AGON_LOG_LEVEL": "error"}) as own:
            table = await _play(own)
    stage.console.print(table)
    stage.console.print()


async def _play(stage: Stage) -> Table:
    chance = random.Random(KEY)
    async with stage.database.as_worker(ENGINE) as conn:
        kept = await days.keep_profile(conn, KEY, profiles.daily(), activate=True)
    starts, freezes, archives = await _open(stage)
    bots = await _mint(stage, starts - timedelta(days=1))
    await _move_to(stage, starts)
    accepted, votes = 0, _votes(chance, sorted(bots))
    for tick in range(TICKS):
        await _set_clock(stage, starts + (freezes - starts) * tick / TICKS)
        claims = [_claim(chance, sorted(bots), kept["config"]) for _ in range(CLAIMS_PER_TICK)]
        ballots = [next(votes) for _ in range(VOTES_PER_TICK)]
        async with stage.database.as_worker(ENGINE) as conn:
            accepted += await conn.fetchval(CLAIM, *map(list, zip(*claims, strict=True)), DAY)
            await conn.fetchval(VOTE, *map(list, zip(*ballots, strict=True)), DAY)
    await _move_to(stage, archives)
    return await _show(stage, bots, accepted)


async def _open(stage: Stage) -> tuple[datetime, datetime, datetime]:
    """When it is live, freezes, and goes into the archive."""
    await _set_clock(stage, datetime.fromisoformat(f"{DAY}T00:00:00+00:00"))
    async with stage.database.as_worker(ENGINE) as conn:
        day = await days.open_day(conn, DAY)
    return day["starts_at"], day["freeze_at"], day["archive_at"]


async def _mint(stage: Stage, at: datetime) -> dict[str, str]:
    """Bots and their owners, as a chain's transfers would tell them: slugs by id."""
    owners = [wallet(f"owner {number % OWNERS}") for number in range(BOTS)]
    pool = await stage.database.pool("agon_owner")
    rows = await pool.fetch(MINT, "0x" + "b0" * 20, owners, at)
    await pool.execute(OWN, [row["id"] for row in rows], owners, at)
    return {row["id"]: row["slug"] for row in rows}


async def _set_clock(stage: Stage, at: datetime) -> None:
    pool = await stage.database.pool("agon_owner")
    await pool.execute(CLOCK, at)


async def _move_to(stage: Stage, at: datetime) -> None:
    """The worker makes the moves that are due by then, and settles."""
    await _set_clock(stage, at)
    async with stage.database.as_worker(ENGINE) as conn:
        await days.advance(conn)
    await stage.work()
    async with stage.database.as_worker(ENGINE) as conn:
        await days.advance(conn)


def _claim(chance: random.Random, bots: list[str], profile: dict[str, Any]) -> tuple[int, str, str]:
    """Some bots are keener than others."""
    bot = bots[min(chance.randrange(BOTS), chance.randrange(BOTS))]
    code = "".join(chance.choices(CODE, k=chance.randrange(4, 40)))
    return chance.choice(profile["slots"])["index"], code, bot


def _votes(chance: random.Random, bots: list[str]) -> Iterator[tuple[str, str, str, str]]:
    """Each voter on each bot, in no order: (kind, target, score, voter)."""
    targets = [("bot", bot) for bot in bots] + [("tempo", "120"), ("key", "a-minor")]
    pairs = [(kind, target, voter) for kind, target in targets for voter in range(VOTERS)]
    chance.shuffle(pairs)
    worth = {target: chance.randrange(2000, 9000) for _, target in targets}
    for kind, target, voter in pairs:
        score = min(max(worth[target] + chance.randrange(-2000, 2000), 0), 10_000)
        yield kind, target, f"0.{score:04}" if score < 10_000 else "1", wallet(f"voter {voter}")


async def _show(stage: Stage, bots: dict[str, str], accepted: int) -> Table:
    """What came of it, and whether it can be computed again."""
    pool = await stage.database.pool("agon_owner")
    cid, data = await pool.fetchrow("select cid, bundle from agon.results")
    output = results.load(data)["output"]
    rows = sorted(output["bots"], key=lambda row: (-int(row["wei"]), row["bot"]))
    shown = [{**row, "bot": bots[row["bot"]]} for row in rows[:SHOWN_BOTS]]
    shown.append(_together(rows[SHOWN_BOTS:]))
    table = replay_commands.table(shown, output["totals"], f"A day for {SLOTS} code slots")
    tried, voted = TICKS * CLAIMS_PER_TICK, output["totals"]["votes"]
    table.caption = f"{tried} claims, {accepted} accepted, {voted} votes"
    found = results.verify(data, stage.runtime.result_kinds(), cid)
    same = "[green]same[/]" if found.ok else "[red]differs[/]"
    table.add_row(f"{cid[:18]}…", "", "", "", "", "agon verify", same)
    return table


def _together(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Those that are not shown, as one."""
    sums = {key: sum(int(row[key]) for row in rows) for key in SUMMED}
    return {**sums, "bot": f"{len(rows)} others", "vote_quality": "", "wei": str(sums["wei"])}
