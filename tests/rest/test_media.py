"""Accept: the first type that can be answered, in order of preference; else 406."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agon.kernel.errors import Refused
from agon.rest.ask import Media
from agon.rest.media import negotiate

UTF8 = "; charset=utf-8"
JSON = Media(kind="json", content_type="application/json" + UTF8)
CSV = Media(kind="csv", content_type="text/csv" + UTF8)
OBJECT = Media(kind="object", content_type="application/vnd.pgrst.object+json" + UTF8)
PLAN = "application/vnd.pgrst.plan"


def unavailable(accept: str, **parts) -> str:
    with pytest.raises(Refused) as caught:
        negotiate(accept, **parts)
    refusal = caught.value.refusal
    assert (refusal.code, refusal.status) == ("PGRST107", 406)
    return refusal.message.removeprefix("None of these media types are available: ")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/json", JSON),
        ("APPLICATION/JSON; charset=utf-8", JSON),
        ("application/*", JSON),
        ("text/csv", CSV),
        ("text/*", CSV),
        ("application/vnd.pgrst.object+json", OBJECT),
        ("application/vnd.pgrst.object", OBJECT),
        ("application/vnd.pgrst.array+json", JSON),
        ("application/vnd.pgrst.array", JSON),
        (
            "application/vnd.pgrst.array+json;nulls=stripped",
            Media(
                kind="json",
                content_type="application/vnd.pgrst.array+json;nulls=stripped" + UTF8,
                strip_nulls=True,
            ),
        ),
        (
            "application/vnd.pgrst.object+json; nulls=stripped",
            Media(
                kind="object",
                content_type="application/vnd.pgrst.object+json;nulls=stripped" + UTF8,
                strip_nulls=True,
            ),
        ),
        (
            "application/geo+json",
            Media(kind="geojson", content_type="application/geo+json" + UTF8),
        ),
        (
            "application/vnd.agon.policies+json",
            Media(kind="policies", content_type="application/vnd.agon.policies+json" + UTF8),
        ),
    ],
)
def test_a_type_is_answered_as_asked(accept, expected):
    assert negotiate(accept) == expected
    assert negotiate(accept, action="call", plans=True) == expected


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("text/csv, application/json", CSV),
        ("application/json, text/csv", JSON),
        ("image/png, text/csv", CSV),
        ("text/csv;q=0.5, application/json;q=0.9", JSON),
        ("text/csv;q=0.5, application/json", JSON),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", JSON),
        ("application/json;q=0, text/csv;q=0.1", CSV),
        ("text/csv ; Q=0.1 , application/json ; q=0.2", JSON),
        (",,text/csv,", CSV),
        ('image/x;a="text/csv, application/json", text/csv', CSV),
        ("application/json;q=high, text/csv", JSON),
    ],
)
def test_preference_goes_before_position(accept, expected):
    assert negotiate(accept) == expected


@pytest.mark.parametrize(
    ("accept", "said"),
    [
        ("image/png", "image/png"),
        ("text/unknown;q=0.1, image/png", "image/png, text/unknown;q=0.1"),
        ("application/json;q=0", "application/json;q=0"),
        ("application/openapi+json", "application/openapi+json"),
        ("json", "json"),
        (";", ""),
        ("text/xml", "text/xml"),
    ],
)
def test_what_cannot_be_answered_is_named(accept, said):
    assert unavailable(accept) == said
    assert unavailable(accept, action="call", plans=True) == said


def test_text_and_bytes_are_for_scalars_of_functions():
    assert negotiate("text/plain", action="call").kind == "text"
    binary = negotiate("application/octet-stream", action="call")
    assert binary == Media(kind="binary", content_type="application/octet-stream")
    for accept in ("text/plain", "application/octet-stream"):
        for action in ("read", "insert", "update", "delete", "put"):
            assert unavailable(accept, action=action) == accept


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (PLAN, {"content_type": f'{PLAN}+text; for="application/json"' + UTF8}),
        (f"{PLAN}+text", {"content_type": f'{PLAN}+text; for="application/json"' + UTF8}),
        (
            f'{PLAN}+json; for="application/vnd.pgrst.object+json;nulls=stripped"; '
            "options=wal|analyze|nonsense;",
            {
                "content_type": f'{PLAN}+json; for="application/vnd.pgrst.object+json;'
                'nulls=stripped"; options=analyze|wal' + UTF8,
                "plan_format": "json",
                "plan_of": "object",
                "strip_nulls": True,
                "options": ("analyze", "wal"),
            },
        ),
        (
            f'{PLAN}; for="text/csv"; options=verbose|settings|buffers',
            {
                "content_type": f'{PLAN}+text; for="text/csv"; options=verbose|settings|buffers'
                + UTF8,
                "plan_of": "csv",
                "options": ("verbose", "settings", "buffers"),
            },
        ),
        (f'{PLAN}; for="*/*"', {"content_type": f'{PLAN}+text; for="application/json"' + UTF8}),
    ],
)
def test_a_plan_is_of_what_for_names(accept, expected):
    assert negotiate(accept, plans=True) == Media(kind="plan", **expected)


def test_a_plan_is_refused_where_plans_are_not_allowed():
    accept = f'{PLAN}+text; for="application/json"; options=analyze'
    assert unavailable(accept) == accept
    assert negotiate(f"{accept}, text/csv") == CSV


@pytest.mark.parametrize("inner", ["image/png", "application/vnd.pgrst.plan", "text/plain", "x y"])
def test_a_plan_of_what_cannot_be_answered_is_refused(inner):
    assert PLAN in unavailable(f'{PLAN}; for="{inner}"', plans=True)


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from([*';,="\\ */', "q=", "text/csv", PLAN, "for="])).map("".join),
    st.booleans(),
)
def test_any_header_is_answered_or_refused(accept, plans):
    try:
        media = negotiate(accept, plans=plans)
    except Refused as refused:
        assert refused.refusal.code == "PGRST107"
    else:
        assert media.content_type.isascii()
