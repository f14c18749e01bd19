"""What the HTTP doors answer to what is wrong: never a row, never a 500, always four parts."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import asyncpg
import httpx
import pytest

from agon.challenges import challenges, models
from agon.kernel.database import refusal_of
from agon.kernel.errors import Refused
from tests.challenges.drafts import DRAFT, RULE
from tests.challenges.test_accounts import client, linked_place
from tests.places import ADMIN, Place, bearer, wallet
from tests.standins import strava

MODEL = {
    "id": "a@1", "label": "A", "kind": "custom", "judge": "fitness",
    "model_hash": "0x" + "0" * 64, "verifier": "0x" + "0" * 40,
    "sources": ["garmin"], "file_accept": ["application/json"],
    "params_schema": {"type": "object", "required": ["place"]},
}  # fmt: skip
PLACE_NEEDED = {"type": "object", "required": ["place"]}


async def put(place: Place, api: httpx.AsyncClient, body: object) -> httpx.Response:
    """A model, as an admin."""
    return await api.put("/api/admin/models", json=body, headers=bearer(place, ADMIN))


def parts(answer: httpx.Response) -> tuple[int, str]:
    assert set(answer.json()) == {"code", "message", "details", "hint"}
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("path", ["/api/admin/models", "/api/admin/templates"])
async def test_an_admins_body_is_read_after_the_admin(place, api, path):
    ada = await place.own("ada")
    for headers in ({}, bearer(place, ada)):
        for content in (b"{}", b"not JSON"):
            answer = await api.put(path, content=content, headers=headers)
            assert parts(answer)[0] in (401, 403)
    answer = await api.put(path, content=b"{}", headers=bearer(place, ADMIN))
    assert parts(answer)[1] in ("invalid_model", "invalid_template")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"judge": "oracle"}, "/judge"),
        ({"judge": ["fitness"]}, "/judge"),
        ({"sources": ["garmin", "fax"]}, "/sources/1"),
        ({"sources": []}, "/sources"),
        ({"sources": "garmin"}, "/sources"),
        ({"sources": [{}]}, "/sources/0"),
        ({"file_accept": ["text/html"]}, "/file_accept/0"),
        ({"params_schema": [1]}, "/params_schema"),
        ({"params_schema": {"type": "number!"}}, "/params_schema/type"),
        ({"params_schema": {"properties": {"a/b": 5}}}, "/params_schema/properties/a~1b"),
        ({"params_schema": {"$ref": "https://example.org/a.json"}}, "/params_schema"),
        ({"params_schema": {"items": [{"$ref": "a.json"}]}}, "/params_schema/items"),
    ],
)
async def test_a_model_that_could_never_work_is_refused_with_its_place(
    place, api, changes, pointer
):
    answer = await put(place, api, {**MODEL, **changes})
    assert parts(answer) == (422, "invalid_model")
    assert answer.json()["details"] == pointer
    assert await place.owner.fetchval("select count(*) from public.models where id = 'a@1'") == 0


async def test_a_model_that_holds_is_written(place, api):
    assert (await put(place, api, MODEL)).status_code == 200
    with pytest.raises(Refused) as error:
        models.check({key: value for key, value in MODEL.items() if key != "judge"})
    assert error.value.refusal.details == "/judge"


@pytest.mark.parametrize(
    ("draft", "pointer"),
    [
        ({"proof": {"params": {"rule": RULE}}, "params": {"place": "x"}}, "/proof/params: "),
        ({"proof": {}, "params": {"rule": RULE}}, "/params: "),
        ({"proof": {"params": {"place": "x"}}, "params": {"rule": RULE}}, "/params: "),
        ({"proof": {"params": {"place": "x", "rule": {}}}, "params": RULE}, "/params: "),
        ({"params": RULE}, "/params: "),
    ],
)
def test_the_schema_holds_for_what_the_rule_is_read_from(draft, pointer):
    with pytest.raises(Refused) as error:
        challenges.check(draft, "fitness", PLACE_NEEDED)
    assert error.value.refusal.code == "params_invalid"
    assert (error.value.refusal.details or "").startswith(pointer)


@pytest.mark.parametrize(
    "draft",
    [
        {"proof": {"params": {"rule": RULE, "place": "x"}}},
        {"proof": {}, "params": {"rule": RULE, "place": "x"}},
    ],
)
def test_parameters_that_fit_are_taken(draft):
    challenges.check(draft, "fitness", PLACE_NEEDED)


@pytest.mark.parametrize("schema", [{"$ref": "#"}, {"$ref": "https://example.org/a.json"}])
def test_a_schema_that_leads_nowhere_is_a_refusal_and_nothing_is_fetched(schema):
    with pytest.raises(Refused) as error:
        challenges.check(DRAFT, "fitness", schema)
    assert error.value.refusal.code == "model_unusable"


@pytest.mark.parametrize(
    ("changes", "claim", "said"),
    [
        ({"kind": "magic"}, "models_kind_is_known", "models kind is known"),
        ({"label": None}, "label", "A value is missing: label."),
        ({"model_hash": "0xsecret"}, "models_hash_is_bytes32", "models hash is bytes32"),
    ],
)
async def test_a_broken_claim_is_named_and_no_row_leaves(place, api, changes, claim, said):
    answer = await put(place, api, {**MODEL, "notes": "private notes", **changes})
    assert parts(answer) == (400, "claim_broken")
    assert answer.json()["details"] == claim
    assert said in answer.json()["message"]
    for part in ("private notes", "Failing row", "0xsecret", "violates"):
        assert part not in answer.text


async def test_what_is_pointed_to_must_exist(place, api):
    row = (await api.get("/api/templates")).json()[0]
    answer = await api.put(
        "/api/admin/templates", json={**row, "model_id": "no@1"}, headers=bearer(place, ADMIN)
    )
    assert parts(answer) == (409, "claim_broken")
    assert "no@1" not in answer.text


async def test_a_row_that_is_there_already_is_not_quoted(place):
    insert = "insert into public.models select * from public.models where id = 'agon.fitness@1'"
    with pytest.raises(asyncpg.UniqueViolationError) as error:
        await place.owner.execute(insert)
    refusal = refusal_of(error.value)
    assert (refusal.code, refusal.status, refusal.details) == ("claim_broken", 409, "models_pkey")
    assert "fitness" not in str(refusal.as_json())


async def test_a_denied_right_asks_the_anonymous_to_sign_in(place, api):
    answer = await api.get("/api/me/challenges")
    assert parts(answer) == (401, "sign_in_first")
    assert "agon token" in answer.json()["hint"]
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    with pytest.raises(asyncpg.InsufficientPrivilegeError) as error:
        async with place.database.as_caller(place.actor("bob")) as conn:
            await conn.execute("select * from agon.results for update")
    refusal = refusal_of(error.value)
    assert (refusal.code, refusal.status) == ("42501", 403), "who is signed in is not asked again"


@pytest.mark.parametrize("outcome", ["abc", 99999999, 1.5, True, {"a": 1}, "\x00", "\ud800"])
async def test_a_malformed_value_is_the_callers_mistake(place, api, outcome):
    answer = await api.post(
        "/api/admin/challenges/1/finalize",
        content=json.dumps({"outcome": outcome}),
        headers=bearer(place, ADMIN),
    )
    assert parts(answer) == (400, "value_malformed")


@pytest.mark.parametrize("tx_hash", [5, {"a": 1}, "\ud800", "\x00"])
async def test_an_argument_of_the_wrong_kind_is_no_outage(place, api, tx_hash):
    bob = await place.own("bob")
    answer = await api.post(
        "/api/challenge/1/participant",
        content=json.dumps({"subject": wallet("bob"), "tx_hash": tx_hash}),
        headers=bearer(place, bob),
    )
    assert parts(answer) == (400, "value_malformed")


@pytest.mark.parametrize("number", [-1, 2**63, 10**40])
async def test_ids_beyond_bigint_are_refused_before_the_database(place, api, number):
    for path in (f"/api/challenges/{number}", f"/api/challenge/{number}/participant"):
        answer = await api.get(path, params={"subject": wallet("bob")})
        assert parts(answer) == (422, "request_invalid")
    answer = await api.post(f"/api/admin/challenges/{number}/approve", headers=bearer(place, ADMIN))
    assert parts(answer) == (422, "request_invalid")
    largest = await api.get(f"/api/challenges/{2**63 - 1}")
    assert parts(largest) == (404, "challenge_unknown")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/challenges", DRAFT),
        ("/api/challenge/1/participant", {}),
        ("/api/accounts/link", {"provider": "strava"}),
        ("/api/aivm/intake", {"challenge_id": 0, "provider": "manual", "data": {}}),
    ],
)
async def test_a_subject_is_needed(place, api, path, body):
    bob = await place.own("bob")
    for missing in ({}, {"subject": ""}, {"subject": None}):
        answer = await api.post(path, json={**body, **missing}, headers=bearer(place, bob))
        assert parts(answer) == (422, "subject_missing")
        assert answer.json()["details"] == "/subject"
    answer = await api.post(path, json={**body, "subject": 5}, headers=bearer(place, bob))
    assert parts(answer) == (400, "wallet_malformed")


async def test_a_refusal_may_quote_what_utf_8_cannot_carry(place, api):
    bob = await place.own("bob")
    body = json.dumps({"subject": wallet("bob"), "model_id": "agon.fitness@1", "\ud800": 1})
    answer = await api.post("/api/challenges", content=body, headers=bearer(place, bob))
    assert parts(answer) == (400, "draft_unknown_field")


async def test_a_deep_body_is_refused(place, api):
    bob = await place.own("bob")
    for depth in (500, 900, 100_000):
        deep = "[" * depth + "]" * depth
        body = f'{{"subject": "{wallet("bob")}", "model_id": "agon.fitness@1", "params": {deep}}}'
        answer = await api.post("/api/challenges", content=body, headers=bearer(place, bob))
        assert parts(answer)[0] in (400, 422)


async def test_only_the_browser_that_starts_a_linking_finishes_it(server, tmp_path):
    async with strava.standin() as party, linked_place(server, tmp_path, party) as place:
        bob = await place.own("bob")
        body = {"subject": wallet("bob"), "provider": "strava"}
        async with client(place, bob) as own, client(place, bob) as other:
            begun = await own.post("/api/accounts/link", json=body)
            cookie = begun.headers["set-cookie"].lower()
            assert "httponly" in cookie and "samesite=lax" in cookie
            query = parse_qs(urlsplit(begun.json()["authorize_url"]).query)
            params = {"state": query["state"][0], "code": strava.CODE}
            path = "/api/accounts/strava/callback"
            led = await other.get(path, params=params)
            assert led.json()["code"] == "linking_expired"
            finished = await own.get(path, params=params)
            assert finished.json().get("code") != "linking_expired"
