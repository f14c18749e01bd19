"""At which stage a wallet is: the rules of truth, and what the chain says can be claimed."""

from __future__ import annotations

import pytest

from agon.challenges import claims
from agon.commons.chain import artifacts, calls, rpc
from agon.kernel.errors import Refused
from tests.challenges.drafts import created as created_here
from tests.challenges.stories import begun, created, finalized, joined, pay
from tests.challenges.test_chain_claims import log, report
from tests.challenges.test_chain_describing import described
from tests.challenges.test_chain_effects import submit
from tests.challenges.test_chain_jobs import judge
from tests.places import SERVICE, bearer, wallet

PRINCIPAL = {"claim_type": "principal", "amount_wei": "1" + "0" * 30}
CASHBACK = {"claim_type": "cashback", "amount_wei": "1"}
FEE = {"claim_type": "validator_reward", "amount_wei": "1"}


async def told(place, api, *logs, passed=None, name="bob"):
    """A challenge with these logs, that bob has joined, with his verdict if there is one."""
    story = await begun(place)
    await story.mine(created(), pay("Approved"), joined(name))
    await described(place, api)
    if passed is not None:
        await submit(place, name)
        await judge(place, name, passed)
    await story.mine(*logs)
    return story


async def resolved(place, claimable, name="bob", number=2):
    async with place.database.as_worker(await place.own(name)) as conn:
        return await conn.fetchval(
            "select agon.resolve_lifecycle($1, $2, $3)", number, wallet(name), claimable
        )


@pytest.mark.parametrize(
    ("logs", "passed", "claimable", "stage", "reward"),
    [
        # 1. A failure on the chain rewards nobody, whatever the verdict and the simulation say.
        ([finalized(2)], True, [PRINCIPAL], "PAYABLE", False),
        ([finalized(2)], True, [], "LOST", False),
        ([finalized(2)], False, [CASHBACK], "PAYABLE", False),
        # 2. A success rewards who passed and is eligible, and nobody else.
        ([finalized(1)], True, [PRINCIPAL], "CLAIMABLE", True),
        ([finalized(1)], True, [], "WON", False),
        ([finalized(1)], True, None, "WON", False),
        ([finalized(1)], True, [FEE], "PAYABLE", False),
        ([finalized(1)], False, [], "LOST", False),
        ([finalized(1)], False, [CASHBACK], "PAYABLE", False),
        ([finalized(1)], False, [PRINCIPAL], "PAYABLE", False),
        ([finalized(1)], None, [], "LOST", False),
        # 3. Where the outcome is not indexed yet, verdict and eligibility decide.
        ([], True, [PRINCIPAL], "CLAIMABLE", True),
        ([], True, [], "PASSED", False),
        ([], True, None, "PASSED", False),
        ([], False, [], "MISSED", False),
        ([], None, [], "JOINED", False),
        ([pay("Canceled")], True, [], "CANCELED", False),
        ([pay("Canceled")], True, [{**FEE, "claim_type": "reject_contribution"}], "PAYABLE", False),
    ],
)
async def test_the_chains_outcome_comes_first(place, api, logs, passed, claimable, stage, reward):
    await told(place, api, *logs, passed=passed)
    found = await resolved(place, claimable)
    assert (found["stage"], found["reward"]) == (stage, reward)
    assert found["claimable"] == (claimable or [])
    assert found["claim_eligible"] == bool(claimable)
    assert found["simulated"] == (claimable is not None)


@pytest.mark.parametrize("outcome", [1, 2])
async def test_a_claim_outweighs_everything(place, api, outcome):
    story = await told(place, api, finalized(outcome), passed=True)
    await story.mine(log("cashback"))
    found = await resolved(place, [PRINCIPAL])
    assert (found["stage"], found["claimed"][0]["amount_wei"]) == ("CLAIMED", "5")


async def test_a_reported_claim_counts_as_claimed(place, api):
    await told(place, api, finalized(1), passed=True)
    await report(place, api)
    assert (await resolved(place, [PRINCIPAL]))["stage"] == "CLAIMED"


async def test_stages_before_a_verdict(place, api):
    story = await begun(place)
    await story.mine(created())
    assert (await resolved(place, []))["stage"] == "PENDING"
    await story.mine(pay("Approved"))
    assert (await resolved(place, []))["stage"] == "OPEN"
    await story.mine(joined("bob"))
    assert (await resolved(place, []))["stage"] == "JOINED"
    await submit(place, "bob")
    assert (await resolved(place, []))["stage"] == "SUBMITTED"
    await story.undo(2)
    await story.mine(pay("Rejected"))
    assert (await resolved(place, [], "carol"))["stage"] == "REJECTED"


async def test_every_stage_is_explained(place, api):
    await told(place, api)
    stages = await place.owner.fetchval("select array_agg(stage) from agon.lifecycle_stages")
    source = await place.owner.fetchval(
        "select prosrc from pg_proc where proname = 'resolve_lifecycle'"
    )
    assert all(f"'{stage}'" in source for stage in stages if stage not in ("REJECTED", "CANCELED"))
    assert (await resolved(place, []))["sentence"]


async def test_without_a_chain_nothing_is_eligible_and_it_says_so(place, api):
    number = await created_here(place)
    bob = await place.own("bob")
    path, params = f"/api/challenges/{number}/claim", {"subject": wallet("bob")}
    answer = (await api.get(path, params=params, headers=bearer(place, bob))).json()
    assert (answer["claim_eligible"], answer["claimable"], answer["reward"]) == (False, [], False)
    assert "does not stand on a chain" in answer["sentence"]
    async with place.database.as_caller(SERVICE) as conn:
        await conn.execute("select public.finalize_challenge($1, 2::smallint)", number)
    path = f"/api/challenges/{number}/lifecycle"
    answer = (await api.get(path, params=params, headers=bearer(place, bob))).json()
    assert (answer["stage"], answer["on_chain"], answer["simulated"]) == ("LOST", False, False)


async def test_without_a_node_nobody_can_say(place, api):
    await told(place, api, finalized(1), passed=True)
    bob = await place.own("bob")
    path, params = "/api/challenges/2/claim", {"subject": wallet("bob")}
    answer = (await api.get(path, params=params, headers=bearer(place, bob))).json()
    assert answer["claim_eligible"] is False
    assert "No chain is configured" in answer["sentence"]


@pytest.mark.parametrize("path", ["claim", "lifecycle"])
async def test_a_strangers_wallet_is_not_looked_into(place, api, path):
    await told(place, api)
    eve = await place.own("eve")
    params = {"subject": wallet("bob")}
    answer = await api.get(f"/api/challenges/2/{path}", params=params, headers=bearer(place, eve))
    assert (answer.json()["code"], answer.status_code) == ("not_your_wallet", 403)
    answer = await api.get(f"/api/challenges/2/{path}", params=params)
    assert answer.status_code == 401
    params = {"subject": wallet("eve")}
    answer = await api.get(f"/api/challenges/9/{path}", params=params, headers=bearer(place, eve))
    assert answer.status_code == 404


class Answering:
    """A node that answers each call by the contract's function."""

    def __init__(self, answers):
        self.answers, self.asked = answers, []

    async def settle(self, asked):
        self.asked += asked
        return [self.answers(call[1][0]["data"][:10]) for call in asked]


def selector(name):
    contract = "Treasury" if name == "claimETH" else "ChallengePay"
    return "0x" + calls.encode(artifacts.load(contract), name, 2)[:4].hex()


async def test_each_claim_is_simulated_from_the_wallet_in_one_batch(place, api):
    await told(place, api)
    async with place.database.as_worker(await place.own("bob")) as conn:
        asked = await conn.fetchval("select agon.claim_calls(2, $1)", wallet("bob"))
    assert {each["claim_type"] for each in asked} == set(claims.CLAIM_TYPES)
    pays = {selector("claimPrincipal"): 10**30, selector("claimETH"): 2}
    node = Answering(
        lambda data: f"0x{pays[data]:064x}" if data in pays else rpc.Fault(3, "execution reverted")
    )
    found = await claims.simulate(node, 2, wallet("bob"), asked)
    assert {row["claim_type"]: row["amount_wei"] for row in found} == {
        "principal": "1" + "0" * 30, "treasury_eth": "2",
    }  # fmt: skip
    assert len(node.asked) == 7
    assert {call[1][0]["from"] for call in node.asked} == {wallet("bob")}
    assert {call[1][1] for call in node.asked} == {"latest"}


async def test_a_node_that_cannot_say_is_not_a_no(place, api):
    await told(place, api)
    async with place.database.as_worker(await place.own("bob")) as conn:
        asked = await conn.fetchval("select agon.claim_calls(2, $1)", wallet("bob"))
    said = {
        "chain_call_failed": rpc.Fault(-32000, "missing trie node"),
        "chain_answer_malformed": "0x",
    }
    for code, answer in said.items():
        with pytest.raises(Refused, match=code):
            await claims.simulate(Answering(lambda _, a=answer: a), 2, wallet("bob"), asked)
