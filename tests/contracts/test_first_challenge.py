"""A ChallengePay that follows another one counts from where its Terms say, in the same treasury."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agon.commons.chain import artifacts, deployment
from tests.contracts.contests import CONTENT, HOUR_S, POT
from tests.contracts.deployed import TERMS, refused
from tests.contracts.test_deploying import NOBODY, WAIT_S, addresses, ask, deploy, node, work

__all__ = ("node", "work")
PLAN = deployment.PLAN[:2]
FIRST = 1000


async def test_challenges_begin_with_the_first_of_the_terms(world):
    terms = replace(TERMS, first_challenge=FIRST)
    pay = artifacts.load("ChallengePay")
    treasury = world.at["Treasury"]
    await world.make(pay, world.admin, world.admin, treasury, terms.as_tuple(), name="later")
    now = await world.now()
    await world.send("later", "create", 1, now, now + HOUR_S, CONTENT, value=POT)
    assert (await world.ask("later", "challenge", FIRST))[14] == CONTENT
    assert await world.ask("later", "nextId") == FIRST + 1


@pytest.mark.parametrize("first", [0, 1, 2**39 + 1, 2**256 - 1])
async def test_numbers_of_other_things_are_refused(world, first):
    terms = replace(TERMS, first_challenge=first)
    with refused("TermsMalformed"):
        await world.make(
            artifacts.load("ChallengePay"), world.admin, world.admin, world.at["Treasury"],
            terms.as_tuple(), name="another",
        )  # fmt: skip


async def test_one_with_another_first_challenge_is_made_beside_the_one_that_stands(work, node):
    before = {row["name"]: row["address"] for row in await deploy(work, NOBODY, PLAN, WAIT_S)}
    terms = replace(TERMS, first_challenge=FIRST)
    for _ in range(2):
        rows = await deploy(work, replace(NOBODY, terms=terms), PLAN, WAIT_S)
        after = {row["name"]: row["address"] for row in rows}
        assert after["Treasury"] == before["Treasury"]
        assert after["ChallengePay"] != before["ChallengePay"]
        assert await ask(node, after["ChallengePay"], "ChallengePay", "nextId") == FIRST
        assert (await addresses(work))["ChallengePay"] == after["ChallengePay"]
    async with work.database.as_worker() as conn:
        read = await conn.fetchval("select agon.read_chain(agon.the_chain())")
    open_ones = {row["address"] for row in read["contracts"] if row["to_block"] is None}
    assert {before["ChallengePay"], after["ChallengePay"]} <= open_ones
