"""Members: invited, joined, raised, removed; and there is an owner at all times."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from agon.commons.organisations import organisations
from agon.kernel import clock
from agon.kernel.database import ENGINE
from agon.kernel.errors import Refused
from tests.organisations.walks import (
    PEOPLE,
    SLUG,
    acme,
    as_,
    found,
    join,
    key_of,
    roles,
    shown,
    shows,
    told,
)
from tests.places import wallet

MEMBERS = f"/api/org/{SLUG}/members"
NEW = wallet("new")


async def invite(place, api, role="member", by="ada", name="new"):
    body = {"wallet": wallet(name), "role": role}
    return await api.post(MEMBERS, json=body, headers=as_(place, by))


async def test_an_invited_wallet_joins_by_accepting(place, api):
    org = await acme(place)
    await place.own("new")
    invited = await invite(place, api, by="abe")
    assert invited.status_code == 201, invited.text
    invitation = invited.json()
    assert (invitation["status"], invitation["invited_by"]) == ("pending", wallet("abe"))
    assert (await invite(place, api)).json() == invitation  # once is enough
    (waiting,) = (await api.get("/api/org/invitations", headers=as_(place, "new"))).json()
    assert (waiting["id"], waiting["organization"]["slug"]) == (invitation["id"], SLUG)
    (note,) = await place.owner.fetch("select * from notifications where wallet = $1", NEW)
    assert (note["type"], note["data"]["inviteId"]) == ("org_invitation", invitation["id"])
    path = f"/api/org/invitations/{invitation['id']}/accept"
    for who, code in (("ada", 403), ("eve", 403)):
        assert (await api.post(path, headers=as_(place, who))).status_code == code
    assert shown(await api.post(path)) == (401, "sign_in_first")
    for _ in range(2):
        joined = await api.post(path, params={"email": "n@x.org"}, headers=as_(place, "new"))
        assert (joined.status_code, joined.json()["status"]) == (200, "accepted"), joined.text
    assert (await roles(place))[NEW] == "member"
    assert (await told(place, "member.added"))[-1] == {
        "org_id": org, "wallet": NEW, "role": "member",
    }  # fmt: skip
    assert len(await told(place, "member.added")) == 2  # ada, and once the new one
    listed = (await api.get(MEMBERS, headers=as_(place, "abe"))).json()
    assert [row["role"] for row in listed] == ["owner", "admin", "member", "member"]
    assert next(row["email"] for row in listed if row["wallet"] == NEW) == "n@x.org"
    assert shown(await invite(place, api)) == (409, "member_already")
    decline = path.replace("accept", "decline")
    assert shown(await api.post(decline, headers=as_(place, "new"))) == (409, "invitation_ended")


async def test_an_invitation_is_declined_or_withdrawn_or_too_old(place, api):
    await acme(place)
    await place.own("new")
    now = clock.now()
    for ending in ("decline", "withdraw"):
        path = f"/api/org/invitations/{(await invite(place, api)).json()['id']}"
        if ending == "decline":
            assert (await api.post(f"{path}/decline", headers=as_(place, "ada"))).status_code == 403
            ended = await api.post(f"{path}/decline", headers=as_(place, "new"))
        else:
            for who in ("new", "mia", "eve"):
                refused = await api.delete(path, headers=as_(place, who))
                assert shown(refused) == (403, "not_org_admin")
            ended = await api.delete(path, headers=as_(place, "abe"))
        assert ended.json()["answered_at"], ended.text
        refused = await api.post(f"{path}/accept", headers=as_(place, "new"))
        assert shown(refused) == (409, "invitation_ended")
    path = f"/api/org/invitations/{(await invite(place, api)).json()['id']}"
    await place.set_clock(now + timedelta(days=15))
    refused = await api.post(f"{path}/accept", headers=as_(place, "new"))
    assert shown(refused) == (409, "invitation_expired")
    assert (await api.get("/api/org/invitations", headers=as_(place, "new"))).json() == []
    assert (await invite(place, api)).json()["status"] == "pending"
    listed = await api.get(f"/api/org/{SLUG}/invitations", headers=as_(place, "abe"))
    assert [row["status"] for row in listed.json()] == [
        "pending", "expired", "withdrawn", "declined",
    ]  # fmt: skip
    unknown = "/api/org/invitations/00000000-0000-0000-0000-000000000000/accept"
    refused = await api.post(unknown, headers=as_(place, "new"))
    assert shown(refused) == (404, "invitation_unknown")
    assert NEW not in await roles(place)
    # Invited four times, told once a day.
    assert await place.owner.fetchval("select count(*) from notifications") == 2


async def test_invitations_that_are_none_are_refused(place, api):
    await acme(place)
    for body, told_ in (
        ({}, (422, "wallet_malformed")),
        ({"wallet": "0x12"}, (422, "wallet_malformed")),
        ({"wallet": NEW, "role": "boss"}, (422, "org_role_unknown")),
        ({"wallet": NEW, "role": "owner"}, (422, "owners_are_not_invited")),
        ({"wallet": 7}, (400, "value_malformed")),
    ):
        assert shown(await api.post(MEMBERS, json=body, headers=as_(place, "ada"))) == told_
    await invite(place, api)
    assert shown(await invite(place, api, role="admin")) == (409, "invited_already")


# What each of PEOPLE, in this order, is told, and a key with every scope of members.
ACTS = {
    "list members": ("GET", "", None, ("", "", "not_org_admin", "not_org_admin", "")),
    "invite a member": (
        "POST", "", {"wallet": NEW}, ("", "", "not_org_admin", "not_org_admin", ""),
    ),
    "invite an admin": (
        "POST", "", {"wallet": NEW, "role": "admin"},
        ("", "not_org_owner", "not_org_owner", "not_org_owner", "scope_missing"),
    ),
    "make an admin": (
        "PATCH", "mia", {"role": "admin"},
        ("", "not_org_owner", "not_org_owner", "not_org_owner", "scope_missing"),
    ),
    "make an owner": (
        "PATCH", "abe", {"role": "owner"},
        ("", "not_org_owner", "not_org_owner", "not_org_owner", "scope_missing"),
    ),
    "write an address": (
        "PATCH", "mia", {"email": "a@b.c"}, ("", "", "", "not_org_admin", "scope_missing"),
    ),
    "remove a member": ("DELETE", "mia", None, ("", "", "", "not_org_admin", "")),
    "remove an admin": (
        "DELETE", "abe", None, ("", "", "not_org_owner", "not_org_owner", "scope_missing"),
    ),
    "remove an owner": (
        "DELETE", "bob", None,
        ("", "not_org_owner", "not_org_owner", "not_org_owner", "scope_missing"),
    ),
    "remove nobody": ("DELETE", "eve", None, ("", "", "not_org_admin", "", "")),
}  # fmt: skip


@pytest.mark.parametrize("act", ACTS)
async def test_each_act_is_for_those_whose_it_is(place, api, act):
    method, name, body, told_ = ACTS[act]
    await acme(place)
    await join(place, "bob", "owner")
    key = await key_of(place, "members:read", "members:write")
    path = f"{MEMBERS}/{wallet(name)}" if name else MEMBERS
    before = await roles(place)
    for who, code in zip([*PEOPLE, "key"], told_, strict=True):
        headers = shows(key) if who == "key" else as_(place, who)
        answer = await api.request(method, path, json=body, headers=headers)
        assert shown(answer) == (403, code) if code else answer.status_code < 300, (
            who,
            answer.text,
        )
        await place.owner.execute("delete from org_members; delete from org_invitations")
        for address, role in before.items():
            await place.owner.execute(
                "insert into org_members (org_id, wallet, role) "
                "select id, $1, $2 from organizations",
                address,
                role,
            )
    assert shown(await api.request(method, path, json=body)) == (401, "sign_in_first")


async def test_a_member_leaves_and_the_last_owner_stays(place, api):
    org = await acme(place)
    left = await api.delete(f"{MEMBERS}/{wallet('mia')}", headers=as_(place, "mia"))
    assert left.json() == {"removed": True}
    again = await api.delete(f"{MEMBERS}/{wallet('mia')}", headers=as_(place, "ada"))
    assert again.json() == {"removed": False}
    assert await told(place, "member.removed") == [
        {"org_id": org, "wallet": wallet("mia"), "role": "member"}
    ]
    ada = f"{MEMBERS}/{wallet('ada')}"
    assert shown(await api.delete(ada, headers=as_(place, "ada"))) == (409, "last_owner")
    lower = await api.patch(ada, json={"role": "member"}, headers=as_(place, "ada"))
    assert shown(lower) == (409, "last_owner")
    await api.patch(f"{MEMBERS}/{wallet('abe')}", json={"role": "owner"}, headers=as_(place, "ada"))
    assert (await api.delete(ada, headers=as_(place, "ada"))).json() == {"removed": True}
    # Who has owned it longest is its owner now.
    assert (await api.get(f"/api/org/{SLUG}")).json()["owner_wallet"] == wallet("abe")
    assert await roles(place) == {wallet("abe"): "owner"}


async def test_of_owners_who_leave_at_once_one_stays(place):
    names = [f"owner{n}" for n in range(8)]
    await found(place, owner=names[0])
    for name in names[1:]:
        await join(place, name, "owner")

    async def leave(name):
        async with place.database.as_caller(place.actor(name)) as conn:
            return await organisations.remove_member(conn, SLUG, wallet(name))

    ended = await asyncio.gather(*map(leave, names), return_exceptions=True)
    refused = [error for error in ended if isinstance(error, Refused)]
    assert [error.refusal.code for error in refused] == ["last_owner"]
    assert ended.count(True) == len(names) - 1
    ((last, role),) = (await roles(place)).items()
    owner = await place.owner.fetchval("select owner_wallet from organizations")
    assert (last, role) == (owner, "owner")


async def test_two_owners_who_put_each_other_down_leave_one(place):
    await found(place)
    await join(place, "bob", "owner")

    async def put_down(by, whom):
        async with place.database.as_caller(place.actor(by)) as conn:
            await organisations.change_member(conn, SLUG, wallet(whom), "member", None)

    ended = await asyncio.gather(
        put_down("ada", "bob"), put_down("bob", "ada"), return_exceptions=True
    )
    assert [type(each) for each in ended if each is not None] == [Refused]
    assert sorted((await roles(place)).values()) == ["member", "owner"]


async def test_the_owner_gives_it_to_a_member(place, api):
    await acme(place)
    path = f"/api/org/{SLUG}/transfer"

    async def give(by, to):
        return await api.post(path, json={"wallet": wallet(to)}, headers=as_(place, by))

    for who in ("eve", "mia", "abe"):
        assert shown(await give(who, who)) == (403, "not_org_owner")
    assert shown(await give("ada", "eve")) == (404, "member_unknown")
    await join(place, "bob", "owner")
    assert shown(await give("bob", "abe")) == (403, "not_your_wallet")
    for _ in range(2):
        given = await give("ada", "mia") if _ == 0 else await give("mia", "mia")
        assert given.json()["owner_wallet"] == wallet("mia"), given.text
    mine = await roles(place)
    assert (mine[wallet("mia")], mine[wallet("ada")]) == ("owner", "admin")
    assert shown(await give("ada", "ada")) == (403, "not_org_owner")
    assert len(await told(place, "organization.transferred")) == 1
    async with place.database.as_worker(ENGINE) as conn:  # an operator, for who lost a wallet
        assert (await organisations.transfer(conn, SLUG, wallet("abe")))["slug"] == SLUG


async def test_clients_read_members_as_far_as_they_may_and_write_nothing(place):
    await acme(place)
    for who, rows in (("ada", 3), ("abe", 3), ("mia", 1), ("eve", 0)):
        async with place.database.as_caller(place.actor(who)) as conn:
            assert await conn.fetchval("select count(*) from org_members") == rows
    for statement in (
        "update org_members set role = 'owner'", "delete from org_members",
        "update organizations set owner_wallet = name", "select key_hash from api_keys",
        "update api_keys set scopes = '{}'", "update whitelabel_configs set domain_challenge = 'a'",
    ):  # fmt: skip
        with pytest.raises(Exception, match="permission denied"):
            async with place.database.as_caller(place.actor("ada")) as conn:
                await conn.execute(statement)
