"""Claims: two ways in, each idempotent, and the indexer's word above the wallet's."""

from __future__ import annotations

import pytest

from agon.challenges.claims import CLAIM_TYPES
from tests.challenges.drafts import created as created_here
from tests.challenges.stories import begun, created, hash_of, pay, treasury_claimed
from tests.places import SERVICE, bearer, wallet
from tests.rest.doors import served

EVENTS = {
    "principal": "PrincipalClaimed",
    "cashback": "CashbackClaimed",
    "validator_reward": "ValidatorClaimed",
    "validator_reject": "ValidatorRejectClaimed",
    "reject_creator": "RejectCreatorClaimed",
    "reject_contribution": "RejectContributionClaimed",
}
LARGE_WEI = 2**256 - 1


def log(claim_type="principal", name="bob", amount_wei=5, tx=None):
    return pay(EVENTS[claim_type], tx=tx, who=wallet(name), amount=str(amount_wei))


async def report(place, api, name="bob", claim_type="principal", **changes):
    actor = await place.own(name)
    body = {"subject": wallet(name), "challenge_id": 2, "claim_type": claim_type, **changes}
    return await api.post("/api/me/claims", json=body, headers=bearer(place, actor))


async def rows(place):
    found = await place.owner.fetch(
        """
        select claim_type, amount_wei::text, source, tx_hash, block_number
        from public.claims order by id
        """
    )
    return [tuple(row) for row in found]


async def test_the_types_are_those_of_the_events(place):
    found = await place.owner.fetch("select claim_type, event from agon.claim_events")
    assert {row["claim_type"] for row in found} == set(CLAIM_TYPES)
    assert {row["claim_type"]: row["event"] for row in found} == {
        **EVENTS, "treasury_eth": "ClaimedETH",
    }  # fmt: skip


@pytest.mark.parametrize("claim_type", EVENTS)
async def test_the_indexer_keeps_every_type(place, claim_type):
    story = await begun(place)
    await story.mine(created())
    block = await story.mine(log(claim_type, amount_wei=LARGE_WEI, tx=hash_of("tx")))
    expected = [(claim_type, str(LARGE_WEI), "indexer", hash_of("tx"), block)]
    assert await rows(place) == expected
    await story.apply(block, block)
    assert await rows(place) == expected, "a second time changes nothing"
    await story.undo(block)
    assert await rows(place) == []


async def test_a_wallet_reports_its_claim_once(place, api):
    story = await begun(place)
    await story.mine(created())
    first = await report(place, api)
    assert first.status_code == 201, first.text
    assert (first.json()["amount_wei"], first.json()["source"]) == ("0", "ui")
    second = await report(place, api, tx_hash=hash_of("tx"), amount_wei="1" + "0" * 30)
    third = await report(place, api)
    assert {first.json()["id"]} == {second.json()["id"], third.json()["id"]}
    assert third.json()["amount_wei"] == "1" + "0" * 30, "what is known stays known"
    assert third.json()["tx_hash"] == hash_of("tx")
    assert third.json()["claimed_at"] == first.json()["claimed_at"]


async def test_a_report_never_downgrades_the_indexers_row(place, api):
    story = await begun(place)
    await story.mine(created())
    block = await story.mine(log(amount_wei=7, tx=hash_of("tx")))
    answer = await report(place, api, amount_wei="0", tx_hash=hash_of("lie"))
    assert (answer.json()["amount_wei"], answer.json()["source"]) == ("7", "indexer")
    assert await rows(place) == [("principal", "7", "indexer", hash_of("tx"), block)]


@pytest.mark.parametrize("report_first", [True, False])
async def test_undoing_gives_back_what_the_wallet_had_reported(place, api, report_first):
    story = await begun(place)
    await story.mine(created())
    if report_first:
        await report(place, api, amount_wei="3", tx_hash=hash_of("said"))
    block = await story.mine(log(amount_wei=7, tx=hash_of("tx")))
    if not report_first:
        await report(place, api, amount_wei="3", tx_hash=hash_of("said"))
    assert await rows(place) == [("principal", "7", "indexer", hash_of("tx"), block)]
    await story.undo(block)
    assert await rows(place) == [("principal", "3", "ui", hash_of("said"), None)]
    block = await story.mine(log(amount_wei=8, tx=hash_of("tx2")))
    assert await rows(place) == [("principal", "8", "indexer", hash_of("tx2"), block)]


async def test_repeated_claims_from_the_treasury_are_not_merged(place):
    story = await begun(place)
    logs = [treasury_claimed("bob", "1", amount) for amount in (5, 5, 6)]
    await story.mine(logs[0], logs[1])
    await story.mine(logs[2])
    assert [row[1] for row in await rows(place)] == ["5", "5", "6"]
    await story.apply(1, 2)
    assert len(await rows(place)) == 3
    await story.undo(2)
    assert [row[1] for row in await rows(place)] == ["5", "5"]


async def test_two_claims_of_one_transaction_are_two_and_one_is_what_was_reported(place, api):
    story = await begun(place)
    tx = hash_of("tx")
    answer = await report(place, api, claim_type="treasury_eth", challenge_id=1, tx_hash=tx)
    assert answer.status_code == 201, answer.text
    block = await story.mine(
        treasury_claimed("bob", "1", 5, tx), treasury_claimed("bob", "1", 6, tx)
    )
    assert [row[1:] for row in await rows(place)] == [
        ("5", "indexer", tx, block), ("6", "indexer", tx, block),
    ]  # fmt: skip
    again = await report(place, api, claim_type="treasury_eth", challenge_id=1, tx_hash=tx)
    assert (again.json()["id"], again.json()["amount_wei"]) == (answer.json()["id"], "5")
    await story.undo(block)
    assert [row[1:] for row in await rows(place)] == [("0", "ui", tx, None)]


async def test_a_treasury_claim_reported_after_its_log_is_the_same_claim(place, api):
    story = await begun(place)
    tx = hash_of("tx")
    await story.mine(treasury_claimed("bob", "1", 5, tx))
    answer = await report(place, api, claim_type="treasury_eth", challenge_id=1, tx_hash=tx)
    assert (answer.json()["amount_wei"], len(await rows(place))) == ("5", 1)


async def test_buckets_that_are_no_challenges_stop_nothing(place):
    story = await begun(place)
    await story.mine(treasury_claimed("bob", str(LARGE_WEI), 5), treasury_claimed("bob", "1", 6))
    assert [row[1] for row in await rows(place)] == ["6"]


@pytest.mark.parametrize(
    ("changes", "code", "status"),
    [
        ({"subject": wallet("carol")}, "not_your_wallet", 403),
        ({"subject": None}, "subject_missing", 422),
        ({"claim_type": "jackpot"}, "claim_type_unknown", 422),
        ({"claim_type": None}, "claim_type_unknown", 422),
        ({"challenge_id": 3}, "challenge_unknown", 404),
        ({"challenge_id": "2"}, "challenge_id_malformed", 422),
        ({"amount_wei": "-1"}, "amount_wei_malformed", 422),
        ({"amount_wei": "1e18"}, "amount_wei_malformed", 422),
        ({"amount_wei": str(2**256)}, "amount_wei_malformed", 422),
        ({"tx_hash": "0xabc"}, "tx_hash_malformed", 422),
        ({"metadata": []}, "metadata_malformed", 422),
        ({"metadata": {"note": "x" * 8192}}, "metadata_too_large", 413),
        ({"claim_type": "treasury_eth"}, "tx_hash_missing", 422),
    ],
)
async def test_a_wrong_report_is_refused(place, api, changes, code, status):
    story = await begun(place)
    await story.mine(created())
    answer = await report(place, api, **changes)
    assert (answer.json()["code"], answer.status_code) == (code, status)
    assert "None" not in answer.json()["message"]
    assert await rows(place) == []


async def test_nothing_is_claimed_without_a_chain(place, api):
    number = await created_here(place)
    answer = await report(place, api, challenge_id=number)
    assert (answer.json()["code"], answer.status_code) == ("chain_not_configured", 409)
    await begun(place)
    answer = await report(place, api, challenge_id=number)
    assert (answer.json()["code"], answer.status_code) == ("challenge_not_on_chain", 409)


async def test_one_sees_ones_own_claims_and_amounts_are_strings(place, api):
    story = await begun(place)
    await story.mine(created(), log(amount_wei=10**30), log("cashback", "carol"))
    bob = await place.own("bob")
    mine = (await api.get("/api/me/claims", headers=bearer(place, bob))).json()
    assert [(row["claim_type"], row["amount_wei"]) for row in mine] == [
        ("principal", "1" + "0" * 30)
    ]
    assert "reported" not in mine[0]
    path = "/api/me/claims"
    own = await api.get(path, params={"subject": wallet("bob")}, headers=bearer(place, bob))
    assert own.json() == mine
    other = await api.get(path, params={"subject": wallet("carol")}, headers=bearer(place, bob))
    assert (other.json()["code"], other.status_code) == ("not_your_wallet", 403)
    for nobody in ("", "bob"):
        none = await api.get(path, params={"subject": nobody}, headers=bearer(place, bob))
        assert (none.json()["code"], none.status_code) == ("wallet_malformed", 400)
    assert (await api.get(path)).status_code == 401
    async with place.database.as_caller(bob) as conn:
        assert await conn.fetchval("select count(*) from public.claims") == 1
    async with place.database.as_caller(SERVICE) as conn:
        assert await conn.fetchval("select count(*) from public.claims") == 2


async def test_the_data_door_tells_wei_as_strings_and_finds_by_them(place):
    story = await begun(place)
    await story.mine(created(), log(amount_wei=LARGE_WEI))
    headers = bearer(place, await place.own("bob"))
    async with served(place) as door:
        for query, found in (
            ("select=amount_wei", [{"amount_wei": str(LARGE_WEI)}]),
            (f"select=amount_wei&amount_wei=eq.{LARGE_WEI}", [{"amount_wei": str(LARGE_WEI)}]),
            (f"select=amount_wei&amount_wei=lt.{LARGE_WEI}", []),
        ):
            answer = await door.get(f"/rest/v1/claims?{query}", headers=headers)
            assert answer.json() == found, answer.text
        wrong = await door.get("/rest/v1/claims?amount_wei=eq.x", headers=headers)
        assert (wrong.status_code, wrong.json()["code"]) == (400, "22P02")
