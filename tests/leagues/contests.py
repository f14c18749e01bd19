"""Competitions as the tests meet them: held by acme, with players who own wallets."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from agon.commons.organisations import keys
from agon.kernel.database import ENGINE, Actor
from agon.kernel.errors import Refused
from agon.leagues import boards, competitions, matches, registrations
from agon.leagues.brackets import replay
from tests.organisations.walks import acme, key_of
from tests.places import Place, wallet

SINGLE = {"version": 1, "kind": "single_elimination"}
DOUBLE = {"version": 1, "kind": "double_elimination"}
SWISS = {"version": 1, "kind": "swiss", "rounds": 3}
GROUPS = {
    "version": 1,
    "kind": "groups",
    "groups": {"count": 2, "advance": 2, "playoffs": {"kind": "single_elimination"}},
}
ORGANISER = "ada"
"""Owner of acme, who plays nowhere."""
AT_ONCE = {"disputes": {"window_s": 0}}
REASON = "It was wrong."


@dataclass(kw_only=True)
class Contest:
    """A competition of acme's. players: names, the first seed first."""

    place: Place
    id: UUID
    players: list[str] = field(default_factory=list)

    def by(self, who: str | Actor) -> Actor:
        """Somebody by name, or as they are."""
        return self.place.actor(who) if isinstance(who, str) else who

    async def register(self, name: str, **entrant: Any) -> dict[str, Any]:
        """Somebody registers their wallet, or their team."""
        given = entrant or {"wallet": wallet(name)}
        async with self.place.database.as_caller(self.by(name)) as conn:
            return await registrations.register(
                conn, self.id, given.get("wallet"), given.get("team_id")
            )

    async def check_in(self, name: str, who: str | Actor | None = None) -> dict[str, Any]:
        async with self.place.database.as_caller(self.by(who or name)) as conn:
            return await registrations.check_in(conn, self.id, wallet(name))

    async def withdraw(self, name: str, who: str | Actor | None = None) -> dict[str, Any]:
        return await registrations.withdraw(
            self.place.database, self.by(who or name), self.id, wallet(name)
        )

    async def disqualify(
        self, name: str, who: str | Actor = ORGANISER, reason: str | None = REASON
    ) -> dict[str, Any]:
        return await registrations.disqualify(
            self.place.database, self.by(who), self.id, wallet(name), reason
        )

    async def seed(self, seeds: list[dict[str, Any]], who: str | Actor = ORGANISER) -> int:
        async with self.place.database.as_caller(self.by(who)) as conn:
            return await registrations.set_seeds(conn, self.id, seeds)

    async def start(self, who: str | Actor = ORGANISER) -> None:
        async with self.place.database.as_worker(self.by(who)) as conn:
            await competitions.start(conn, self.id)

    async def update(self, who: str | Actor = ORGANISER, **changes: Any) -> dict[str, Any]:
        async with self.place.database.as_worker(self.by(who)) as conn:
            return await competitions.update(conn, self.id, changes)

    async def open(self, who: str | Actor = ORGANISER) -> dict[str, Any]:
        async with self.place.database.as_caller(self.by(who)) as conn:
            return await competitions.open_(conn, self.id)

    async def cancel(self, who: str | Actor = ORGANISER) -> dict[str, Any]:
        async with self.place.database.as_caller(self.by(who)) as conn:
            return await competitions.cancel(conn, self.id)

    async def report(
        self, who: str | Actor, key: str, *games: tuple[int, int], **result: Any
    ) -> dict[str, Any]:
        """A result by games, or of a kind."""
        stated = {"scores": [list(game) for game in games]} if games else result
        return await matches.report(self.place.database, self.by(who), self.id, key, stated)

    async def decide(self, key: str, *games: tuple[int, int], **result: Any) -> dict[str, Any]:
        """As the organiser."""
        return await self.report(ORGANISER, key, *games, **result)

    async def confirm(self, who: str | Actor, key: str) -> dict[str, Any]:
        return await matches.confirm(self.place.database, self.by(who), self.id, key)

    async def undo(
        self, key: str, who: str | Actor = ORGANISER, reason: str | None = REASON
    ) -> dict[str, Any]:
        return await matches.undo(self.place.database, self.by(who), self.id, key, reason)

    async def preview(self, key: str, who: str | Actor = ORGANISER) -> dict[str, Any]:
        return await matches.preview_undo(self.place.database, self.by(who), self.id, key)

    async def dispute(self, who: str | Actor, key: str, **more: Any) -> dict[str, Any]:
        filed = {"match": key, "reason": "They cheated.", **more}
        async with self.place.database.as_caller(self.by(who)) as conn:
            return await matches.file_dispute(conn, self.id, filed)

    async def resolve(
        self, dispute: dict[str, Any], resolution: str, who: str | Actor = ORGANISER, **more: Any
    ) -> dict[str, Any]:
        decision = {"resolution": resolution, "note": "We have looked.", **more}
        return await matches.resolve(
            self.place.database, self.by(who), self.id, UUID(dispute["id"]), decision
        )

    async def complete(self) -> dict[str, Any] | None:
        return await competitions.complete(self.place.database, self.id)

    async def row(self) -> dict[str, Any]:
        """The competition, as the service sees it."""
        async with self.place.database.as_caller(ENGINE) as conn:
            return await competitions.shown(conn, self.id)

    async def match(self, key: str) -> dict[str, Any]:
        rows = await self.rows("bracket_matches", "key")
        return rows[key]

    async def rows(self, table: str, key: str) -> dict[Any, dict[str, Any]]:
        """The rows of a table by one of its columns."""
        rows = await self.place.owner.fetch(
            f"select to_jsonb(t) as shown from {table} t where competition_id = $1 order by 1",
            self.id,
        )
        return {row["shown"][key]: row["shown"] for row in rows}

    async def states(self) -> dict[str, str]:
        """Participants' names -> status of their registration."""
        rows = await self.rows("competition_registrations", "participant")
        names = {wallet(name): name for name in self.players}
        return {names.get(key, key): row["status"] for key, row in rows.items()}

    async def events(self) -> list[tuple[str | None, str, str]]:
        """What was done: (match, event, by whom)."""
        rows = await self.place.owner.fetch(
            "select match_key, event, by from match_events where competition_id = $1 order by id",
            self.id,
        )
        return [tuple(row) for row in rows]

    async def play(self, name: str | None = None) -> None:
        """Decide what is ready until nothing is: the better seed wins."""
        order = {wallet(each): place for place, each in enumerate(self.players)}
        while True:
            ready = [
                row for row in (await self.rows("bracket_matches", "key")).values()
                if row["status"] == "in_progress"
            ]  # fmt: skip
            if not ready:
                return
            for row in ready:
                better = order[row["participant_a"]] < order[row["participant_b"]]
                await self.decide(row["key"], (1, 0) if better else (0, 1))

    async def hold(self) -> None:
        """The rows are those of the bracket that follows from the events."""
        async with self.place.database.as_worker() as conn:
            case = await conn.fetchval("select agon.load_bracket($1)", self.id)
        bracket = replay.play(case["format"], case["entrants"], case["reports"])
        wanted = {
            key: boards.row(match, bracket.entrants) for key, match in bracket.matches.items()
        }
        rows = await self.rows("bracket_matches", "key")
        for key, row in rows.items():
            if key not in wanted:
                assert row["bracket_type"] == "swiss" and row["status"] == "canceled", key
                continue
            stands = row["completed_at"] is not None
            status = {"disputed": "completed" if stands else "in_progress"}.get(
                row["status"], row["status"]
            )
            assert {**{name: row[name] for name in wanted[key]}, "status": status} == wanted[key]
        assert set(wanted) <= set(rows)


async def drafted(place: Place, format: dict[str, Any] | None = SINGLE, **more: Any) -> Contest:
    """A draft. more: fields, of which `settings` are added to the format."""
    if not await place.owner.fetchval("select count(*) from organizations"):
        await acme(place)
    settings = {**({"format": format} if format else {}), **more.pop("settings", {})}
    draft = {"title": "The Cup", "type": "bracket", "settings": settings, **more}
    async with place.database.as_worker(place.actor(ORGANISER)) as conn:
        made = await competitions.create(conn, "acme", draft)
    return Contest(place=place, id=UUID(made["id"]))


async def opened(
    place: Place, players: int | list[str] = 0, format: dict[str, Any] = SINGLE, **more: Any
) -> Contest:
    """An open one, with so many registered, p1 first."""
    contest = await drafted(place, format, **more)
    await contest.open()
    names = [f"p{n}" for n in range(1, players + 1)] if isinstance(players, int) else players
    for name in names:
        await place.own(name)
        await contest.register(name)
    contest.players = list(names)
    return contest


async def started(
    place: Place, players: int | list[str] = 4, format: dict[str, Any] = SINGLE, **more: Any
) -> Contest:
    """An active one; seeds in the order of registration."""
    contest = await opened(place, players, format, **more)
    await contest.start()
    return contest


async def refused(act: Awaitable[Any]) -> str:
    """The code that an act is refused with."""
    with pytest.raises(Refused) as caught:
        await act
    return caught.value.refusal.code


async def key_actor(place: Place, *scopes: str) -> Actor:
    """Who acts by a key of acme's with these scopes."""
    key = await key_of(place, *scopes)
    claims = await keys.claims(place.database, key["key"])
    return Actor(role="authenticated", claims=claims)
