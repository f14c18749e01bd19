"""Competitions over HTTP, from the draft to the result: each path, and what others are told."""

from __future__ import annotations

from uuid import UUID

import httpx
import jsonschema
import pytest

from agon.app import opened as doors_opened
from agon.app import serve
from agon.kernel.database import Actor
from agon.leagues import competitions
from tests.leagues import contests
from tests.organisations.walks import acme, as_, found, key_of, shown, shows
from tests.places import wallet


@pytest.fixture
async def cup(place, api):
    """A cup of four, drafted and opened by a key of acme's, over HTTP: its path and the key."""
    await acme(place)
    for n in range(1, 5):
        await place.own(f"p{n}")
    key = shows(
        await key_of(
            place, "competitions:write", "registrations:write", "results:write", "disputes:read",
            "disputes:write",
        )
    )  # fmt: skip
    draft = {
        "title": "The Cup",
        "type": "bracket",
        "settings": {"format": contests.SINGLE, "capacity": 4, "disputes": {"window_s": 600}},
    }
    made = await api.post("/api/competitions", json=draft, headers=key)
    assert made.status_code == 201, made.text
    path = f"/api/competitions/{made.json()['id']}"
    assert shown(await api.get(path)) == (404, "competition_unknown")
    assert (await api.post(f"{path}/open", headers=key)).json()["status"] == "open"
    return path, key


async def test_a_field_registers_is_seeded_and_starts_over_http(place, api, cup):
    path, key = cup
    for n in range(1, 5):
        body = {"wallet": wallet(f"p{n}")}
        answer = await api.post(f"{path}/register", json=body, headers=as_(place, f"p{n}"))
        assert (answer.status_code, answer.json()["status"]) == (201, "registered"), answer.text
    assert shown(await api.post(f"{path}/register", json={"wallet": wallet("p1")})) == (
        401, "sign_in_first",
    )  # fmt: skip
    answer = await api.post(f"{path}/withdraw", headers=as_(place, "p4"))
    assert answer.json()["status"] == "withdrawn"
    body = {"wallet": wallet("p4")}
    await api.post(f"{path}/register", json=body, headers=key)
    seeds = {"seeds": [{"participant": wallet(f"p{n}"), "seed": n} for n in range(1, 5)]}
    assert (await api.put(f"{path}/seeds", json=seeds, headers=key)).json() == {"changed": 4}
    assert shown(await api.get(f"{path}/bracket")) == (409, "bracket_missing")
    started = await api.post(f"{path}/start", headers=key)
    assert (started.json()["status"], started.json()["registered"]) == ("active", 4)
    listed = (await api.get(f"{path}/matches", params={"status": "in_progress"})).json()
    assert [match["key"] for match in listed] == ["w.1.1", "w.1.2"]
    page = (await api.get(f"{path}/matches", params={"after": "w.1.1", "limit": 1})).json()
    assert [match["key"] for match in page] == ["w.1.2"]


async def test_a_cup_is_played_over_http(place, api, cup):
    path, key = cup
    for n in range(1, 5):
        body = {"wallet": wallet(f"p{n}")}
        await api.post(f"{path}/register", json=body, headers=key)
    await api.post(f"{path}/start", headers=key)
    for key_, winner, loser in (("w.1.1", "p1", "p4"), ("w.1.2", "p2", "p3")):
        answer = await api.post(
            f"{path}/matches/{key_}/report", json={"scores": [[1, 0]]}, headers=as_(place, winner)
        )
        assert answer.json()["reported_by"] == wallet(winner), answer.text
        answer = await api.post(f"{path}/matches/{key_}/confirm", headers=as_(place, loser))
        assert answer.json()["winner"] == wallet(winner)
    own = await api.get(f"{path}/matches", params={"participant": wallet("p1")})
    assert [match["key"] for match in own.json()] == ["w.1.1", "w.2.1"]
    filed = await api.post(
        f"{path}/disputes", json={"match": "w.1.1", "reason": "No."}, headers=as_(place, "p4")
    )
    assert filed.status_code == 201, filed.text
    report = {"scores": [[1, 0]]}
    answer = await api.post(f"{path}/matches/w.2.1/report", json=report, headers=key)
    assert shown(answer) == (409, "match_blocked")
    for headers, count in ((key, 1), (as_(place, "p4"), 1), (as_(place, "p1"), 0)):
        assert len((await api.get(f"{path}/disputes", headers=headers)).json()) == count
    resolve = f"{path}/disputes/{filed.json()['id']}/resolve"
    decision = {"resolution": "dismissed", "note": "Nothing to see."}
    assert shown(await api.post(resolve, json=decision, headers=as_(place, "p4"))) == (
        403, "not_org_admin",
    )  # fmt: skip
    assert (await api.post(resolve, json=decision, headers=key)).json()["status"] == "dismissed"
    preview = await api.get(f"{path}/matches/w.1.1/undo", headers=key)
    assert [each["match"] for each in preview.json()["reverted"]] == ["w.1.1"]
    undone = await api.post(f"{path}/matches/w.1.1/undo", json={"reason": "Typo"}, headers=key)
    assert undone.json() == preview.json()
    await api.post(f"{path}/matches/w.1.1/report", json=report, headers=key)
    await api.post(f"{path}/matches/w.2.1/report", json=report, headers=key)
    bracket = (await api.get(f"{path}/bracket")).json()
    assert (bracket["outcome"], bracket["champion"]) == ("won", wallet("p1"))
    assert (await api.get(f"{path}/bracket")).json() == bracket
    events = (await api.get(f"{path}/events", params={"match": "w.1.1"})).json()
    assert [event["event"] for event in events] == [
        "reported", "decided", "disputed", "dismissed", "reverted", "decided",
    ]  # fmt: skip
    registered = (await api.get(f"{path}/registrations")).json()
    assert {row["status"] for row in registered} == {"registered"}


async def test_a_cup_is_changed_scheduled_and_canceled_by_organisers(place, api, cup):
    path, key = cup
    assert (await api.patch(path, json={"title": "B"}, headers=key)).json()["title"] == "B"
    for n in (1, 2):
        body = {"wallet": wallet(f"p{n}")}
        await api.post(f"{path}/register", json=body, headers=key)
    await api.post(f"{path}/start", headers=key)
    match = f"{path}/matches/w.1.1"
    changes = {"scheduled_at": "2026-05-01T18:00:00Z", "challenge_id": 7}
    assert (await api.patch(match, json=changes, headers=key)).json()["challenge_id"] == 7
    for answer in (
        await api.patch(match, json=changes, headers=as_(place, "p1")),
        await api.post(f"{path}/cancel", headers=as_(place, "p1")),
        await api.post(f"{path}/open", headers=as_(place, "mia")),
        await api.patch(path, json={"title": "C"}, headers=as_(place, "eve")),
    ):
        assert shown(answer) == (403, "not_org_admin")
    body = {"participant": wallet("p1"), "reason": "Cheated"}
    out = await api.post(f"{path}/disqualify", json=body, headers=key)
    assert out.json()["status"] == "disqualified"
    assert (await api.post(f"{path}/cancel", headers=key)).json()["status"] == "canceled"
    assert shown(await api.post(f"{path}/check-in", headers=as_(place, "p1"))) == (
        409, "check_in_closed",
    )  # fmt: skip
    page = (await api.get("/api/competitions", params={"org": "acme", "status": "canceled"})).json()
    assert [row["title"] for row in page] == ["B"]
    assert shown(await api.post(f"{path}/open", headers=key)) == (409, "move_not_allowed")


async def test_the_schemas_are_published(api):
    published = (await api.get("/api/competitions/schemas")).json()
    assert set(published) == {"settings", "format", "prize_config"}
    for schema in published.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate({"capacity": 8, "entrants": "teams"}, published["settings"])


async def test_teams_are_made_and_joined_over_http(place, api):
    await acme(place)
    mia, eve = as_(place, "mia"), as_(place, "eve")
    made = await api.post("/api/org/acme/teams", json={"name": "Reds"}, headers=mia)
    assert made.status_code == 201, made.text
    path = f"/api/teams/{made.json()['id']}"
    invited = await api.post(f"{path}/invitations", json={"wallet": wallet("eve")}, headers=mia)
    assert invited.status_code == 201
    mine = (await api.get("/api/teams/invitations", headers=eve)).json()
    assert [each["id"] for each in mine] == [invited.json()["id"]]
    answer = await api.post(f"/api/teams/invitations/{mine[0]['id']}/accept", headers=eve)
    assert len(answer.json()["roster"]) == 2
    moved = await api.post(f"{path}/captain", json={"wallet": wallet("eve")}, headers=mia)
    assert moved.json()["roster"][0]["wallet"] == wallet("eve")
    gone = await api.delete(f"{path}/roster/{wallet('mia')}", headers=mia)
    assert gone.json() == {"removed": True}
    assert (await api.get(path)).json()["roster"][0]["role"] == "captain"
    assert [team["name"] for team in (await api.get("/api/org/acme/teams")).json()] == ["Reds"]
    assert shown(await api.patch(path, json={"tag": "X"}, headers=mia)) == (403, "not_org_admin")
    other = await api.post(f"{path}/invitations", json={"wallet": wallet("mia")}, headers=eve)
    number = f"/api/teams/invitations/{other.json()['id']}"
    assert shown(await api.post(f"{number}/decline", headers=eve)) == (403, "not_your_wallet")
    assert (await api.post(f"{number}/decline", headers=mia)).json()["status"] == "declined"
    assert shown(await api.delete(number, headers=eve)) == (409, "invitation_ended")


async def test_a_domain_of_an_organisation_shows_and_changes_its_own_alone(place, api, cup):
    path, _ = cup
    other = await found(place, "other", "bob")
    for org, seen in ((None, 1), (other, 0)):
        host = {"host_org": org} if org else {}
        async with place.database.as_caller(Actor(claims=host)) as conn:
            assert len(await competitions.listed(conn)) == seen
        owner = place.actor("ada", **host)
        contest = contests.Contest(place=place, id=UUID(path.rsplit("/", 1)[1]))
        if org:
            assert await contests.refused(contest.update(owner, title="X")) == "competition_unknown"
        else:
            assert (await contest.update(owner, title="X"))["title"] == "X"
    home = await place.owner.fetchval("select org_id::text from competitions")
    async with place.database.as_worker(place.actor("ada", host_org=home)) as conn:
        assert (await competitions.create(conn, None, {"title": "Here"}))["org_id"] == home


async def test_what_clients_of_supabase_see_is_what_policies_let_them(place, cup):
    path, _ = cup
    number = path.rsplit("/", 1)[1]
    await contests.drafted(place)
    app = serve(place.runtime, work=False)
    app.state.database, app.state.processes = place.database, None
    apikey = {"apikey": place.runtime.api_keys.publishable}
    async with doors_opened(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://agon.test", headers=apikey
        ) as api:
            rows = await api.get("/rest/v1/competitions?select=id,status")
            assert rows.json() == [{"id": number, "status": "open"}]
            body = {"competition_id": number, "wallet": wallet("p1")}
            call = "/rest/v1/rpc/register_for_competition"
            answer = await api.post(call, json=body, headers=as_(place, "p1"))
            assert answer.json()["status"] == "registered", answer.text
            assert (await api.post(call, json=body)).status_code == 401
            row = f"/rest/v1/competitions?id=eq.{number}"
            changed = await api.patch(row, json={"status": "active"}, headers=as_(place, "ada"))
            assert changed.status_code == 403, changed.text


NUL = "a\x00"
DEEP: list = []
for _ in range(400):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("method", "path", "bodies"),
    [
        ("post", "/matches/w.1.1/report", [
            {}, {"scores": 7}, {"scores": [[1]]}, {"scores": [[1.5, 0]]}, {"kind": 7},
            {"kind": "forfeit", "by": 7}, {"kind": "walkover", "winner": NUL}, {"match": "w.2.1"},
            {"scores": [[10**30, 0]]}, {"scores": DEEP}, {"kind": "disqualified", "by": "x"},
        ]),
        ("post", f"/matches/{'w' * 300}/report", [{"scores": [[1, 0]]}]),
        ("post", "/matches/w.1.1%00/report", [{"scores": [[1, 0]]}]),
        ("post", "/matches/w.1.1/undo", [{}, {"reason": 7}, {"reason": "a" * 5000}]),
        ("patch", "/matches/w.1.1", [
            {"challenge_id": "x"}, {"challenge_id": -1}, {"scheduled_at": "soon"}, {"winner": "a"},
        ]),
        ("post", "/disputes", [{}, {"match": 7, "reason": "a"}, {"match": "w.1.1"}]),
        ("post", "/disputes/00000000-0000-4000-8000-000000000000/resolve", [
            {}, {"resolution": 7, "note": 7}, {"resolution": "upheld", "note": "a"},
        ]),
        ("post", "/register", [{}, {"wallet": 7}, {"team_id": "x"}, {"wallet": NUL}]),
        ("post", "/disqualify", [{}, {"participant": "x", "reason": "a"}, {"participant": 7}]),
        ("put", "/seeds", [{"seeds": 7}, {"seeds": [7]}, {"seeds": [{"participant": "x"}]}]),
        ("patch", "", [
            {"settings": {"format": DEEP}}, {"settings": DEEP}, {"prize_config": 7},
            {"title": None}, {"starts_at": "soon"}, {"challenge_ids": "x"},
            {"status": "open"}, {"rules": NUL},
        ]),
        ("post", "/matches/w.1.1/confirm", [None]),
        ("post", "/withdraw?participant=%00", [None]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
async def test_what_is_malformed_is_refused_and_changes_nothing(
    place, api, cup, method, path, bodies
):
    cup_path, key = cup
    for n in (1, 2):
        body = {"wallet": wallet(f"p{n}")}
        await api.post(f"{cup_path}/register", json=body, headers=key)
    await api.post(f"{cup_path}/start", headers=key)
    contest = contests.Contest(place=place, id=UUID(cup_path.rsplit("/", 1)[1]))
    before = await contest.row(), await contest.events()
    for body in bodies:
        answer = await api.request(method, cup_path + path, json=body, headers=key)
        assert 400 <= answer.status_code < 500, (body, answer.text)
        assert answer.json()["code"] and answer.json()["message"]
    assert (await contest.row(), await contest.events()) == before
    await contest.hold()
