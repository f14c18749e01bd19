"""What the chain's logs make of challenges and participants, and what undoing leaves."""

from __future__ import annotations

import pytest

from tests.challenges.drafts import call, refused
from tests.challenges.drafts import created as created_here
from tests.challenges.stories import (
    CONTENT_HASH,
    END_S,
    POT_WEI,
    STAKE_WEI,
    START_S,
    begun,
    created,
    finalized,
    hash_of,
    joined,
    metadata_set,
    pay,
)
from tests.places import ADMIN, SERVICE, bearer, wallet


async def challenge(place, number: int = 2):
    return await place.owner.fetchrow("select * from public.challenges where id = $1", number)


async def state(place, number: int = 2):
    row = await challenge(place, number)
    return row and (row["status"], row["chain_outcome"])


async def participants(place):
    rows = await place.owner.fetch("select * from public.participants order by subject")
    return {row["subject"]: row for row in rows}


async def submit(place, name: str, number: int = 2) -> None:
    """Evidence, as the engine writes it."""
    await place.owner.execute(
        """
        insert into public.evidence (challenge_id, subject, provider, data, evidence_hash)
        values ($1, $2, 'garmin', '[]', repeat('0', 64))
        """,
        number,
        wallet(name),
    )


async def test_a_challenge_of_the_chain_has_the_chains_terms(place):
    story = await begun(place)
    await story.mine(created())
    row = await challenge(place)
    assert row["subject"] == wallet("ada")
    assert row["timeline"] == {"start": START_S, "end": END_S}
    assert row["funds"] == {"stake_wei": str(STAKE_WEI), "pot_wei": str(POT_WEI)}
    assert (row["content_hash"], row["model_id"], row["title"]) == (CONTENT_HASH, None, None)
    assert row["tx_hash"] == hash_of("1 1")


@pytest.mark.parametrize(
    ("logs", "expected"),
    [
        ([], ("pending", None)),
        ([pay("Approved")], ("approved", None)),
        ([pay("Rejected")], ("rejected", None)),
        ([pay("Canceled")], ("canceled", None)),
        ([pay("Approved"), pay("Canceled")], ("canceled", None)),
        ([pay("Approved"), finalized(1)], ("finalized", 1)),
        ([pay("Approved"), finalized(2)], ("finalized", 2)),
    ],
)
@pytest.mark.parametrize("together", [True, False])
async def test_status_and_outcome_are_the_chains(place, logs, expected, together):
    story = await begun(place)
    if together:
        await story.mine(created(), *logs)
    else:
        await story.mine(created())
        for log in logs:
            await story.mine(log)
    assert await state(place) == expected
    await story.undo(2)
    assert await state(place) == (expected if together else ("pending", None))
    await story.undo(1)
    assert await state(place) is None


async def test_a_reorganisation_step_by_step_goes_back_the_same_way(place):
    story = await begun(place)
    for log in (created(), pay("Approved"), finalized(2)):
        await story.mine(log)
    await story.undo(3)
    assert await state(place) == ("approved", None)
    await story.mine(finalized(1))
    assert await state(place) == ("finalized", 1)
    await story.undo(2)
    assert await state(place) == ("pending", None)
    await story.mine(pay("Rejected"))
    assert await state(place) == ("rejected", None)
    topics = await place.owner.fetch("select topic from agon.events where key = '2' order by id")
    assert [row["topic"].removeprefix("challenge.") for row in topics] == [
        "created", "approved", "finalized", "reorganised", "finalized", "reorganised", "rejected",
    ]  # fmt: skip


async def test_effects_applied_twice_change_nothing(place):
    story = await begun(place)
    await story.mine(created(), joined("bob"), pay("Approved"))
    before = [await challenge(place), await participants(place)]
    await story.apply(1, 1)
    assert [(await challenge(place))["status"], len(await participants(place))] == ["approved", 1]
    assert [(await challenge(place))["id"], len(before[1])] == [2, 1]
    events = await place.owner.fetchval(
        "select count(*) from agon.events where topic like '%.approved'"
    )
    assert events == 1


async def test_numbers_that_no_challenge_can_have_are_passed_over(place):
    story = await begun(place)
    await story.mine(created(2**40), joined("bob", 2**200), pay("Approved", 2**63), created())
    assert await place.owner.fetchval("select count(*) from public.challenges") == 1
    assert await participants(place) == {}
    await story.undo(1)
    assert await place.owner.fetchval("select count(*) from public.challenges") == 0


@pytest.mark.parametrize(
    ("act", "arguments"),
    [
        ("approve_challenge", ()),
        ("reject_challenge", ()),
        ("cancel_challenge", ()),
        ("finalize_challenge", (1,)),
    ],
)
async def test_nobody_moves_a_challenge_of_the_chain_but_the_chain(place, act, arguments):
    story = await begun(place)
    await story.mine(created(), pay("Approved"))
    creator = await place.own("ada")
    for actor in (ADMIN, SERVICE):
        assert await refused(place, actor, f"public.{act}", 2, *arguments) == (
            "challenge_on_chain", 409,
        )  # fmt: skip
    assert (await refused(place, creator, f"public.{act}", 2, *arguments))[1] in (403, 409)
    assert await state(place) == ("approved", None)


async def test_the_creator_withdraws_on_the_chain_too(place):
    story = await begun(place)
    await story.mine(created())
    creator = await place.own("ada")
    assert await refused(place, creator, "public.cancel_challenge", 2) == (
        "challenge_on_chain",
        409,
    )


async def test_without_a_chain_nothing_goes_back(place):
    number = await created_here(place)
    await call(place, SERVICE, "public.finalize_challenge", number, 1)
    assert await refused(place, ADMIN, "public.approve_challenge", number) == (
        "move_not_allowed", 409,
    )  # fmt: skip


async def test_who_joins_on_the_chain_takes_part(place):
    story = await begun(place)
    await story.mine(created(), joined("bob", tx=hash_of("join")))
    bob = (await participants(place))[wallet("bob")]
    assert (bob["source"], bob["tx_hash"]) == ("onchain_join", hash_of("join"))
    assert bob["joined_at"] is not None
    await story.undo(1)
    assert await participants(place) == {}


async def test_who_submitted_evidence_stays_when_the_join_is_undone(place):
    story = await begun(place)
    await story.mine(created(), pay("Approved"))
    await submit(place, "bob")
    await story.mine(joined("bob"), joined("carol"))
    assert {p["source"] for p in (await participants(place)).values()} == {"onchain_join"}
    await story.undo(2)
    left = await participants(place)
    assert list(left) == [wallet("bob")]
    bob = left[wallet("bob")]
    assert (bob["source"], bob["tx_hash"], bob["joined_at"]) == ("evidence_intake", None, None)


async def test_joining_after_evidence_is_judged_again(place):
    story = await begun(place)
    await story.mine(created(), pay("Approved"))
    await submit(place, "bob")
    judging = "select count(*) from agon.pgqueuer where entrypoint = 'challenges.judge'"
    before = await place.owner.fetchval(judging)
    await story.mine(joined("bob"))
    assert await place.owner.fetchval(judging) == before + 1
    await story.undo(2)
    assert await place.owner.fetchval(judging) == before + 2


async def test_a_reported_join_is_kept_and_only_the_log_makes_it_one(place):
    story = await begun(place)
    await story.mine(created())
    bob = await place.own("bob")
    join = "select to_jsonb(agon.join_challenge(2, $1, $2))"
    async with place.database.as_worker(bob) as conn:
        row = await conn.fetchval(join, wallet("bob"), hash_of("join").upper().replace("0X", "0x"))
    assert (row["source"], row["tx_hash"], row["joined_at"]) == ("unknown", hash_of("join"), None)
    await story.mine(joined("bob", tx=hash_of("join")))
    async with place.database.as_worker(bob) as conn:
        row = await conn.fetchval(join, wallet("bob"), hash_of("other"))
    assert (row["source"], row["tx_hash"]) == ("onchain_join", hash_of("join"))


@pytest.mark.parametrize(
    ("subject", "tx_hash", "logs", "code"),
    [
        ("bob", None, [], "challenge_on_chain"),
        ("bob", "0xabc", [], "tx_hash_malformed"),
        ("carol", hash_of("join"), [], "not_your_wallet"),
        ("bob", hash_of("join"), [pay("Rejected")], "challenge_not_open"),
    ],
)
async def test_a_report_of_a_join_is_refused(place, subject, tx_hash, logs, code):
    story = await begun(place)
    await story.mine(created(), *logs)
    bob = await place.own("bob")
    with pytest.raises(Exception, match=code):
        async with place.database.as_worker(bob) as conn:
            await conn.execute("select agon.join_challenge(2, $1, $2)", wallet(subject), tx_hash)


async def test_a_reported_join_that_is_no_text_is_malformed(place, api):
    story = await begun(place)
    await story.mine(created())
    body = {"subject": wallet("bob"), "tx_hash": 5}
    headers = bearer(place, await place.own("bob"))
    answer = await api.post("/api/challenge/2/participant", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "value_malformed")


async def test_the_registrys_word_confirms_and_its_undoing_takes_it_back(place):
    story = await begun(place)
    await story.mine(created())
    await story.mine(metadata_set(content_hash=hash_of("another")))
    assert (await challenge(place))["registry_status"] == "pending"
    await story.mine(metadata_set())
    row = await challenge(place)
    assert (row["registry_status"], row["registry_tx_hash"]) == ("confirmed", hash_of("3 3"))
    await story.undo(3)
    row = await challenge(place)
    assert (row["registry_status"], row["registry_tx_hash"]) == ("pending", None)
