"""The code that a session of yesterday needs for a new password, and how often one may try."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests import places
from tests.auth.visitors import (
    ANOTHER,
    PASSWORD,
    bearer,
    confirmed,
    door_of,
    mail,
    publish_key,
    refused,
    signed_up,
)

ADA = "ada@example.org"


async def test_an_old_session_needs_a_mailed_code_for_a_new_password(server, tmp_path):
    environ = {"AGON_AUTH_NONCE": "true", "AGON_AUTH_MAIL_EVERY_SECONDS": "0",
               "AGON_AUTH_AUTOCONFIRM": "off"}  # fmt: skip
    opening = places.opened(server, "agon_auth_nonce", tmp_path, environ)
    async with opening as place, door_of(place) as door:
        await publish_key(place)
        session = await confirmed(door, place, ADA)
        await place.set_clock(datetime.now(UTC) + timedelta(hours=25))

        async def changed(**more):
            body = {"password": ANOTHER, **more}
            return await door.put("/user", json=body, headers=bearer(session))

        refused(await changed(), 400, "reauthentication_needed")
        refused(await changed(nonce="000000"), 422, "reauthentication_not_valid")
        await door.get("/reauthenticate", headers=bearer(session))
        code = (await mail(place, ADA)).code
        assert (await changed(nonce=code)).status_code == 200
        refused(await changed(nonce=code), 422, "reauthentication_not_valid")


async def test_a_fresh_session_needs_no_code(server, tmp_path):
    opening = places.opened(server, "agon_auth_fresh", tmp_path, {"AGON_AUTH_NONCE": "true"})
    async with opening as place, door_of(place) as door:
        session = await signed_up(door)
        answer = await door.put("/user", json={"password": ANOTHER}, headers=bearer(session))
        assert answer.status_code == 200


async def test_a_stolen_session_does_not_guess_the_password(door):
    """The answer tells whether it is the present one, so there are not many."""
    session = await signed_up(door)
    codes = []
    for number in range(21):
        body = {"password": "aa" if number else PASSWORD}
        answer = await door.put("/user", json=body, headers=bearer(session))
        codes.append(answer.json()["code"])
    assert codes[0] == "same_password"
    assert set(codes[1:20]) == {"weak_password"}
    assert codes[20] == "over_request_rate_limit"
    answer = await door.put("/user", json={"password": PASSWORD}, headers=bearer(session))
    refused(answer, 429, "over_request_rate_limit")
    assert int(answer.headers["Retry-After"]) > 0
    other = await signed_up(door, "bob@example.org")
    answer = await door.put("/user", json={"password": ANOTHER}, headers=bearer(other))
    assert answer.status_code == 200
