"""The demonstration: a double elimination of sixteen, with a dispute and an undo."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any
from uuid import UUID

from rich.markup import escape

from agon.commons.people import wallets
from agon.kernel.database import ENGINE, Actor
from agon.kernel.stage import Stage
from agon.leagues import boards, competitions, matches, registrations
from agon.leagues.brackets import drawing

SLUG = "demonstration"
HOST = "host"
PLAYERS = (
    "Ada", "Alan", "Barbara", "Claude", "Dana", "Edsger", "Frances", "Grace", "Hedy", "John",
    "Katherine", "Leslie", "Margaret", "Niklaus", "Radia", "Shafi",
)  # fmt: skip
DRAFT = {
    "title": "Sixteen players, double elimination",
    "type": "bracket",
    "settings": {
        "format": {"version": 1, "kind": "double_elimination", "best_of": {"default": 3}},
        "seeding": {"method": "random"},
        "disputes": {"window_s": 0},
    },
    "prize_config": {
        "version": 1,
        "currency": "wei",
        "total": str(10**18),
        "shares": [
            {"from": 1, "to": 1, "bps": 5000},
            {"from": 2, "to": 2, "bps": 3000},
            {"from": 3, "to": 4, "bps": 2000},
        ],
    },
}
DISPUTED, UNDONE = "w.1.5", "w.2.1"


async def play(stage: Stage) -> None:
    """Hold a competition, play it to the end, and draw it."""
    with stage.console.status("Playing a bracket …"):
        people = {wallet(name): name for name in PLAYERS}
        number = await _open(stage, [await _arrive(stage, name) for name in PLAYERS])
        told = [await _dispute(stage, number, people), await _undo(stage, number)]
        await _play(stage, number)
        ended = await competitions.complete(stage.database, number)
        assert ended is not None
        async with stage.database.as_caller(ENGINE) as conn:
            board = await boards.seen(conn, number)
            drawn = drawing.lines(board.bracket, people)
    stage.console.print(f"[bold]{ended['title']}[/]")
    for line in (*told, *drawn):
        stage.console.print(escape(line))
    stage.results.extend((f"bracket {what}", ended[f"{what}_cid"]) for what in ("result", "prizes"))
    stage.console.print(f"Seeded by chance from {ended['seed']}, whose SHA-256 was public before.")
    stage.console.print()


def wallet(name: str) -> str:
    """The wallet of a player: nobody has its key."""
    return "0x" + sha256(f"agon demonstration {name}".encode()).hexdigest()[:40]


def actor(name: str) -> Actor:
    """Somebody, signed in."""
    return Actor(role="authenticated", claims={"sub": wallets.local_user(wallet(name))})


async def _arrive(stage: Stage, name: str) -> str:
    async with stage.database.as_worker() as conn:
        await wallets.link(conn, wallets.local_user(wallet(name)), wallet(name))
    return name


async def _open(stage: Stage, players: Sequence[str]) -> UUID:
    await _arrive(stage, HOST)
    async with stage.database.as_caller(ENGINE) as conn:
        if await conn.fetchval("select id from public.organizations where slug = $1", SLUG) is None:
            await conn.execute(
                "select public.create_organization('Demonstration', $1, $2)", SLUG, wallet(HOST)
            )
    async with stage.database.as_worker(actor(HOST)) as conn:
        number = UUID((await competitions.create(conn, SLUG, DRAFT))["id"])
        await competitions.open_(conn, number)
    for name in players:
        async with stage.database.as_caller(actor(name)) as conn:
            await registrations.register(conn, number, wallet(name), None)
    async with stage.database.as_worker(actor(HOST)) as conn:
        await competitions.start(conn, number)
    return number


async def _dispute(stage: Stage, number: UUID, people: dict[str, str]) -> str:
    """One side reports what is not so; the other disputes it, and the host overturns it."""
    match = await _match(stage, number, DISPUTED)
    liar, other = people[match["participant_a"]], people[match["participant_b"]]
    claim = {"scores": [[2, 0], [2, 0]]}
    await matches.report(stage.database, actor(liar), number, DISPUTED, claim)
    filed = {"match": DISPUTED, "reason": "It was the other way round."}
    async with stage.database.as_caller(actor(other)) as conn:
        dispute = await matches.file_dispute(conn, number, filed)
    decision = {
        "resolution": "overturned",
        "note": "The replay shows it.",
        "result": {"scores": [[0, 2], [0, 2]]},
    }
    await matches.resolve(stage.database, actor(HOST), number, UUID(dispute["id"]), decision)
    return f"{DISPUTED}: {liar} reported a win; {other} disputed it, and it was overturned."


async def _undo(stage: Stage, number: UUID) -> str:
    """A wrong result is taken back, with what came of it, and the match is played again."""
    for key in ("w.1.1", "w.1.2", "w.1.3", "w.1.4", UNDONE, "w.2.2", "w.3.1"):
        await _decide(stage, number, await _match(stage, number, key))
    undone = await matches.undo(stage.database, actor(HOST), number, UNDONE, "Wrong players.")
    with_it = ", ".join(report["match"] for report in undone["reverted"] if "match" in report)
    return f"{UNDONE}: its result was undone, and with it {with_it}."


async def _play(stage: Stage, number: UUID) -> None:
    while True:
        async with stage.database.as_caller(ENGINE) as conn:
            ready = await matches.listed(conn, number, {"status": "in_progress"}, len(PLAYERS))
        if not ready:
            return
        for match in ready:
            await _decide(stage, number, match)


async def _decide(stage: Stage, number: UUID, match: dict[str, Any]) -> None:
    """Games by chance that everyone throws alike."""
    throw = sha256(f"{match['participant_a']} {match['participant_b']}".encode()).digest()
    games = [[3, throw[1] % 3], [throw[2] % 3, 3], [3, 1]]
    games = games if throw[0] % 3 else [games[0], games[0]]
    if throw[3] % 2:
        games = [[b, a] for a, b in games]
    await matches.report(stage.database, actor(HOST), number, match["key"], {"scores": games})


async def _match(stage: Stage, number: UUID, key: str) -> dict[str, Any]:
    async with stage.database.as_worker() as conn:
        return await conn.fetchval("select agon.show_match($1, $2)", number, key)
