"""Signing in with a wallet, and the code that an old session needs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests import places
from tests.auth.visitors import (
    ANOTHER,
    bearer,
    confirmed,
    door_of,
    mail,
    publish_key,
    refused,
    signed_up,
)

ADA = "ada@example.org"


async def test_an_unknown_chain_is_refused(door):
    body = {"chain": "solana", "message": "x" * 100, "signature": "0x" + "0" * 130}
    refused(await door.post("/token?grant_type=web3", json=body), 400, "web3_unsupported_chain")


async def test_a_message_that_nobody_signed_is_refused(door):
    for body in (
        {},
        {"chain": "ethereum"},
        {"chain": "ethereum", "message": 7, "signature": "0x"},
        {"chain": "ethereum", "message": "hello", "signature": "0x" + "0" * 130},
    ):
        answer = await door.post("/token?grant_type=web3", json=body)
        assert answer.status_code == 400, answer.text
        assert answer.json()["code"] in ("validation_failed", "invalid_credentials")


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
