"""Steam accounts bound to wallets: Steam confirms who signed in, the wallet signs for it, once."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from agon.kernel import clock
from tests.challenges.binding_walks import (
    ACCOUNT,
    STEAM_ID,
    bound,
    proof,
    returned,
    site,
    started,
    visitor,
)
from tests.people import signing
from tests.places import SERVICE
from tests.standins.server import Fault, broken, hanging, rate_limited, truncated

RETURN = "/api/auth/steam/return"


async def test_a_steam_account_is_bound_with_every_proof_kept(server, tmp_path):
    async with site(server, tmp_path) as (place, running), visitor(place, "mia") as api:
        body = await proof(api, running, "mia")
        answer = await api.post(RETURN, json=body)
        assert answer.status_code == 201, answer.text
        row = await place.owner.fetchrow("select * from public.identity_bindings")
        assert (row["wallet"], row["platform_id"]) == (signing.address("mia"), STEAM_ID)
        assert (row["message"], row["wallet_signature"]) == (body["message"], body["signature"])
        assert row["message_hash"] == hashlib.sha256(body["message"].encode()).hexdigest()
        assert (row["signed_by"], row["signature"]) == (None, None)
        assert abs(row["ts"] - clock.now_ms()) < 60_000
        assert await place.owner.fetchval("select count(*) from public.openid_nonces") == 0
        listed = await api.get("/api/bindings", params={"subject": signing.address("mia")})
        assert [each["platform_id"] for each in listed.json()] == [STEAM_ID]


async def test_a_proof_binds_once(server, tmp_path):
    async with site(server, tmp_path) as (place, running), visitor(place, "mia") as api:
        body = await proof(api, running, "mia")
        assert (await api.post(RETURN, json=body)).status_code == 201
        again = await api.post(RETURN, json=body)
        assert again.json()["code"] == "binding_expired"
        assert len(running.party.heard) == 1, "Steam is asked once"


async def test_an_answer_of_steam_is_taken_once_whatever_nonce_it_came_with(server, tmp_path):
    async with site(server, tmp_path) as (place, running), visitor(place, "mia") as api:
        used = await proof(api, running, "mia")
        assert (await api.post(RETURN, json=used)).status_code == 201
        body = await proof(api, running, "mia")
        body["openid"]["openid.response_nonce"] = used["openid"]["openid.response_nonce"]
        answer = await api.post(RETURN, json=body)
        assert answer.json()["code"] == "invalid_credentials"


async def test_binding_the_same_again_renews_the_proof(server, tmp_path):
    async with site(server, tmp_path) as (place, running), visitor(place, "mia") as api:
        first = (await bound(api, running, "mia")).json()
        second = (await bound(api, running, "mia")).json()
        assert first["id"] == second["id"]
        assert first["message_hash"] != second["message_hash"]


async def test_an_account_has_one_wallet_and_a_wallet_one_account(server, tmp_path):
    other = str(int(STEAM_ID) + 1)
    async with site(server, tmp_path) as (place, running):
        async with visitor(place, "mia") as api:
            assert (await bound(api, running, "mia")).status_code == 201
            answer = await bound(api, running, "mia", other)
            assert (answer.status_code, answer.json()["code"]) == (409, "wallet_bound")
        async with visitor(place, "nils") as api:
            answer = await bound(api, running, "nils")
            assert (answer.status_code, answer.json()["code"]) == (409, "account_bound")
            assert (await bound(api, running, "nils", other)).status_code == 201


async def test_an_unbound_account_is_free_again(server, tmp_path):
    async with site(server, tmp_path) as (place, running):
        async with visitor(place, "mia") as api:
            await bound(api, running, "mia")
            params = {"subject": signing.address("mia"), "platform": "steam"}
            for removed in (True, False):
                answer = await api.delete("/api/bindings", params=params)
                assert answer.json() == {"removed": removed}
        async with visitor(place, "nils") as api:
            assert (await bound(api, running, "nils")).status_code == 201


async def test_a_stranger_neither_starts_nor_finishes_nor_sees_nor_unbinds(server, tmp_path):
    async with site(server, tmp_path) as (place, running):
        async with visitor(place, "mia") as api:
            body = await proof(api, running, "mia")
        async with visitor(place, "nils") as api:
            params = {"subject": signing.address("mia")}
            start = await api.get("/api/auth/steam", params=params)
            finish = await api.post(RETURN, json=body)
            remove = await api.delete("/api/bindings", params={**params, "platform": "steam"})
            for answer in (start, finish, remove):
                assert (answer.status_code, answer.json()["code"]) == (403, "not_your_wallet")
            assert running.party.heard == []
        async with visitor(place, "mia") as api:
            assert (await api.post(RETURN, json=body)).status_code == 201, "mia still can"
        async with visitor(place, "nils") as api:
            assert (await api.get("/api/bindings", params=params)).json() == []


async def test_without_signing_in_nothing_starts(server, tmp_path):
    async with site(server, tmp_path) as (place, running), visitor(place, "mia") as api:
        body = await proof(api, running, "mia")
        del api.headers["Authorization"]
        params = {"subject": signing.address("mia")}
        start = await api.get("/api/auth/steam", params=params)
        finish = await api.post(RETURN, json=body)
        assert start.json()["code"] == finish.json()["code"] == "sign_in_first"


async def test_a_start_makes_the_one_before_void(server, tmp_path):
    async with site(server, tmp_path) as (place, running), visitor(place, "mia") as api:
        older = await proof(api, running, "mia")
        await started(api, "mia")
        answer = await api.post(RETURN, json=older)
        assert answer.json()["code"] == "binding_expired"
        assert await place.owner.fetchval("select count(*) from public.openid_nonces") == 1


async def test_who_comes_late_starts_again(server, tmp_path):
    async with site(server, tmp_path) as (place, running), visitor(place, "mia") as api:
        begun = await started(api, "mia")
        await place.set_clock(clock.from_ms(clock.now_ms() + 9 * 60_000))
        answer = running.sign_in(begun, STEAM_ID, datetime.now(UTC) + timedelta(minutes=9))
        handed = await returned(api, answer)
        body = {**handed, "signature": signing.sign("mia", handed["message"])}
        await place.set_clock(clock.from_ms(clock.now_ms() + 11 * 60_000))
        late = await api.post(RETURN, json=body)
        assert late.json()["code"] == "binding_expired"
        await place.set_clock(clock.from_ms(clock.now_ms() + 25 * 60_000))
        later = await api.post(RETURN, json=body)
        assert (later.json()["code"], later.json()["details"]) == ("binding_invalid", "issued_at")


async def test_nonces_that_nobody_used_are_swept(server, tmp_path):
    async with site(server, tmp_path) as (place, _), visitor(place, "mia") as api:
        await started(api, "mia")
        await place.owner.execute("select agon.sweep_nonces()")
        assert await place.owner.fetchval("select count(*) from public.openid_nonces") == 1
        await place.set_clock(clock.from_ms(clock.now_ms() + 11 * 60_000))
        await place.owner.execute("select agon.sweep_nonces()")
        assert await place.owner.fetchval("select count(*) from public.openid_nonces") == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ns", "http://openid.net/signon/1.1"),
        ("mode", "check_authentication"),
        ("op_endpoint", "https://evil.example/openid/login"),
        ("claimed_id", "https://evil.example/openid/id/76561198085067169"),
        ("claimed_id", "https://steamcommunity.com.evil.example/openid/id/76561198085067169"),
        ("identity", "https://steamcommunity.com/openid/id/76561198085067170"),
        ("return_to", "https://evil.example/api/auth/steam/return"),
        ("return_to", None),
        ("response_nonce", "2020-01-01T00:00:00Zabc"),
        ("response_nonce", "2026-13-01T00:00:00Zabc"),
        ("response_nonce", "now"),
        ("signed", "signed,op_endpoint,claimed_id,identity,response_nonce,assoc_handle"),
        ("sig", ""),
    ],
)
async def test_a_forged_answer_never_reaches_steam(server, tmp_path, field, value):
    async with site(server, tmp_path) as (place, running), visitor(place, "mia") as api:
        body = await proof(api, running, "mia")
        body["openid"].pop(f"openid.{field}")
        if value is not None:
            body["openid"][f"openid.{field}"] = value
        answer = await api.post(RETURN, json=body)
        assert answer.json()["code"] == "steam_answer_malformed"
        assert answer.json()["details"] == f"openid.{field}"
        assert running.party.heard == []


@pytest.mark.parametrize("openid", [None, "x", {"openid.mode": 7}, {"openid.sig": "x" * 3000}])
async def test_fields_that_are_no_texts_are_refused(server, tmp_path, openid):
    async with site(server, tmp_path) as (place, running), visitor(place, "mia") as api:
        body = {**await proof(api, running, "mia"), "openid": openid}
        assert (await api.post(RETURN, json=body)).json()["code"] == "steam_answer_malformed"


async def test_what_steam_denies_binds_nothing(server, tmp_path):
    async with site(server, tmp_path) as (place, running), visitor(place, "mia") as api:
        body = await proof(api, running, "mia")
        running.given.clear()
        answer = await api.post(RETURN, json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "steam_answer_denied")
        assert await place.owner.fetchval("select count(*) from public.identity_bindings") == 0


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (broken(500), "steam_failed"),
        (Fault(status=200, body=b"is_valid:true\n"), "steam_failed"),
        (Fault(status=200, body=b"ns:http://specs.openid.net/auth/2.0\n"), "steam_failed"),
        (
            Fault(
                status=200,
                body=b"ns:http://specs.openid.net/auth/2.0\nis_valid:false\nis_valid:true\n",
            ),
            "steam_failed",
        ),
        (Fault(status=302, headers={"Location": "/openid/yes"}), "steam_failed"),
        (Fault(status=200, body=b"x" * 10_000), "outbound_too_large"),
        (truncated(), "steam_failed"),
        (rate_limited(), "outbound_rate_limited"),
    ],
)
async def test_a_steam_that_fails_binds_nothing_and_is_not_asked_again(
    server, tmp_path, fault, code
):
    async with site(server, tmp_path) as (place, running), visitor(place, "mia") as api:
        body = await proof(api, running, "mia")
        running.party.order("/openid/login", fault)
        assert (await api.post(RETURN, json=body)).json()["code"] == code
        assert (await api.post(RETURN, json=body)).json()["code"] == "binding_expired"
        assert len(running.party.heard) == 1
        assert await place.owner.fetchval("select count(*) from public.identity_bindings") == 0
        assert (await bound(api, running, "mia")).status_code == 201


async def test_two_that_finish_at_once_bind_once(server, tmp_path):
    async with site(server, tmp_path) as (place, running), visitor(place, "mia") as api:
        body = await proof(api, running, "mia")
        running.party.order("/openid/login", hanging(0.2))
        answers = await asyncio.gather(*(api.post(RETURN, json=body) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers).count(409) == 3
        assert len(running.party.heard) == 1


async def test_the_wallet_signs_for_the_account_that_signed_in(server, tmp_path):
    async with site(server, tmp_path) as (place, running), visitor(place, "mia") as api:
        body = await proof(api, running, "mia")
        body["message"] = body["message"].replace(STEAM_ID, str(int(STEAM_ID) + 1))
        body["signature"] = signing.sign("mia", body["message"])
        answer = await api.post(RETURN, json=body)
        assert (answer.json()["code"], answer.json()["details"]) == ("binding_invalid", "account")
        assert running.party.heard == []


@pytest.mark.parametrize("signer", ["nils", None])
async def test_another_keys_signature_is_refused(server, tmp_path, signer):
    async with site(server, tmp_path) as (place, running), visitor(place, "mia") as api:
        body = await proof(api, running, "mia")
        body["signature"] = signing.sign(signer, body["message"]) if signer else "0x00"
        answer = await api.post(RETURN, json=body)
        assert answer.json()["code"] == ("binding_invalid" if signer else "binding_malformed")


async def test_the_return_page_hands_out_nothing_for_an_answer_that_is_not_steams(server, tmp_path):
    async with site(server, tmp_path) as (place, running), visitor(place, "mia") as api:
        answer = running.sign_in(await started(api, "mia"), STEAM_ID)
        cancelled = httpx.URL(answer["openid.return_to"]).copy_merge_params(
            {"openid.ns": answer["openid.ns"], "openid.mode": "cancel"}
        )
        assert (await api.get(cancelled)).json()["code"] == "steam_sign_in_cancelled"
        moved = httpx.URL(answer["openid.return_to"]).copy_merge_params(answer)
        moved = moved.copy_set_param("nonce", "n" * 32)
        refused = await api.get(moved)
        assert refused.json()["details"] == "openid.return_to"


async def test_the_service_role_reads_what_others_cannot(server, tmp_path):
    async with site(server, tmp_path) as (place, running), visitor(place, "mia") as api:
        await bound(api, running, "mia")
        await started(api, "mia")
        for actor, seen in ((SERVICE, (1, 1)), (place.actor("nils"), (0, None))):
            async with place.database.as_caller(actor) as conn:
                bindings = await conn.fetchval("select count(*) from public.identity_bindings")
                assert bindings == seen[0]
                may = await conn.fetchval(
                    "select has_table_privilege(current_user, 'public.openid_nonces', 'select')"
                )
                assert may == (seen[1] is not None)


def test_an_account_number_is_that_of_its_steam64():
    assert int(STEAM_ID) == ACCOUNT + 2**56 + 2**52 + 2**32
