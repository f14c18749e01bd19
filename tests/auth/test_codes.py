"""Codes and links by mail: each works once, for an hour, and tells strangers nothing."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from tests import places
from tests.auth.visitors import (
    ANOTHER,
    PASSWORD,
    bearer,
    confirmed,
    door_of,
    logged,
    mail,
    mails,
    refused,
    service,
    signed_up,
)

ADA = "ada@example.org"


def path_of(link):
    """A link, as the test's client asks for it."""
    parts = urlsplit(link)
    return f"{parts.path.removeprefix('/auth/v1')}?{parts.query}"


def verify(door, code, kind="email", email=ADA):
    return door.post("/verify", json={"type": kind, "email": email, "token": code})


def wrong(code):
    return f"{(int(code) + 1) % 10**6:06}"


async def test_a_code_signs_in_once(gate, strict):
    await confirmed(gate, strict, ADA)
    assert (await gate.post("/otp", json={"email": ADA})).json() == {}
    code = (await mail(strict, ADA)).code
    session = (await verify(gate, code)).json()
    assert session["user"]["email"] == ADA
    assert (await gate.get("/user", headers=bearer(session))).status_code == 200
    refused(await verify(gate, code), 403, "otp_expired")


async def test_of_two_at_once_one_uses_the_code(gate, strict):
    await confirmed(gate, strict, ADA)
    await gate.post("/otp", json={"email": ADA})
    code = (await mail(strict, ADA)).code
    answers = await asyncio.gather(*(verify(gate, code) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 403, 403, 403]


async def test_a_newcomer_signs_up_by_code(gate, strict):
    body = {"email": "new@example.org", "data": {"a": 1}}
    await gate.post("/otp", json=body)
    code = (await mail(strict, "new@example.org")).code
    user = (await verify(gate, code, email="new@example.org")).json()["user"]
    assert user["email_confirmed_at"]
    assert user["user_metadata"] == {"a": 1}
    assert user["identities"][0]["identity_data"]["email_verified"] is True


async def test_who_may_not_be_made_gets_no_mail_and_the_same_answer(gate, strict):
    answer = await gate.post("/otp", json={"email": "new@example.org", "create_user": False})
    assert (answer.status_code, answer.json()) == (200, {})
    assert await mails(strict, "new@example.org") == []
    assert await strict.owner.fetchval("select count(*) from auth.users") == 0


async def test_a_code_dies_after_five_wrong_ones(gate, strict):
    await confirmed(gate, strict, ADA)
    await gate.post("/otp", json={"email": ADA})
    code = (await mail(strict, ADA)).code
    for _ in range(5):
        refused(await verify(gate, wrong(code)), 403, "otp_expired")
    refused(await verify(gate, code), 403, "otp_expired")
    assert len(await logged(strict, "code_failed")) == 6


async def test_four_wrong_codes_leave_the_right_one(gate, strict):
    await confirmed(gate, strict, ADA)
    await gate.post("/otp", json={"email": ADA})
    code = (await mail(strict, ADA)).code
    for _ in range(4):
        await verify(gate, wrong(code))
    assert (await verify(gate, code)).status_code == 200


async def test_a_code_is_late_after_an_hour(gate, strict):
    await confirmed(gate, strict, ADA)
    await gate.post("/otp", json={"email": ADA})
    sent = await mail(strict, ADA)
    await strict.set_clock(datetime.now(UTC) + timedelta(minutes=61))
    refused(await verify(gate, sent.code), 403, "otp_expired")
    body = {"type": "magiclink", "token_hash": sent.token}
    refused(await gate.post("/verify", json=body), 403, "otp_expired")


async def test_a_code_is_no_good_for_another_address_or_purpose(gate, strict):
    await confirmed(gate, strict, ADA)
    await confirmed(gate, strict, "bob@example.org")
    await gate.post("/recover", json={"email": ADA})
    code = (await mail(strict, ADA)).code
    refused(await verify(gate, code, "recovery", "bob@example.org"), 403, "otp_expired")
    refused(await verify(gate, code, "email"), 403, "otp_expired")
    assert (await verify(gate, code, "recovery")).status_code == 200


async def test_wrong_codes_from_one_network_address_are_limited(server, tmp_path):
    environ = {"AGON_AUTH_FAILURES_PER_ADDRESS": "3"}
    opening = places.opened(server, "agon_auth_codes", tmp_path, environ)
    async with opening as place, door_of(place) as door:
        for number in range(3):
            email = f"user{number}@example.org"
            refused(await verify(door, "123456", email=email), 403, "otp_expired")
        late = await verify(door, "123456")
        refused(late, 429, "over_request_rate_limit")
        assert late.headers["Retry-After"]


async def test_the_token_of_a_link_opens_a_session_once(gate, strict):
    await confirmed(gate, strict, ADA)
    await gate.post("/magiclink", json={"email": ADA})
    body = {"type": "email", "token_hash": (await mail(strict, ADA)).token}
    assert (await gate.post("/verify", json=body)).status_code == 200
    refused(await gate.post("/verify", json=body), 403, "otp_expired")


async def test_a_followed_link_leads_to_the_site_with_a_session(gate, strict):
    await confirmed(gate, strict, ADA)
    await gate.post("/otp?redirect_to=https://one.apps.example/in", json={"email": ADA})
    answer = await gate.get(path_of((await mail(strict, ADA)).link))
    assert answer.status_code == 303
    where = urlsplit(answer.headers["location"])
    assert (where.netloc, where.path, where.query) == ("one.apps.example", "/in", "")
    session = {name: values[0] for name, values in parse_qs(where.fragment).items()}
    assert session["token_type"] == "bearer"
    assert session["type"] == "magiclink"
    assert (await gate.get("/user", headers=bearer(session))).json()["email"] == ADA


async def test_a_used_link_says_so_at_the_site(gate, strict):
    await confirmed(gate, strict, ADA)
    await gate.post("/otp", json={"email": ADA})
    path = path_of((await mail(strict, ADA)).link)
    await gate.get(path)
    where = urlsplit((await gate.get(path)).headers["location"])
    assert where.netloc == "play.example"
    assert parse_qs(where.fragment)["error_code"] == ["otp_expired"]
    assert parse_qs(where.query)["error"] == ["access_denied"]


@pytest.mark.parametrize(
    "asked", ["https://evil.example/", "javascript:alert(1)", "//evil.example"]
)
async def test_nobody_is_led_to_a_strangers_site(gate, strict, asked):
    await confirmed(gate, strict, ADA)
    await gate.post(f"/otp?redirect_to={asked}", json={"email": ADA})
    link = (await mail(strict, ADA)).link
    assert parse_qs(urlsplit(link).query)["redirect_to"] == ["https://play.example"]
    token = (await mail(strict, ADA)).token
    answer = await gate.get(f"/verify?token={token}&type=magiclink&redirect_to={asked}")
    assert answer.headers["location"].startswith("https://play.example#access_token=")


async def test_recovery_opens_a_session_that_sets_a_password(gate, strict):
    former = await confirmed(gate, strict, ADA)
    await gate.post("/recover", json={"email": ADA})
    session = (await verify(gate, (await mail(strict, ADA)).code, "recovery")).json()
    answer = await gate.put("/user", json={"password": ANOTHER}, headers=bearer(session))
    assert answer.status_code == 200
    refused(await gate.get("/user", headers=bearer(former)), 403, "session_not_found")
    grant = "/token?grant_type=password"
    refused(await gate.post(grant, json={"email": ADA, "password": PASSWORD}), 400,
            "invalid_credentials")  # fmt: skip
    assert (await gate.post(grant, json={"email": ADA, "password": ANOTHER})).status_code == 200


async def test_mail_to_one_address_is_limited_whoever_has_it(door, place):
    await signed_up(door)
    for email in (ADA, "nobody@example.org"):
        assert (await door.post("/recover", json={"email": email})).status_code == 200
        late = await door.post("/recover", json={"email": email})
        body = refused(late, 429, "over_email_send_rate_limit")
        assert "seconds" in body["message"]
        assert 0 < int(late.headers["Retry-After"]) <= 60
    await place.set_clock(datetime.now(UTC) + timedelta(seconds=61))
    assert (await door.post("/recover", json={"email": ADA})).status_code == 200
    assert len(await mails(place, ADA)) == 2
    assert await mails(place, "nobody@example.org") == []


async def test_a_confirmation_is_sent_again(gate, strict):
    await gate.post("/signup", json={"email": ADA, "password": PASSWORD})
    first = (await mail(strict, ADA)).token
    await gate.post("/resend", json={"type": "signup", "email": ADA})
    second = (await mail(strict, ADA)).token
    former = {"type": "signup", "token_hash": first}
    refused(await gate.post("/verify", json=former), 403, "otp_expired")
    body = {"type": "signup", "token_hash": second}
    assert (await gate.post("/verify", json=body)).status_code == 200
    body = {"email": ADA, "password": PASSWORD}
    assert (await gate.post("/token?grant_type=password", json=body)).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/verify", {"type": "sms", "token": "1", "phone": "+49"}),
        ("/verify", {"type": "", "token": "1"}),
        ("/verify", {"type": "email", "email": ADA}),
        ("/verify", {"type": "email", "token": "123456"}),
        ("/resend", {"type": "sms", "email": ADA}),
        ("/resend", {"email": ADA}),
        ("/otp", {"phone": "+4912345"}),
        ("/otp", {}),
        ("/recover", {"email": "nobody"}),
        ("/otp", {"email": ADA, "code_challenge": "x"}),
        ("/otp", {"email": ADA, "create_user": "yes"}),
    ],
)
async def test_a_malformed_request_is_the_clients_mistake(gate, path, body):
    refused(await gate.post(path, json=body), 400, "validation_failed")


async def test_a_change_of_address_waits_for_both_mails(gate, strict):
    session = await confirmed(gate, strict, ADA)
    user = (await gate.put("/user", json={"email": "eve@example.org"},
                           headers=bearer(session))).json()  # fmt: skip
    assert (user["email"], user["new_email"]) == (ADA, "eve@example.org")
    new, present = await mail(strict, "eve@example.org"), await mail(strict, ADA)
    half = await verify(gate, new.code, "email_change", "eve@example.org")
    assert half.status_code == 200
    assert "access_token" not in half.json()
    assert (await gate.get("/user", headers=bearer(session))).json()["email"] == ADA
    whole = (await verify(gate, present.code, "email_change")).json()
    assert whole["user"]["email"] == "eve@example.org"
    assert "new_email" not in whole["user"]
    assert len(await logged(strict, "email_changed")) == 1


async def test_a_change_to_a_taken_address_is_not_told_and_never_happens(gate, strict):
    await confirmed(gate, strict, "bob@example.org")
    sent = len(await mails(strict, "bob@example.org"))
    session = await confirmed(gate, strict, ADA)
    answer = await gate.put("/user", json={"email": "bob@example.org"}, headers=bearer(session))
    assert answer.status_code == 200
    assert len(await mails(strict, "bob@example.org")) == sent
    present = await mail(strict, ADA)
    await verify(gate, present.code, "email_change")
    assert (await gate.get("/user", headers=bearer(session))).json()["email"] == ADA


async def test_an_invitation_makes_a_user_who_accepts_it(gate, strict):
    body = {"email": "new@example.org", "data": {"team": "red"}}
    user = (await gate.post("/invite", json=body, headers=service(strict))).json()
    assert user["invited_at"]
    code = (await mail(strict, "new@example.org")).code
    session = (await verify(gate, code, "invite", "new@example.org")).json()
    assert session["user"]["user_metadata"] == {"team": "red"}
    refused(await gate.post("/invite", json=body, headers=service(strict)), 422, "email_exists")


async def test_who_has_not_accepted_is_invited_again_and_the_newest_mail_holds(gate, strict):
    body = {"email": "new@example.org", "data": {"team": "red"}}
    users = [
        (await gate.post("/invite", json=body, headers=service(strict))).json() for _ in range(2)
    ]
    assert users[0]["id"] == users[1]["id"]
    first, second = await mails(strict, "new@example.org")
    former = {"type": "invite", "token_hash": first.token}
    refused(await gate.post("/verify", json=former), 403, "otp_expired")
    accepted = await gate.post("/verify", json={"type": "invite", "token_hash": second.token})
    assert accepted.json()["user"]["user_metadata"] == {"team": "red"}


async def test_only_the_service_invites(gate, strict):
    session = await confirmed(gate, strict, ADA)
    for headers in ({}, bearer(session)):
        answer = await gate.post("/invite", json={"email": "new@example.org"}, headers=headers)
        refused(answer, 403, "not_admin")
