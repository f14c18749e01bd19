"""API keys: shown once, held to their scopes and their time, on every door."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from agon.kernel import clock
from tests.organisations.walks import PEOPLE, SLUG, acme, as_, found, key_of, shown, shows
from tests.places import wallet
from tests.rest.doors import served

ORG = f"/api/org/{SLUG}"
KEYS = f"{ORG}/keys"
LABELLED = {"label": "a program", "scopes": ["members:read"]}

# What a key is tried at -> the scope that alone opens it.
OPENED = [
    ("GET", f"{ORG}/branding", None, "org:read"),
    ("GET", f"{ORG}/members", None, "members:read"),
    ("GET", f"{ORG}/invitations", None, "members:read"),
    ("POST", f"{ORG}/members", {"wallet": wallet("new")}, "members:write"),
    ("DELETE", f"{ORG}/members/{wallet('nobody')}", None, "members:write"),
    ("PUT", f"{ORG}/branding", {"custom_domain": "acme.example"}, "branding:write"),
    ("POST", f"{ORG}/branding/check", None, "branding:write"),
    ("PATCH", ORG, {"name": "b"}, None),
    ("POST", f"{ORG}/transfer", {"wallet": wallet("mia")}, None),
    ("PATCH", f"{ORG}/members/{wallet('mia')}", {"role": "admin"}, None),
    ("PATCH", f"{ORG}/members/{wallet('mia')}", {"email": "a@b.c"}, None),
    ("POST", f"{ORG}/members", {"wallet": wallet("x"), "role": "admin"}, None),
    ("DELETE", f"{ORG}/members/{wallet('abe')}", None, None),
    ("GET", KEYS, None, None),
    ("POST", KEYS, LABELLED, None),
    ("DELETE", f"{KEYS}/00000000-0000-0000-0000-000000000000", None, None),
]
# Rows that a client sees through the data door -> the scope that alone shows them.
SHOWN = {
    "org_members": "members:read",
    "org_invitations": "members:read",
    "whitelabel_configs": "org:read",
    "api_keys?select=id": None,
}


async def test_a_key_is_shown_once_and_kept_as_a_hash(place, api):
    org = await acme(place)
    made = await api.post(KEYS, json=LABELLED, headers=as_(place, "abe"))
    assert made.status_code == 201, made.text
    key = made.json()
    text = key.pop("key")
    assert text.startswith("agon_key_") and text[9:17] == key["key_prefix"] and len(text) == 52
    assert (key["org_id"], key["rate_limit"], key["revoked_at"]) == (org, 1000, None)
    (listed,) = (await api.get(KEYS, headers=as_(place, "ada"))).json()
    assert listed == key and "key_hash" not in listed
    kept = await place.owner.fetchrow("select *, k::text as whole from api_keys k")
    assert kept["key_hash"] == hashlib.sha256(text.encode()).hexdigest()
    assert text[17:] not in kept["whole"]
    async with place.database.as_caller(place.actor("ada")) as conn:
        assert await conn.fetchval("select key_prefix from api_keys") == key["key_prefix"]


async def test_only_admins_make_list_and_revoke_keys(place, api):
    await acme(place)
    key = await key_of(place, "members:read")
    path = f"{KEYS}/{key['id']}"
    for who in ("mia", "eve"):
        for method, at, body in (
            ("POST", KEYS, LABELLED),
            ("GET", KEYS, None),
            ("DELETE", path, None),
        ):
            answer = await api.request(method, at, json=body, headers=as_(place, who))
            assert shown(answer) == (403, "not_org_admin")
    assert shown(await api.post(KEYS, json=LABELLED)) == (401, "sign_in_first")
    await found(place, "other", "eve")
    answer = await api.delete(f"/api/org/other/keys/{key['id']}", headers=as_(place, "eve"))
    assert answer.json() == {"revoked": False}
    for revoked in (True, False):
        answer = await api.delete(path, headers=as_(place, "abe"))
        assert answer.json() == {"revoked": revoked}


MISFITS = [
    ({"scopes": []}, (422, "scope_unknown")),
    ({"scopes": ["members:rule"]}, (422, "scope_unknown")),
    ({"scopes": ["members:read", None]}, (422, "scope_unknown")),
    ({"scopes": None}, (422, "scope_unknown")),
    ({"scopes": "members:read"}, (400, "value_malformed")),
    ({"label": ""}, (400, "claim_broken")),
    ({"label": None}, (400, "claim_broken")),
    ({"rate_limit": 0}, (400, "claim_broken")),
    ({"rate_limit": 10**9}, (400, "claim_broken")),
    ({"rate_limit": "many"}, (400, "value_malformed")),
    ({"expires_at": "2020-01-01T00:00:00Z"}, (422, "expiry_over")),
    ({"expires_at": "soon"}, (400, "value_malformed")),
]


async def test_keys_that_are_none_are_not_made(place, api):
    await found(place)
    for change, told in MISFITS:
        answer = await api.post(KEYS, json={**LABELLED, **change}, headers=as_(place, "ada"))
        assert shown(answer) == told, change


async def test_each_scope_alone_opens_exactly_what_it_names(place):
    await acme(place)
    await place.owner.execute(
        "insert into whitelabel_configs (org_id, custom_domain, domain_challenge) "
        "select id, 'acme.example', 'token' from organizations"
    )
    listed = await place.owner.fetch("select scope from agon.api_scopes")
    async with served(place) as api:
        for scope in (row["scope"] for row in listed):
            key = shows(await key_of(place, scope))
            for method, path, body, needed in OPENED:
                answer = await api.request(method, path, json=body, headers=key)
                if scope == needed:
                    assert answer.status_code < 300, (scope, method, path, answer.text)
                else:
                    told = shown(answer)
                    assert told == (403, "scope_missing"), (scope, method, path, answer.text)
                    assert needed is None or needed in answer.json()["hint"]
            # Whom this key may have invited waits; so the rows are there to see.
            await place.owner.execute(
                "insert into org_invitations (org_id, wallet, expires_at) "
                "select id, $1, 'infinity' from organizations on conflict do nothing",
                wallet("waiting"),
            )
            for table, needed in SHOWN.items():
                rows = (await api.get(f"/rest/v1/{table}", headers=key)).json()
                assert bool(rows) == (scope == needed), (scope, table, rows)
            mine = (await api.get("/api/org", headers=key)).json()
            assert [row["slug"] for row in mine] == ([SLUG] if scope == "org:read" else [])


async def test_a_key_opens_nothing_of_another_organisation(place):
    await acme(place)
    await found(place, "other", "eve")
    listed = [row["scope"] for row in await place.owner.fetch("select scope from agon.api_scopes")]
    key = shows(await key_of(place, *listed, slug="other", by="eve"))
    async with served(place) as api:
        for method, path, body, needed in OPENED:
            answer = await api.request(method, path, json=body, headers=key)
            assert answer.status_code == 403, (method, path, answer.text)
            if needed:
                assert answer.json()["code"] == "not_org_admin"
        (member,) = (await api.get("/rest/v1/org_members?select=wallet", headers=key)).json()
        assert member == {"wallet": wallet("eve")}


async def test_a_key_works_on_every_door_in_both_headers(place):
    await acme(place)
    key = await key_of(place, "members:read")
    async with served(place) as api:
        publishable = {"apikey": place.runtime.api_keys.publishable}
        for headers in (
            shows(key),
            {"apikey": key["key"]},
            {"apikey": key["key"], **shows(key)},
            {**publishable, **shows(key)},
        ):
            assert len((await api.get(f"{ORG}/members", headers=headers)).json()) == len(PEOPLE) - 1
            rows = await api.get("/rest/v1/org_members?select=role", headers=headers)
            assert len(rows.json()) == len(PEOPLE) - 1, rows.text
            user = await api.get("/auth/v1/user", headers=headers)
            assert (user.status_code, user.json()["error_code"]) == (403, "api_key_not_accepted")
            signed_up = await api.post("/auth/v1/signup", json={}, headers=headers)
            assert signed_up.json()["error_code"] == "api_key_not_accepted"
        # With a user's token beside it, it is the user who acts.
        both = {"apikey": key["key"], **as_(place, "eve")}
        assert shown(await api.get(f"{ORG}/members", headers=both)) == (403, "not_org_admin")
        other = await key_of(place, "org:read")
        two = {"apikey": key["key"], **shows(other)}
        assert shown(await api.get(ORG, headers=two)) == (401, "api_keys_differ")
        assert (await api.get("/rest/v1/org_members", headers=two)).status_code == 401
        # It is nobody: it has no wallet, joins nothing, and makes no organisation.
        draft = {"name": "a", "slug": "abc", "owner_wallet": wallet("ada")}
        assert shown(await api.post("/api/org", json=draft, headers=shows(key))) == (
            401, "sign_in_first",
        )  # fmt: skip


async def test_what_never_held_or_holds_no_more_opens_nothing(place):
    await acme(place)
    async with served(place) as api:
        for text in ("agon_key_", "agon_key_" + "x" * 43):
            for headers in ({"Authorization": f"Bearer {text}"}, {"apikey": text}):
                assert shown(await api.get(ORG, headers=headers)) == (401, "credential_unknown")
                rest = await api.get("/rest/v1/organizations", headers=headers)
                assert shown(rest) == (401, "credential_unknown")
        # Revoked: at once, although the server remembers who it was.
        key = await key_of(place, "members:read")
        assert (await api.get(f"{ORG}/members", headers=shows(key))).status_code == 200
        assert (await api.get("/rest/v1/org_members", headers=shows(key))).json()
        await api.delete(f"{KEYS}/{key['id']}", headers=as_(place, "ada"))
        answer = await api.get(f"{ORG}/members", headers=shows(key))
        assert shown(answer) == (401, "credential_unknown")
        assert (await api.get("/rest/v1/org_members", headers=shows(key))).json() == []
        # Expired.
        ends = clock.now() + timedelta(minutes=5)
        key = await key_of(place, "members:read", expires_at=ends.isoformat())
        assert (await api.get(f"{ORG}/members", headers=shows(key))).status_code == 200
        await place.set_clock(ends)
        for headers in (shows(key), {"apikey": key["key"]}):
            answer = await api.get(f"{ORG}/members", headers=headers)
            assert shown(answer) == (401, "credential_unknown")


async def test_scopes_are_listed_for_everyone(place, api):
    listed = (await api.get("/api/scopes")).json()
    assert {"members:read", "org:read"} <= {row["scope"] for row in listed}
    assert all(row["comment"] for row in listed)
