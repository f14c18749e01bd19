"""Signing in with a wallet: for which sites, how often, and what proves nothing."""

from __future__ import annotations

import pytest

from agon.kernel import clock
from tests.auth.doors import opened
from tests.auth.visitors import bearer, logged, refused
from tests.people import signing

LOCAL = {"domain": "localhost:5173", "uri": "http://localhost:5173/"}


async def sign_in(door, name, **parts):
    """The answer to a message of that name's wallet."""
    text = signing.message(signing.address(name), issued_at=clock.now(), **parts)
    body = {"chain": "ethereum", "message": text, "signature": signing.sign(name, text)}
    return await door.post("/token?grant_type=web3", json=body)


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


@pytest.mark.parametrize(
    ("environ", "status"),
    [
        ({}, 200),
        ({"AGON_PUBLIC_URL": "http://127.0.0.1:8000"}, 200),
        ({"AGON_SITE_URL": "http://localhost:5173"}, 200),
        ({"AGON_SITE_URL": "https://agon.example"}, 400),
        ({"AGON_PUBLIC_URL": "https://agon.example"}, 400),
    ],
    ids=["unset", "public-here", "site-here", "site-elsewhere", "public-elsewhere"],
)
async def test_messages_for_loopback_hold_where_our_own_site_is_there(
    server, tmp_path, request, environ, status
):
    name = "agon_wallet_" + request.node.callspec.id.replace("-", "_")
    async with opened(server, tmp_path, name, **environ) as there:
        answer = await sign_in(there.visitor(), "ada", **LOCAL)
        assert answer.status_code == status, answer.text


async def test_new_wallets_are_new_users_and_count_as_such(server, tmp_path):
    environ = {"AGON_AUTH_SIGN_UPS_PER_HOUR": "2", "AGON_SITE_URL": signing.SITE}
    async with opened(server, tmp_path, "agon_wallet_many", **environ) as there:
        door = there.visitor()
        for name in ("ada", "bob"):
            assert (await sign_in(door, name)).status_code == 200
        refused(await sign_in(door, "eve"), 429, "over_request_rate_limit")
        again = await sign_in(door, "ada", nonce="another1")
        assert again.status_code == 200, "who is known is no new user"
        assert (await sign_in(there.visitor("10.0.0.2"), "eve")).status_code == 200
        assert len(await logged(there.place, "sign_up")) == 3


async def test_a_wallet_keeps_what_was_signed_however_it_came(server, tmp_path):
    async with opened(server, tmp_path, "agon_wallet_kept", AGON_SITE_URL=signing.SITE) as there:
        door = there.visitor()
        session = (await sign_in(door, "ada", statement=None)).json()
        text = signing.message(signing.address("bob"), statement=None, issued_at=clock.now())
        body = {"message": text, "signature": signing.sign("bob", text)}
        await door.post("/user/wallets", json=body, headers=bearer(session))
        user = (await door.get("/user", headers=bearer(session))).json()
        claims = [one["identity_data"]["custom_claims"] for one in user["identities"]]
        assert [one.pop("address") for one in claims] == [
            signing.address("ada"), signing.address("bob"),
        ]  # fmt: skip
        assert claims[0] == claims[1]
        assert claims[0]["statement"] is None


async def test_wallets_are_told_to_an_open_session_only(server, tmp_path):
    async with opened(server, tmp_path, "agon_wallet_shut", AGON_SITE_URL=signing.SITE) as there:
        door = there.visitor()
        session = (await sign_in(door, "ada")).json()
        assert (await door.get("/user/wallets", headers=bearer(session))).status_code == 200
        await door.post("/logout", headers=bearer(session))
        answer = await door.get("/user/wallets", headers=bearer(session))
        refused(answer, 403, "session_not_found")
