"""Seasons as the tests meet them: held by acme, over its contests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from agon.kernel.database import ENGINE, Actor
from agon.kernel.jobs import Work
from agon.leagues import counting, scoring, season_jobs, seasons
from tests.leagues.contests import ORGANISER, Contest
from tests.organisations.walks import acme
from tests.places import Place, wallet


@dataclass(kw_only=True)
class Season:
    """A season of acme's. contests: what it counts."""

    place: Place
    id: UUID
    contests: list[Contest] = field(default_factory=list)

    def by(self, who: str | Actor) -> Actor:
        """Somebody by name, or as they are."""
        return self.place.actor(who) if isinstance(who, str) else who

    async def add(
        self, contest: Contest, weight: Any = None, who: str | Actor = ORGANISER
    ) -> dict[str, Any]:
        self.contests.append(contest)
        async with self.place.database.as_caller(self.by(who)) as conn:
            return await seasons.add(conn, self.id, contest.id, weight)

    async def remove(self, contest: Contest, who: str | Actor = ORGANISER) -> bool:
        async with self.place.database.as_caller(self.by(who)) as conn:
            return await seasons.remove(conn, self.id, contest.id)

    async def update(self, who: str | Actor = ORGANISER, **changes: Any) -> dict[str, Any]:
        async with self.place.database.as_worker(self.by(who)) as conn:
            return await seasons.update(conn, self.id, changes)

    async def snapshot(self, who: str | Actor = ORGANISER) -> dict[str, Any]:
        return await seasons.snapshot(self.place.database, self.by(who), self.id)

    async def complete(self, who: str | Actor = ORGANISER) -> dict[str, Any]:
        return await seasons.complete(self.place.database, self.by(who), self.id)

    async def row(self) -> dict[str, Any]:
        async with self.place.database.as_caller(ENGINE) as conn:
            return await seasons.shown(conn, self.id)

    async def settle(self) -> None:
        """What the jobs do."""
        for contest in self.contests:
            await counting.count(self.place.database, contest.id)
        await seasons.settle(self.place.database, self.id)

    async def end(self, contest: Contest) -> None:
        """What the end of a competition sets off."""
        async with self.place.database.as_worker() as conn:
            await conn.execute("select agon.note_competition_end($1)", contest.id)
        work = Work(database=self.place.database, runtime=self.place.runtime)
        await season_jobs.settle_season(work, {"season_id": str(self.id)})

    async def standings(self, first: int = 1, around: str | None = None, most: int = 100):
        async with self.place.database.as_caller(self.by("eve")) as conn:
            return await seasons.standings(conn, self.id, first, around, most)

    async def table(self) -> list[tuple[str, str]]:
        """Names and points, the first first."""
        names = {wallet(name): name for c in self.contests for name in c.players}
        return [(names[row["wallet"]], row["points"]) for row in await self.standings()]

    async def hold(self) -> list[dict[str, Any]]:
        """The rows and ranks are what follows from all results: the output of its bundle."""
        async with self.place.database.as_worker() as conn:
            assert await seasons.differences(conn, self.id) == []
            case = await conn.fetchval("select agon.load_season($1)", self.id)
        output = scoring.recompute(case["inputs"], case["scoring_config"])["standings"]
        kept = [
            {
                name: value
                for name, value in row.items()
                if name != "updated_at" and value is not None
            }
            for row in await self.standings(most=1000)
        ]
        assert kept == output
        return output


async def begun(place: Place, **draft: Any) -> Season:
    """A season of acme's."""
    if not await place.owner.fetchval("select count(*) from organizations"):
        await acme(place)
    async with place.database.as_worker(place.actor(ORGANISER)) as conn:
        made = await seasons.create(conn, "acme", {"name": "Spring", **draft})
    return Season(place=place, id=UUID(made["id"]))
