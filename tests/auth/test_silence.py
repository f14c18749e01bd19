"""What the door tells strangers about an address: the same, whoever has it, after the same work."""

from __future__ import annotations

import re

import pytest

from agon.commons.people import passwords
from tests import places
from tests.auth.visitors import (
    ANOTHER,
    PASSWORD,
    confirmed,
    door_of,
    mail,
    mails,
    publish_key,
    refused,
)

ADA = "ada@example.org"
NOBODY = "nobody@example.org"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00")
LONG = "https://play.example/?" + "&" * 1900


def outline(answer, email):
    """An answer's bytes without what differs between any two users."""
    text = answer.text.replace(email, "EMAIL")
    assert UUID.search(text)
    assert INSTANT.search(text)
    return INSTANT.sub("INSTANT", UUID.sub("UUID", text))


def signed_up(gate, email, password=ANOTHER, data=None):
    body = {"email": email, "password": password, "data": data or {"b": 1, "a": {"c": None}}}
    return gate.post("/signup", json=body)


async def test_a_sign_up_of_a_taken_address_is_answered_byte_for_byte_alike(gate, strict):
    await confirmed(gate, strict, ADA)
    sent = len(await mails(strict, ADA))
    taken, new = await signed_up(gate, ADA), await signed_up(gate, NOBODY)
    assert taken.status_code == new.status_code == 200
    assert outline(taken, ADA) == outline(new, NOBODY)
    assert set(taken.headers) == set(new.headers)
    assert len(await mails(strict, ADA)) == sent
    body = {"email": ADA, "password": ANOTHER}
    answer = await gate.post("/token?grant_type=password", json=body)
    refused(answer, 400, "invalid_credentials")


@pytest.mark.parametrize("password", [ANOTHER, PASSWORD])
async def test_nor_does_a_second_sign_up_tell(gate, strict, password):
    await confirmed(gate, strict, ADA)
    told = {}
    for email in (ADA, NOBODY):
        first = await signed_up(gate, email)
        await gate.post("/recover", json={"email": email})
        second = await signed_up(gate, email, password, {"other": "words"})
        one, two = first.json(), second.json()
        assert one["id"] == two["id"]
        assert one["identities"][0]["identity_id"] == two["identities"][0]["identity_id"]
        assert one["identities"][0]["user_id"] == one["id"]
        assert two["user_metadata"] == {"other": "words"}
        assert two["created_at"] == two["confirmation_sent_at"] == two["updated_at"]
        told[email] = outline(second, email)
    assert told[ADA] == told[NOBODY]


async def test_a_stand_in_is_nobody(gate, strict):
    session = await confirmed(gate, strict, ADA)
    shown = (await signed_up(gate, ADA)).json()
    assert shown["id"] != session["user"]["id"]
    rows = await strict.owner.fetch("select id::text from auth.users")
    assert [row["id"] for row in rows] == [session["user"]["id"]]
    assert await strict.owner.fetchval("select count(*) from agon.open_sign_ups") == 0
    assert await strict.owner.fetchval("select count(*) from agon.identities") == 1


async def test_stand_ins_of_two_addresses_differ(gate, strict):
    for email in (ADA, "bob@example.org"):
        await confirmed(gate, strict, email)
    ids = {(await signed_up(gate, email)).json()["id"] for email in (ADA, "bob@example.org")}
    assert len(ids) == 2


@pytest.mark.parametrize("path", ["/recover", "/otp", "/magiclink", "/resend"])
async def test_nobody_learns_whether_an_address_is_known(gate, strict, path):
    await confirmed(gate, strict, ADA)
    for asked in ("", "https://one.apps.example/in", "https://evil.example/", LONG):
        for creates in (False, True):
            body = {"type": "signup", "create_user": creates}
            where = {"redirect_to": asked}
            known = await gate.post(path, params=where, json=body | {"email": ADA})
            unknown = await gate.post(path, params=where, json=body | {"email": NOBODY})
            assert known.status_code == unknown.status_code == 200
            assert known.content == unknown.content == b"{}"
            assert set(known.headers) == set(unknown.headers)


async def test_an_address_that_is_too_long_in_a_link_leads_to_the_site(gate, strict):
    await confirmed(gate, strict, ADA)
    await gate.post("/otp", params={"redirect_to": LONG}, json={"email": ADA})
    assert "redirect_to=https%3A%2F%2Fplay.example\n" in (await mail(strict, ADA)).text


@pytest.mark.parametrize("path", ["/recover", "/otp", "/signup"])
async def test_a_missing_key_is_missing_for_everybody(server, tmp_path, path):
    environ = {"AGON_AUTH_AUTOCONFIRM": "off", "AGON_AUTH_MAIL_EVERY_SECONDS": "0"}
    name = f"agon_auth_keyless_{path[1:]}"
    async with places.opened(server, name, tmp_path, environ) as place, door_of(place) as door:
        await publish_key(place)
        await confirmed(door, place, ADA)
        await place.owner.execute("delete from agon.sealing_keys")
        for email in (ADA, NOBODY):
            answer = await door.post(path, json={"email": email, "password": ANOTHER})
            refused(answer, 503, "sealing_key_missing")


async def test_the_limit_of_sign_ups_does_not_tell_who_is_new(server, tmp_path):
    environ = {
        "AGON_AUTH_AUTOCONFIRM": "off",
        "AGON_AUTH_MAIL_EVERY_SECONDS": "0",
        "AGON_AUTH_SIGN_UPS_PER_HOUR": "2",
    }
    opening = places.opened(server, "agon_auth_counted", tmp_path, environ)
    async with opening as place, door_of(place) as door:
        await publish_key(place)
        await confirmed(door, place, ADA)
        assert (await door.post("/otp", json={"email": ADA})).status_code == 200
        for email in (ADA, NOBODY):
            answer = await door.post("/otp", json={"email": email})
            refused(answer, 429, "over_request_rate_limit")
            answer = await door.post("/otp", json={"email": email, "create_user": False})
            assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/recover", "/otp", "/resend"])
async def test_a_letter_to_nobody_takes_the_same_work(gate, strict, monkeypatch, path):
    from agon.commons.notifications import mails as posted

    await confirmed(gate, strict, ADA)
    sealed = []
    true = posted.sealing.seal

    def noted(*arguments):
        sealed.append(arguments)
        return true(*arguments)

    monkeypatch.setattr(posted.sealing, "seal", noted)
    body = {"type": "signup", "create_user": False}
    for number, email in enumerate((ADA, NOBODY), 1):
        await gate.post(path, json=body | {"email": email})
        assert len(sealed) == number
    assert await mails(strict, NOBODY) == []


async def test_a_sign_up_counts_before_it_is_hashed(server, tmp_path, monkeypatch):
    hashed = []
    true = passwords.hash_password

    async def noted(text, **more):
        hashed.append(text)
        return await true(text, **more)

    monkeypatch.setattr(passwords, "hash_password", noted)
    environ = {"AGON_AUTH_SIGN_UPS_PER_HOUR": "1"}
    opening = places.opened(server, "agon_auth_hashed", tmp_path, environ)
    async with opening as place, door_of(place) as door:
        assert (await signed_up(door, ADA)).status_code == 200
        refused(await signed_up(door, NOBODY), 429, "over_request_rate_limit")
    assert len(hashed) == 1


async def test_a_crowd_that_signs_up_does_not_keep_others_from_signing_in(monkeypatch):
    monkeypatch.setattr(passwords, "HASHES_WAITING_MAX", 1)
    monkeypatch.setitem(passwords._turns, "make", {object()})
    with pytest.raises(Exception, match="signing in right now"):
        await passwords.hash_password(PASSWORD)
    assert await passwords.verify_password(PASSWORD, passwords.DUMMY_HASH) is False


async def test_a_hash_like_another_is_the_same_for_the_same_password_only():
    hashed = await passwords.hash_password(PASSWORD)
    assert await passwords.hash_password(PASSWORD, like=hashed) == hashed
    assert await passwords.hash_password(ANOTHER, like=hashed) != hashed
    assert await passwords.hash_password(PASSWORD) != hashed
