"""Payloads: JSON goes on as it came, CSV and forms become JSON, the rest is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agon.kernel.errors import Refused
from agon.rest import payload
from agon.rest.ask import Body

JSON, CSV, FORM = payload.JSON, payload.CSV, payload.FORM
BAD_JSON = "Empty or invalid json"
UNLIKE = "All object keys must match"


def read(body: bytes | str, kind: str | None = JSON, *, columns=None, call=False):
    raw = body.encode() if isinstance(body, str) else body
    return payload.read(kind, raw, columns=columns, call=call)


def no(body: bytes | str, kind: str | None = JSON, **parts) -> str:
    with pytest.raises(Refused) as caught:
        read(body, kind, **parts)
    refusal = caught.value.refusal
    assert (refusal.code, refusal.status) == ("PGRST102", 400)
    return refusal.message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"b": 1, "a": null}', Body(keys=("b", "a"))),
        ("{}", Body()),
        ('[{"b":1,"a":2},{"a":3,"b":[]}]', Body(keys=("b", "a"), is_array=True)),
        ("[]", Body(is_array=True, empty_array=True)),
        (" [ ] ", Body(is_array=True, empty_array=True)),
        ("[{},{}]", Body(is_array=True)),
        ('{"a":1,"a":2}', Body(keys=("a",))),
        ('{"é":"ü"}', Body(keys=("é",))),
        ('{"a":"\\u0000"}', Body(keys=("a",))),
        ('{"a":' + "9" * 10_000 + "}", Body(keys=("a",))),
        ('{"a":1e999}', Body(keys=("a",))),
    ],
)
@pytest.mark.parametrize("call", [False, True])
def test_json_goes_on_as_it_came(text, expected, call):
    for kind in (JSON, "Application/JSON; charset=utf-8", None, ""):
        assert read(text, kind, call=call) == (expected, text.encode())


@pytest.mark.parametrize(
    "body",
    [
        *(" ", "{", "nul", "{'a':1}", '{"a":1}x', '{"a":NaN}', '{"a":-Infinity}', "[1,]"),
        *(b"\xff{}", b'{"a":"\xff"}', '{"a":"\n"}', '\ufeff{"a":1}', '{"a":01}', "\0"),
        *("[" * 100_000, '{"a":' * 100_000, "[" * 100_000 + "]" * 100_000),
    ],
)
@pytest.mark.parametrize("call", [False, True])
def test_what_is_no_json_is_refused(body, call):
    assert no(body, call=call) == BAD_JSON
    assert no(body, call=call, columns=("a",)) == BAD_JSON


def test_a_key_that_is_no_unicode_is_refused():
    assert no('{"\\ud800":1}') == BAD_JSON
    assert read('{"\\ud83d\\ude00":1}')[0].keys == ("😀",)


def test_nothing_is_no_row_but_an_empty_call():
    assert no("") == BAD_JSON
    assert no("", columns=("a",)) == BAD_JSON
    assert read("", call=True) == (Body(), b"{}")


@pytest.mark.parametrize(
    "text", ['[{"a":1},{"b":1}]', '[{"a":1},{"a":1,"b":2}]', '[{"a":1},{}]', '[{},{"a":1}]']
)
def test_rows_have_the_same_keys_unless_columns_are_named(text):
    assert no(text) == UNLIKE
    assert read(text, columns=("a",)) == (Body(is_array=True), text.encode())
    assert read(text, call=True) == (Body(is_array=True), text.encode())


@pytest.mark.parametrize("text", ["[1]", '[{"a":1},null]', "[[]]", '["a"]'])
def test_rows_are_objects_whatever_columns_are_named(text):
    assert no(text) == UNLIKE
    assert no(text, columns=("a",)) == UNLIKE
    assert read(text, call=True) == (Body(is_array=True), text.encode())


@pytest.mark.parametrize("text", ["1", "null", "true", '"a"', "1.5"])
def test_a_scalar_is_for_functions_only(text):
    assert no(text) == BAD_JSON
    assert read(text, call=True) == (Body(), text.encode())


def test_csv_becomes_rows():
    text = 'a,"b c"\r\n1,"x, ""y""\nz"\r\n\r\nNULL,\n'
    body, bound = read(text, CSV + "; header=present")
    assert body == Body(keys=("a", "b c"), is_array=True)
    assert json.loads(bound) == [{"a": "1", "b c": 'x, "y"\nz'}, {"a": None, "b c": ""}]
    assert read("a,b\n", CSV) == (Body(is_array=True, empty_array=True), b"[]")


@pytest.mark.parametrize("text", ["", "\n", 'a\n"x', 'a\n"x"y', b"a\n\xff"])
def test_malformed_csv_is_refused(text):
    assert no(text, CSV) == "Empty or invalid csv"


@pytest.mark.parametrize("text", ["a,b\n1", "a\n1,2", "a,b\n1,2\n3"])
def test_lines_have_as_many_fields_as_the_first(text):
    assert no(text, CSV) == "All lines must have same number of fields"


def test_a_form_becomes_an_object():
    body, bound = read("a=1&b+c=%C3%A9&d=", FORM)
    assert body == Body(keys=("a", "b c", "d"))
    assert json.loads(bound) == {"a": "1", "b c": "é", "d": ""}
    assert read("", FORM) == (Body(), b"{}")


def test_a_field_that_comes_again_is_an_array_for_a_function_and_else_the_last():
    text = "v=1&v=2&v=3&w=4"
    assert json.loads(read(text, FORM, call=True)[1]) == {"v": ["1", "2", "3"], "w": "4"}
    assert json.loads(read(text, FORM)[1]) == {"v": "3", "w": "4"}


def test_a_form_that_is_no_text_or_has_too_many_fields_is_refused():
    for text in (b"a=\xff", "a=%FF", "&".join(["a=1"] * (payload.FORM_FIELDS_MAX + 1))):
        assert no(text, FORM) == "Empty or invalid form"


@pytest.mark.parametrize(
    ("kind", "raw", "bound"),
    [
        ("text/plain", "text", b"a\xff"),
        ("text/xml", "xml", b"a\xff"),
        ("application/octet-stream", "binary", b"\\x61ff"),
    ],
)
def test_what_is_not_json_is_for_functions_only(kind, raw, bound):
    assert read(b"a\xff", kind, call=True) == (Body(raw=raw), bound)
    assert no(b"a\xff", kind) == f"Content-Type not acceptable: {kind}"


@pytest.mark.parametrize("kind", ["image/png", "application/vnd.pgrst.object+json", "json", ";"])
@pytest.mark.parametrize("call", [False, True])
def test_another_content_type_is_refused(kind, call):
    said = "" if kind == ";" else kind
    assert no("{}", kind, call=call) == f"Content-Type not acceptable: {said}"


@given(
    st.binary(max_size=60) | st.text('[]{}",:1a\\\n&=%', max_size=60).map(str.encode),
    st.sampled_from([JSON, CSV, FORM]),
    st.booleans(),
)
def test_any_bytes_are_read_or_refused(body, kind, call):
    try:
        shape, bound = read(body, kind, call=call)
    except Refused as refused:
        assert refused.refusal.code == "PGRST102"
    else:
        found = json.loads(bound, parse_int=str)
        assert isinstance(found, list) == shape.is_array
