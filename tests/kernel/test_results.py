"""Result bundles: what is written is recomputed to the same bytes, and what differs is named."""

from __future__ import annotations

import hashlib
import json

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from agon.kernel import canonical, cid, results
from agon.kernel.errors import Refused, refuse

INTEGERS = st.integers(-canonical.INTEGER_MAX, canonical.INTEGER_MAX)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | INTEGERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def summed(inputs, rules):
    total = sum(inputs["points"])
    return {"total": total, "passed": total >= rules["target"]}


SUM = results.Kind(name="points.sum", version=1, recompute=summed)
ECHO = results.Kind(name="echo", version=2, recompute=lambda inputs, rules: [inputs, rules])
KINDS = {(kind.name, kind.version): kind for kind in (SUM, ECHO)}
INPUTS, RULES = {"points": [1, 2, 3]}, {"target": 6}


def stored(**changes: object) -> bytes:
    """A bundle's bytes with some of its parts replaced."""
    document = json.loads(results.bundle(SUM, INPUTS, RULES).data)
    return canonical.canonical({**document, **changes})


def refusal(call, *args):
    with pytest.raises(Refused) as caught:
        call(*args)
    return caught.value.refusal


def test_a_bundle_is_canonical_json_named_by_its_cid():
    made = results.bundle(SUM, INPUTS, RULES)
    assert made.data == (
        b'{"inputs":{"points":[1,2,3]},"kind":"points.sum",'
        b'"output":{"passed":true,"total":6},"rules":{"target":6},"version":1}'
    )
    assert made.cid == cid.of_bytes(made.data)
    assert cid.parse(made.cid).digest == hashlib.sha256(made.data).digest()
    assert made.output == {"total": 6, "passed": True}


def test_the_same_inputs_give_the_same_bytes_in_any_key_order():
    one = results.bundle(ECHO, {"a": 1, "b": (1, 2)}, {"x": None})
    two = results.bundle(ECHO, {"b": [1, 2], "a": 1}, {"x": None})
    assert one.data == two.data
    assert one.data != results.bundle(ECHO, {"a": 1, "b": [2, 1]}, {"x": None}).data


def test_a_function_cannot_change_the_inputs_that_are_written():
    greedy = results.Kind(name="greedy", version=1, recompute=lambda inputs, _: inputs.pop())
    inputs = [1, 2]
    assert json.loads(results.bundle(greedy, inputs, {}).data)["inputs"] == [1, 2]
    assert inputs == [1, 2]


@settings(max_examples=100)
@given(VALUES, VALUES)
def test_a_bundle_verifies_and_reads_back(inputs, rules):
    made = results.bundle(ECHO, inputs, rules)
    verification = results.verify(made.data, KINDS, made.cid)
    assert verification.ok
    assert verification.differences == ()
    assert (verification.cid, verification.kind, verification.version) == (made.cid, "echo", 2)
    assert results.load(made.data)["inputs"] == inputs


@settings(max_examples=100)
@given(VALUES)
def test_canonical_json_is_rfc_8785(value):
    assert canonical.canonical(value) == rfc8785.dumps(value)


def test_keys_are_ordered_by_utf_16_units():
    # U+FF5E is the smaller code point, U+1F600 the smaller UTF-16 unit (D83D).
    data = canonical.canonical({"\uff5e": 1, "\U0001f600": 2})
    assert data == '{"\U0001f600":2,"\uff5e":1}'.encode()


@pytest.mark.parametrize(
    ("value", "pointer", "complaint"),
    [
        ({"a": [1, 2.0]}, "/a/1", "a float"),
        ({"a": {"b/c~d": float("nan")}}, "/a/b~1c~0d", "a float"),
        ({"wei": 2**53}, "/wei", "an integer beyond 53 bits"),
        ([-(2**53)], "/0", "an integer beyond 53 bits"),
        ({"a": {1: "x"}}, "/a", "a key that is a int"),
        ({"a": b"bytes"}, "/a", "a bytes"),
        ({"a": {"b": {1}}}, "/a/b", "a set"),
        (1.5, "", "a float"),
    ],
)
def test_a_value_that_json_cannot_hold_exactly_is_refused_with_its_place(value, pointer, complaint):
    no = refusal(results.canonical, value)
    assert no.code == "result_value_malformed"
    assert no.details == f"At '{pointer}': {complaint}."
    assert refusal(results.bundle, ECHO, value, {}).code == "result_value_malformed"
    assert refusal(results.bundle, ECHO, {}, value).code == "result_value_malformed"


def test_an_output_with_a_float_is_refused():
    half = results.Kind(name="half", version=1, recompute=lambda inputs, _: inputs / 2)
    assert refusal(results.bundle, half, 3, {}).code == "result_value_malformed"


def test_the_largest_exact_integers_are_kept():
    value = [canonical.INTEGER_MAX, -canonical.INTEGER_MAX]
    assert json.loads(canonical.canonical(value)) == value


def test_a_lone_surrogate_is_refused():
    assert refusal(results.canonical, ["\ud800"]).code == "result_value_malformed"
    data = stored().replace(b'"points.sum"', b'"\\ud800"')
    assert refusal(results.load, data).code == "result_value_malformed"


def nested(levels: int) -> list:
    value: list = []
    for _ in range(levels - 1):
        value = [value]
    return value


def test_a_value_nested_too_deep_is_refused():
    assert canonical.canonical(nested(canonical.DEPTH_MAX)).startswith(b"[[")
    assert "levels" in refusal(results.canonical, nested(canonical.DEPTH_MAX + 1)).details
    assert refusal(results.load, b"[" * 100_000).code == "result_malformed"


def test_what_a_bundle_holds_can_be_loaded_however_deep():
    deepest = nested(canonical.DEPTH_MAX - 1)
    one = results.Kind(name="one", version=1, recompute=lambda inputs, _: inputs)
    data = results.bundle(one, deepest, deepest).data
    assert results.load(data)["output"] == deepest
    for inputs, rules in ((nested(canonical.DEPTH_MAX), {}), ({}, nested(canonical.DEPTH_MAX))):
        assert refusal(results.bundle, one, inputs, rules).code == "result_value_malformed"


def test_a_bundle_over_the_limit_is_refused(monkeypatch):
    data = stored()
    monkeypatch.setattr(results, "BUNDLE_BYTES_MAX", len(data))
    assert results.load(data)
    monkeypatch.setattr(results, "BUNDLE_BYTES_MAX", len(data) - 1)
    assert refusal(results.load, data).status == 413
    assert refusal(results.bundle, SUM, INPUTS, RULES).code == "result_large"


@pytest.fixture
def attached(monkeypatch):
    """A bundle whose inputs were too large, beside the files that it names."""
    monkeypatch.setattr(results, "INLINE_BYTES_MAX", 10)
    monkeypatch.setattr(results, "ATTACHMENT_BYTES_MAX", 4)
    return results.bundle(SUM, INPUTS, RULES, ["points"])


def test_large_inputs_are_attached_and_small_ones_are_not(attached):
    names = [cid.of_bytes(part) for part in (b"[1,2", b",3]")]
    assert json.loads(attached.data)["inputs"] == {"points": {"attached": names}}
    assert dict(attached.attachments) == {names[0]: b"[1,2", names[1]: b",3]"}
    assert attached.output == {"total": 6, "passed": True}
    assert results.attached_to(results.load(attached.data)) == names
    for other in (results.bundle(SUM, {"points": [1]}, RULES), results.bundle(SUM, INPUTS, RULES)):
        assert other.attachments == {}
        assert results.attached_to(results.load(other.data)) == []
    again = results.verify(attached.data, KINDS, attached.cid, attached.attachments)
    assert again.ok and again.differences == ()


def test_parts_that_are_alike_are_one_file(attached):
    made = results.bundle(SUM, {"points": [111, 111, 111, 1]}, RULES, ["points"])
    assert len(made.attachments) < len(results.attached_to(results.load(made.data)))
    assert results.verify(made.data, KINDS, made.cid, made.attachments).ok


def test_a_result_is_not_verified_without_the_files_that_belong_to_it(attached):
    first, second = attached.attachments
    files = attached.attachments

    def code(given, data=attached.data):
        return refusal(results.verify, data, KINDS, None, given).code

    assert code(None) == code({first: files[first]}) == "attachment_missing"
    assert code({**files, second: b",4]"}) == "attachment_malformed"
    cut = attached.data.replace(f',"{second}"'.encode(), b"")
    assert code(files, cut) == "attachment_malformed"
    assert code(files, attached.data.replace(second.encode(), first.encode())) == (
        "attachment_malformed"
    )
    touched = attached.data.replace(b'"total":6', b'"total":7')
    assert not results.verify(touched, KINDS, None, files).ok


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        stored()[:-1],
        b"[]",
        b"{}",
        stored(more=1),
        stored(kind=None),
        stored(version="1"),
        stored(version=True),
        stored().replace(b'"inputs"', b'"entries"'),
    ],
)
def test_bytes_that_are_no_bundle_are_refused(data):
    assert refusal(results.load, data).code == "result_malformed"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"target":6', b'"target": 6'),
        (b'"target":6', b'"target":6,"target":6'),
        (b'"target":6', b'"target":-0'),
        (b'"target"', b'"t\\u0061rget"'),
        (b'"passed":true,"total":6', b'"total":6,"passed":true'),
        (b'"version":1}', b'"version":1}\n'),
    ],
)
def test_another_spelling_of_a_bundle_is_refused(old, new):
    assert old in stored()
    assert refusal(results.load, stored().replace(old, new)).code == "result_not_canonical"


@pytest.mark.parametrize("number", [b"6.0", b"6e0", b"NaN", b"Infinity", b"9007199254740992"])
def test_a_number_that_is_no_exact_integer_is_refused(number):
    no = refusal(results.load, stored().replace(b'"target":6', b'"target":' + number))
    assert (no.code, no.details.split(":")[0]) == ("result_value_malformed", "At '/rules/target'")


def test_a_forged_output_is_found_and_named():
    verification = results.verify(stored(output={"total": 7, "extra": [1]}), KINDS)
    assert not verification.ok
    assert [(d.pointer, d.stored, d.recomputed) for d in verification.differences] == [
        ("/extra", "[1]", None),
        ("/passed", None, "true"),
        ("/total", "7", "6"),
    ]


def test_forged_inputs_or_rules_are_found():
    assert not results.verify(stored(inputs={"points": [1, 2]}), KINDS).ok
    assert not results.verify(stored(rules={"target": 7}), KINDS).ok


def test_true_is_not_one():
    verification = results.verify(stored(output={"total": 6, "passed": 1}), KINDS)
    assert [d.pointer for d in verification.differences] == ["/passed"]


def test_another_name_than_the_expected_one_is_not_ok():
    made = results.bundle(SUM, INPUTS, RULES)
    other = results.bundle(SUM, INPUTS, {"target": 5})
    verification = results.verify(other.data, KINDS, made.cid)
    assert not verification.ok
    assert verification.cid == other.cid
    assert verification.differences == ()


@settings(max_examples=60)
@given(VALUES, VALUES)
def test_a_difference_is_named_exactly_when_there_is_one(one, two):
    fixed = results.Kind(name="points.sum", version=1, recompute=lambda _, __: one)
    verification = results.verify(stored(output=two), {("points.sum", 1): fixed})
    assert verification.ok == (canonical.canonical(one) == canonical.canonical(two))
    assert bool(verification.differences) != verification.ok


def test_the_list_of_differences_is_bounded():
    verification = results.verify(stored(output=list(range(500))), {("points.sum", 1): SUM})
    assert len(verification.differences) == 1
    shown = verification.differences[0].stored
    assert len(shown) == results.DIFFERENCE_CHARS_MAX
    zeros = results.Kind(name="points.sum", version=1, recompute=lambda _, __: [0] * 500)
    verification = results.verify(stored(output=[1] * 500), {("points.sum", 1): zeros})
    assert len(verification.differences) == results.DIFFERENCES_MAX


@pytest.mark.parametrize("changes", [{"kind": "unheard.of"}, {"version": 2}])
def test_an_unknown_kind_is_refused(changes):
    no = refusal(results.verify, stored(**changes), KINDS)
    assert no.code == "result_kind_unknown"
    assert "points.sum 1" in no.details


def refusing(_inputs, _rules):
    raise refuse("rule_unknown", "No such rule.")


@pytest.mark.parametrize("inputs", [{}, [], None, {"points": 3}, {"points": ["x"]}])
def test_inputs_that_the_function_cannot_read_are_refused_with_the_cause(inputs):
    no = refusal(results.verify, stored(inputs=inputs), KINDS)
    assert no.code == "result_inputs_malformed"
    assert "Error" in no.details


def test_a_refusal_inside_the_function_is_said():
    kinds = {("points.sum", 1): results.Kind(name="points.sum", version=1, recompute=refusing)}
    assert "rule_unknown" in refusal(results.verify, stored(), kinds).details
