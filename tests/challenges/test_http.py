"""Challenges over HTTP, as a new user would: each path, and its negative half."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from agon.kernel.database import Actor
from tests.challenges.drafts import DRAFT, RULE, START_MS, run_file
from tests.places import ADMIN, SERVICE, Place, bearer, wallet


def kept(place: Place) -> list[Path]:
    """The files of the content folder."""
    return [path for path in (place.runtime.home / "content").rglob("*") if path.is_file()]


async def challenge_of(place: Place, api: httpx.AsyncClient, creator: str = "ada") -> int:
    """A challenge, created and approved over HTTP."""
    actor = await place.own(creator)
    draft = {**DRAFT, "subject": wallet(creator)}
    created = await api.post("/api/challenges", json=draft, headers=bearer(place, actor))
    assert created.status_code == 201, created.text
    number = created.json()["id"]
    path = f"/api/admin/challenges/{number}/approve"
    assert (await api.post(path, headers=bearer(place, ADMIN))).json()["status"] == "approved"
    return number


async def submit(
    place: Place, api: httpx.AsyncClient, actor: Actor, challenge: int, name: str, data: bytes,
    **fields: str,
) -> httpx.Response:  # fmt: skip
    form = {
        "challenge_id": str(challenge), "subject": wallet(name), "provider": "garmin", **fields,
    }  # fmt: skip
    return await api.post(
        "/api/aivm/intake", data=form, files={"file": ("run.gpx", data)},
        headers=bearer(place, actor),
    )  # fmt: skip


async def test_a_file_becomes_a_verdict_that_its_owner_can_verify(place, api):
    challenge = await challenge_of(place, api)
    bob = await place.own("bob")
    taken = await submit(place, api, bob, challenge, "bob", run_file())
    assert taken.status_code == 201, taken.text
    assert taken.json()["inserted"] is True
    await place.work()
    path = f"/api/challenges/{challenge}/progress"
    progress = (
        await api.get(path, params={"subject": wallet("bob")}, headers=bearer(place, bob))
    ).json()
    assert progress["verdict"]["pass"] is True
    assert progress["participant"]["source"] == "evidence_intake"
    assert progress["participant"]["joined_at"] is None
    assert [path.read_bytes() for path in kept(place)] == [run_file()]
    assert kept(place)[0].name == taken.json()["raw_ref"]
    cid = progress["verdict"]["result_cid"]
    bundle = await api.get(f"/api/results/{cid}", headers=bearer(place, bob))
    assert bundle.status_code == 200
    from agon.kernel import results

    assert results.verify(bundle.content, place.runtime.result_kinds(), cid).ok


async def test_a_stranger_sees_the_verdict_but_neither_evidence_nor_bundle(place, api):
    challenge = await challenge_of(place, api)
    bob = await place.own("bob")
    await submit(place, api, bob, challenge, "bob", run_file())
    await place.work()
    carol = await place.own("carol")
    for headers in ({}, bearer(place, carol)):
        path = f"/api/challenges/{challenge}/progress"
        seen = (await api.get(path, params={"subject": wallet("bob")}, headers=headers)).json()
        assert seen["verdict"]["pass"] is True
        if headers:
            assert seen["evidence"] == []
            assert seen["participant"] is None
            cid = seen["verdict"]["result_cid"]
            answer = await api.get(f"/api/results/{cid}", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (404, "result_unknown")


async def test_the_same_file_again_names_its_twin(place, api):
    challenge = await challenge_of(place, api)
    bob = await place.own("bob")
    await submit(place, api, bob, challenge, "bob", run_file())
    again = await submit(place, api, bob, challenge, "bob", run_file())
    assert (again.status_code, again.json()["code"]) == (409, "evidence_counted_already")
    assert "same_file" in again.json()["message"]
    assert await place.owner.fetchval("select count(*) from public.evidence") == 1


async def test_another_participants_recording_is_refused_in_every_challenge(place, api):
    first, second = await challenge_of(place, api), await challenge_of(place, api)
    bob, carol = await place.own("bob"), await place.own("carol")
    await submit(place, api, bob, first, "bob", run_file())
    copied = await submit(place, api, carol, second, "carol", run_file())
    assert (copied.status_code, copied.json()["code"]) == (409, "evidence_of_another_participant")
    assert wallet("bob") not in copied.text
    edited = run_file().replace(b"</gpx>", b"<!-- mine --></gpx>")
    copied = await submit(place, api, carol, second, "carol", edited)
    assert copied.json()["code"] == "evidence_of_another_participant"
    assert len(kept(place)) == 1, "a refused file leaves nothing behind"
    own = await submit(place, api, bob, second, "bob", run_file())
    assert own.status_code == 201, "one's own recording counts in each of one's challenges"


async def test_a_second_file_adds_to_the_first(place, api):
    challenge = await challenge_of(place, api)
    bob = await place.own("bob")
    await submit(place, api, bob, challenge, "bob", run_file(1, 6_000))
    later = run_file(2, 6_000, START_MS + 86_400_000)
    await submit(place, api, bob, challenge, "bob", later)
    await place.work()
    rows = await place.owner.fetch("select pass, reasons from public.verdicts")
    assert [row["pass"] for row in rows] == [True]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"provider": "fax"}, 400, "provider_unknown"),
        ({"provider": "riot"}, 400, "provider_not_accepted"),
        ({"subject": wallet("carol")}, 403, "not_your_wallet"),
        ({"subject": "bob"}, 400, "wallet_malformed"),
        ({"challenge_id": "x"}, 422, "challenge_id_malformed"),
        ({"challenge_id": "77"}, 404, "challenge_unknown"),
        ({"mood": "good"}, 422, "field_unknown"),
    ],
)
async def test_wrong_forms_are_refused_and_nothing_is_stored(place, api, changes, status, code):
    challenge = await challenge_of(place, api)
    bob = await place.own("bob")
    answer = await submit(place, api, bob, challenge, "bob", run_file(), **changes)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await place.owner.fetchval("select count(*) from public.evidence") == 0
    assert kept(place) == []


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "evidence_empty"),
        (b"hello", "evidence_kind_unknown"),
        (run_file()[:2000], "evidence_truncated"),
    ],
)
async def test_unreadable_files_are_refused_and_nothing_is_stored(place, api, data, code):
    challenge = await challenge_of(place, api)
    bob = await place.own("bob")
    answer = await submit(place, api, bob, challenge, "bob", data)
    assert answer.status_code in (400, 415, 422)
    assert answer.json()["code"] == code
    assert answer.json()["hint"]
    assert await place.owner.fetchval("select count(*) from public.evidence") == 0


async def test_a_file_is_needed(place, api):
    bob = await place.own("bob")
    form = {"challenge_id": "0", "subject": wallet("bob"), "provider": "garmin"}
    answer = await api.post("/api/aivm/intake", data=form, headers=bearer(place, bob))
    assert answer.status_code in (400, 422)
    answer = await api.post("/api/aivm/intake", json=form, headers=bearer(place, bob))
    assert (answer.status_code, answer.json()["code"]) == (422, "file_missing")


async def test_evidence_comes_as_json_too(place, api):
    bob = await place.own("bob")
    challenge = await challenge_of(place, api)
    entry = {
        "sport": "run", "start": "2026-10-27T10:00:00Z", "end": "2026-10-27T11:00:00Z",
        "distance_m": 12000,
    }  # fmt: skip
    body = {
        "challenge_id": challenge, "subject": wallet("bob"), "provider": "manual",
        "data": {"activities": [entry]},
    }  # fmt: skip
    answer = await api.post("/api/aivm/intake", json=body, headers=bearer(place, bob))
    assert answer.status_code == 201, answer.text
    await place.work()
    row = await place.owner.fetchrow("select pass, reasons from public.verdicts")
    assert row["pass"] is False, "entries by hand do not count unless the rule allows them"


async def test_a_preview_is_judged_and_linked_to_nothing(place, api):
    import json

    bob = await place.own("bob")
    answer = await submit(place, api, bob, 0, "bob", run_file(), rule=json.dumps(RULE))
    assert answer.status_code == 201, answer.text
    assert answer.json()["verdict"]["pass"] is True
    for table in ("public.participants", "public.verdicts", "agon.evidence_marks"):
        assert await place.owner.fetchval(f"select count(*) from {table}") == 0
    again = await submit(place, api, bob, 0, "bob", run_file(), rule=json.dumps(RULE))
    assert again.status_code == 201, "a preview uses nothing up"
    for key in ("pass", "reasons", "metadata", "evidence_hash"):
        assert again.json()["verdict"][key] == answer.json()["verdict"][key]


async def test_who_signs_nothing_submits_nothing(place, api):
    challenge = await challenge_of(place, api)
    form = {"challenge_id": str(challenge), "subject": wallet("bob"), "provider": "garmin"}
    answer = await api.post("/api/aivm/intake", data=form, files={"file": ("a", run_file())})
    assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_first")
    answer = await api.get("/api/me/challenges", headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code == 401


async def test_me_lists_what_my_wallets_take_part_in(place, api):
    challenge = await challenge_of(place, api)
    bob = await place.own("bob")
    path = f"/api/challenge/{challenge}/participant"
    joined = await api.post(path, json={"subject": wallet("bob")}, headers=bearer(place, bob))
    assert joined.status_code == 201
    shown = await api.get(path, params={"subject": wallet("bob")}, headers=bearer(place, bob))
    assert shown.json()["id"] == joined.json()["id"]
    mine = (await api.get("/api/me/challenges", headers=bearer(place, bob))).json()
    assert [row["challenge_id"] for row in mine] == [challenge]
    carol = await place.own("carol")
    assert (await api.get("/api/me/challenges", headers=bearer(place, carol))).json() == []
    hidden = await api.get(path, params={"subject": wallet("bob")}, headers=bearer(place, carol))
    assert hidden.status_code == 403


async def test_templates_are_public_and_written_by_admins(place, api):
    listed = (await api.get("/api/templates")).json()
    kinds = {row["kind"] for row in listed}
    assert len(kinds) == 14
    row = {**listed[0], "active": False}
    ada = await place.own("ada")
    assert (await api.put("/api/admin/templates", json=row)).status_code in (401, 403)
    answer = await api.put("/api/admin/templates", json=row, headers=bearer(place, ada))
    assert (answer.status_code, answer.json()["code"]) == (403, "admin_only")
    answer = await api.put("/api/admin/templates", json=row, headers=bearer(place, ADMIN))
    assert answer.status_code == 200, answer.text
    assert row["id"] not in {r["id"] for r in (await api.get("/api/templates")).json()}
    everything = await api.get("/api/admin/templates", headers=bearer(place, SERVICE))
    assert row["id"] in {r["id"] for r in everything.json()}
    broken = {**row, "rule_config": {**row["rule_config"], "metric": "luck"}}
    answer = await api.put("/api/admin/templates", json=broken, headers=bearer(place, ADMIN))
    assert answer.json()["code"] == "invalid_rule"


async def test_models_are_written_by_admins(place, api):
    models = (await api.get("/api/admin/models", headers=bearer(place, ADMIN))).json()
    model = next(row for row in models if row["id"] == "agon.fitness@1")
    hidden = await api.put(
        "/api/admin/models", json={**model, "active": False}, headers=bearer(place, ADMIN)
    )
    assert hidden.json()["active"] is False
    ada = await place.own("ada")
    for headers in ({}, bearer(place, ada)):
        assert (await api.get("/api/admin/models", headers=headers)).status_code in (401, 403)
        put = await api.put("/api/admin/models", json=model, headers=headers)
        assert put.status_code in (401, 403)


async def test_health_readiness_and_metrics(place, api):
    assert (await api.get("/healthz")).json() == {"status": "ok"}
    assert (await api.get("/readyz")).json()["status"] == "ok"
    text = (await api.get("/metrics")).text
    assert 'agon_requests_total{method="GET",path="/healthz",status="200"}' in text


async def test_unknown_paths_and_methods_answer_in_four_parts(api):
    for method, path, status in (("GET", "/nowhere", 404), ("PATCH", "/api/challenges", 405)):
        answer = await api.request(method, path)
        assert answer.status_code == status
        assert set(answer.json()) == {"code", "message", "details", "hint"}
