"""How wide ranges are: what nodes say about it is understood, and each try ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agon.commons.chain.ranges import (
    BLOCKS_MAX,
    LOGS_AIMED,
    Hint,
    Width,
    answered,
    is_unknown_block,
    refused,
    too_large,
)

SAID = [
    (-32005, "query returned more than 10000 results. Try with this block range [0x10, 0x1f].",
     16, False),
    (-32602, "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block "
     "range. Based on your parameters, this block range should work: [0x0, 0x3]", 4, False),
    (-32000, "query exceeds max results 20000, retry with the range 100-149", 50, False),
    (-32600, "Max range: 800", 800, True),
    (-32000, "requested too many blocks from 1 to 9000, maximum is set to 2048", 2048, True),
    (-32000, "Maximum allowed number of requested blocks is 3500", 3500, True),
    (-32614, "eth_getLogs is limited to a 10,000 range", 10_000, True),
    (-32602, "eth_getLogs is limited to 1024 block range", 1024, True),
    (-32000, "please limit the query to at most 1000 blocks", 1000, True),
    (-32000, "exceed maximum block range: 50000", 50_000, True),
    (-32000, "query exceeds max block range 100000", 100_000, True),
    (-32000, "eth_getLogs range is too large, max is 10k blocks", 10_000, True),
    (-32000, "block range is too wide (maximum 1024)", 1024, True),
    (-32000, "query must be smaller than size 1024", 1024, True),
    (-32000, "up to a 500 block range", 500, True),
    (-32000, "block range greater than 2000 max", 2000, True),
    (-32000, "block range exceeds 1000", 1000, True),
    (-32000, "exceeds the range allowed for your plan (5000 > 1000)", 1000, True),
    (-32000, "maximum [from, to] blocks distance: 300", 300, True),
    (35, "ranges over 10000 blocks are not supported on freetier", 10_000, True),
    (-32602, "block range too large (10001), maximum allowed is 2000 blocks", 2000, True),
    (-32005, "query returned more than 10000 results", None, False),
    (-32005, "", None, False),
    (-32600, "block range is too wide", None, False),
    (-32000, "Block range limit exceeded.", None, False),
    (-32000, "query timeout exceeded", None, False),
    (-32000, "context deadline exceeded", None, False),
    (-32000, "backend response too large", None, False),
    (-32000, "logs matched by query exceeds limit of 10000", None, False),
    (-32000, "response size should not greater than 10000000 bytes", None, False),
    (413, "The node's proxy finds this too large.", None, False),
]  # fmt: skip


@pytest.mark.parametrize(("code", "message", "blocks", "lasting"), SAID)
def test_what_nodes_say_is_understood(code, message, blocks, lasting):
    assert too_large(code, message) == Hint(blocks=blocks, lasting=lasting)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (-32603, "internal error"),
        (-32601, "the method does not exist"),
        (-32000, "missing trie node"),
        (-32000, "header not found"),
    ],
)
def test_other_errors_are_not_about_size(code, message):
    assert too_large(code, message) is None


def test_a_block_that_is_not_known_is_told_apart():
    assert is_unknown_block("unknown block")
    assert is_unknown_block("header not found")
    assert not is_unknown_block("query returned more than 10000 results")


def test_width_doubles_to_its_ceiling():
    width = Width(blocks=1000, ceiling=3000)
    widths = []
    for _ in range(4):
        width = answered(width, width.blocks, 0)
        widths.append(width.blocks)
    assert widths[:2] == [2000, 3000]
    assert 3000 < widths[-1] < 3200


def test_what_a_node_told_is_not_tried_to_exceed():
    width = refused(Width(), 2000, Hint(blocks=800, lasting=True))
    assert width is not None
    for _ in range(50):
        width = answered(width, width.blocks, 0)
    assert width.blocks == 800


def test_many_logs_make_ranges_narrower():
    assert answered(Width(blocks=2000), 2000, 4 * LOGS_AIMED).blocks == 500


def test_a_hint_that_is_no_help_is_not_followed():
    for useless in (0, -5, 100, 101, 5000):
        width = refused(Width(blocks=100), 100, Hint(blocks=useless, lasting=True))
        assert width is not None
        assert width.blocks == 50


@given(st.integers(1, BLOCKS_MAX), st.lists(st.one_of(st.none(), st.integers(-10, 10**7))))
def test_refusals_end_at_a_single_block(asked, hints):
    width, steps = Width(blocks=asked), 0
    for hint in [*hints, *([None] * 40)]:
        narrower = refused(width, width.blocks, Hint(blocks=hint, lasting=bool(steps % 2)))
        if narrower is None:
            assert width.blocks == 1
            return
        assert 1 <= narrower.blocks < width.blocks
        assert narrower.blocks <= narrower.ceiling
        width, steps = narrower, steps + 1
    raise AssertionError("it goes on")


@given(st.integers(1, BLOCKS_MAX), st.integers(1, BLOCKS_MAX), st.integers(0, 10**6))
def test_width_stays_within_bounds(blocks, ceiling, logs):
    width = answered(Width(blocks=min(blocks, ceiling), ceiling=ceiling), blocks, logs)
    assert 1 <= width.blocks <= BLOCKS_MAX
