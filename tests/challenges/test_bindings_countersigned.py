"""Riot and Epic accounts: the owner's wallet signs, and an operator of ours vouches."""

from __future__ import annotations

import pytest

from agon.kernel import clock
from tests.challenges.binding_walks import EPIC_ID, OPERATOR, PUUID, countersigned, site, visitor
from tests.people import signing


@pytest.mark.parametrize(("platform", "account"), [("epic", EPIC_ID), ("riot", PUUID)])
async def test_an_account_is_bound_with_both_signatures(server, tmp_path, platform, account):
    async with site(server, tmp_path) as (place, _), visitor(place, "mia") as api:
        body = await countersigned(api, "mia", platform=platform, platform_id=account)
        answer = await api.post("/api/bindings", json=body)
        assert answer.status_code == 201, answer.text
        row = await place.owner.fetchrow("select * from public.identity_bindings")
        assert (row["platform"], row["platform_id"], row["handle"]) == (platform, account, "Mia")
        assert row["signed_by"] == signing.address(OPERATOR)
        assert (row["wallet_signature"], row["signature"]) == (
            body["signature"], body["countersignature"],
        )  # fmt: skip


async def test_a_countersigned_binding_is_taken_once(server, tmp_path):
    async with site(server, tmp_path) as (place, _), visitor(place, "mia") as api:
        body = await countersigned(api, "mia")
        assert (await api.post("/api/bindings", json=body)).status_code == 201
        assert (await api.post("/api/bindings", json=body)).json()["code"] == "binding_expired"


@pytest.mark.parametrize("signer", ["mia", "nils", None])
async def test_nobody_but_an_operator_vouches(server, tmp_path, signer):
    async with site(server, tmp_path) as (place, _), visitor(place, "mia") as api:
        body = await countersigned(api, "mia")
        text = "{}" if signer is None else body["message"]
        body["countersignature"] = signing.sign(signer, text) if signer else "0x"
        answer = await api.post("/api/bindings", json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "countersignature_invalid")
        assert await place.owner.fetchval("select count(*) from public.identity_bindings") == 0


async def test_an_operators_word_is_for_one_binding_as_it_stands(server, tmp_path):
    async with site(server, tmp_path) as (place, _), visitor(place, "mia") as api:
        first = await countersigned(api, "mia")
        second = await countersigned(api, "mia", platform_id="f" * 32)
        for body in (
            {**second, "countersignature": first["countersignature"]},
            {**second, "handle": "Faker"},
        ):
            answer = await api.post("/api/bindings", json=body)
            assert answer.json()["code"] == "countersignature_invalid"
        assert (await api.post("/api/bindings", json=second)).status_code == 201


async def test_a_stranger_cannot_hand_in_anothers_binding(server, tmp_path):
    async with site(server, tmp_path) as (place, _):
        async with visitor(place, "mia") as api:
            body = await countersigned(api, "mia")
        async with visitor(place, "nils") as api:
            answer = await api.post("/api/bindings", json=body)
            assert (answer.status_code, answer.json()["code"]) == (403, "not_your_wallet")
            start = {"subject": signing.address("mia"), "platform": "epic", "platform_id": EPIC_ID}
            answer = await api.post("/api/bindings/start", json=start)
            assert answer.json()["code"] == "not_your_wallet"


async def test_a_bound_account_is_not_another_wallets(server, tmp_path):
    async with site(server, tmp_path) as (place, _):
        for name, code in (("mia", None), ("nils", "account_bound")):
            async with visitor(place, name) as api:
                answer = await api.post("/api/bindings", json=await countersigned(api, name))
                assert answer.json().get("code") == code


async def test_who_comes_late_starts_again(server, tmp_path):
    async with site(server, tmp_path) as (place, _), visitor(place, "mia") as api:
        body = await countersigned(api, "mia")
        await place.set_clock(clock.from_ms(clock.now_ms() + 11 * 60_000))
        answer = await api.post("/api/bindings", json=body)
        assert answer.json()["details"] == "issued_at"


async def test_a_steam_account_is_not_bound_by_an_operators_word(server, tmp_path):
    async with site(server, tmp_path) as (place, _), visitor(place, "mia") as api:
        body = await countersigned(api, "mia")
        body["message"] = body["message"].replace("epic", "steam")
        body["signature"] = signing.sign("mia", body["message"])
        answer = await api.post("/api/bindings", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "platform_unknown")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"platform": "steam"}, "platform_unknown"),
        ({"platform_id": EPIC_ID.upper()}, "platform_id_malformed"),
        ({"platform": "riot"}, "platform_id_malformed"),
        ({"handle": "two\nlines"}, "handle_malformed"),
        ({"handle": 7}, "handle_malformed"),
        ({"subject": "mia"}, "wallet_malformed"),
        ({"subject": None}, "subject_missing"),
    ],
)
async def test_wrong_starts_are_refused(server, tmp_path, changes, code):
    async with site(server, tmp_path) as (place, _), visitor(place, "mia") as api:
        body = {"subject": signing.address("mia"), "platform": "epic", "platform_id": EPIC_ID}
        answer = await api.post("/api/bindings/start", json={**body, **changes})
        assert answer.json()["code"] == code


async def test_without_operators_nothing_is_countersigned(place):
    async with visitor(place, "mia") as api:
        body = {"subject": signing.address("mia"), "platform": "epic", "platform_id": EPIC_ID}
        answer = await api.post("/api/bindings/start", json=body)
        assert (answer.status_code, answer.json()["code"]) == (501, "binding_not_configured")
