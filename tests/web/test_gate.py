"""The gate: what counts against a caller's rate, whichever way it comes in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from agon.kernel import clock, jwt
from tests.places import bearer
from tests.rest import doors

LIST, TABLE, SETTINGS = "/api/epochs", "/rest/v1/challenges?limit=1", "/auth/v1/settings"


@asynccontextmanager
async def at_rate(place, **rates: str) -> AsyncIterator[httpx.AsyncClient]:
    """The server of a place with these requests per second."""
    environ = {f"AGON_REQUESTS_PER_S_{whose}": rate for whose, rate in rates.items()}
    async with doors.served(place, **environ) as api:
        yield api


def as_(place, name: str) -> dict[str, str]:
    return bearer(place, place.actor(name))


def shown(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("whose", ["USER", "ADDRESS"])
async def test_a_route_is_asked_so_often_and_no_more(place, whose):
    async with at_rate(place, **{whose: "1"}) as api:
        headers = {"USER": as_(place, "ada"), "ADDRESS": {}}[whose]
        answers = [await api.get(LIST, headers=headers) for _ in range(6)]
        assert [answer.status_code for answer in answers[:5]] == [200] * 5
        assert shown(answers[5]) == (429, "rate_limited")
        assert answers[5].headers["retry-after"] == "1"
        others = {"USER": as_(place, "bob"), "ADDRESS": as_(place, "ada")}[whose]
        assert (await api.get(LIST, headers=others)).status_code == 200


async def test_routes_and_the_data_door_count_together_and_the_auth_door_by_its_own_rate(place):
    async with at_rate(place, ADDRESS="1") as api:
        for path in (LIST, TABLE, LIST, TABLE, LIST):
            assert (await api.get(path)).status_code == 200
        for path in (LIST, TABLE):
            assert shown(await api.get(path)) == (429, "rate_limited")
        assert (await api.get(SETTINGS)).status_code == 200


async def test_a_token_that_does_not_hold_counts_at_its_address(place):
    claims = {"sub": "x", "role": "authenticated"}
    strange = jwt.mint(claims, jwt.generate(), clock.now_s(), 60)
    async with at_rate(place, ADDRESS="1") as api:
        headers = {"Authorization": f"Bearer {strange}"}
        answers = [await api.get(LIST, headers=headers) for _ in range(6)]
        assert [answer.status_code for answer in answers] == [401] * 5 + [429]
        assert (await api.get(LIST)).status_code == 429
