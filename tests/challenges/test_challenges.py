"""The life of a challenge, each move with its negative half."""

from __future__ import annotations

import asyncpg
import pytest

from agon.challenges import challenges
from agon.kernel.database import ENGINE, refusal_of
from agon.kernel.errors import Refused
from tests.challenges.drafts import DRAFT, RULE, call, created, refused
from tests.places import ADMIN, SERVICE, wallet

CHAIN_IDS_END = 2**40


async def test_ids_stay_clear_of_the_chains(place):
    assert await created(place) >= CHAIN_IDS_END


async def test_a_challenge_waits_for_an_admin_or_a_policy(place):
    waiting = await created(place, approve=False)
    opened = await created(place, approve=True)
    rows = await place.owner.fetch("select id, status from public.challenges")
    assert {row["id"]: row["status"] for row in rows} == {waiting: "pending", opened: "approved"}


@pytest.mark.parametrize("actor", [ADMIN, SERVICE])
async def test_an_admin_approves_and_a_second_time_changes_nothing(place, actor):
    challenge = await created(place, approve=False)
    first = await call(place, actor, "public.approve_challenge", challenge)
    second = await call(place, actor, "public.approve_challenge", challenge)
    assert first["status"] == second["status"] == "approved"
    topics = await place.owner.fetch("select topic from agon.events where key = $1", str(challenge))
    assert [row["topic"] for row in topics] == ["challenge.created", "challenge.approved"]


@pytest.mark.parametrize("act", ["approve_challenge", "reject_challenge", "cancel_challenge"])
async def test_a_stranger_moves_nothing(place, act):
    challenge = await created(place, approve=False)
    stranger = await place.own("bob")
    assert await refused(place, stranger, f"public.{act}", challenge) == ("admin_only", 403)


async def test_the_creator_cancels_while_it_is_pending_only(place):
    ada = await place.own("ada")
    challenge = await created(place, approve=False)
    assert (await call(place, ada, "public.cancel_challenge", challenge))["status"] == "canceled"
    opened = await created(place)
    assert await refused(place, ada, "public.cancel_challenge", opened) == ("admin_only", 403)
    assert (await call(place, ADMIN, "public.cancel_challenge", opened))["status"] == "canceled"


async def test_an_outcome_is_set_once_and_never_as_the_chains(place):
    challenge = await created(place)
    row = await call(place, SERVICE, "public.finalize_challenge", challenge, 1)
    assert (row["status"], row["outcome"]) == ("finalized", 1)
    assert row["outcome_source"] == "service_role"
    assert row["chain_outcome"] is None
    again = await call(place, ADMIN, "public.finalize_challenge", challenge, 1)
    assert again["outcome_source"] == "service_role"
    assert await refused(place, SERVICE, "public.finalize_challenge", challenge, 2) == (
        "outcome_final", 409,
    )  # fmt: skip


async def test_an_outcome_must_be_one_that_exists(place):
    challenge = await created(place)
    assert (await refused(place, SERVICE, "public.finalize_challenge", challenge, None))[0] == (
        "outcome_missing"
    )
    assert (await refused(place, SERVICE, "public.finalize_challenge", challenge, 3))[
        0
    ] == "claim_broken"


STATES = ("pending", "approved", "finalized", "canceled", "rejected")
LEGAL = {
    ("pending", "approved"), ("pending", "rejected"), ("pending", "canceled"),
    ("approved", "finalized"), ("approved", "canceled"),
}  # fmt: skip


@pytest.mark.parametrize("start", STATES)
async def test_only_listed_moves_are_made(place, start):
    path = {"finalized": ["approved", "finalized"], "pending": []}.get(start, [start])
    for goal in STATES:
        challenge = await created(place, approve=False)
        for step in path:
            await place.owner.execute(
                "update public.challenges set status = $2 where id = $1", challenge, step
            )
        move = place.owner.execute(
            "update public.challenges set status = $2 where id = $1", challenge, goal
        )
        if (start, goal) in LEGAL or start == goal:
            await move
        else:
            with pytest.raises(asyncpg.PostgresError) as error:
                await move
            assert refusal_of(error.value).code == "move_not_allowed"


async def test_a_challenge_is_born_pending(place):
    with pytest.raises(asyncpg.PostgresError, match="cannot go from"):
        await place.owner.execute(
            "insert into public.challenges (title, status) values ('x', 'approved')"
        )


async def test_one_creates_for_ones_own_wallet_only(place):
    actor = await place.own("bob")
    async with place.database.as_worker(actor) as conn:
        with pytest.raises(asyncpg.PostgresError) as error:
            await challenges.create(conn, wallet("ada"), DRAFT, approve=False)
    assert refusal_of(error.value).code == "not_your_wallet"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"model_id": "nothing@1"}, "model_unknown"),
        ({"colour": "red"}, "draft_unknown_field"),
        ({"timeline": {"start": 5, "end": 5}}, "timeline_invalid"),
        ({"timeline": "soon"}, "timeline_invalid"),
        ({"proof": None}, "rule_missing"),
        ({"proof": {"params": {"rule": {**RULE, "target": -1}}}}, "invalid_rule"),
        ({"proof": {"params": {"rule": {**RULE, "metric": "luck"}}}}, "invalid_rule"),
        ({"description": "x" * 300_000}, "draft_too_large"),
    ],
)
async def test_a_wrong_draft_is_refused_with_its_place(place, changes, code):
    async with place.database.as_worker(ENGINE) as conn:
        with pytest.raises((Refused, asyncpg.PostgresError)) as error:
            await challenges.create(conn, wallet("ada"), {**DRAFT, **changes}, approve=False)
    found = error.value
    refusal = found.refusal if isinstance(found, Refused) else refusal_of(found)
    assert refusal.code == code
    if code == "invalid_rule":
        assert "/" in (refusal.details or "")


async def test_an_inactive_model_takes_no_challenge_and_is_hidden(place):
    await place.owner.execute("update public.models set active = false where id = 'agon.fitness@1'")
    async with place.database.as_worker(ENGINE) as conn:
        with pytest.raises(asyncpg.PostgresError, match="no active model"):
            await challenges.create(conn, wallet("ada"), DRAFT, approve=False)
    async with place.database.as_caller(place.actor("ada")) as conn:
        rows = await conn.fetch("select id from public.models where id = 'agon.fitness@1'")
    assert rows == []


async def test_the_parameters_fit_the_models_schema(place):
    schema = {"type": "object", "required": ["place"]}
    await place.owner.execute("update public.models set params_schema = $1", schema)
    async with place.database.as_worker(ENGINE) as conn:
        with pytest.raises(Refused) as error:
            await challenges.create(conn, wallet("ada"), DRAFT, approve=False)
    assert error.value.refusal.code == "params_invalid"


async def test_joining_twice_is_joining_once(place):
    challenge = await created(place)
    bob = await place.own("bob")
    rows = []
    for _ in range(2):
        async with place.database.as_worker(bob) as conn:
            rows.append(
                await conn.fetchval(
                    "select to_jsonb(agon.join_challenge($1, $2, null))", challenge, wallet("bob")
                )
            )
    assert rows[0]["id"] == rows[1]["id"]
    assert rows[0]["joined_at"] == rows[1]["joined_at"]


@pytest.mark.parametrize(
    ("subject", "tx_hash", "approve", "code"),
    [
        ("carol", None, True, "not_your_wallet"),
        ("bob", "0xabc", True, "chain_not_configured"),
        ("bob", None, False, "challenge_not_open"),
    ],
)
async def test_joining_is_refused(place, subject, tx_hash, approve, code):
    challenge = await created(place, approve=approve)
    bob = await place.own("bob")
    async with place.database.as_worker(bob) as conn:
        with pytest.raises(asyncpg.PostgresError) as error:
            await conn.execute(
                "select agon.join_challenge($1, $2, $3)", challenge, wallet(subject), tx_hash
            )
    assert refusal_of(error.value).code == code
