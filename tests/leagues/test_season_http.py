"""Seasons and leaderboards over HTTP and by command: each path, and who sees what."""

from __future__ import annotations

import asyncio
import uuid

import jsonschema
import pytest

from agon import cli
from agon.kernel import commands
from agon.leagues import seasons
from tests.leagues import contests
from tests.leagues.contests import AT_ONCE
from tests.leagues.seasons import Season, begun
from tests.organisations.walks import acme, as_, found, key_of, shown, shows
from tests.places import wallet


async def test_a_season_is_made_read_and_ended_over_http(place, api):
    await acme(place)
    key = shows(await key_of(place, "seasons:write"))
    config = {"win": 2, "entry": 1}
    draft = {"name": "Spring", "scoring_config": config}
    assert shown(await api.post("/api/org/acme/seasons", json=draft)) == (401, "sign_in_first")
    made = await api.post("/api/org/acme/seasons", json=draft, headers=key)
    assert (made.status_code, made.json()["organization"]["slug"]) == (201, "acme"), made.text
    path = f"/api/seasons/{made.json()['id']}"
    bad = {"name": "x", "scoring_config": {"win": "3"}}
    answer = await api.post("/api/org/acme/seasons", json=bad, headers=key)
    assert shown(answer) == (422, "scoring_malformed")
    assert shown(await api.get("/api/org/nobody/seasons")) == (404, "org_unknown")
    assert shown(await api.get(f"/api/seasons/{uuid.uuid4()}")) == (404, "season_unknown")
    assert [row["name"] for row in (await api.get("/api/org/acme/seasons")).json()] == ["Spring"]
    answer = await api.patch(path, json={"description": "Of cups."}, headers=as_(place, "abe"))
    assert answer.json()["description"] == "Of cups."
    assert shown(await api.patch(path, json={"status": "x"}, headers=key)) == (422, "field_unknown")

    contest = await contests.started(place, 4, settings=AT_ONCE)
    counted = f"{path}/competitions/{contest.id}"
    assert shown(await api.put(counted, json={}, headers=as_(place, "p1"))) == (
        403,
        "not_org_admin",
    )
    answer = await api.put(counted, json={"weight": 1.5}, headers=key)
    assert answer.json()["weight"] == "1.5", answer.text
    listed = (await api.get(f"{path}/competitions")).json()
    assert [(row["title"], row["weight"]) for row in listed] == [("The Cup", "1.5")]
    await contest.play()
    await contest.complete()
    season = Season(place=place, id=uuid.UUID(made.json()["id"]), contests=[contest])
    await season.settle()
    rows = (await api.get(f"{path}/standings?limit=2")).json()
    assert [(row["rank"], row["wallet"], row["points"]) for row in rows] == [
        (1, wallet("p1"), "7.5"), (2, wallet("p2"), "4.5"),
    ]  # fmt: skip
    around = (await api.get(f"{path}/standings?around={wallet('p2')}&limit=3")).json()
    assert [row["rank"] for row in around] == [1, 2, 3]
    assert (await api.get(f"{path}/standings?around={wallet('eve')}")).json() == []
    assert (await api.get(f"{path}/standings?from=5")).json() == []
    assert (await api.get(f"{path}/standings?from=0")).status_code == 422
    own = (await api.get(f"/api/player/{wallet('p1').upper().replace('X', 'x')}/seasons")).json()
    assert [(row["name"], row["rank"], row["titles"]) for row in own] == [("Spring", 1, 1)]

    kept = (await api.post(f"{path}/snapshot", headers=key)).json()
    ended = (await api.post(f"{path}/complete", headers=key)).json()
    assert (ended["status"], ended["result_cid"]) == ("completed", kept["result_cid"])
    bundle = (await api.get(f"/api/results/{ended['result_cid']}")).json()
    assert bundle["kind"] == "leagues.standings"
    assert bundle["output"]["standings"][0]["points"] == "7.5"
    answer = await api.request("delete", counted, headers=key)
    assert shown(answer) == (409, "season_completed")


async def test_a_leaderboard_is_kept_over_http(place, api):
    contest = await contests.started(place, 2, None, type="leaderboard")
    path = f"/api/competitions/{contest.id}"
    key = shows(await key_of(place, "results:write"))
    scores = {"scores": [{"wallet": wallet("p2"), "score": "12.5", "key": "run"}]}
    assert shown(await api.post(f"{path}/scores", json=scores)) == (401, "sign_in_first")
    posted = await api.post(f"{path}/scores", json=scores, headers=key)
    assert posted.status_code == 201, posted.text
    await place.work()
    rows = (await api.get(f"{path}/leaderboard")).json()
    assert [(row["rank"], row["participant"], row["score"]) for row in rows] == [
        (1, wallet("p2"), "12.5")
    ]
    assert (await api.get(f"{path}/scores")).json()[0]["key"] == "run"
    taken = f"{path}/scores/{posted.json()[0]['id']}/revert"
    assert shown(await api.post(taken, json={}, headers=key)) == (422, "reason_missing")
    answer = await api.post(taken, json={"reason": "Cut short."}, headers=key)
    assert answer.json()["reverted_at"]
    await place.work()
    assert (await api.get(f"{path}/leaderboard")).json() == []
    ended = await api.post(f"{path}/complete", headers=key)
    assert ended.json()["status"] == "completed", ended.text
    unknown = f"/api/competitions/{uuid.uuid4()}/leaderboard"
    assert shown(await api.get(unknown)) == (404, "competition_unknown")


async def test_the_schemas_are_published_and_hold_what_is_taken(api):
    schemas = (await api.get("/api/seasons/schemas")).json()
    for each in schemas.values():
        jsonschema.Draft202012Validator.check_schema(each)
    jsonschema.validate({"win": 3, "draw": 1, "loss": 0}, schemas["scoring_config"])
    jsonschema.validate({"take": "last"}, schemas["rules.scoring"])


async def test_a_domain_and_a_draft_are_their_organisation_s(place):
    season = await begun(place)
    draft = await contests.drafted(place)
    await season.add(draft)
    other = await found(place, "other", "eve")
    for actor, seen in ((place.actor("eve"), 0), (place.actor("abe"), 1)):
        async with place.database.as_caller(actor) as conn:
            assert len(await seasons.competitions(conn, season.id)) == seen
            rows = await conn.fetch("select from public.season_competitions")
            assert len(rows) == seen
    elsewhere = place.actor("eve", host_org=other)
    async with place.database.as_caller(elsewhere) as conn:
        assert await conn.fetch("select from public.seasons") == []
        assert await conn.fetch("select from public.season_standings") == []
    with pytest.raises(Exception, match="no such season"):
        async with place.database.as_caller(elsewhere) as conn:
            await seasons.shown(conn, season.id)


async def said(capsys, *words: str, code: int = 0) -> str:
    """What `agon season` prints; in a thread, since it runs a loop of its own."""
    with pytest.raises(SystemExit) as ended:
        await asyncio.to_thread(cli.main, ["season", *words])
    printed = capsys.readouterr()
    assert ended.value.code == code, printed
    return (printed.out + printed.err).strip()


async def test_an_operator_looks_checks_and_counts_anew(place, capsys, monkeypatch):
    monkeypatch.setattr(commands, "begin", lambda: place.runtime)
    season = await begun(place)
    contest = await contests.started(place, 2, settings=AT_ONCE)
    await season.add(contest)
    await contest.play()
    number = str(season.id)
    assert "Spring" in await said(capsys, "list", "acme")
    assert "2 differ" in await said(capsys, "check", number, code=1)
    assert await said(capsys, "recount", number) == "Counted anew; 2 differed."
    assert await said(capsys, "check", number) == "All standings hold."
    table = await said(capsys, "show", number)
    assert wallet("p1") in table and "1 x The Cup (active)" in table
    assert '"points": "3"' in await said(capsys, "show", number, "--json")
    assert "not over" in await said(capsys, "complete", number, code=3)
    # Whatever went wrong with a row is found, and mended.
    await place.owner.execute("update season_standings set points = 99 where wins = 0")
    assert wallet("p2") in await said(capsys, "check", number, code=1)
    assert await said(capsys, "recount", number) == "Counted anew; 1 differed."
    await contest.complete()
    assert "completed" in await said(capsys, "complete", number)
    await season.hold()
