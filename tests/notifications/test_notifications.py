"""Notifications: told once, read by their wallet's owner, marked by nobody else."""

from __future__ import annotations

import uuid
from datetime import timedelta

import asyncpg
import pytest

from agon.kernel import clock
from tests.places import ADMIN, SERVICE, Place, wallet

PATH = "/api/v1/notifications"
DATA = {"challengeId": 7, "deepLink": "/challenges/7"}


def bearer(place: Place, actor) -> dict[str, str]:
    return {"Authorization": f"Bearer {place.token(actor)}"}


async def told(place: Place, name: str = "ada", key: str = "7", **changes) -> uuid.UUID:
    given = {
        "type": "claim_available", "title": "You can claim", "body": None, "data": DATA, **changes,
    }  # fmt: skip
    return await place.owner.fetchval(
        "select agon.notify($1, $2, $3, $4, $5, $6)", wallet(name).upper().replace("X", "x", 1),
        given["type"], given["title"], given["body"], given["data"], key,
    )  # fmt: skip


async def test_a_wallet_is_told_once_for_a_type_and_key(place):
    first = await told(place)
    assert await told(place, title="Another title") == first
    others = {await told(place, key="8"), await told(place, name="bob")}
    others.add(await told(place, type="claim_reminder"))
    assert len(others | {first}) == 4
    rows = await place.owner.fetch(
        "select key, payload from agon.events where topic = 'notification.created' order by id"
    )
    assert len(rows) == 4
    assert rows[0]["key"] == str(first)
    assert rows[0]["payload"]["wallet"] == wallet("ada")
    assert "title" not in rows[0]["payload"], "whoever follows events need not read letters"


async def test_a_list_is_paged_newest_first_and_counts_what_is_unread(place, api):
    ada = bearer(place, await place.own("ada"))
    ids = []
    for n in range(5):
        await place.set_clock(clock.from_ms(1_793_000_000_000) + timedelta(minutes=n // 2))
        ids.append(str(await told(place, key=str(n))))
    await told(place, "bob")
    seen, before = [], None
    for _ in range(3):
        query = {"wallet": wallet("ada"), "limit": 2, **({"before": before} if before else {})}
        page = (await api.get(PATH, params=query, headers=ada)).json()
        assert page["unread"] == 5
        seen += page["notifications"]
        before = page["next"]
    assert before is None
    assert {each["id"] for each in seen} == set(ids)
    assert [each["created_at"] for each in seen] == sorted(
        (each["created_at"] for each in seen), reverse=True
    )
    assert set(seen[0]) == {
        "id", "wallet", "type", "title", "body", "data", "read", "created_at",
    }  # fmt: skip
    assert seen[0]["data"] == DATA


async def test_what_was_read_stays_read_and_a_second_time_marks_nothing(place, api):
    ada = bearer(place, await place.own("ada"))
    one, _ = str(await told(place, key="1")), await told(place, key="2")
    foreign = str(await told(place, "bob"))
    body = {"wallet": wallet("ada"), "ids": [one, foreign]}
    for marked in (1, 0):
        answer = await api.post(f"{PATH}/mark-read", json=body, headers=ada)
        assert answer.json() == {"marked": marked, "unread": 1}
    listed = await api.get(PATH, params={"wallet": wallet("ada"), "unread": True}, headers=ada)
    assert [each["id"] == one for each in listed.json()["notifications"]] == [False]
    answer = await api.post(
        f"{PATH}/mark-read", json={"wallet": wallet("ada"), "all": True}, headers=ada
    )
    assert answer.json() == {"marked": 1, "unread": 0}
    assert not await place.owner.fetchval(
        "select read from public.notifications where id = $1", uuid.UUID(foreign)
    )


@pytest.mark.parametrize(
    "body",
    [{}, {"ids": "all"}, {"ids": ["7"]}, {"ids": [str(uuid.uuid4())] * 1001}, {"all": 1}],
)
async def test_marking_names_ids_or_all(place, api, body):
    ada = bearer(place, await place.own("ada"))
    answer = await api.post(
        f"{PATH}/mark-read", json={"wallet": wallet("ada"), **body}, headers=ada
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "ids_malformed")


async def test_a_stranger_neither_reads_nor_marks(place, api):
    await told(place)
    bob = bearer(place, await place.own("bob"))
    for headers, expected in ((bob, (403, "not_your_wallet")), ({}, (401, "sign_in_first"))):
        listed = await api.get(PATH, params={"wallet": wallet("ada")}, headers=headers)
        marked = await api.post(
            f"{PATH}/mark-read", json={"wallet": wallet("ada"), "all": True}, headers=headers
        )
        for answer in (listed, marked):
            assert (answer.status_code, answer.json()["code"]) == expected
    unknown = {"wallet": wallet("bob"), "before": str(uuid.uuid4())}
    answer = await api.get(PATH, params=unknown, headers=bob)
    assert answer.json()["code"] == "notification_unknown"


async def test_an_admin_tells_a_wallet_and_nobody_else_does(place, api):
    body = {"wallet": wallet("ada"), "type": "news", "title": "Hello", "key": "1"}
    first = await api.post(PATH, json=body, headers=bearer(place, ADMIN))
    again = await api.post(PATH, json=body, headers=bearer(place, ADMIN))
    assert (first.status_code, first.json()["id"]) == (201, again.json()["id"])
    keyless = {key: value for key, value in body.items() if key != "key"}
    ids = {(await api.post(PATH, json=keyless, headers=bearer(place, SERVICE))).json()["id"]
           for _ in range(2)}  # fmt: skip
    assert len(ids) == 2
    refused = await api.post(PATH, json=body, headers=bearer(place, await place.own("ada")))
    assert (refused.status_code, refused.json()["code"]) == (403, "admin_only")


async def test_an_owner_changes_nothing_but_whether_it_was_read(place):
    await told(place)
    await told(place, "bob")
    ada = await place.own("ada")
    async with place.database.as_caller(ada) as conn:
        assert await conn.execute("update public.notifications set read = true") == "UPDATE 1"
    for statement in (
        "update public.notifications set title = 'x'",
        "delete from public.notifications",
        "select agon.notify('0x', 'a', 'a', 'a', '{}', 'a')",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with place.database.as_caller(ada) as conn:
                await conn.execute(statement)


@pytest.mark.parametrize(
    ("changes", "claim"),
    [
        ({"type": "Claim Available"}, "type_is_a_name"),
        ({"title": "two\nlines"}, "title_is_one_short_line"),
        ({"body": "x" * 2001}, "body_is_short"),
        ({"data": []}, "data_is_an_object"),
        ({"data": {"x": [str(uuid.uuid4()) for _ in range(400)]}}, "data_is_small"),
        ({"key": ""}, "key_is_short"),
    ],
)
async def test_a_notification_is_small_and_well_formed(place, changes, claim):
    with pytest.raises(asyncpg.CheckViolationError, match=f"notifications_{claim}"):
        await told(place, **changes)
