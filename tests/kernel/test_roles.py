"""Logins and roles: who can become whom, and whose claims hold where."""

from __future__ import annotations

import pytest

from agon.kernel import database
from agon.kernel.database import ANONYMOUS, Actor
from tests.places import SERVICE


async def test_no_login_is_a_superuser(place):
    rows = await place.owner.fetch(
        "select rolname from pg_roles where rolname like 'agon\\_%' and rolsuper"
    )
    assert rows == []


@pytest.mark.parametrize(
    ("login", "role", "may"),
    [
        ("agon_web", "anon", True),
        ("agon_web", "authenticated", True),
        ("agon_web", "service_role", False),
        ("agon_web", "agon_worker", False),
        ("agon_service", "service_role", True),
        ("agon_service", "authenticated", False),
        ("agon_worker", "service_role", False),
        ("agon_worker", "agon_owner", False),
    ],
)
async def test_a_login_becomes_its_roles_only(place, login, role, may):
    conn = await database.connect(place.runtime.urls[login])
    try:
        if may:
            await conn.execute(f"set role {role}")
        else:
            with pytest.raises(Exception, match="permission denied"):
                await conn.execute(f"set role {role}")
    finally:
        await conn.close()


@pytest.mark.parametrize("login", ["agon_web", "agon_service"])
async def test_a_login_without_a_role_can_do_nothing(place, login):
    conn = await database.connect(place.runtime.urls[login])
    try:
        with pytest.raises(Exception, match="permission denied"):
            await conn.execute("select * from public.challenges")
    finally:
        await conn.close()


async def test_claims_are_the_callers_and_end_with_the_transaction(place):
    ada = place.actor("ada")
    async with place.database.as_caller(ada) as conn:
        assert str(await conn.fetchval("select auth.uid()")) == ada.user_id
        assert await conn.fetchval("select auth.role()") == "authenticated"
        assert await conn.fetchval("select current_user") == "authenticated"
    for _ in range(database.POOL_CONNECTIONS_MAX + 1):
        async with (await place.database.pool("agon_web")).acquire() as conn:
            assert await conn.fetchval("select auth.uid()") is None
            assert await conn.fetchval("select current_user") == "agon_web"


async def test_claims_end_with_a_failed_transaction_too(place):
    for _ in range(3):
        with pytest.raises(Exception, match="division by zero"):
            async with place.database.as_caller(place.actor("ada")) as conn:
                await conn.execute("select 1 / 0")
    async with place.database.as_caller(ANONYMOUS) as conn:
        assert await conn.fetchval("select auth.uid()") is None
        assert await conn.fetchval("select current_user") == "anon"


async def test_the_clock_is_the_transactions_unless_a_test_sets_it(place):
    from datetime import UTC, datetime

    assert await place.owner.fetchval("select agon.now() = now()")
    instant = datetime(2030, 1, 1, tzinfo=UTC)
    await place.set_clock(instant)
    async with place.database.as_caller(SERVICE) as conn:
        assert await conn.fetchval("select agon.now()") == instant
        with pytest.raises(Exception, match="permission denied"):
            await conn.execute("delete from agon.clock")


async def test_admin_is_the_service_role_or_the_role_in_app_metadata(place):
    cases = [
        (ANONYMOUS, False),
        (Actor(role="authenticated", claims={"sub": None}), False),
        (Actor(role="authenticated", claims={"user_metadata": {"roles": ["admin"]}}), False),
        (Actor(role="authenticated", claims={"app_metadata": {"roles": ["admin"]}}), True),
        (SERVICE, True),
    ]
    for actor, expected in cases:
        async with place.database.as_caller(actor) as conn:
            assert await conn.fetchval("select agon.is_admin()") is expected
