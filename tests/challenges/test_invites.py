"""Invites: told by wallet at once, else when they can be; accepted by whom they are for."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import httpx
import pytest

from agon.commons.notifications import folder
from agon.kernel import clock
from tests.challenges.stories import begun, joined, pay
from tests.challenges.stories import created as on_chain
from tests.challenges.test_challenges import created
from tests.challenges.test_http import bearer
from tests.places import ADMIN, Place, wallet

START = clock.from_ms(1_793_000_000_000)
STEAM_ID = "76561198085067169"
MAIL = "carol@example.org"


@pytest.fixture
async def challenge(place) -> int:
    """An open challenge of ada's, which lasts a week from now on."""
    await place.work()
    await place.set_clock(START)
    return await created(place)


async def invite(
    place: Place, api: httpx.AsyncClient, challenge: int, value: str, method: str = "wallet",
    name: str = "ada",
) -> httpx.Response:  # fmt: skip
    body = {"subject": wallet(name), "challenge_id": challenge, "method": method, "value": value}
    headers = bearer(place, await place.own(name))
    return await api.post("/api/invites", json=body, headers=headers)


async def accept(
    place: Place, api: httpx.AsyncClient, invite_id: str, name: str, **extra: str
) -> httpx.Response:
    body = {"subject": wallet(name), **extra}
    headers = bearer(place, await place.own(name))
    return await api.post(f"/api/invites/{invite_id}/accept", json=body, headers=headers)


async def listed(place: Place, api: httpx.AsyncClient, name: str, **query: Any) -> list[dict]:
    headers = bearer(place, await place.own(name))
    return (await api.get("/api/invites", params=query, headers=headers)).json()


async def told(place: Place, name: str) -> list[dict[str, Any]]:
    rows = await place.owner.fetch(
        "select type, body, data from public.notifications where wallet = $1 order by id",
        wallet(name),
    )
    return [dict(row) for row in rows]


async def bind(place: Place, name: str) -> None:
    await place.owner.execute(
        """
        insert into public.identity_bindings
          (wallet, platform, platform_id, ts, message, message_hash, wallet_signature)
        values ($1, 'steam', $2, 1, 'm', encode(sha256('m'), 'hex'), '0x' || repeat('0', 130))
        """,
        wallet(name), STEAM_ID,
    )  # fmt: skip


async def verify(place: Place, name: str, email: str, *, is_proved: bool = True) -> None:
    """The user of that name has answered from an address, or has only said it."""
    user = (await place.own(name)).user_id
    await place.owner.execute(
        "update auth.users set email = $2, email_confirmed_at = now() where id = $1", user, email
    )
    await place.owner.execute("select agon.note_address($1, $2, $3)", user, email, is_proved)


async def sweep(place: Place) -> None:
    await place.database.ask("select agon.expire_invites()")


def token_of(mail: folder.Kept) -> str:
    return parse_qs(urlsplit(mail.link).query)["token"][0]


async def test_a_wallet_is_told_at_once_and_joins_by_accepting(place, api, challenge):
    sent = await invite(place, api, challenge, wallet("bob").upper().replace("X", "x", 1))
    assert (sent.status_code, sent.json()["status"]) == (201, "sent"), sent.text
    again = await asyncio.gather(*(invite(place, api, challenge, wallet("bob")) for _ in range(3)))
    assert {each.text for each in again} == {sent.text}, "the one that is there answers"
    invite_id = sent.json()["id"]
    (note,) = await told(place, "bob")
    assert note["type"] == "invite_received"
    assert note["data"] == {
        "challengeId": challenge, "inviteId": invite_id, "deepLink": f"/invites/{invite_id}",
    }  # fmt: skip
    assert "“Run”" in note["body"]
    answer = await accept(place, api, invite_id, "bob")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["status"], found["accepted_by_wallet"]) == ("accepted", wallet("bob"))
    assert found["joined_at"] == "2026-10-26T07:33:20+00:00"
    assert (await accept(place, api, invite_id, "bob")).json() == found, "a second time is the same"
    assert await place.owner.fetchval("select joined_at from public.participants") == START
    for name in ("ada", "bob"):
        assert [each["id"] for each in await listed(place, api, name)] == [invite_id]
    assert await listed(place, api, "eve") == []


async def test_who_joins_without_a_word_has_accepted(place, api, challenge):
    tried = (invite(place, api, challenge, wallet("bob")) for _ in range(3))
    assert len({each.json()["id"] for each in await asyncio.gather(*tried)}) == 1
    await invite(place, api, challenge, wallet("bob"), name="carol")
    bob = await place.own("bob")
    await api.post(
        f"/api/challenge/{challenge}/participant", json={"subject": wallet("bob")},
        headers=bearer(place, bob),
    )  # fmt: skip
    found = await listed(place, api, "bob")
    assert {(each["status"], each["joined_at"] is None) for each in found} == {("accepted", False)}
    assert len(found) == 2


async def test_on_a_chain_the_log_says_who_joined_and_takes_it_back(place, api):
    await place.set_clock(START - timedelta(days=1))
    story = await begun(place)
    await story.mine(on_chain())
    await story.mine(pay("Approved"))
    await place.owner.execute("update public.challenges set model_id = 'agon.fitness@1'")
    sent = (await invite(place, api, 2, wallet("bob"))).json()
    found = (await accept(place, api, sent["id"], "bob")).json()
    assert (found["status"], found["joined_at"]) == ("accepted", None)
    block = await story.mine(joined("bob"))
    joined_at = (await listed(place, api, "bob"))[0]["joined_at"]
    assert joined_at is not None
    await story.undo(block)
    (undone,) = await listed(place, api, "bob")
    assert (undone["status"], undone["joined_at"]) == ("accepted", None)


async def test_a_stranger_neither_sees_nor_takes_an_invite(place, api, challenge):
    invite_id = (await invite(place, api, challenge, wallet("bob"))).json()["id"]
    eve = bearer(place, await place.own("eve"))
    for answer in (
        await api.get(f"/api/invites/{invite_id}", headers=eve),
        await api.get(f"/api/invites/{invite_id}"),
        await accept(place, api, invite_id, "eve"),
        await accept(place, api, invite_id, "eve", token="guessed"),
        await accept(place, api, "none", "eve"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "invite_unknown")
    inviter = await accept(place, api, invite_id, "ada")
    assert (inviter.status_code, inviter.json()["code"]) == (403, "not_your_invite")
    foreign = await api.post(
        f"/api/invites/{invite_id}/accept", json={"subject": wallet("bob")}, headers=eve
    )
    assert foreign.json()["code"] == "not_your_wallet"
    assert (await api.get("/api/invites")).status_code == 401
    with pytest.raises(asyncpg.CheckViolationError, match="of_wallets_are_theirs"):
        await place.owner.execute(
            "update public.challenge_invites set status = 'accepted', accepted_by_wallet = $1",
            wallet("eve"),
        )


@pytest.mark.parametrize("by", ["link", "verified address"])
async def test_a_mail_invites_who_holds_its_link_or_the_address(place, api, challenge, by):
    sent = await invite(place, api, challenge, " Carol@Example.org ", "email")
    assert (sent.json()["status"], sent.json()["value"]) == ("queued", MAIL)
    await place.work()
    (mail,) = folder.newest(folder.place(place.runtime), 9)
    assert mail.to == MAIL
    assert "“Run”" in mail.text
    invite_id, token = sent.json()["id"], token_of(mail)
    assert f"/invites/{invite_id}?" in mail.link
    shown = await api.get(f"/api/invites/{invite_id}", params={"token": token})
    assert (shown.status_code, shown.json()["status"]) == (200, "sent")
    assert token not in str(await place.owner.fetch("select * from agon.invite_letters"))
    if by == "link":
        taken = await accept(place, api, invite_id, "dave", token=token)
    else:
        await verify(place, "dave", MAIL)
        assert [each["id"] for each in await listed(place, api, "dave")] == [invite_id]
        taken = await accept(place, api, invite_id, "dave")
    assert taken.json()["accepted_by_wallet"] == wallet("dave"), taken.text
    late = await accept(place, api, invite_id, "eve", token=token)
    assert (late.status_code, late.json()["code"]) == (409, "invite_used")


async def test_an_address_that_was_only_said_opens_nothing(place, api, challenge):
    invite_id = (await invite(place, api, challenge, MAIL, "email")).json()["id"]
    await verify(place, "eve", MAIL, is_proved=False)
    assert await listed(place, api, "eve") == []
    assert (await accept(place, api, invite_id, "eve")).json()["code"] == "invite_unknown"


async def test_a_mail_that_does_not_arrive_ends_its_invite(place, api, challenge):
    await invite(place, api, challenge, MAIL, "email")
    await place.work()
    await place.owner.execute("alter table agon.mails disable trigger mails_guard_move")
    await place.owner.execute(
        "update agon.mails set state = 'failed', sent_at = null, error = '550 no such user'"
    )
    await sweep(place)
    (found,) = await listed(place, api, "ada")
    assert (found["status"], found["error"]) == ("failed", "the mail did not arrive")


@pytest.mark.parametrize("bound_before", [True, False])
async def test_steam_reaches_the_wallet_that_is_bound_to_it(place, api, challenge, bound_before):
    if bound_before:
        await bind(place, "bob")
    sent = await invite(place, api, challenge, STEAM_ID, "steam")
    assert sent.json()["status"] == "queued"
    await place.work()
    if not bound_before:
        assert await told(place, "bob") == []
        await bind(place, "bob")
    assert [each["type"] for each in await told(place, "bob")] == ["invite_received"]
    assert [each["status"] for each in await listed(place, api, "bob")] == ["sent"]
    taken = await accept(place, api, sent.json()["id"], "bob")
    assert taken.json()["accepted_by_wallet"] == wallet("bob"), taken.text


async def test_steam_that_nobody_binds_expires_and_is_nobodys_to_accept(place, api, challenge):
    invite_id = (await invite(place, api, challenge, STEAM_ID, "steam")).json()["id"]
    await place.work()
    assert (await accept(place, api, invite_id, "ada")).json()["code"] == "not_your_invite"
    await place.set_clock(START + timedelta(days=7))
    await sweep(place)
    await sweep(place)
    (found,) = await listed(place, api, "ada")
    assert (found["status"], found["error"]) == ("failed", "expired")
    await bind(place, "bob")
    assert await told(place, "bob") == []


async def test_an_invite_holds_for_two_weeks_and_not_beyond_the_end(place, api):
    await place.set_clock(START)
    days = 86_400
    long = await created(place, timeline={"start": 1_793_000_000, "end": 1_793_000_000 + 99 * days})
    invite_id = (await invite(place, api, long, wallet("bob"))).json()["id"]
    await place.set_clock(START + timedelta(days=14))
    late = await accept(place, api, invite_id, "bob")
    assert (late.status_code, late.json()["code"]) == (409, "invite_expired")
    anew = await invite(place, api, long, wallet("bob"))
    assert (anew.json()["status"], anew.json()["id"] == invite_id) == ("sent", False)
    assert (await accept(place, api, invite_id, "bob")).json()["code"] == "invite_expired"
    assert (await accept(place, api, anew.json()["id"], "bob")).status_code == 200
    assert len(await told(place, "bob")) == 2


@pytest.mark.parametrize(
    ("method", "value", "code"),
    [
        ("wallet", wallet("ada"), "invite_to_oneself"),
        ("email", "ada@example.org", "invite_to_oneself"),
        ("steam", STEAM_ID, "invite_to_oneself"),
        ("pigeon", "coo", "invite_method_unknown"),
        ("wallet", "0x12", "value_has_its_form"),
        ("email", "not an address", "value_has_its_form"),
        ("email", "a@b.example\r\nBcc: eve@x.example", "value_has_its_form"),
        ("steam", "12345", "value_has_its_form"),
    ],
)
async def test_an_invite_names_somebody_else(place, api, challenge, method, value, code):
    await verify(place, "ada", "ada@example.org")
    await bind(place, "ada")
    answer = await invite(place, api, challenge, value, method)
    assert answer.status_code in (400, 409, 422)
    assert re.search(code, answer.text), answer.text


async def test_a_challenge_that_is_over_takes_no_invites_and_no_acceptance(place, api, challenge):
    invite_id = (await invite(place, api, challenge, wallet("bob"))).json()["id"]
    path = f"/api/admin/challenges/{challenge}/cancel"
    assert (await api.post(path, headers=bearer(place, ADMIN))).status_code == 200
    for answer in (
        await invite(place, api, challenge, wallet("carol")),
        await accept(place, api, invite_id, "bob"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "challenge_not_open")
    ended = await created(place)
    await place.set_clock(clock.from_ms(1_793_600_000_000))
    answer = await invite(place, api, ended, wallet("bob"))
    assert answer.json()["code"] == "challenge_not_open"
    unknown = await invite(place, api, 2**41, wallet("bob"))
    assert unknown.json()["code"] == "challenge_unknown"


async def test_invites_have_a_limit_by_person_and_by_address(place, api, challenge):
    for n in range(3):
        await created(place, f"inviter {n}")
        sent = await invite(place, api, challenge, MAIL, "email", name=f"inviter {n}")
        assert sent.status_code == 201
    full = await invite(place, api, challenge, MAIL, "email")
    assert (full.status_code, full.json()["code"]) == (429, "over_invite_limit")
    for n in range(50):
        assert (await invite(place, api, challenge, wallet(f"guest {n}"))).status_code == 201
    over = await invite(place, api, challenge, wallet("guest 50"))
    assert (over.status_code, over.json()["code"]) == (429, "over_invite_limit")
    assert (await invite(place, api, challenge, wallet("guest 1"))).status_code == 201
    pages = await listed(place, api, "ada", challenge_id=challenge, limit=40)
    rest = await listed(place, api, "ada", challenge_id=challenge, before=pages[-1]["id"])
    assert len({each["id"] for each in pages + rest}) == 50
    await place.set_clock(START + timedelta(days=1, minutes=1))
    assert (await invite(place, api, challenge, wallet("guest 50"))).status_code == 201
