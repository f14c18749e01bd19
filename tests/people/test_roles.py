"""Roles and claims: who has them, who may ask, who may give."""

from __future__ import annotations

import uuid

import asyncpg
import pytest

from agon.kernel.database import ANONYMOUS, Actor
from agon.kernel.errors import Refused
from tests.places import ADMIN, SERVICE, Place, refusal_of

CLAIMS = "select public.get_custom_claims($1::uuid)"
GRANT = "select agon.grant_role($1::uuid, $2)"
REVOKE = "select agon.revoke_role($1::uuid, $2)"


async def ask(place: Place, actor: Actor, statement: str, *arguments: object):
    """One value, as a client asks for it."""
    async with place.database.as_caller(actor) as conn:
        return await conn.fetchval(statement, *arguments)


async def refused(place: Place, actor: Actor, statement: str, *arguments: object) -> str:
    """The code of the refusal that this must end in."""
    return (await refusal_of(ask(place, actor, statement, *arguments))).code


async def kinds(place: Place, who: Actor) -> list[str]:
    rows = await place.owner.fetch(
        "select kind from agon.security_events where user_id = $1::uuid order by id", who.user_id
    )
    return [row["kind"] for row in rows if row["kind"].startswith("role_")]


@pytest.fixture
async def chief(place):
    """A user who has the role admin."""
    actor = await place.own("chief")
    await ask(place, SERVICE, GRANT, actor.user_id, "admin")
    return actor


async def test_claims_are_empty_lists_where_there_is_nothing(place):
    ada = await place.own("ada")
    assert await ask(place, ada, CLAIMS, ada.user_id) == {"roles": [], "permissions": []}


async def test_a_role_without_permissions_is_a_role(place, chief):
    ada = await place.own("ada")
    await ask(place, chief, GRANT, ada.user_id, "guide")
    assert await ask(place, ada, CLAIMS, ada.user_id) == {"roles": ["guide"], "permissions": []}


async def test_claims_are_sorted_and_said_once(place):
    ada = await place.own("ada")
    for role in ("writer", "editor"):
        await ask(place, SERVICE, GRANT, ada.user_id, role)
    await place.owner.execute(
        """
        insert into public.role_permissions (role, permission) values
          ('writer', 'posts.write'), ('editor', 'posts.write'), ('editor', 'posts.delete'),
          ('stranger', 'everything')
        """
    )
    assert await ask(place, ada, CLAIMS, ada.user_id) == {
        "roles": ["editor", "writer"],
        "permissions": ["posts.delete", "posts.write"],
    }


async def test_claims_are_told_to_their_user_and_to_the_service_only(place):
    ada, bob = await place.own("ada"), await place.own("bob")
    assert await refused(place, bob, CLAIMS, ada.user_id) == "not_your_claims"
    assert await refused(place, bob, CLAIMS, None) == "not_your_claims"
    assert await refused(place, ADMIN, CLAIMS, ada.user_id) == "not_your_claims"
    assert await refused(place, ANONYMOUS, CLAIMS, ada.user_id) == "42501"
    assert await ask(place, SERVICE, CLAIMS, ada.user_id) == {"roles": [], "permissions": []}


async def test_the_engine_asks_while_nobody_is_signed_in_yet(place):
    ada = await place.own("ada")
    async with place.database.as_worker(ANONYMOUS) as conn:
        assert await conn.fetchval(CLAIMS, uuid.UUID(ada.user_id)) == {
            "roles": [],
            "permissions": [],
        }


async def test_a_claim_of_being_the_service_is_not_enough(place):
    ada, bob = await place.own("ada"), await place.own("bob")
    liar = Actor(role="authenticated", claims={**bob.claims, "role": "service_role"})
    assert await refused(place, liar, CLAIMS, ada.user_id) == "not_your_claims"


async def test_only_an_admin_gives_and_takes_roles(place, chief):
    ada = await place.own("ada")
    assert await refused(place, ada, GRANT, ada.user_id, "admin") == "admin_only"
    assert await refused(place, ada, REVOKE, ada.user_id, "admin") == "admin_only"
    assert await refused(place, ada, "select agon.list_roles()") == "admin_only"
    assert await refused(place, ANONYMOUS, GRANT, ada.user_id, "admin") == "42501"
    await ask(place, chief, GRANT, ada.user_id, "admin")
    assert (await ask(place, chief, "select agon.list_roles()"))["role"] == "admin"


async def test_a_token_that_says_admin_gives_no_roles(place, chief):
    bob = await place.own("bob")
    liar = Actor(role="authenticated", claims={**bob.claims, "app_metadata": {"roles": ["admin"]}})
    assert await refused(place, liar, GRANT, bob.user_id, "admin") == "admin_only"
    assert await refused(place, liar, "select agon.list_roles()") == "admin_only"
    assert await refused(place, ADMIN, GRANT, bob.user_id, "admin") == "user_not_found"


async def test_who_is_no_longer_admin_does_not_become_one_again(place, chief):
    held = {**chief.claims, "app_metadata": {"roles": ["admin"]}}
    former = Actor(role="authenticated", claims=held)
    await ask(place, SERVICE, REVOKE, chief.user_id, "admin")
    assert await refused(place, former, GRANT, chief.user_id, "admin") == "admin_only"


async def test_a_banned_admin_gives_no_roles(place, chief):
    await place.owner.execute(
        "update auth.users set banned_until = now() + interval '1 day' where id = $1::uuid",
        chief.user_id,
    )
    assert await refused(place, chief, GRANT, chief.user_id, "guide") == "user_banned"


async def test_a_user_has_no_more_claims_than_fit_into_a_token(place):
    ada, bob = await place.own("ada"), await place.own("bob")
    permit = (
        "insert into public.role_permissions select 'judge', $1 || n from generate_series(1, 60) n"
    )
    await ask(place, SERVICE, permit, "x" * 30)
    await ask(place, SERVICE, GRANT, ada.user_id, "judge")
    assert await refused(place, SERVICE, permit, "y" * 30) == "too_many_claims"
    for number in range(30):
        permit_other = "insert into public.role_permissions values ($1, $2)"
        await ask(place, SERVICE, permit_other, f"other{number}", "z" * 100 + str(number))
    give = (
        "insert into public.user_roles select $1::uuid, 'other' || n from generate_series(0, 29) n"
    )
    assert await refused(place, SERVICE, give, bob.user_id) == "too_many_claims"
    assert len((await ask(place, SERVICE, CLAIMS, ada.user_id))["permissions"]) == 60
    assert await ask(place, SERVICE, CLAIMS, bob.user_id) == {"roles": [], "permissions": []}


async def test_a_role_given_twice_is_given_once(place, chief):
    ada = await place.own("ada")
    first = await ask(place, chief, GRANT, ada.user_id, "guide")
    assert await ask(place, chief, GRANT, ada.user_id, "guide") == first
    assert await kinds(place, ada) == ["role_granted"]


async def test_a_role_taken_is_gone_and_taking_it_again_says_so(place, chief):
    ada = await place.own("ada")
    await ask(place, chief, GRANT, ada.user_id, "guide")
    assert await ask(place, chief, REVOKE, ada.user_id, "guide") is True
    assert await ask(place, chief, REVOKE, ada.user_id, "guide") is False
    assert await ask(place, ada, CLAIMS, ada.user_id) == {"roles": [], "permissions": []}
    assert await kinds(place, ada) == ["role_granted", "role_revoked"]


async def test_nobody_gets_a_role_who_is_not_there(place, chief):
    assert await refused(place, chief, GRANT, str(uuid.uuid4()), "guide") == "user_unknown"


@pytest.mark.parametrize("name", ["", "Admin", "two words", "x" * 64, "1st"])
async def test_a_role_has_a_plain_name(place, chief, name):
    ada = await place.own("ada")
    assert await refused(place, chief, GRANT, ada.user_id, name) == "claim_broken"


async def test_a_user_sees_own_roles_and_no_others(place, chief):
    ada, bob = await place.own("ada"), await place.own("bob")
    await ask(place, chief, GRANT, ada.user_id, "guide")
    count = "select count(*) from public.user_roles"
    assert await ask(place, ada, count) == 1
    assert await ask(place, bob, count) == 0
    assert await ask(place, SERVICE, count) == 2
    assert await refused(place, ANONYMOUS, count) == "42501"


async def test_no_user_writes_roles_or_permissions(place):
    ada = await place.own("ada")
    own = "insert into public.user_roles (user_id, role) values ($1::uuid, 'admin')"
    assert await refused(place, ada, own, ada.user_id) == "42501"
    power = "insert into public.role_permissions (role, permission) values ('guide', 'all')"
    assert await refused(place, ada, power) == "42501"
    assert await refused(place, SERVICE, "update public.user_roles set role = 'admin'") == "42501"


async def test_what_the_services_own_hand_does_is_logged_too(place):
    ada = await place.own("ada")
    own = "insert into public.user_roles (user_id, role) values ($1::uuid, 'admin')"
    await ask(place, SERVICE, own, ada.user_id)
    await ask(place, SERVICE, "delete from public.user_roles")
    rows = await place.owner.fetch(
        "select kind, user_id::text, actor_role, details from agon.security_events "
        "where kind like 'role_%' order by id"
    )
    assert [tuple(row) for row in rows] == [
        ("role_granted", ada.user_id, "service_role", {"role": "admin"}),
        ("role_revoked", ada.user_id, "service_role", {"role": "admin"}),
    ]


async def test_roles_go_with_their_user(place):
    ada = await place.own("ada")
    await ask(place, SERVICE, GRANT, ada.user_id, "guide")
    await place.owner.execute("delete from auth.users where id = $1::uuid", ada.user_id)
    assert await ask(place, SERVICE, "select count(*) from public.user_roles") == 0


async def test_a_user_is_found_by_id_address_or_wallet(place):
    ada = await place.own("ada")
    await place.owner.execute(
        "update auth.users set email = 'ada@example.com' where id = $1::uuid", ada.user_id
    )
    wallet = await place.owner.fetchval("select address from agon.user_wallets")
    async with place.database.as_worker() as conn:
        for who in (ada.user_id, "Ada@example.com", wallet.upper().replace("0X", "0x")):
            assert str(await conn.fetchval("select agon.find_user($1)", who)) == ada.user_id
    with pytest.raises(Refused) as caught:
        async with place.database.as_worker() as conn:
            await conn.fetchval("select agon.find_user('nobody')")
    assert caught.value.refusal.code == "user_unknown"


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        (
            "insert into public.user_roles (user_id, role) select id, 'A b' from auth.users",
            "user_roles_role_is_a_name",
        ),
        (
            "insert into public.role_permissions (role, permission) values ('', 'read')",
            "role_permissions_role_is_a_name",
        ),
        (
            "insert into public.role_permissions (role, permission) values ('judge', 'a b')",
            "role_permissions_permission_is_a_name",
        ),
    ],
)
async def test_roles_and_permissions_are_names(place: Place, statement: str, name: str) -> None:
    await place.own("ada")
    with pytest.raises(asyncpg.CheckViolationError) as error:
        await place.owner.execute(statement)
    assert error.value.constraint_name == name
