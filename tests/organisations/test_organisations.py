"""Organisations: made by a wallet, found by their slug, described by their admins."""

from __future__ import annotations

import pytest

from tests.organisations.walks import PEOPLE, SLUG, acme, as_, found, join, key_of, shown, shows
from tests.places import wallet

ACME = {"name": "Acme", "slug": SLUG}


async def test_who_makes_an_organisation_owns_it(place, api):
    await place.own("ada")
    theme = {"mode": "dark"}
    draft = {**ACME, "website": "https://acme.com/a?b#c", "theme": theme}
    made = await api.post("/api/org", json=draft, headers=as_(place, "ada"))
    assert made.status_code == 201, made.text
    assert (made.json()["owner_wallet"], made.json()["theme"]) == (wallet("ada"), theme)
    assert (await api.get(f"/api/org/{SLUG}")).json() == made.json()
    (mine,) = (await api.get("/api/org", headers=as_(place, "ada"))).json()
    assert mine == {**made.json(), "role": "owner"}
    again = await api.post("/api/org/new", json=ACME, headers=as_(place, "ada"))
    assert shown(again) == (409, "slug_taken")
    assert shown(await api.post("/api/org", json=ACME)) == (401, "sign_in_first")
    theirs = {**ACME, "slug": "other", "owner_wallet": wallet("bob")}
    refused = await api.post("/api/org", json=theirs, headers=as_(place, "ada"))
    assert shown(refused) == (403, "not_your_wallet")
    assert shown(await api.get("/api/org/nobody")) == (404, "org_unknown")


async def test_whoever_has_several_wallets_says_which(place, api):
    ada = await place.own("ada")
    async with place.database.as_worker() as conn:
        await conn.execute("select agon.link_wallet($1::text::uuid, $2)", ada.user_id, wallet("b"))
    refused = await api.post("/api/org", json=ACME, headers=as_(place, "ada"))
    assert shown(refused) == (422, "wallet_missing")
    named = {**ACME, "owner_wallet": wallet("b").upper().replace("0X", "0x")}
    made = await api.post("/api/org", json=named, headers=as_(place, "ada"))
    assert made.json()["owner_wallet"] == wallet("b")


MISFITS = [
    *(
        {"slug": slug}
        for slug in (None, "", "ab", "a" * 41, "Acme", "a_c", "-ab", "ab-", "a--b", "a b", "äcm",
                     "new", "mine", "invitations", "abc\n", "a/b")
    ),
    {"name": None}, {"name": ""}, {"name": "a" * 101}, {"name": "a\nb"}, {"name": 7},
    {"logo_url": "http://acme.com"}, {"logo_url": "https://a b"}, {"website": "javascript:0"},
    {"website": 'https://a"b'}, {"website": "https://a<b"}, {"description": "a" * 4001},
    {"theme": [1]}, {"theme": {"a": "b" * 9000}},
]  # fmt: skip


async def test_what_does_not_fit_makes_no_organisation(place, api):
    await place.own("ada")
    for change in MISFITS:
        answer = await api.post("/api/org", json={**ACME, **change}, headers=as_(place, "ada"))
        assert answer.status_code == 400, (change, answer.text)
    assert await place.owner.fetchval("select count(*) from organizations") == 0


async def test_a_wallet_owns_no_more_than_32(place):
    await place.own("ada")
    await place.owner.execute(
        "insert into organizations (name, slug, owner_wallet) "
        "select 'o', 'org-' || n, $1 from generate_series(1, 32) n",
        wallet("ada"),
    )
    with pytest.raises(Exception, match="too_many_organizations"):
        await found(place)


async def test_admins_describe_it_and_nobody_else(place, api):
    await acme(place)
    key = await key_of(place, "org:read", "members:write", "branding:write")
    changes = {"name": "ACME", "website": None, "description": "We."}
    for who in ("eve", "mia"):
        answer = await api.patch(f"/api/org/{SLUG}", json=changes, headers=as_(place, who))
        assert shown(answer) == (403, "not_org_admin")
    answer = await api.patch(f"/api/org/{SLUG}", json=changes, headers=shows(key))
    assert shown(answer) == (403, "scope_missing")
    assert shown(await api.patch(f"/api/org/{SLUG}", json=changes)) == (401, "sign_in_first")
    for who in ("abe", "ada"):
        answer = await api.patch(f"/api/org/{SLUG}", json=changes, headers=as_(place, who))
        assert (answer.status_code, answer.json()["name"]) == (200, "ACME"), answer.text
    for changes in ({"slug": "other"}, {"owner_wallet": wallet("eve")}, {"id": 1}):
        answer = await api.patch(f"/api/org/{SLUG}", json=changes, headers=as_(place, "ada"))
        assert shown(answer) == (422, "field_unknown")
    answer = await api.patch(f"/api/org/{SLUG}", json={"name": None}, headers=as_(place, "ada"))
    assert shown(answer) == (400, "claim_broken")
    answer = await api.patch("/api/org/nobody", json={"name": "a"}, headers=as_(place, "ada"))
    assert shown(answer) == (404, "org_unknown")


async def test_one_sees_ones_own_organisations_with_the_highest_role(place, api):
    await acme(place)
    await found(place, "other", "eve")
    await join(place, "abe", "member", "other")
    # Mia has a second wallet, which is an admin's.
    async with place.database.as_worker() as conn:
        await conn.execute(
            "select agon.link_wallet($1::text::uuid, $2)", place.actor("mia").user_id, wallet("mo")
        )
    await place.owner.execute(
        "insert into org_members (org_id, wallet, role) select id, $1, 'admin' "
        "from organizations where slug = 'acme'",
        wallet("mo"),
    )
    seen = {}
    for who in PEOPLE:
        listed = (await api.get("/api/org", headers=as_(place, who))).json()
        seen[who] = {row["slug"]: row["role"] for row in listed}
    assert seen == {
        "ada": {"acme": "owner"}, "abe": {"acme": "admin", "other": "member"},
        "mia": {"acme": "admin"}, "eve": {"other": "owner"},
    }  # fmt: skip
    assert shown(await api.get("/api/org")) == (401, "sign_in_first")
