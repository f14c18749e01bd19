"""White label: an organisation's looks and its own domain, proved by DNS, looked at again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agon.commons.organisations import branding, domains, resolver
from agon.kernel import jobs, runtime
from agon.kernel.errors import Refused
from agon.systems import SYSTEMS
from tests.organisations.walks import SLUG, acme, as_, found, key_of, shown, shows, told
from tests.places import wallet
from tests.rest.doors import served
from tests.standins import dns

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DOMAIN = "play.acme.example"
CHALLENGE = f"_agon-challenge.{DOMAIN}"
BRANDING = f"/api/org/{SLUG}/branding"


@pytest.fixture
async def names():
    async with dns.serve() as running:
        yield running


@pytest.fixture
def work(place, names):
    """The worker, whose resolver is the stand-in."""
    environ = {
        "AGON_HOME": str(place.runtime.home), "AGON_LOG_LEVEL": "error",
        "AGON_DNS_RESOLVER": names.address,
    }  # fmt: skip
    process = runtime.begin(SYSTEMS, environ=environ, folder=place.runtime.home)
    process.__dict__["urls"] = place.runtime.urls
    return jobs.Work(database=place.database, runtime=process)


async def wear(place, domain=DOMAIN, slug=SLUG, by="ada"):
    """A branding with a domain: what DNS must say."""
    async with place.database.as_worker(place.actor(by)) as conn:
        kept = await branding.put(conn, slug, {"custom_domain": domain, "footer_text": slug})
    return kept["domain"] and kept["domain"]["record"]


async def check(place, work, slug=SLUG):
    org = await place.owner.fetchval("select id::text from organizations where slug = $1", slug)
    await domains.check(work, {"org_id": org})


async def verified(place, slug=SLUG):
    return await place.owner.fetchval(
        "select domain_verified_at from whitelabel_configs c "
        "join organizations o on o.id = c.org_id where o.slug = $1",
        slug,
    )


async def test_a_branding_is_set_whole_and_its_css_is_sanitised(place, api):
    await acme(place)
    given = {
        "primary_color": "#00ff7F", "logo_url": "https://acme.example/a.png",
        "custom_css": "a{color:red;position:fixed}", "footer_text": "We </b>",
        "custom_domain": DOMAIN.upper(),
    }  # fmt: skip
    put = await api.put(BRANDING, json=given, headers=as_(place, "abe"))
    assert put.status_code == 200, put.text
    assert put.json()["css_left_out"] == ["1:13 position"]
    seen = (await api.get(BRANDING, headers=as_(place, "ada"))).json()
    assert seen == {key: value for key, value in put.json().items() if key != "css_left_out"}
    assert (seen["custom_css"], seen["custom_domain"]) == ("a { color: red }", DOMAIN)
    record = seen["domain"]["record"]
    assert (record["type"], record["name"]) == ("TXT", CHALLENGE)
    same = await api.put(BRANDING, json=given, headers=as_(place, "ada"))
    assert same.json()["domain"]["record"] == record
    put = await api.put(BRANDING, json={}, headers=as_(place, "ada"))
    assert (put.json()["primary_color"], put.json()["domain"]) == ("#6B5CFF", None)
    assert put.json()["custom_css"] is None
    for who in ("mia", "eve"):
        for method in ("GET", "PUT"):
            answer = await api.request(method, BRANDING, json=given, headers=as_(place, who))
            assert shown(answer) == (403, "not_org_admin")
    assert shown(await api.put(BRANDING, json=given)) == (401, "sign_in_first")
    refused = await api.post(f"{BRANDING}/check", headers=as_(place, "ada"))
    assert shown(refused) == (409, "domain_missing")


MISFITS = [
    *({"primary_color": color} for color in ("red", "#fff", "#12345g", "#123456;}", 7)),
    *(
        {name: url}
        for name in ("logo_url", "favicon_url")
        for url in ("http://a.b/c", "//a.b", "https://a b", "data:image/png;base64,", "https://a'b")
    ),
    *(
        {"custom_domain": domain}
        for domain in ("localhost", "127.0.0.1", "a..b", "-a.com", "a_b.com", "acme.com.", "a.b",
                       "acme.com:80", "a" * 64 + ".com", "ä.com", "*.acme.com", "",
                       ".".join(["a" * 60] * 4) + ".com")
    ),
    {"footer_text": "a" * 501},
]  # fmt: skip


async def test_what_is_no_branding_is_refused(place, api):
    await found(place)
    for change in MISFITS:
        answer = await api.put(BRANDING, json=change, headers=as_(place, "ada"))
        assert shown(answer) == (400, "claim_broken"), (change, answer.text)
    for unknown in ({"domain_challenge": "a"}, {"domain_verified_at": "now"}, {"org_id": SLUG}):
        answer = await api.put(BRANDING, json=unknown, headers=as_(place, "ada"))
        assert shown(answer) == (422, "field_unknown")
    too_large = {"custom_css": "a{color:red}" * 2000}
    answer = await api.put(BRANDING, json=too_large, headers=as_(place, "ada"))
    assert shown(answer) == (422, "css_too_large")


async def test_a_domain_is_verified_by_its_record_alone(place, api, names, work):
    await acme(place)
    record = await wear(place)
    for texts in ({}, {CHALLENGE: []}, {CHALLENGE: ["agon-challenge=", record["value"] + "0"]},
                  {DOMAIN: [record["value"]]}):  # fmt: skip
        names.texts = texts
        await check(place, work)
        assert await verified(place) is None
    names.texts = {CHALLENGE: ["v=spf1 -all", record["value"]]}
    asked = await api.post(f"{BRANDING}/check", headers=as_(place, "ada"))
    assert (asked.status_code, asked.json()["domain"]["verified_at"]) == (202, None)
    await jobs.drain(work)
    assert await verified(place)
    assert set(names.heard) == {CHALLENGE}
    assert [event["domain"] for event in await told(place, "domain.verified")] == [DOMAIN]
    # Another domain is another proof.
    other = await wear(place, "other.acme.example")
    assert await verified(place) is None and other["value"] != record["value"]


async def test_a_domain_is_lost_after_five_failures_and_not_by_silence(
    place, names, work, monkeypatch
):
    await place.set_clock(NOON)
    await acme(place)
    record = await wear(place)
    names.texts = {CHALLENGE: [record["value"]]}
    await check(place, work)
    names.texts = {}
    names.broken = True
    monkeypatch.setattr(resolver, "ANSWER_S_MAX", 0.5)
    with pytest.raises(Refused, match="dns_unreachable"):
        await check(place, work)
    names.broken = False
    monkeypatch.undo()
    assert await verified(place)
    at, due = NOON, []
    for hour in (1, 23, 24, 25, 26, 27, 28, 29, 60):
        at = NOON + timedelta(hours=hour)
        await place.set_clock(at)
        await work.database.ask("select agon.enqueue_domain_checks()")
        before = len(names.heard)
        await jobs.drain(work)
        due += [hour] * (len(names.heard) - before)
    # Once a day while it holds, each hour after a failure, and then no more.
    assert due == [24, 25, 26, 27, 28]
    assert await verified(place) is None
    assert len(await told(place, "domain.lost")) == 1
    names.texts = {CHALLENGE: [record["value"]]}
    await check(place, work)
    assert await verified(place) == at


async def test_a_domain_is_one_organisations(place, names, work):
    await acme(place)
    await found(place, "other", "eve")
    records = [await wear(place), await wear(place, slug="other", by="eve")]
    names.texts = {CHALLENGE: [record["value"] for record in records]}
    for slug in (SLUG, "other"):
        await check(place, work, slug)
    assert await verified(place) and await verified(place, "other") is None
    # It changes hands once the first has lost it.
    names.texts = {CHALLENGE: [records[1]["value"]]}
    for _ in range(5):
        await check(place, work)
    await check(place, work, "other")
    assert await verified(place, "other") and await verified(place) is None


async def test_what_changed_while_dns_was_asked_is_not_verified(place, names, work):
    org = await acme(place)
    record = await wear(place)
    await wear(place, "other.acme.example")
    async with place.database.as_worker() as conn:
        outcome = await conn.fetchval(
            "select agon.note_domain_check($1::text::uuid, $2, true)", org, record["value"]
        )
    assert outcome == "changed" and await verified(place) is None


async def test_a_resolver_that_does_not_answer_says_nothing(names, monkeypatch):
    monkeypatch.setattr(resolver, "ANSWER_S_MAX", 0.2)
    names.silent = True
    with pytest.raises(Refused, match="dns_unreachable"):
        await resolver.texts(names.address, "acme.example")
    with pytest.raises(Refused, match="dns_unreachable"):
        await resolver.texts("no address", "acme.example")


async def test_a_verified_host_shows_its_organisation_alone(place, names, work):
    org = await acme(place)
    await found(place, "other", "eve")
    record = await wear(place)
    names.texts = {CHALLENGE: [record["value"]]}
    at_home, elsewhere = {"host": DOMAIN.upper() + ":443"}, {"host": "agon.test"}
    plain = {"name": "Agon", "organization": None, "primary_color": "#6B5CFF"}

    async def branded(api, host):
        seen = (await api.get("/api/branding", headers=host)).json()
        return {key: seen[key] for key in plain}

    async with served(place) as api:
        assert await branded(api, at_home) == plain  # not verified yet
    await check(place, work)
    key = await key_of(place, "members:read", slug="other", by="eve")
    async with served(place) as api:
        assert await branded(api, at_home) == plain | {"name": "Acme", "organization": SLUG}
        assert await branded(api, elsewhere) == plain
        for host, slugs in ((at_home, [SLUG]), (elsewhere, [SLUG, "other"])):
            rows = await api.get("/rest/v1/organizations?select=slug&order=slug", headers=host)
            assert [row["slug"] for row in rows.json()] == slugs
            found_ = (await api.get("/api/org/other", headers=host)).status_code
            assert found_ == (200 if "other" in slugs else 404)
            # The owner and a key of another organisation are strangers here.
            for headers in (as_(place, "eve"), shows(key)):
                members = await api.get("/api/org/other/members", headers=headers | host)
                assert members.status_code == (200 if "other" in slugs else 404)
                rows = await api.get(
                    "/rest/v1/org_members?select=role&wallet=neq." + wallet("eve"),
                    headers=headers | host,
                )
                assert rows.json() == []
                mine = (await api.get("/api/org", headers=headers | host)).json()
                assert len(mine) == ("other" in slugs and headers != shows(key))
        claims = {"host_org": org}
        forged = {"Authorization": f"Bearer {place.token(place.actor('eve', **claims))}"}
        assert (await api.get("/api/org/other", headers=forged)).status_code == 200
        rows = await api.get("/rest/v1/organizations?select=slug", headers=forged)
        assert len(rows.json()) == 2


async def test_a_running_server_notices_domains_that_come_and_go(place, names, work, monkeypatch):
    monkeypatch.setattr("agon.web.domains.READ_S", 0)
    await acme(place)
    record = await wear(place)
    names.texts = {CHALLENGE: [record["value"]]}
    async with served(place) as api:
        for said in (None, SLUG, None):
            seen = (await api.get("/api/branding", headers={"host": DOMAIN})).json()
            assert seen["organization"] == said
            await check(place, work)
            if said:
                await wear(place, None)
