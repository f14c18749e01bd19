"""Answers: statuses, headers and bodies as PostgREST gives them, and refusals in its shape."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from agon.kernel.errors import Refusal, Refused
from agon.rest import refusals, respond
from agon.rest.ask import Answer, Ask, Media, Preferences, Row, Statement
from agon.rest.catalogue import Table
from agon.rest.respond import content_range
from agon.rest.wire_messages import PostgresFault

BODY = b'[{"id":1}]'


def answered(
    action: str,
    *,
    row: Row | None = None,
    offset: int = 0,
    schemas: int = 1,
    statement: Statement | None = None,
    head: bool = False,
    kind: str = "json",
    query: bytes = b"",
    **preferences: object,
) -> Answer:
    ask = Ask(
        action=action,
        schema="public",
        target="films",
        head=head,
        preferences=Preferences(**preferences),
        media=Media(kind=kind, content_type="application/json; charset=utf-8"),
    )
    frame = respond.frame(ask, statement or Statement(sql=""), schemas=schemas)
    return respond.respond(
        frame, row or Row(total=None, page=1, body=BODY), offset=offset, query=query
    )


def rows(page: int, total: int | None = None, **parts: object) -> Row:
    return Row(**{"total": total, "page": page, "body": BODY, **parts})


def header(answer: Answer, name: str) -> str | None:
    found = [value.decode() for key, value in answer.headers if key.decode() == name]
    assert len(found) <= 1
    return found[0] if found else None


def code(call, *arguments: object, **options: object) -> tuple[int, str]:
    with pytest.raises(Refused) as caught:
        call(*arguments, **options)
    return caught.value.refusal.status, caught.value.refusal.code


@pytest.mark.parametrize(
    ("lower", "upper", "total", "said"),
    [
        (0, 9, 100, "0-9/100"),
        (0, 9, None, "0-9/*"),
        (0, -1, 0, "*/0"),
        (0, -1, None, "*/*"),
        (5, 4, 5, "*/5"),
    ],
)
def test_a_range_says_which_rows_and_of_how_many(lower, upper, total, said):
    assert content_range(lower, upper, total).decode() == said


@pytest.mark.parametrize(
    ("row", "offset", "status", "said"),
    [
        (rows(10), 0, 200, "0-9/*"),
        (rows(10, 10), 0, 200, "0-9/10"),
        (rows(10, 100), 0, 206, "0-9/100"),
        (rows(10, 100), 90, 206, "90-99/100"),
        (rows(0, 5), 5, 206, "*/5"),
        (rows(0, 0), 0, 200, "*/0"),
        (rows(0), 7, 200, "*/*"),
    ],
)
def test_a_part_of_what_was_counted_is_206(row, offset, status, said):
    for action in ("read", "call"):
        answer = answered(action, row=row, offset=offset, count="exact")
        assert (answer.status, header(answer, "content-range")) == (status, said)
        assert answer.body == BODY


def test_beyond_the_last_row_is_416():
    answer = answered("read", row=rows(0, 20), offset=50, count="exact")
    assert answer.status == 416
    assert header(answer, "content-range") == "*/20"
    assert json.loads(answer.body) == {
        "code": "PGRST103",
        "details": "An offset of 50 was requested, but there are only 20 rows.",
        "hint": None,
        "message": "Requested range not satisfiable",
    }


def test_one_object_was_asked_for():
    assert answered("read", row=rows(1), kind="object").body == BODY
    for page in (0, 2):
        found = code(answered, "read", row=rows(page), kind="object")
        assert found == (406, "PGRST116")


def test_head_has_the_headers_of_get_and_no_body():
    got, headed = answered("read"), answered("read", head=True)
    assert headed.headers == got.headers
    assert (headed.status, headed.body) == (got.status, b"")


def test_a_read_says_where_it_was_unless_that_is_long():
    answer = answered("read", query=b"id=eq.1")
    assert header(answer, "content-location") == "/films?id=eq.1"
    assert header(answered("read"), "content-location") == "/films"
    assert header(answered("read", query=b"a" * 5000), "content-location") is None


@pytest.mark.parametrize(
    ("action", "returns", "status", "shown"),
    [
        ("insert", None, 201, False),
        ("insert", "minimal", 201, False),
        ("insert", "headers-only", 201, False),
        ("insert", "representation", 201, True),
        ("update", None, 204, False),
        ("update", "representation", 200, True),
        ("delete", None, 204, False),
        ("delete", "minimal", 204, False),
        ("delete", "representation", 200, True),
        ("put", None, 204, False),
        ("call", None, 200, True),
        ("call", "minimal", 204, False),
    ],
)
def test_a_write_shows_rows_only_when_asked(action, returns, status, shown):
    answer = answered(action, returns=returns)
    assert answer.status == status
    assert answer.body == (BODY if shown else b"")
    assert (header(answer, "content-type") is not None) == shown


def test_an_upsert_that_adds_nothing_is_200():
    merged = {"resolution": "merge-duplicates", "returns": "representation"}
    assert answered("insert", row=rows(1, inserted=0), **merged).status == 200
    assert answered("insert", row=rows(1, inserted=1), **merged).status == 201
    assert answered("insert", row=rows(0, inserted=0), resolution="ignore-duplicates").status == 201
    assert answered("put", row=rows(1, inserted=1), returns="representation").status == 201
    assert answered("put", row=rows(1, inserted=0), returns="representation").status == 200


@pytest.mark.parametrize(
    ("action", "page", "counted", "said"),
    [
        ("insert", 3, True, "*/3"),
        ("insert", 3, False, "*/*"),
        ("update", 3, True, "0-2/3"),
        ("update", 3, False, "0-2/*"),
        ("update", 0, True, "*/0"),
        ("update", 0, False, "*/*"),
        ("delete", 3, True, "*/3"),
        ("delete", 0, False, "*/*"),
    ],
)
def test_a_write_says_how_many_rows_it_touched(action, page, counted, said):
    answer = answered(action, row=rows(page), count="exact" if counted else None)
    assert header(answer, "content-range") == said


def test_a_new_row_says_where_it_is():
    location = '{"id": 7, "name": "a b&c", "on": true}'
    answer = answered("insert", row=rows(1, location=location), returns="headers-only")
    assert header(answer, "location") == "/films?id=eq.7&name=eq.a+b%26c&on=eq.true"


def test_a_function_that_returns_nothing_is_204():
    answer = answered("call", statement=Statement(sql="", void=True))
    assert (answer.status, answer.body) == (204, b"")


def test_among_several_schemas_an_answer_names_its_own():
    assert header(answered("read"), "content-profile") is None
    assert header(answered("read", schemas=2), "content-profile") == "public"


def test_preferences_that_were_applied_are_named():
    answer = answered("insert", returns="representation", count="exact")
    assert header(answer, "preference-applied") == "return=representation, count=exact"
    assert header(answered("read"), "preference-applied") is None


def test_a_function_chooses_status_and_headers():
    said = '[{"Set-Cookie": "a=b"}, {"Set-Cookie": "c=d"}, {"Content-Type": "text/x"}]'
    answer = answered("call", row=rows(1, status="418", headers=said))
    assert answer.status == 418
    cookies = [value for name, value in answer.headers if name == b"set-cookie"]
    assert cookies == [b"a=b", b"c=d"]
    assert header(answer, "content-type") == "text/x"


@pytest.mark.parametrize("status", ["abc", "99", "100", "600", "2000", "-200", "", " 200", "²⁰⁰"])
def test_a_status_that_is_none_is_refused(status):
    if status == "":
        assert answered("call", row=rows(1, status=status)).status == 200
    else:
        assert code(answered, "call", row=rows(1, status=status)) == (500, "PGRST112")


@pytest.mark.parametrize(
    "headers",
    [
        "not JSON",
        '{"a": "b"}',
        '["a"]',
        "[{}]",
        '[{"a": 1}]',
        '[{"a": "b", "c": "d"}]',
        '[{"a": "b\\r\\nSet-Cookie: c"}]',
        '[{"a b": "c"}]',
        '[{"a\\n": "c"}]',
        '[{"Content-Length": "0"}]',
        '[{"transfer-encoding": "chunked"}]',
        '[{"a": "\\u0100"}]',
        "[" * 100_000,
    ],
)
def test_headers_that_cannot_be_sent_are_refused(headers):
    assert code(answered, "call", row=rows(1, headers=headers)) == (500, "PGRST111")


@pytest.mark.parametrize(
    ("total", "planned", "said"), [(None, 40, 40), (5, 40, 5), (11, 40, 40), (11, 3, 11)]
)
def test_an_estimate_is_exact_as_far_as_rows_were_counted(total, planned, said):
    assert respond.estimated(rows(5, total), planned, 10).total == said


def test_the_planned_number_of_rows_is_read():
    assert respond.rows_planned(b'[{"Plan": {"Node Type": "Seq Scan", "Plan Rows": 12}}]') == 12


def test_options_name_what_a_table_takes():
    table = Table(schema="public", name="t", columns={}, primary_key=("id",))
    assert respond.methods_of(table) == "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE"
    assert "PUT" not in respond.methods_of(replace(table, primary_key=()))
    view = replace(table, insertable=False, updatable=False, deletable=False)
    assert respond.methods_of(view) == "OPTIONS,GET,HEAD"


# Refusals.


def fault(sqlstate: str, message: str = "m", **parts: str) -> PostgresFault:
    return PostgresFault(sqlstate=sqlstate, message=message, **parts)


@pytest.mark.parametrize(
    ("sqlstate", "status"),
    [
        ("08006", 503), ("0L000", 403), ("0P000", 403), ("21000", 500), ("22P02", 400),
        ("22023", 400), ("23502", 400), ("23503", 409), ("23505", 409), ("23514", 400),
        ("25006", 405), ("25P02", 500), ("28000", 403), ("2D000", 500), ("40001", 500),
        ("40P01", 409), ("42501", 403), ("42703", 400), ("42883", 404), ("42P01", 404),
        ("42P17", 500), ("53300", 503), ("53400", 500), ("54001", 400), ("55000", 400),
        ("55P03", 500), ("57014", 500), ("57P01", 503),
        ("P0001", 400), ("P0002", 500), ("XX000", 500), ("HV000", 500), ("PT409", 409),
        ("PT999", 500), ("PTabc", 500), ("ABCDE", 400),
    ],
)  # fmt: skip
def test_an_sqlstate_has_its_status(sqlstate, status):
    assert refusals.status_of(fault(sqlstate), "authenticated") == status


def test_some_messages_change_the_status():
    assert refusals.status_of(fault("42501"), "anon") == 401
    assert refusals.status_of(fault("22023", 'role "x" does not exist'), "anon") == 401
    assert refusals.status_of(fault("21000", "UPDATE requires a WHERE clause"), "anon") == 400


def test_what_postgres_says_reaches_the_caller():
    answer = refusals.answer_fault(
        fault("23505", "duplicate key", detail="Key (id)=(1) already exists.", hint=""), "anon"
    )
    assert answer.status == 409
    assert json.loads(answer.body) == {
        "code": "23505",
        "details": "Key (id)=(1) already exists.",
        "hint": None,
        "message": "duplicate key",
    }
    assert header(answer, "proxy-status") == "PostgREST; error=23505"


@pytest.mark.parametrize("sqlstate", ["23502", "23514"])
def test_a_failing_rows_other_columns_are_not_shown(sqlstate):
    answer = refusals.answer_fault(
        fault(sqlstate, detail="Failing row contains (1, secret)."), "anon"
    )
    assert b"secret" not in answer.body


def test_our_own_refusals_keep_their_code_in_details():
    answer = refusals.answer_fault(
        fault("PT409", "Closed.", detail="challenge_closed", hint="Look for another."), "anon"
    )
    assert answer.status == 409
    said = json.loads(answer.body)
    assert (said["code"], said["details"]) == ("PT409", "challenge_closed")
    assert (said["message"], said["hint"]) == ("Closed.", "Look for another.")


def test_a_401_says_how_to_come_back():
    assert header(refusals.answer_fault(fault("42501"), "anon"), "www-authenticate") == "Bearer"
    expired = refusals.answer(Refusal(code="PGRST303", message='JWT "expired"', status=401))
    said = 'Bearer error="invalid_token", error_description="JWT \\"expired\\""'
    assert header(expired, "www-authenticate") == said


def raised(message: object, detail: object) -> Answer:
    texts = [part if isinstance(part, str) else json.dumps(part) for part in (message, detail)]
    return refusals.answer_fault(fault("PGRST", texts[0], detail=texts[1]), "anon")


def test_a_function_may_say_it_all():
    answer = raised(
        {"code": "123", "message": "Payment", "details": "D", "hint": "H"},
        {"status": 402, "headers": {"X-Powered-By": "Nerd", "Content-Type": "text/x"}},
    )
    assert answer.status == 402
    assert json.loads(answer.body)["code"] == "123"
    assert header(answer, "x-powered-by") == "Nerd"
    assert header(answer, "content-type") == "text/x"


@pytest.mark.parametrize(
    ("message", "detail"),
    [
        ("no JSON", {"status": 402, "headers": {}}),
        ({"code": "1"}, {"status": 402, "headers": {}}),
        ({"code": "1", "message": 5}, {"status": 402, "headers": {}}),
        ({"code": "1", "message": "m"}, ""),
        ({"code": "1", "message": "m"}, {"status": 402}),
        ({"code": "1", "message": "m"}, {"headers": {}}),
        ({"code": "1", "message": "m"}, {"status": 42, "headers": {}}),
        ({"code": "1", "message": "m"}, {"status": True, "headers": {}}),
        ({"code": "1", "message": "m"}, {"status": 402, "headers": {"a": "b\nc"}}),
        ({"code": "1", "message": "m"}, {"status": 402, "headers": {"Content-Length": "1"}}),
        ({"code": "1", "message": "m"}, "[" * 100_000),
    ],
)
def test_a_function_that_says_it_wrongly_is_told_so(message, detail):
    answer = raised(message, detail)
    assert answer.status == 500
    said = json.loads(answer.body)
    assert said["code"] == "PGRST121"
    assert "must be a JSON object" in said["hint"]


def test_a_code_that_is_no_token_stays_out_of_headers():
    answer = raised({"code": "a\r\nb: c", "message": "m"}, {"status": 400, "headers": {}})
    assert header(answer, "proxy-status") is None
