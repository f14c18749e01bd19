"""Reminders: nobody subscribes a stranger, each mail goes out once, and a link ends them."""

from __future__ import annotations

import asyncio
import email
from datetime import timedelta
from email import policy
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from agon.challenges import reminders
from agon.commons.notifications import folder
from agon.kernel import clock
from tests.challenges.test_challenges import created
from tests.challenges.test_http import bearer
from tests.challenges.test_invites import verify
from tests.places import ADMIN, Place, wallet

END = clock.from_ms(1_793_600_000_000)
HOUR = timedelta(hours=1)
BOB = "bob@example.org"
MAILS_MAX = 99


@pytest.fixture
async def challenge(place) -> int:
    """An open challenge; bob has answered from his address."""
    await place.work()
    await place.set_clock(END - timedelta(days=3))
    await verify(place, "bob", BOB)
    return await created(place)


async def ask(
    place: Place, api: httpx.AsyncClient, challenge: int, type: str = "proof_deadline",
    email: str = BOB, name: str = "bob",
) -> httpx.Response:  # fmt: skip
    body = {"email": email, "challenge_id": challenge, "type": type}
    headers = bearer(place, await place.own(name))
    return await api.post("/api/reminders", json=body, headers=headers)


async def sent(place: Place, when: Any = None) -> list[folder.Kept]:
    """The mails so far, after the worker's turn, oldest first."""
    if when is not None:
        await place.set_clock(when)
    await reminders.send_due(place.database, place.runtime)
    await place.work()
    return list(reversed(folder.newest(folder.place(place.runtime), MAILS_MAX)))


async def count(place: Place) -> int:
    return await place.owner.fetchval("select count(*) from public.reminders")


def path_of(link: str) -> str:
    parts = urlsplit(link)
    return f"{parts.path}?{parts.query}"


def unsubscribe_of(mail: folder.Kept) -> str:
    message = email.message_from_bytes(mail.path.read_bytes(), policy=policy.default)
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = message["List-Unsubscribe"].strip("<>")
    assert link in mail.text
    return path_of(link)


async def test_an_address_of_ones_own_is_reminded_once(place, api, challenge):
    for _ in range(2):
        answer = await ask(place, api, challenge)
        assert (answer.status_code, answer.json()["outcome"]) == (202, "subscribed")
    assert await count(place) == 1
    assert await sent(place, END + 11 * HOUR) == []
    await place.set_clock(END + 12 * HOUR)
    turns = (reminders.send_due(place.database, place.runtime) for _ in range(3))
    assert sum(await asyncio.gather(*turns)) == 1, "two workers at once send one"
    (mail,) = await sent(place)
    assert (mail.to, "“Run”" in mail.text) == (BOB, True)
    assert mail.link.endswith(f"/challenges/{challenge}")
    assert len(await sent(place, END + 13 * HOUR)) == 1
    row = await place.owner.fetchrow("select sent, sent_at from public.reminders")
    assert tuple(row) == (True, END + 12 * HOUR)
    await ask(place, api, challenge)
    assert len(await sent(place)) == 1, "subscribing again does not send it again"


async def test_an_outcome_is_told_once_it_is_there(place, api, challenge):
    await ask(place, api, challenge, "finalization")
    assert await sent(place, END + HOUR) == []
    path = f"/api/admin/challenges/{challenge}/finalize"
    await api.post(path, json={"outcome": 1}, headers=bearer(place, ADMIN))
    assert len(await sent(place)) == len(await sent(place)) == 1


async def test_what_is_past_after_downtime_is_not_sent(place, api, challenge):
    await ask(place, api, challenge)
    await ask(place, api, challenge, "finalization")
    await place.set_clock(END)
    path = f"/api/admin/challenges/{challenge}/finalize"
    await api.post(path, json={"outcome": 1}, headers=bearer(place, ADMIN))
    assert await sent(place, END + timedelta(days=8)) == []
    assert await count(place) == 0


async def test_a_strangers_address_is_asked_first(place, api, challenge):
    answer = await ask(place, api, challenge, email="Carol@Example.org")
    assert answer.json()["outcome"] == "confirmation_sent"
    (mail,) = await sent(place)
    assert mail.to == "carol@example.org"
    page = await api.get(path_of(mail.link))
    assert page.status_code == 200
    assert '<form method="post">' in page.text
    assert page.headers["referrer-policy"] == "no-referrer"
    assert len(await sent(place, END + 13 * HOUR)) == 1, "opening the page confirms nothing"
    await place.set_clock(END)
    for _ in range(2):
        assert (await api.post(path_of(mail.link))).status_code == 200
    assert len(await sent(place, END + 13 * HOUR)) == 2
    again = await ask(place, api, challenge, email="carol@example.org")
    assert again.json() == answer.json(), "whether it is subscribed is nobody's to know"
    assert len(await sent(place)) == 2
    wrong = await api.post("/reminders/confirm", params={"token": "guessed"})
    assert (wrong.status_code, wrong.json()["code"]) == (404, "link_unknown")


async def test_an_address_that_was_only_said_is_asked_too(place, api, challenge):
    await verify(place, "eve", "eve@example.org", is_proved=False)
    answer = await ask(place, api, challenge, email="eve@example.org", name="eve")
    assert answer.json()["outcome"] == "confirmation_sent"


async def test_nobody_floods_an_address(place, api, challenge):
    others = [await created(place) for _ in range(3)]
    answers = [
        await ask(place, api, number, email="carol@example.org") for number in (challenge, *others)
    ]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
    assert answers[-1].json()["code"] == "over_mail_limit"
    assert len(await sent(place)) == 3
    await place.database.ask("select agon.sweep_reminders()")
    assert await count(place) == 3
    await place.set_clock(END + timedelta(days=5))
    await place.database.ask("select agon.sweep_reminders()")
    assert await count(place) == 0


@pytest.mark.parametrize("by", ["a mail program", "a person"])
async def test_a_link_ends_all_that_the_address_waits_for(place, api, challenge, by):
    other = await created(place)
    await ask(place, api, challenge)
    await ask(place, api, other, "finalization")
    await ask(place, api, other, "finalization", email="ada@example.org", name="ada")
    mails = await sent(place, END + 12 * HOUR)
    (mail,) = [each for each in mails if each.to == BOB]
    path = unsubscribe_of(mail)
    page = await api.get(path)
    assert "<form" in page.text
    assert await count(place) == 3, "opening the page ends nothing"
    form = {"List-Unsubscribe": "One-Click"} if by == "a mail program" else {}
    for _ in range(2):
        assert (await api.post(path, data=form)).status_code == 200
    rows = await place.owner.fetch("select email, sent from public.reminders order by sent")
    assert [tuple(row) for row in rows] == [("ada@example.org", False), (BOB, True)]
    assert (await api.post("/reminders/unsubscribe", params={"token": "x"})).status_code == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"type": "birthday"}, "reminder_type_unknown"),
        ({"challenge_id": "7"}, "challenge_id_malformed"),
        ({"challenge_id": 2**41}, "challenge_unknown"),
        ({"email": "nobody"}, "reminders_email_is_one_plain_address"),
        ({"email": "a@b.example, c@d.example"}, "reminders_email_is_one_plain_address"),
    ],
)
async def test_a_reminder_is_of_something_for_somebody(place, api, challenge, body, code):
    wish = {"email": BOB, "challenge_id": challenge, "type": "finalization", **body}
    headers = bearer(place, await place.own("bob"))
    answer = await api.post("/api/reminders", json=wish, headers=headers)
    assert 400 <= answer.status_code < 500
    assert code in answer.text
    anonymous = await api.post("/api/reminders", json=wish)
    assert anonymous.status_code in (401, 422)


async def test_of_what_is_past_nobody_is_reminded(place, api, challenge):
    await place.set_clock(END + 24 * HOUR)
    late = await ask(place, api, challenge)
    assert (late.status_code, late.json()["code"]) == (409, "reminder_too_late")
    endless = await created(place, timeline=None)
    answer = await ask(place, api, endless)
    assert answer.json()["code"] == "challenge_without_end"
    assert (await ask(place, api, endless, "finalization")).status_code == 202
    assert wallet("bob") not in str(await place.owner.fetch("select * from public.reminders"))
