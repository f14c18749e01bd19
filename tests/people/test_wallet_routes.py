"""A user's wallets over HTTP, in the shape that auth clients read."""

from __future__ import annotations

import jwt
import pytest

from agon.kernel import clock
from tests.people.signing import address, message, sign
from tests.places import wallet

PATH = "/auth/v1/user/wallets"
VERSION = {"X-Supabase-Api-Version": "2024-01-01"}
LOCAL = {"domain": "127.0.0.1:8000", "uri": "http://127.0.0.1:8000/"}


def signed(name: str, **parts) -> dict[str, str]:
    """A body that links the wallet of that name."""
    text = message(address(name), **({**LOCAL, "issued_at": clock.now()} | parts))
    return {"message": text, "signature": sign(name, text)}


@pytest.fixture
async def ada(place):
    """The headers of a signed-in user."""
    return {"Authorization": f"Bearer {place.token(await place.own('ada'))}", **VERSION}


async def test_a_wallet_is_linked_listed_and_unlinked(api, ada):
    answer = await api.post(PATH, json=signed("second"), headers=ada)
    assert answer.status_code == 201
    assert answer.json()["address"] == address("second")
    listed = (await api.get(PATH, headers=ada)).json()["wallets"]
    assert [row["address"] for row in listed] == [wallet("ada"), address("second")]
    gone = await api.delete(f"{PATH}/{address('second')}", headers=ada)
    assert (gone.status_code, gone.json()) == (200, {"removed": True})
    again = await api.delete(f"{PATH}/{address('second')}", headers=ada)
    assert (again.status_code, again.json()) == (200, {"removed": False})


async def test_a_message_links_once(api, ada):
    body = signed("second")
    await api.post(PATH, json=body, headers=ada)
    answer = await api.post(PATH, json=body, headers=ada)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_credentials")


async def test_a_taken_wallet_answers_409(api, place, ada):
    bob = await place.own("bob")
    theirs = {"Authorization": f"Bearer {place.token(bob)}", **VERSION}
    await api.post(PATH, json=signed("second"), headers=ada)
    answer = await api.post(PATH, json=signed("second", nonce="another1"), headers=theirs)
    assert (answer.status_code, answer.json()["code"]) == (409, "wallet_taken")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"signature": "0x00"}, "validation_failed"),
        ({"signature": 7}, "validation_failed"),
        ({"signature": None}, "validation_failed"),
        ({"signature": "0x" + "11" * 64 + "1b"}, "invalid_credentials"),
        ({"message": "short"}, "validation_failed"),
        ({"message": "x" * 30_000}, "validation_failed"),
        (
            signed("second", domain="evil.example", uri="https://evil.example"),
            "invalid_credentials",
        ),
    ],
)
async def test_what_proves_nothing_links_nothing(api, ada, change, code):
    answer = await api.post(PATH, json=signed("second") | change, headers=ada)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert len((await api.get(PATH, headers=ada)).json()["wallets"]) == 1


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", ""), ("DELETE", "/0x0")])
async def test_only_a_user_has_wallets(api, method, path):
    answer = await api.request(method, PATH + path, headers=VERSION)
    assert (answer.status_code, answer.json()["code"]) == (401, "no_authorization")


async def test_the_last_way_in_answers_409(api, ada):
    answer = await api.delete(f"{PATH}/{wallet('ada')}", headers=ada)
    assert (answer.status_code, answer.json()["code"]) == (409, "last_wallet")


async def test_a_malformed_address_answers_400(api, ada):
    answer = await api.delete(f"{PATH}/vitalik.eth", headers=ada)
    assert (answer.status_code, answer.json()["code"]) == (400, "wallet_malformed")


async def sign_in(api, name: str, **parts):
    """A session for a message of that name's wallet."""
    body = {"chain": "ethereum", **signed(name, **parts)}
    return await api.post("/auth/v1/token?grant_type=web3", json=body, headers=VERSION)


async def test_a_linked_wallet_signs_in_as_its_user(api, place):
    first = (await sign_in(api, "ada")).json()
    bearer = {"Authorization": f"Bearer {first['access_token']}", **VERSION}
    linked = await api.post(PATH, json=signed("second"), headers=bearer)
    assert linked.status_code == 201
    again = (await sign_in(api, "second", nonce="another1")).json()
    assert again["user"]["id"] == first["user"]["id"]
    assert len(again["user"]["identities"]) == 2


async def test_an_unlinked_wallet_signs_in_as_somebody_new(api, place):
    first = (await sign_in(api, "ada")).json()
    bearer = {"Authorization": f"Bearer {first['access_token']}", **VERSION}
    await api.post(PATH, json=signed("second"), headers=bearer)
    await api.delete(f"{PATH}/{address('second')}", headers=bearer)
    again = await sign_in(api, "second", nonce="another1")
    assert again.status_code == 200
    assert again.json()["user"]["id"] != first["user"]["id"]


async def test_a_message_either_signs_in_or_links(api, ada):
    body = signed("second")
    answer = await api.post(
        "/auth/v1/token?grant_type=web3", json={"chain": "ethereum", **body}, headers=VERSION
    )
    assert answer.status_code == 200
    answer = await api.post(PATH, json=body, headers=ada)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_credentials")


async def test_who_was_nobody_in_particular_stays_with_a_wallet(api):
    guest = (await api.post("/auth/v1/signup", json={}, headers=VERSION)).json()
    assert guest["user"]["is_anonymous"] is True
    bearer = {"Authorization": f"Bearer {guest['access_token']}", **VERSION}
    assert (await api.post(PATH, json=signed("second"), headers=bearer)).status_code == 201
    user = (await api.get("/auth/v1/user", headers=bearer)).json()
    assert (user["id"], user["is_anonymous"]) == (guest["user"]["id"], False)


async def test_roles_reach_the_token_at_sign_in(api, place):
    first = (await sign_in(api, "ada")).json()
    assert first["user"]["app_metadata"]["roles"] == []
    await place.owner.execute(
        "insert into public.user_roles values ($1::uuid, 'guide')", first["user"]["id"]
    )
    again = (await sign_in(api, "ada", nonce="another1")).json()
    claims = jwt.decode(again["access_token"], options={"verify_signature": False})
    assert claims["app_metadata"]["roles"] == ["guide"]
    assert claims["app_metadata"]["permissions"] == []
