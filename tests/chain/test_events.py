"""Decoders of events: what eth_abi encodes they read, and what has not its form they refuse."""

from __future__ import annotations

import json
import string

import pytest
from eth_abi import encode
from hypothesis import given
from hypothesis import strategies as st

from agon.commons.chain import artifacts, events
from agon.kernel.errors import Refused

WORD_TYPES = {
    "address": st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex()),
    "bool": st.booleans(),
    "uint256": st.integers(0, 2**256 - 1),
    "uint64": st.integers(0, 2**64 - 1),
    "uint8": st.integers(0, 255),
    "int256": st.integers(-(2**255), 2**255 - 1),
    "int24": st.integers(-(2**23), 2**23 - 1),
    "bytes32": st.binary(min_size=32, max_size=32),
    "bytes4": st.binary(min_size=4, max_size=4),
}
TAIL_TYPES = {
    "string": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    "bytes": st.binary(max_size=100),
}  # fmt: skip
TYPES = WORD_TYPES | TAIL_TYPES

names = st.text(string.ascii_letters, min_size=1, max_size=8)


def event(*inputs: tuple[str, str, bool], name: str = "Happened") -> events.Event:
    return events.Event(
        name=name,
        inputs=tuple(events.Input(name=n, type=t, indexed=i) for n, t, i in inputs),
    )


def shown(kind: str, value: object) -> object:
    """As the JSON has it."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return str(value) if kind.startswith(("uint", "int")) else value


def encoded(inputs: list[tuple[str, str, bool]], values: list[object]) -> tuple[list[str], str]:
    pairs = list(zip(inputs, values, strict=True))
    topics = [encode([each[1]], [value]) for each, value in pairs if each[2]]
    plain = [(each[1], value) for each, value in pairs if not each[2]]
    data = encode([kind for kind, _ in plain], [value for _, value in plain])
    return ["0x" + "11" * 32, *("0x" + topic.hex() for topic in topics)], "0x" + data.hex()


@st.composite
def happenings(draw) -> tuple[list[tuple[str, str, bool]], list[object]]:
    given_names = draw(st.lists(names, min_size=0, max_size=7, unique=True))
    inputs = []
    for name in given_names:
        is_indexed = sum(each[2] for each in inputs) < 3 and draw(st.booleans())
        kind = draw(st.sampled_from(sorted(WORD_TYPES if is_indexed else TYPES)))
        inputs.append((name, kind, is_indexed))
    return inputs, [draw(TYPES[kind]) for _, kind, _ in inputs]


@given(happenings())
def test_what_eth_abi_encodes_is_read(happening):
    inputs, values = happening
    text = events.decoder(event(*inputs))(*encoded(inputs, values))
    assert json.loads(text) == {
        name: shown(kind, value)
        for (name, kind, _), value in zip(inputs, values, strict=True)
    }  # fmt: skip


@given(happenings(), st.data())
def test_what_is_too_short_is_refused(happening, data):
    inputs, values = happening
    topics, body = encoded(inputs, values)
    if len(body) == 2:
        return
    statics = sum(not is_indexed for _, _, is_indexed in inputs)
    cut = 2 * data.draw(st.integers(0, statics * 32 - 1))
    with pytest.raises(Refused, match="log_malformed"):
        events.decoder(event(*inputs))(topics, body[: 2 + cut])


@given(happenings())
def test_the_wrong_number_of_topics_is_refused(happening):
    inputs, values = happening
    topics, body = encoded(inputs, values)
    read = events.decoder(event(*inputs))
    for wrong in ([], [*topics, topics[0]], topics[:-1]):
        with pytest.raises(Refused, match="log_malformed"):
            read(wrong, body)


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("address", "01" + "00" * 31),
        ("address", "00" * 11 + "01" + "22" * 20),
        ("bool", "00" * 31 + "02"),
        ("bool", "ff" * 32),
        ("uint8", "00" * 30 + "0100"),
        ("uint64", "00" * 23 + "01" + "00" * 8),
        ("int24", "00" * 29 + "800000"),
        ("int24", "ff" * 29 + "7fffff"),
        ("bytes4", "11223344" + "00" * 27 + "01"),
    ],
)
@pytest.mark.parametrize("is_indexed", [True, False])
def test_dirty_words_are_refused(kind, word, is_indexed):
    topics = ["0x" + "11" * 32] + (["0x" + word] if is_indexed else [])
    with pytest.raises(Refused, match="log_malformed"):
        events.decoder(event(("it", kind, is_indexed)))(topics, "0x" if is_indexed else "0x" + word)


@pytest.mark.parametrize(
    "data",
    [
        "0x" + "00" * 33,
        "0x" + "zz" * 32,
        "0x" + " " * 64,
        "0x" + "1_" * 32,
        "0x" + "00" * 31,
        "",
        None,
        12,
    ],
)
def test_what_is_no_word_is_refused(data):
    with pytest.raises(Refused, match="log_malformed"):
        events.decoder(event(("it", "uint256", False)))(["0x" + "11" * 32], data)


@pytest.mark.parametrize(
    ("offset", "length"), [(64, 0), (2**255, 1), (32, 33), (32, 2**255), (0, 2**64), (40, 1)]
)
def test_text_that_ends_elsewhere_is_refused(offset, length):
    data = f"0x{offset:064x}{length:064x}" + "61" * 32
    with pytest.raises(Refused, match="log_malformed"):
        events.decoder(event(("it", "string", False)))(["0x" + "11" * 32], data)


def test_text_without_padding_is_read():
    data = f"0x{32:064x}{2:064x}6869"
    assert (
        events.decoder(event(("it", "string", False)))(["0x" + "11" * 32], data) == '{"it": "hi"}'
    )


def test_what_postgres_takes_in_no_text_is_replaced():
    data = f"0x{32:064x}{3:064x}6100ff"
    text = events.decoder(event(("it", "string", False)))(["0x" + "11" * 32], data)
    assert json.loads(text) == {"it": "a\ufffd\ufffd"}


def test_an_indexed_text_is_its_hash():
    text = events.decoder(event(("it", "string", True)))(["0x" + "11" * 32, "0x" + "AB" * 32], "0x")
    assert text == f'{{"it": "0x{"ab" * 32}"}}'


@pytest.mark.parametrize(
    "kind", ["uint256[]", "tuple", "uint7", "bytes33", "fixed128x18", "uint512"]
)
def test_a_type_that_is_not_read_is_refused_at_once(kind):
    with pytest.raises(Refused, match="event_unsupported"):
        events.decoder(event(("it", kind, False)))


@pytest.mark.parametrize(
    ("signature", "topic0"),
    [
        (
            "Transfer(address,address,uint256)",
            "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
        ),
        (
            "Approval(address,address,uint256)",
            "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925",
        ),
        ("Locked(uint256)", "0x032bc66be43dbccb7487781d168eb7bda224628a3b2c3388bdf69b532a3a1611"),
    ],
)
def test_first_topics_are_the_hashes_that_others_use(signature, topic0):
    name, _, types = signature.rstrip(")").partition("(")
    made = event(*((f"a{n}", kind, True) for n, kind in enumerate(types.split(","))), name=name)
    assert (made.signature, made.topic0) == (signature, topic0)


@pytest.mark.parametrize(
    ("contract", "name", "start"),
    [
        ("ChallengePay", "Joined", "0xd5b030fc"),
        ("ChallengePay", "Finalized", "0x8450c98b"),
        ("ChallengePay", "PrincipalClaimed", "0x0fe3f8c8"),
        ("ChallengePay", "RejectContributionClaimed", "0xe9bec492"),
        ("Treasury", "ClaimedETH", "0xa3ce95ed"),
        ("AIVM", "InferenceRequestedV2", "0x502ff1ce"),
        ("AIVM", "PoIAttested", "0x4d9e07f2"),
        ("AIVM", "InferenceFinalized", "0xe7d6070e"),
    ],
)
def test_our_contracts_emit_what_the_source_names(contract, name, start):
    found = {each.name: each for each in events.parse(artifacts.load(contract).abi)}
    assert found[name].topic0.startswith(start)


def test_every_event_of_every_contract_can_be_read():
    for name in ("ChallengePay", "Treasury", "AIVM", "BotIdentity", "Edition", "EpochPayout",
                 "MetadataRegistry", "ChallengeAchievement"):  # fmt: skip
        for each in events.parse(artifacts.load(name).abi):
            events.decoder(each)
