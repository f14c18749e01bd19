"""A node that lies, fails or lags: nothing is skipped, and what cannot be believed is an error."""

from __future__ import annotations

import json

import pytest

from agon.commons.chain import indexing, reading, rpc
from agon.kernel.errors import Refused
from tests.chain.following import (
    PEOPLE,
    keep,
    said,
    stored,
    transfer,
    true_logs,
    walking,
)
from tests.places import refusal_of
from tests.standins.rpc import Chain, Log, Refusal
from tests.standins.server import Fault, Waits, broken, rate_limited, truncated


def busy_chain(blocks: int = 50, finality: int | None = 10) -> Chain:
    chain = Chain(finality=finality)
    chain.mine(*([transfer(*PEOPLE[:2], n), said(b"%d" % n)] for n in range(blocks)))
    return chain


async def cursor(place) -> int | None:
    return await place.owner.fetchval("select next_block from agon.chains")


class Once:
    """Tell a lie the first time that the case comes, then the truth."""

    def __init__(self, case, lie):
        self.case, self.lie, self.told = case, lie, 0

    def __call__(self, method, params, answer):
        if self.told or not self.case(method, params):
            return answer
        self.told += 1
        return self.lie(answer)


def by_hash(method, params):
    return method == "eth_getLogs" and "blockHash" in params[0]


def by_range(method, params):
    return method == "eth_getLogs" and "fromBlock" in params[0]


async def ends_right(place, chain, walk) -> None:
    """After the lie all is as if there had been none."""
    for _ in range(indexing.RACES_MAX):
        try:
            await indexing.catch_up(walk)
        except (Refused, rpc.Fault):
            continue
        break
    assert await stored(place) == true_logs(chain)


@pytest.mark.parametrize("finality", [10, 60])
async def test_an_empty_list_for_a_block_that_the_node_does_not_know_is_no_answer(place, finality):
    """Half of the nodes behind a balancer lag: they know neither the block nor its logs."""
    chain, lagging = busy_chain(finality=finality), [True]

    def lie(method, params, answer):
        if not lagging:
            return answer
        if method == "eth_getLogs":
            return []
        if method == "eth_getBlockByHash" or (
            method == "eth_getBlockByNumber" and params[0] == hex(chain.latest - finality)
        ):
            return None
        return answer

    chain.lie = lie
    await keep(place)
    async with walking(place, chain) as walk:
        with pytest.raises(Refused, match=r"chain_answer_malformed|chain_block_gone"):
            await indexing.catch_up(walk)
        assert await cursor(place) <= 1
        lagging.clear()
        await ends_right(place, chain, walk)


async def test_logs_that_a_node_cannot_find_yet_are_waited_for(place):
    """It knows the block already, and its logs not yet."""
    chain = busy_chain()
    chain.lie = lambda method, params, answer: [] if by_hash(method, params) else answer
    await keep(place)
    async with walking(place, chain) as walk:
        refused = await refusal_of(indexing.catch_up(walk))
        assert (refused.code, await cursor(place)) == ("chain_answer_malformed", 41)
        chain.lie = None
        await ends_right(place, chain, walk)


async def test_a_bloom_filter_alone_proves_nothing(place):
    chain = Chain(receipts=False)
    chain.mine(*([[]] * 20))
    chain.lie = lambda method, params, answer: (
        answer | {"logsBloom": "0x" + "f" * 512} if isinstance(answer, dict) else answer
    )
    await keep(place)
    async with walking(place, chain) as walk:
        assert (await indexing.catch_up(walk)).next_block == 21
        chain.receipts = True
        chain.mine([])
        assert (await indexing.catch_up(walk)).next_block == 22


@pytest.mark.parametrize(
    ("case", "lie"),
    [
        (by_hash, lambda answer: Refusal(-32000, "unknown block")),
        (by_hash, lambda answer: [each | {"blockHash": "0x" + "ab" * 32} for each in answer]),
        (by_range, lambda answer: [each | {"blockNumber": "0x3e7"} for each in answer]),
        (by_range, lambda answer: [each | {"removed": True} for each in answer]),
        (by_range, lambda answer: [each | {"data": "0x"} for each in answer]),
        (by_range, lambda answer: [each | {"topics": each["topics"][:1]} for each in answer]),
        (by_range, lambda answer: [each | {"transactionHash": "0x1\t"} for each in answer]),
        (by_range, lambda answer: [each | {"logIndex": None} for each in answer]),
        (by_range, lambda answer: [*answer, answer[0] | {"data": answer[2]["data"]}]),
        (by_range, lambda answer: {"logs": answer}),
        (by_range, lambda answer: None),
        (by_range, lambda answer: Refusal(-32603, "internal error")),
        (lambda method, params: params == ["latest", False], lambda answer: None),
        (lambda method, params: params == ["latest", False], lambda a: a | {"hash": "0x1"}),
        (lambda method, params: params == ["finalized", False], lambda a: Refusal(-32603, "oops")),
    ],
)  # fmt: skip
async def test_what_cannot_be_believed_is_an_error(place, case, lie):
    chain = busy_chain()
    chain.lie = Once(case, lie)
    await keep(place)
    async with walking(place, chain) as walk:
        for _ in range(indexing.RACES_MAX):
            try:
                await indexing.catch_up(walk)
            except (Refused, rpc.Fault):
                assert (
                    await stored(place) == true_logs(chain)[: 2 * max(0, await cursor(place) - 1)]
                )
            else:
                break
    assert chain.lie.told == 1
    assert await stored(place) == true_logs(chain)


async def test_logs_told_twice_or_out_of_order_are_the_same_logs(place):
    chain = busy_chain()
    chain.lie = lambda method, params, answer: (
        [*answer[::-1], *answer[:3]] if by_range(method, params) else answer
    )
    await keep(place)
    async with walking(place, chain) as walk:
        await indexing.catch_up(walk)
    assert await stored(place) == true_logs(chain)


async def test_logs_of_events_that_were_not_asked_for_are_left_alone(place):
    chain = busy_chain()
    other = Log(address=transfer(*PEOPLE[:2], 1).address, topics=("0x" + "55" * 32,))
    chain.lie = lambda method, params, answer: (
        [*answer, answer[-1] | {"topics": list(other.topics)}]
        if by_range(method, params)
        else answer
    )
    await keep(place)
    async with walking(place, chain) as walk:
        await indexing.catch_up(walk)
    assert await stored(place) == true_logs(chain)


@pytest.mark.parametrize(
    "options",
    [
        {"logs_max": 7},
        {"logs_max": 7, "refusal": "query returned more than {logs} results. "
         "Try with this block range [{first}, {last}]."},
        {"range_max": 3, "refusal": "eth_getLogs is limited to a {blocks} range"},
        {"range_max": 3, "refusal": "Block range limit exceeded."},
        {"range_max": 3, "refusal": "exceed maximum block range: {blocks}"},
    ],
)  # fmt: skip
async def test_ranges_become_what_the_node_takes(place, options):
    chain = busy_chain()
    for name, value in options.items():
        setattr(chain, name, value)
    await keep(place)
    async with walking(place, chain) as walk:
        await indexing.catch_up(walk)
    assert await stored(place) == true_logs(chain)


@pytest.mark.parametrize("finality", [10, 60])
async def test_a_block_too_large_for_the_node_is_refused_and_not_skipped(place, finality):
    chain = busy_chain(finality=finality)
    chain.logs_max = 1
    await keep(place)
    async with walking(place, chain) as walk:
        refused = await refusal_of(indexing.catch_up(walk))
        asked = len(chain.asked)
        assert await cursor(place) <= 1
        chain.logs_max = None
        await indexing.catch_up(walk)
    assert refused.code == "chain_block_too_large"
    assert "block 1" in refused.message
    assert asked < 300
    assert await stored(place) == true_logs(chain)


async def test_a_run_of_new_blocks_becomes_what_the_node_takes(place):
    """Some nodes bound the answer to a batch, not that to a call."""
    chain = busy_chain(finality=60)
    chain.order = lambda answers: [
        {"id": each["id"], "error": {"code": -32003, "message": "response too large"}}
        if n > 8 and isinstance(each["result"], list)
        else each
        for n, each in enumerate(answers)
    ]
    await keep(place)
    async with walking(place, chain) as walk:
        await indexing.catch_up(walk)
    assert await stored(place) == true_logs(chain)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (truncated(), "chain_answer_malformed"),
        (Fault(status=200, body=b"<html>sorry</html>"), "chain_answer_malformed"),
        (Fault(status=200, body=b"[]"), "chain_answer_malformed"),
        (Fault(status=200, body=b"null"), "chain_answer_malformed"),
        (broken(500), "chain_unreachable"),
        (broken(502), "chain_unreachable"),
        (Fault(status=401, body=b"who are you"), "chain_unreachable"),
    ],
)
async def test_an_answer_that_is_none_moves_nothing(place, fault, code):
    chain = busy_chain()
    await keep(place)
    async with walking(place, chain) as walk:
        walk.node.party.order("/", fault)
        assert (await refusal_of(indexing.catch_up(walk))).code == code
        assert await cursor(place) == 0
        await indexing.catch_up(walk)
    assert await stored(place) == true_logs(chain)


@pytest.mark.parametrize("skipped", range(6))
async def test_truncated_answers_at_any_step_lose_nothing(place, skipped):
    chain, seen = busy_chain(), []
    await keep(place)
    async with walking(place, chain) as walk:
        client, request = walk.node._client, walk.node._client.request

        async def cut(*args, **options):
            answer = await request(*args, **options)
            seen.append(answer)
            if len(seen) == skipped + 1:
                json_text = answer.body[: len(answer.body) // 2]
                return type(answer)(status=200, headers={}, body=json_text)
            return answer

        client.request = cut
        await ends_right(place, chain, walk)
    assert json.loads(seen[0].body)


async def test_a_node_that_asks_for_patience_gets_it(place):
    chain, waits = busy_chain(), Waits()
    await keep(place)
    async with walking(place, chain, waits=waits) as walk:
        walk.node.party.order("/", rate_limited(7), 2)
        await indexing.catch_up(walk)
    assert waits == [7, 7]
    assert await stored(place) == true_logs(chain)


async def test_a_node_that_is_out_of_patience_is_left_alone(place):
    chain = busy_chain()
    await keep(place)
    async with walking(place, chain) as walk:
        walk.node.party.order("/", rate_limited(3600))
        refused = await refusal_of(indexing.catch_up(walk))
    assert (refused.code, refused.details) == ("chain_rate_limited", "retry_after_s=3600")


async def test_waits_grow_when_limits_come_as_json(place):
    chain, waits, left = busy_chain(), Waits(), [3]

    def lie(method, params, answer):
        if by_range(method, params) and left[0]:
            left[0] -= 1
            return Refusal(-32005, "daily request count exceeded, request rate limited")
        return answer

    chain.lie = lie
    await keep(place)
    async with walking(place, chain, waits=waits) as walk:
        await indexing.catch_up(walk)
    assert waits == [1, 2, 4]
    assert await stored(place) == true_logs(chain)


@pytest.mark.parametrize("head", [45, 20, 0])
async def test_a_head_that_goes_backwards_undoes_nothing(place, head):
    chain = busy_chain()
    await keep(place)
    async with walking(place, chain) as walk:
        await indexing.catch_up(walk)
        chain.head = head
        done = await indexing.catch_up(walk)
        assert (done.is_behind, done.undone, await cursor(place)) == (True, 0, 51)
        assert await stored(place) == true_logs(busy_chain())
        chain.head = None
        chain.mine([transfer(*PEOPLE[:2], 5)])
        await indexing.catch_up(walk)
    assert await stored(place) == true_logs(chain)


async def test_a_node_that_forgot_a_block_below_its_head_proves_nothing(place):
    chain = busy_chain()
    await keep(place)
    async with walking(place, chain) as walk:
        await indexing.catch_up(walk)
        chain.mine([transfer(*PEOPLE[:2], 5)])
        chain.lie = lambda method, params, answer: (
            None if method == "eth_getBlockByNumber" and params[0] == hex(50) else answer
        )
        done = await indexing.catch_up(walk)
        assert (done.is_behind, await cursor(place)) == (True, 51)
        chain.lie = None
        await indexing.catch_up(walk)
    assert await stored(place) == true_logs(chain)


async def test_batch_answers_come_in_any_order(place):
    chain = busy_chain(finality=40)
    chain.order = lambda answers: answers[::-1]
    await keep(place)
    async with walking(place, chain) as walk:
        await indexing.catch_up(walk)
    assert await stored(place) == true_logs(chain)


@pytest.mark.parametrize("order", [lambda a: a + a[:1], lambda a: a[1:], lambda a: a[0]])
async def test_a_batch_answer_that_is_not_one_to_one_is_an_error(place, order):
    chain = busy_chain()
    chain.order = order
    await keep(place)
    async with walking(place, chain) as walk:
        assert (await refusal_of(indexing.catch_up(walk))).code == "chain_answer_malformed"
    assert await stored(place) == []


async def test_many_new_blocks_are_read_in_runs(place):
    chain = busy_chain(blocks=2 * reading.NEW_BLOCKS_MAX + 5, finality=1000)
    await keep(place)
    async with walking(place, chain) as walk:
        await indexing.catch_up(walk)
    assert await stored(place) == true_logs(chain)
