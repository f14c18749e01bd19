"""Speaking to a node: errors of HTTP, of JSON-RPC and of neither are told apart."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agon.commons.chain import rpc
from agon.kernel.errors import Refused
from tests.chain.following import configured
from tests.places import refusal_of
from tests.standins.rpc import CHAIN_ID, Chain, Refusal, standin
from tests.standins.server import Fault, Standin, Waits, calling, hanging, rate_limited


@asynccontextmanager
async def node(
    chain: Chain | None = None, waits: Waits | None = None, **settings: int
) -> AsyncIterator[tuple[rpc.Node, Standin]]:
    waits = Waits() if waits is None else waits
    async with (
        standin(chain or Chain()) as party,
        calling(party, waits=waits, **settings) as client,
    ):
        yield rpc.Node(client, party.url + "/", sleep=waits), party


def says(body: object, status: int = 200) -> Fault:
    return Fault(status=status, body=json.dumps(body).encode())


async def test_one_call_has_one_result():
    async with node() as (asked, _):
        assert await asked.chain_id() == CHAIN_ID
        assert (await asked.call("eth_getBlockByNumber", "latest", False))["number"] == "0x0"
        assert await asked.call("eth_getBlockByNumber", "0x9", False) is None


async def test_a_batch_answers_in_the_order_of_its_calls():
    chain = Chain(order=lambda answers: answers[::-1])
    chain.mine(*([[]] * 250))
    async with node(chain) as (asked, party):
        calls = [("eth_getBlockByNumber", (hex(n), False)) for n in range(250)]
        found = await asked.batch(calls)
    assert [int(each["number"], 16) for each in found] == list(range(250))
    assert len(party.heard) == 3


async def test_the_nodes_own_errors_are_faults():
    async with node() as (asked, _):
        with pytest.raises(rpc.Fault) as caught:
            await asked.call("eth_nothing")
        assert caught.value.code == -32601
        refused = await refusal_of(asked.call("eth_nothing"))
        assert (refused.code, refused.status, "-32601" in refused.details) == (
            "chain_fault", 503, True,
        )  # fmt: skip
        answers = await asked.settle([("eth_chainId", ()), ("eth_nothing", ())])
        assert answers[0] == hex(CHAIN_ID)
        assert isinstance(answers[1], rpc.Fault)
        with pytest.raises(rpc.Fault):
            await asked.batch([("eth_chainId", ()), ("eth_nothing", ())])


async def test_errors_with_another_status_are_faults_too():
    async with node() as (asked, party):
        party.order("/", says({"id": 0, "error": {"code": -32602, "message": "no"}}, status=400))
        with pytest.raises(rpc.Fault, match="no"):
            await asked.call("eth_chainId")


async def test_batches_become_what_the_node_takes():
    chain, most = Chain(), [3]
    chain.mine(*([[]] * 30))

    def order(answers):
        refusal = {"code": -32600, "message": "batch too large"}
        return answers if len(answers) <= most[0] else {"id": None, "error": refusal}

    chain.order = order
    async with node(chain) as (asked, party):
        calls = [("eth_getBlockByNumber", (hex(n), False)) for n in range(30)]
        found = await asked.batch(calls)
        assert [int(each["number"], 16) for each in found] == list(range(30))
        before = len(party.heard)
        await asked.batch(calls)
        assert len(party.heard) == before + 10
        most[0] = 0  # none at all
        assert len(await asked.batch(calls)) == 30


async def test_one_error_for_a_batch_is_the_error_of_each():
    async with node() as (asked, party):
        party.order("/", says({"id": None, "error": {"code": -32600, "message": "not now"}}))
        answers = await asked.settle([("eth_chainId", ()), ("eth_chainId", ())])
        assert [each.code for each in answers] == [-32600, -32600]


async def test_an_answer_too_large_for_us_or_a_proxy_is_a_fault_about_size(monkeypatch):
    monkeypatch.setattr(rpc, "ANSWER_BYTES_MAX", 10)
    async with node() as (asked, party):
        with pytest.raises(rpc.Fault) as caught:
            await asked.call("eth_chainId")
        assert caught.value.code == rpc.TOO_LARGE
        party.order("/", Fault(status=413, body=b"Request Entity Too Large"))
        with pytest.raises(rpc.Fault) as caught:
            await asked.call("eth_chainId")
        assert caught.value.code == rpc.TOO_LARGE


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"id": 0},
        {"id": 1, "result": "0x1"},
        {"id": "0", "result": "0x1"},
        {"id": 0, "error": "no"},
        {"id": 0, "error": {"message": "no"}},
        [],
        [{"id": 0, "result": "0x1"}],
        "0x1",
        None,
        7,
    ],
)
async def test_what_is_not_json_rpc_is_malformed(body):
    async with node() as (asked, party):
        party.order("/", says(body))
        assert (await refusal_of(asked.call("eth_chainId"))).code == "chain_answer_malformed"


@pytest.mark.parametrize("answer", ["", "0x", "1", "0x1_0", "-0x1", None, 1, "0x" + "1" * 65])
async def test_a_number_has_one_form(answer):
    async with node(Chain(lie=lambda method, params, true: answer)) as (asked, _):
        assert (await refusal_of(asked.chain_id())).code == "chain_answer_malformed"


async def test_silence_is_told_apart():
    async with node(total_ms=100) as (asked, party):
        party.order("/", hanging(1))
        assert (await refusal_of(asked.call("eth_chainId"))).code == "chain_timeout"


async def test_a_node_that_is_away_is_unreachable():
    async with node() as (asked, party):
        nobody = rpc.Node(asked._client, "http://127.0.0.1:1/")
        assert (await refusal_of(nobody.call("eth_chainId"))).code == "outbound_forbidden_address"
        exempt = frozenset({("127.0.0.1", 1), party.address})
        async with calling(party, exempt=exempt) as client:
            nobody = rpc.Node(client, "http://127.0.0.1:1/")
            away = await refusal_of(nobody.call("eth_chainId"))
            assert (away.code, away.status) == ("chain_unreachable", 503)
            assert "AGON_RPC_URL" in (away.hint or "")
            assert "127.0.0.1" not in str(away.as_json())


async def test_patience_ends():
    waits = Waits()
    async with node(waits=waits) as (asked, party):
        party.order("/", rate_limited(), 10)
        assert (await refusal_of(asked.call("eth_chainId"))).code == "chain_rate_limited"
    assert waits == [1, 2, 4]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (429, "Your app has exceeded its compute units per second capacity"),
        (-32005, "daily request count exceeded, request rate limited"),
        (-32029, "slow down"),
        (-32007, "50/second request limit reached"),
        (-32000, "Too Many Requests"),
    ],
)
async def test_limits_of_rate_are_waited_for_and_told_apart(code, message):
    left, waits = [2], Waits()

    def lie(_method, _params, true):
        left[0] -= 1
        return Refusal(code, message) if left[0] >= 0 else true

    async with node(Chain(lie=lie), waits) as (asked, _):
        assert await asked.chain_id() == CHAIN_ID
        left[0] = 100
        assert (await refusal_of(asked.chain_id())).code == "chain_rate_limited"
    assert waits == [1, 2, 1, 2, 4, 8]


async def test_without_a_node_there_is_no_chain(place):
    with pytest.raises(Refused, match="chain_unset"):
        async with rpc.connect(place.runtime):
            pass


async def test_the_configured_node_may_be_local(place):
    async with standin(Chain()) as party:
        runtime = configured(place, rpc_url=party.url + "/").runtime
        async with rpc.connect(runtime) as asked:
            assert await asked.chain_id() == CHAIN_ID
