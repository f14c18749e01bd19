"""Wallets: proved by a signature that works once, one user each, never the last way in lost."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta

import pytest

from agon.commons.people import siwe, wallets, web3
from agon.kernel.database import ANONYMOUS, Actor
from agon.kernel.errors import Refused
from tests.people.signing import NOW, SITE, address, message, sign
from tests.places import SERVICE, Place, wallet

HOSTS = siwe.hosts_of([SITE])
OWNER = "select agon.user_of_wallet($1)"


@pytest.fixture(autouse=True)
async def _clock(place: Place) -> None:
    await place.set_clock(NOW)


async def prove(place: Place, name: str, text: str, *, actor: Actor = ANONYMOUS) -> web3.Proof:
    """Check and use up a message in a transaction of its own."""
    async with place.database.as_worker(actor) as conn:
        return await web3.verify(conn, text, sign(name, text), allowed_hosts=HOSTS, now=NOW)


async def link(place: Place, actor: Actor, name: str, text: str | None = None) -> dict:
    """What the route does: check, use up, link."""
    text = text or message(address(name), nonce=uuid.uuid4().hex)
    async with place.database.as_worker(actor) as conn:
        proof = await web3.verify(conn, text, sign(name, text), allowed_hosts=HOSTS, now=NOW)
        return await wallets.link_own(conn, proof.address, proof.claims())


async def unlink(place: Place, actor: Actor, name: str) -> bool:
    async with place.database.as_worker(actor) as conn:
        return await wallets.unlink(conn, address(name))


async def owner_of(place: Place, name: str, *, make: bool = True) -> str | None:
    async with place.database.as_worker(ANONYMOUS) as conn:
        found = await conn.fetchval("select agon.user_of_wallet($1, $2)", address(name), make)
        return found and str(found)


async def member(place: Place, name: str) -> Actor:
    """The user of that name's wallet, who has signed in with it."""
    return Actor(role="authenticated", claims={"sub": await owner_of(place, name)})


async def own(place: Place, actor: Actor) -> list[str]:
    async with place.database.as_worker(actor) as conn:
        return [row["address"] for row in await wallets.listed(conn)]


async def code(call) -> str:
    with pytest.raises(Refused) as caught:
        await call
    return caught.value.refusal.code


# A message works once.


async def test_a_proof_says_whose_wallet_signed_for_what(place):
    proof = await prove(place, "ada", message(address("ada"), chain_id="137"))
    assert proof == web3.Proof(
        address=address("ada"),
        chain_id=137,
        domain="agon.example",
        network="137",
        statement="Sign in to Agon.",
    )
    assert proof.claims()["chain"] == "ethereum"


async def test_a_message_works_once(place):
    text = message(address("ada"))
    await prove(place, "ada", text)
    assert await code(prove(place, "ada", text)) == "invalid_credentials"
    await prove(place, "ada", message(address("ada"), nonce="another1"))


async def test_of_two_at_once_one_wins(place):
    text = message(address("ada"))
    answers = await asyncio.gather(
        *(prove(place, "ada", text) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(answer, web3.Proof) for answer in answers) == 1
    losers = [answer for answer in answers if isinstance(answer, Refused)]
    assert [error.refusal.code for error in losers] == ["invalid_credentials"] * 4


async def test_a_sign_in_that_failed_leaves_its_message_unused(place):
    text = message(address("ada"))
    with pytest.raises(ZeroDivisionError):
        async with place.database.as_worker() as conn:
            await web3.verify(conn, text, sign("ada", text), allowed_hosts=HOSTS, now=NOW)
            raise ZeroDivisionError
    assert await prove(place, "ada", text)


async def test_a_message_that_does_not_hold_is_not_kept(place):
    text = message(address("ada"))
    assert await code(prove(place, "bob", text)) == "invalid_credentials"
    assert await place.owner.fetchval("select count(*) from agon.used_messages") == 0
    assert await prove(place, "ada", text)


async def test_messages_leave_an_hour_after_their_time_a_hundred_at_once(place):
    await place.owner.execute(
        """
        insert into agon.used_messages (hash, until)
        select sha256(n::text::bytea), $1::timestamptz - interval '61 minutes'
        from generate_series(1, 150) n
        union all
        select sha256('recent'), $1::timestamptz - interval '59 minutes'
        """,
        NOW,
    )
    count = "select count(*) from agon.used_messages"
    await prove(place, "ada", message(address("ada")))
    assert await place.owner.fetchval(count) == 52
    await prove(place, "bob", message(address("bob")))
    assert await place.owner.fetchval(count) == 3


async def test_a_message_that_could_not_be_kept_does_not_pass(place):
    await place.set_clock(NOW + timedelta(days=1))
    assert await code(prove(place, "ada", message(address("ada")))) == "invalid_credentials"


async def test_a_message_is_kept_until_its_own_end(place):
    await prove(place, "ada", message(address("ada"), expires_in=timedelta(minutes=2)))
    until = await place.owner.fetchval("select until from agon.used_messages")
    assert until == NOW + timedelta(minutes=2)


async def test_the_chains_are_a_setting(place):
    assert web3.chain_ids({"web3_chain_ids": ""}) == frozenset()  # type: ignore[arg-type]
    assert web3.chain_ids({"web3_chain_ids": "1, 137,"}) == {1, 137}  # type: ignore[arg-type]
    with pytest.raises(Refused) as caught:
        web3.chain_ids({"web3_chain_ids": "mainnet"})  # type: ignore[arg-type]
    assert caught.value.refusal.code == "configuration_wrong"


# Whose wallet it is.


async def test_a_new_wallet_makes_one_user_and_finds_it_again(place):
    ada = await owner_of(place, "ada")
    assert await owner_of(place, "ada") == ada
    assert await owner_of(place, "bob") != ada
    row = await place.owner.fetchrow("select * from auth.users where id = $1::uuid", ada)
    assert row["raw_app_meta_data"] == {"provider": "web3", "providers": ["web3"]}


async def test_the_case_of_an_address_makes_no_second_user(place):
    ada = await owner_of(place, "ada")
    async with place.database.as_worker() as conn:
        shown = siwe.checksummed(address("ada"))
        assert str(await conn.fetchval(OWNER, shown)) == ada


async def test_two_first_sign_ins_at_once_make_one_user(place):
    answers = await asyncio.gather(*(owner_of(place, "ada") for _ in range(5)))
    assert len(set(answers)) == 1
    assert await place.owner.fetchval("select count(*) from auth.users") == 1


async def test_nobody_is_made_where_sign_ups_are_closed(place):
    assert await owner_of(place, "ada", make=False) is None
    assert await place.owner.fetchval("select count(*) from auth.users") == 0
    ada = await owner_of(place, "ada")
    assert await owner_of(place, "ada", make=False) == ada


async def test_no_client_asks_whose_a_wallet_is(place):
    ada = await place.own("ada")
    for actor in (ANONYMOUS, ada, SERVICE):
        with pytest.raises(Exception) as caught:
            async with place.database.as_caller(actor) as conn:
                await conn.fetchval(OWNER, wallet("ada"))
        assert caught.value.sqlstate == "42501"


# Linking and unlinking.


async def test_a_further_wallet_is_linked_and_speaks_for_its_user(place):
    ada = await member(place, "ada")
    linked = await link(place, ada, "ada's second")
    assert linked["address"] == address("ada's second")
    assert await own(place, ada) == [address("ada"), address("ada's second")]
    assert await owner_of(place, "ada's second") == ada.user_id


async def test_linking_a_wallet_again_changes_nothing(place):
    ada = await member(place, "ada")
    first = await link(place, ada, "second")
    assert await link(place, ada, "second") == first


async def test_a_taken_wallet_is_refused_and_its_message_stays_unused(place):
    ada, bob = await member(place, "ada"), await member(place, "bob")
    text = message(address("ada"))
    assert await code(link(place, bob, "ada", text)) == "wallet_taken"
    assert await own(place, bob) == [address("bob")]
    assert await prove(place, "ada", text)
    assert await owner_of(place, "ada") == ada.user_id


async def test_a_message_that_signed_in_links_nothing(place):
    ada = await member(place, "ada")
    text = message(address("second"))
    await prove(place, "second", text)
    assert await code(link(place, ada, "second", text)) == "invalid_credentials"


async def test_nobody_links_without_being_somebody(place):
    stranger = Actor(role="authenticated", claims={"sub": str(uuid.uuid4())})
    assert await code(link(place, ANONYMOUS, "ada")) == "bad_jwt"
    assert await code(link(place, SERVICE, "ada")) == "bad_jwt"
    assert await code(link(place, stranger, "ada")) == "user_not_found"
    assert await place.owner.fetchval("select count(*) from agon.user_wallets") == 0


async def test_a_closed_session_links_nothing(place):
    ada = await member(place, "ada")
    ended = Actor(role="authenticated", claims={**ada.claims, "session_id": str(uuid.uuid4())})
    assert await code(link(place, ended, "second")) == "session_not_found"
    assert await code(unlink(place, ended, "ada")) == "session_not_found"


async def test_a_user_has_at_most_32_wallets(place):
    ada = await member(place, "ada")
    await place.owner.execute(
        """
        insert into agon.user_wallets (address, user_id)
        select '0x' || lpad(to_hex(n), 40, '0'), $1::uuid from generate_series(1, 30) n
        """,
        ada.user_id,
    )
    await link(place, ada, "the 32nd")
    assert await code(link(place, ada, "the 33rd")) == "too_many_wallets"
    await link(place, ada, "the 32nd")


async def test_the_last_way_in_is_never_lost(place):
    ada = await member(place, "ada")
    assert await code(unlink(place, ada, "ada")) == "last_wallet"
    await link(place, ada, "second")
    assert await unlink(place, ada, "ada") is True
    assert await code(unlink(place, ada, "second")) == "last_wallet"


async def test_of_two_wallets_that_leave_at_once_one_stays(place):
    ada = await member(place, "ada")
    await link(place, ada, "second")
    answers = await asyncio.gather(
        unlink(place, ada, "ada"), unlink(place, ada, "second"), return_exceptions=True
    )
    assert sum(answer is True for answer in answers) == 1
    assert len(await own(place, ada)) == 1


async def test_with_an_address_of_mail_the_last_wallet_may_go(place):
    ada = await member(place, "ada")
    await place.owner.execute(
        "update auth.users set email = 'ada@example.com' where id = $1::uuid", ada.user_id
    )
    assert await unlink(place, ada, "ada") is True
    assert await own(place, ada) == []


async def test_another_users_wallet_is_not_unlinked(place):
    ada, bob = await member(place, "ada"), await member(place, "bob")
    assert await unlink(place, bob, "ada") is False
    assert await own(place, ada) == [address("ada")]


async def test_an_unlinked_wallet_may_begin_anew(place):
    ada = await member(place, "ada")
    await link(place, ada, "second")
    await unlink(place, ada, "second")
    anew = await owner_of(place, "second")
    assert anew != ada.user_id
    assert await place.owner.fetchval("select count(*) from agon.identities") == 0


async def test_a_wallet_is_an_identity_and_goes_with_it(place):
    ada = await member(place, "ada")
    await link(place, ada, "second")
    row = await place.owner.fetchrow("select * from agon.identities")
    assert row["provider_id"] == "web3:ethereum:" + address("second")
    assert row["identity_data"]["custom_claims"]["statement"] == "Sign in to Agon."
    await place.owner.execute("delete from agon.identities")
    assert await own(place, ada) == [address("ada")]


async def test_comings_and_goings_are_logged(place):
    ada = await member(place, "ada")
    await link(place, ada, "second")
    await unlink(place, ada, "second")
    rows = await place.owner.fetch(
        "select kind, details ->> 'wallet' as wallet from agon.security_events "
        "where kind like 'wallet_%' order by id"
    )
    assert [tuple(row) for row in rows] == [
        ("wallet_linked", address("ada")),
        ("wallet_linked", address("second")),
        ("wallet_unlinked", address("second")),
    ]


async def test_wallets_go_with_their_user(place):
    ada = await member(place, "ada")
    await link(place, ada, "second")
    await place.owner.execute("delete from auth.users where id = $1::uuid", ada.user_id)
    assert await place.owner.fetchval("select count(*) from agon.user_wallets") == 0
    assert await owner_of(place, "second") != ada.user_id
