"""Days over HTTP and rpc: each path, who may call it, and what the others are told."""

from __future__ import annotations

import uuid

import httpx
import pytest

from agon.app import opened as doors_opened
from agon.app import serve
from agon.kernel import clock
from tests.epochs import days
from tests.epochs.days import BOT_S, DAY, FREEZES, STARTS
from tests.epochs.ledger import Transfer, tell
from tests.places import SERVICE, bearer, wallet

CLAIMS, VOTES, EVENTS = (f"/api/epochs/{DAY}/{noun}" for noun in ("claims", "votes", "events"))
TEMPO = {"target_type": "tempo", "target_id": "120", "score": "0.5", "voter_address": wallet("ada")}


@pytest.fixture
async def day(place):
    """Live, with bots of ada and bob."""
    return await days.live(place, None, "ada", "bob")


def as_(place, name: str) -> dict[str, str]:
    return bearer(place, place.actor(name))


def shown(answer) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code")


async def slug_of(place, day, name="ada") -> str:
    return await place.owner.fetchval(
        "select slug from bot_identities where id = $1::text::uuid", day.bots[name]
    )


async def credential(place, api, day) -> tuple[str, dict[str, str]]:
    """A new credential of ada's bot, and the headers that show it."""
    path = f"/api/bots/{await slug_of(place, day)}/credentials"
    made = await api.post(path, headers=as_(place, "ada"))
    assert made.status_code == 201, made.text
    return made.json()["id"], {"Authorization": f"Bearer {made.json()['credential']}"}


async def test_a_slot_is_claimed_over_http(place, api, day):
    claim = {"slot_index": 1, "code": "abc", "bot_identity_id": day.bots["ada"]}
    answer = await api.post(CLAIMS, json=claim, headers=as_(place, "ada"))
    assert answer.status_code == 200, answer.text
    assert answer.json()["accepted"] and answer.json()["slot"]["holder"] == day.bots["ada"]
    again = (await api.post(CLAIMS, json=claim, headers=as_(place, "ada"))).json()
    assert (again["accepted"], again["reason"]) == (False, "holds_already")
    attack = {"slot_index": 1, "code": "abc"}
    answer = (await api.post(CLAIMS, json=attack, headers=as_(place, "bob"))).json()
    assert (answer["accepted"], answer["reason"]) == (False, "minimum_hold")
    # The refusal was an answer, so its event stands.
    found = (await api.get(EVENTS, params={"type": "slot_attacked"})).json()["events"]
    assert [event["bot"] for event in found] == [day.bots["bob"]]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"slot_index": 9, "code": "abc"}, (404, "slot_unknown")),
        ({"slot_index": 0}, (422, "code_missing")),
        ({"slot_index": 0, "code": "ABC"}, (422, "code_characters")),
        ({"slot_index": 0, "code": "a" * 201}, (422, "code_too_large")),
        ({"slot_index": None, "code": "abc"}, (404, "slot_unknown")),
        ({"slot_index": "x", "code": "abc"}, (400, "value_malformed")),
        ({"slot_index": 1.5, "code": "abc"}, (400, "value_malformed")),
        ({"slot_index": True, "code": "abc"}, (400, "value_malformed")),
        ({"slot_index": 2**31, "code": "abc"}, (400, "value_malformed")),
        ({"slot_index": 0, "code": 7}, (400, "value_malformed")),
        ({"slot_index": 0, "code": "a\x00"}, (400, "value_malformed")),
        ({"slot_index": 0, "code": "abc", "bot_identity_id": "ada"}, (400, "value_malformed")),
    ],
)
async def test_a_claim_that_does_not_fit_is_refused(place, api, day, body, told):
    assert shown(await api.post(CLAIMS, json=body, headers=as_(place, "ada"))) == told


async def test_strangers_claim_nothing(place, api, day):
    await place.own("eve")
    claim = {"slot_index": 0, "code": "abc", "bot_identity_id": day.bots["ada"]}
    assert shown(await api.post(CLAIMS, json=claim)) == (401, "sign_in_first")
    answer = await api.post(CLAIMS, json=claim, headers=as_(place, "eve"))
    assert shown(answer) == (403, "not_your_bot")
    await day.at(FREEZES)
    answer = await api.post(CLAIMS, json=claim, headers=as_(place, "ada"))
    assert shown(answer) == (409, "epoch_not_live")
    path = "/api/epochs/2026-03-09/claims"
    assert shown(await api.post(path, json=claim, headers=as_(place, "ada"))) == (
        404, "epoch_unknown",
    )  # fmt: skip
    path = "/api/epochs/today/claims"
    assert shown(await api.post(path, json=claim, headers=as_(place, "ada"))) == (
        422, "request_invalid",
    )  # fmt: skip


async def test_a_credential_claims_for_its_bot_until_it_is_revoked(place, api, day):
    number, shows = await credential(place, api, day)
    answer = await api.post(CLAIMS, json={"slot_index": 0, "code": "abc"}, headers=shows)
    assert answer.json()["slot"]["holder"] == day.bots["ada"], answer.text
    assert shown(await api.post(VOTES, json=TEMPO, headers=shows)) == (401, "sign_in_first")
    path = f"/api/bots/{await slug_of(place, day)}/credentials"
    assert shown(await api.get(path, headers=shows)) == (403, "not_your_bot")
    assert shown(await api.post(path, headers=shows)) == (403, "not_your_bot")
    (listed,) = (await api.get(path, headers=as_(place, "ada"))).json()
    assert (listed["id"], listed["revoked_at"]) == (number, None)
    assert shows["Authorization"].removeprefix("Bearer ").startswith(listed["prefix"])
    assert "sha256" not in str(listed) and len(listed["prefix"]) == 15
    ended = await api.delete(f"{path}/{number}", headers=as_(place, "ada"))
    assert ended.json() == {"revoked": True}
    await day.at(BOT_S)
    answer = await api.post(CLAIMS, json={"slot_index": 1, "code": "abc"}, headers=shows)
    assert shown(answer) == (401, "credential_unknown")


async def test_a_revoked_credential_ends_at_once_also_where_it_is_remembered(place, api, day):
    # By the true clock, since callers are remembered by it.
    await place.owner.execute(
        "update epochs set starts_at = now() - interval '1 hour', "
        "opens_at = now() - interval '1 hour', freeze_at = now() + interval '1 hour', "
        "ends_at = now() + interval '1 hour', settle_at = now() + interval '1 hour', "
        "archive_at = now() + interval '1 hour'"
    )
    await place.set_clock(None)
    number, shows = await credential(place, api, day)
    claim = {"slot_index": 1, "code": "abc"}
    assert (await api.post(CLAIMS, json=claim, headers=shows)).json()["accepted"]
    path = f"/api/bots/{await slug_of(place, day)}/credentials/{number}"
    await api.delete(path, headers=as_(place, "ada"))
    answer = await api.post(CLAIMS, json=claim, headers=shows)
    assert shown(answer) == (403, "not_your_bot")


async def test_a_credential_that_nobody_made_is_refused_everywhere(place, api, day):
    for text in ("agon_bot_", "agon_bot_" + "x" * 43):
        shows = {"Authorization": f"Bearer {text}"}
        assert shown(await api.get("/api/epochs", headers=shows)) == (401, "credential_unknown")


async def test_only_its_owner_gives_credentials_of_a_bot(place, api, day):
    path = f"/api/bots/{await slug_of(place, day)}/credentials"
    assert shown(await api.post(path)) == (401, "sign_in_first")
    assert shown(await api.post(path, headers=as_(place, "bob"))) == (403, "not_your_bot")
    assert shown(await api.get(path, headers=as_(place, "bob"))) == (403, "not_your_bot")
    answer = await api.post(path, params={"days": 0}, headers=as_(place, "ada"))
    assert shown(answer) == (422, "days_out_of_range")
    path = "/api/bots/bot_0/credentials"
    assert shown(await api.post(path, headers=as_(place, "ada"))) == (404, "bot_unknown")


async def test_the_database_keeps_no_credential(place, api, day):
    _, shows = await credential(place, api, day)
    text = shows["Authorization"].removeprefix("Bearer ")
    kept = await place.owner.fetchval("select c::text from agon.agent_credentials c")
    assert text not in kept and text[20:] not in kept


async def test_one_votes_over_http_and_sees_it(place, api, day):
    answer = await api.post(VOTES, json=TEMPO, headers=as_(place, "ada"))
    assert (answer.status_code, answer.json()["score"]) == (201, "0.5000")
    other = TEMPO | {"target_id": "90", "score": 0.25}
    answer = await api.post(VOTES, json=other, headers=as_(place, "ada"))
    assert answer.json()["score"] == "0.2500"
    assert len((await api.get(VOTES, headers=as_(place, "ada"))).json()) == 2
    assert (await api.get(VOTES)).json() == []
    await day.at(FREEZES)
    await day.advance()
    first, second = (await api.get(VOTES)).json()
    after = {"after": first["id"], "limit": 1}
    assert (await api.get(VOTES, params=after)).json() == [second]


async def test_votes_that_are_none_are_refused_over_http(place, api, day):
    for change, told in (
        ({"score": "much"}, (400, "value_malformed")),
        ({"score": "2"}, (422, "score_out_of_range")),
        ({"target_type": "colour"}, (422, "vote_kind_unknown")),
        ({"voter_address": wallet("bob")}, (403, "not_your_wallet")),
        ({"target_type": "bot", "target_id": day.bots["ada"]}, (403, "own_bot")),
    ):
        answer = await api.post(VOTES, json=TEMPO | change, headers=as_(place, "ada"))
        assert shown(answer) == told
    assert shown(await api.post(VOTES, json=TEMPO)) == (401, "sign_in_first")


async def test_a_host_writes_its_events_with_the_services_key(place, api, day):
    event = {"id": str(uuid.uuid4()), "kind": "activity", "at_ms": clock.to_ms(STARTS)}
    service = {"apikey": place.runtime.api_keys.secret}
    answer = await api.post(EVENTS, json={"events": [event]}, headers=service)
    assert answer.json() == {"recorded": 1, "known": 0}, answer.text
    answer = await api.post(EVENTS, json={"events": [event]}, headers=bearer(place, SERVICE))
    assert answer.json() == {"recorded": 0, "known": 1}
    answer = await api.post(EVENTS, json={"events": [event]}, headers=as_(place, "ada"))
    assert answer.status_code == 403
    answer = await api.post(EVENTS, json={"events": [event]})
    assert shown(answer) == (401, "sign_in_first")
    answer = await api.post(EVENTS, json={}, headers=service)
    assert shown(answer) == (422, "events_malformed")


async def test_history_is_everyones_to_read(place, api, day):
    await day.claim("ada", 2)
    (listed,) = (await api.get("/api/epochs")).json()
    assert (listed["day"], listed["phase"]) == ("2026-03-02", "live")
    assert listed["profile"] == {"key": "test", "version": 1}
    shown_day = (await api.get(f"/api/epochs/{DAY}")).json()
    assert shown_day["config"] == days.profile()
    assert {**shown_day, "config": None} == {**listed, "config": None}
    slots = (await api.get(f"/api/epochs/{DAY}/slots")).json()
    assert [slot["index"] for slot in slots] == [0, 1, 2, 3, 7]
    assert (slots[2]["holder"], slots[2]["code"]) == (day.bots["ada"], "abc")
    events = (await api.get(EVENTS, params={"limit": 1})).json()
    assert [event["type"] for event in events["events"]] == ["phase_moved"]
    more = (await api.get(EVENTS, params={"after": events["next"]})).json()["events"]
    assert [event["type"] for event in more] == ["slot_claimed"]
    assert (await api.get("/api/epochs", params={"before": str(DAY)})).json() == []


async def test_a_bot_is_shown_with_its_owner_and_what_it_holds(place, api, day):
    await day.claim("ada", 2)
    path = f"/api/bots/{await slug_of(place, day)}"
    bot = (await api.get(path)).json()
    assert (bot["id"], bot["status"]) == (day.bots["ada"], "active")
    assert (bot["owner"], bot["token_id"]) == (wallet("ada"), "1")
    assert [(held["day"], held["slot"]) for held in bot["holds"]] == [("2026-03-02", 2)]
    await day.at(FREEZES)
    await day.advance()
    assert (await api.get(path)).json()["holds"] == []
    await tell(
        place.owner, [Transfer(block=200, token=1, sender=wallet("ada"), receiver="0x" + "0" * 40)]
    )
    assert (await api.get(path)).json()["owner"] is None
    assert shown(await api.get("/api/bots/bot_0")) == (404, "bot_unknown")


@pytest.mark.parametrize("noun", ["", "/slots", "/events", "/votes"])
async def test_of_a_day_that_was_never_opened_there_is_no_history(place, api, day, noun):
    answer = await api.get(f"/api/epochs/2026-03-09{noun}")
    assert shown(answer) == (404, "epoch_unknown")


async def test_limits_of_history_are_limits(place, api, day):
    for path in ("/api/epochs", EVENTS, VOTES):
        for limit in (0, 1001):
            answer = await api.get(path, params={"limit": limit})
            assert shown(answer) == (422, "request_invalid")
    assert shown(await api.get(EVENTS, params={"after": "x"})) == (400, "cursor_malformed")


async def test_a_client_claims_and_votes_by_rpc(place, day):
    app = serve(place.runtime, work=False)
    app.state.database, app.state.processes = place.database, None
    async with doors_opened(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://agon.test") as api:
            _, shows = await credential(place, api, day)
            key = {"apikey": place.runtime.api_keys.publishable}
            path = "/rest/v1/rpc/claim_slot"
            claim = {"slot_index": 0, "code": "abc"}
            answer = await api.post(path, json=claim, headers=shows | key)
            assert answer.json()["slot"]["holder"] == day.bots["ada"], answer.text
            attack = await api.post(path, json=claim, headers=as_(place, "bob") | key)
            assert attack.json()["reason"] == "minimum_hold"
            assert len(await day.events("slot_attacked")) == 1
            assert (await api.post(path, json=claim, headers=key)).status_code == 401
            vote = await api.post(
                "/rest/v1/rpc/cast_vote", json=TEMPO, headers=as_(place, "ada") | key
            )
            assert vote.json()["voter"] == wallet("ada"), vote.text
            slots = await api.get(
                "/rest/v1/epoch_slot_states?slot_index=eq.0&select=current_code", headers=key
            )
            assert slots.json() == [{"current_code": "abc"}]
            unknown = {"Authorization": "Bearer agon_bot_x"} | key
            assert (await api.get("/rest/v1/epochs", headers=unknown)).status_code == 401
            user = await api.get("/auth/v1/user", headers=shows | key)
            assert user.status_code == 403, user.text
            bare = await api.get("/rest/v1/epochs?select=phase", headers=shows)
            assert bare.json() == [{"phase": "live"}]
