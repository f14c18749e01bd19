"""Webhooks as their organisation makes, changes and reads them; and who may not."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from agon.commons.organisations import webhooks
from agon.kernel import runtime
from agon.kernel.errors import Refused
from agon.kernel.sealing import SEALED_PATTERN
from agon.systems import SYSTEMS
from tests.organisations.walks import PEOPLE, SLUG, as_, found, key_of, shown, shows
from tests.organisations.webhook_walks import WEBHOOKS, calling, hook, ready
from tests.places import ADMIN
from tests.standins.webhook_sink import sink

URL = "https://hooks.example.org/agon?team=1"
DRAFT = {"url": URL, "events": ["member.removed", "member.added", "member.added"]}
NOBODY = "00000000-0000-4000-8000-000000000000"


async def make(place, api, draft=DRAFT, by="ada"):
    return await api.post(WEBHOOKS, json=draft, headers=as_(place, by))


async def test_a_secret_is_shown_once_and_kept_sealed(place, api):
    org = await ready(place)
    made = await make(place, api)
    assert made.status_code == 201, made.text
    webhook = made.json()
    secret = webhook.pop("secret")
    assert secret.startswith("whsec_") and len(secret) == 6 + 44
    assert webhook["events"] == ["member.added", "member.removed"]
    assert (webhook["org_id"], webhook["active"], webhook["failures"]) == (org, True, 0)
    assert (await api.get(WEBHOOKS, headers=as_(place, "abe"))).json() == [webhook]
    row = await place.owner.fetchrow("select *, secret ~ $1 as ok from webhooks", SEALED_PATTERN)
    assert row["ok"] and secret not in row["secret"]
    opened = webhooks.open_secret(place.runtime.sealing_keys, row["id"], row["secret"])
    assert opened == secret
    with pytest.raises(asyncpg.CheckViolationError, match="secret_is_sealed"):
        await place.owner.execute("update webhooks set secret = 'whsec_abc'")
    path = f"{WEBHOOKS}/{webhook['id']}"
    rotated = (await api.post(f"{path}/rotate", headers=as_(place, "ada"))).json()
    assert rotated.pop("secret") != secret and rotated["previous_secret_until"]
    for overlap in (-1, 7 * 86400 + 1):
        refused = await api.post(
            f"{path}/rotate", params={"overlap_s": overlap}, headers=as_(place, "ada")
        )
        assert refused.status_code == 422
    ended = await api.post(f"{path}/rotate", params={"overlap_s": 0}, headers=as_(place, "ada"))
    assert ended.json()["previous_secret_until"] is None


async def test_a_webhook_is_changed_and_deleted(place, api):
    await ready(place)
    path = f"{WEBHOOKS}/{(await make(place, api)).json()['id']}"

    async def change(**changes):
        return await api.patch(path, json=changes, headers=as_(place, "abe"))

    changed = await change(url="https://other.example.org/", events=["*"])
    assert (changed.json()["url"], changed.json()["events"]) == (
        "https://other.example.org/",
        ["*"],
    )
    assert '"secret"' not in changed.text and "sealed:" not in changed.text
    for changes, told in (
        ({"secret": "x"}, (422, "field_unknown")),
        ({"events": []}, (422, "event_unknown")),
        ({"events": None}, (422, "event_unknown")),
        ({"events": ["verdict.recorded"]}, (422, "event_unknown")),
        ({"url": "https://10.0.0.1/"}, (400, "outbound_forbidden_address")),
        ({"url": None}, (400, "claim_broken")),
        ({"active": "perhaps"}, (400, "value_malformed")),
    ):
        assert shown(await change(**changes)) == told, changes
    assert (await api.delete(path, headers=as_(place, "ada"))).json() == {"deleted": True}
    assert shown(await api.delete(path, headers=as_(place, "ada"))) == (404, "webhook_unknown")
    assert (await api.get(WEBHOOKS, headers=as_(place, "ada"))).json() == []


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://hooks.example.org/", "outbound_forbidden_address"),
        ("http://127.0.0.1:8000/", "outbound_forbidden_address"),
        ("https://127.0.0.1/", "outbound_forbidden_address"),
        ("https://169.254.169.254/latest/meta-data", "outbound_forbidden_address"),
        ("https://[::ffff:10.0.0.1]/", "outbound_forbidden_address"),
        ("https://user:word@hooks.example.org/", "claim_broken"),
        ("https://hooks.example.org/\n", "claim_broken"),
        ("https://hooks.example.org/" + "a" * 2048, "claim_broken"),
        ("ftp://hooks.example.org/", "claim_broken"),
        ("hooks.example.org", "claim_broken"),
        ("https://[::1", "outbound_forbidden_address"),
        (None, "claim_broken"),
        (7, "value_malformed"),
    ],
    ids=str,
)
async def test_an_address_that_is_no_public_one_is_refused(place, api, url, code):
    await ready(place)
    assert shown(await make(place, api, {**DRAFT, "url": url})) == (400, code)
    assert await place.owner.fetchval("select count(*) from webhooks") == 0


async def test_only_a_setting_of_its_own_opens_private_addresses(tmp_path):
    for setting, open_to_it in (("AGON_OUTBOUND_ALLOW", False), ("AGON_WEBHOOK_ALLOW", True)):
        environ = {"AGON_HOME": str(tmp_path), setting: "10.0.0.1:8000"}
        async with webhooks.calling(runtime.begin(SYSTEMS, environ=environ)) as client:
            if open_to_it:
                client.check("http://10.0.0.1:8000/a")
            else:
                with pytest.raises(Refused, match="outbound_forbidden_address"):
                    client.check("http://10.0.0.1:8000/a")


async def test_unknown_events_and_too_many_webhooks_are_refused(place, api):
    await ready(place)
    listed = await api.get("/api/webhook-events")
    assert {"*", "member.added", "webhook.paused"} <= {row["event"] for row in listed.json()}
    for events, code in (
        ([], "event_unknown"),
        (None, "event_unknown"),
        (["member.added", "no.such"], "event_unknown"),
        ([None], "event_unknown"),
        ("*", "value_malformed"),
    ):
        refused = shown(await make(place, api, {**DRAFT, "events": events}))
        assert refused[1] == code, events
    made = await asyncio.gather(*(make(place, api) for _ in range(18)))
    codes = [answer.status_code for answer in made]
    assert sorted(codes) == [201] * 16 + [409] * 2


# What each of PEOPLE, in this order, is told, then a key with the scope, one with the other.
ACTS = {
    "list": ("GET", "", None, "webhooks:read"),
    "create": ("POST", "", DRAFT, "webhooks:write"),
    "change": ("PATCH", "/{id}", {"events": ["*"]}, "webhooks:write"),
    "rotate": ("POST", "/{id}/rotate", None, "webhooks:write"),
    "resume": ("POST", "/{id}/resume", None, "webhooks:write"),
    "ping": ("POST", "/{id}/ping", None, "webhooks:write"),
    "deliveries": ("GET", "/{id}/deliveries", None, "webhooks:read"),
    "redeliver": ("POST", "/{id}/deliveries/{delivery}/redeliver", None, "webhooks:write"),
    "delete": ("DELETE", "/{id}", None, "webhooks:write"),
}


async def test_admins_and_keys_with_the_scope_may_and_nobody_else(place, api):
    await ready(place)
    await found(place, "other", "bob")
    keys = {scope: await key_of(place, scope) for scope in ("webhooks:read", "webhooks:write")}
    theirs = await key_of(place, *keys, slug="other", by="bob")
    made: dict[str, str] = {}

    async def act(name, headers):
        method, path, body, _ = ACTS[name]
        if not made:
            made["id"] = (await make(place, api)).json()["id"]
            ping = await api.post(f"{WEBHOOKS}/{made['id']}/ping", headers=as_(place, "ada"))
            made["delivery"] = ping.json()["id"]
        at = WEBHOOKS + path.format(**made)
        answer = await api.request(method, at, json=body, headers=headers)
        if name == "delete" and answer.status_code == 200:
            made.clear()
        return answer.status_code, answer.json()

    for name, (_, _, _, scope) in ACTS.items():
        for who, role in PEOPLE.items():
            status, said = await act(name, as_(place, who))
            if role in ("owner", "admin"):
                assert status < 300, (name, who, said)
            else:
                assert (status, said["code"]) == (403, "not_org_admin"), (name, who)
        assert (await act(name, shows(keys[scope])))[0] < 300, name
        (other,) = set(keys) - {scope}
        status, said = await act(name, shows(keys[other]))
        assert (status, said["code"]) == (403, "scope_missing"), name
        assert (await act(name, shows(theirs)))[1]["code"] == "not_org_admin", name
        assert (await act(name, {}))[0] == 401, name


async def test_what_is_another_organisations_is_unknown(place, api):
    await ready(place)
    await found(place, "other", "bob")
    mine = (await make(place, api)).json()["id"]
    for slug, webhook, code in (
        ("other", mine, "webhook_unknown"),
        (SLUG, NOBODY, "webhook_unknown"),
        ("nobody", mine, "org_unknown"),
    ):
        path = f"/api/org/{slug}/webhooks/{webhook}"
        by = as_(place, "bob" if slug == "other" else "ada")
        for method, rest in (("DELETE", ""), ("POST", "/ping"), ("GET", "/deliveries")):
            answer = await api.request(method, path + rest, headers=by)
            assert shown(answer) == (404, code)


async def test_deliveries_come_in_pages(place, api):
    await ready(place)
    path = f"{WEBHOOKS}/{(await make(place, api)).json()['id']}"
    pings = [(await api.post(f"{path}/ping", headers=as_(place, "ada"))).json() for _ in range(5)]
    seen, before = [], None
    while True:
        asked = {"limit": 2, **({"before": before} if before else {})}
        page = (await api.get(f"{path}/deliveries", params=asked, headers=as_(place, "ada"))).json()
        seen += [row["id"] for row in page["deliveries"]]
        if (before := page["next"]) is None:
            break
    assert seen == [ping["id"] for ping in reversed(pings)]
    for bad in ({"limit": 0}, {"limit": 101}, {"before": "x"}, {"before": -1}):
        refused = await api.get(f"{path}/deliveries", params=bad, headers=as_(place, "ada"))
        assert refused.status_code == 422, bad


async def test_the_data_door_shows_admins_all_but_secrets(place):
    await ready(place)
    async with sink() as at:
        await hook(place, at, "/a")
    for who, count in (("ada", 1), ("abe", 1), ("mia", 0), ("eve", 0)):
        async with place.database.as_caller(place.actor(who)) as conn:
            assert len(await conn.fetch("select id, url, events from webhooks")) == count
            assert len(await conn.fetch("select * from webhook_deliveries")) == 0
    for column in ("secret", "previous_secret"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with place.database.as_caller(place.actor("ada")) as conn:
                await conn.fetch(f"select {column} from webhooks")
    with pytest.raises(Refused, match="not_org_admin"):  # an admin of the platform is none here
        async with calling() as client, place.database.as_worker(ADMIN) as conn:
            await webhooks.create(conn, client, SLUG, DRAFT)
