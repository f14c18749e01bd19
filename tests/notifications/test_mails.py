"""Mail from the intent to the receipt: sealed while it waits, sent once, gone afterwards."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import uuid
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from agon.commons.notifications import folder, jobs, mails
from agon.kernel import clock, config, database, outside, sealing
from agon.kernel.errors import Refused
from agon.kernel.jobs import Work, drain
from agon.kernel.runtime import Runtime
from tests.places import Place
from tests.standins import smtp as standin

CODE = "271828"
LINK = "https://agon.example/auth/v1/verify?token=pkce_3141592653&type=signup"
VALUES = {"site_name": "Agon", "email": "ada@example.org", "link": LINK, "code": CODE}

# A worker process of its own, to be killed.
WORKER = """
import asyncio, json, sys, uuid
from pathlib import Path
from agon.commons.notifications import jobs
from agon.kernel import database, runtime
from agon.kernel.jobs import Work
from agon.systems import SYSTEMS

given = json.load(sys.stdin)
home = given["folder"]
environ = {
    "AGON_HOME": home, "AGON_SMTP_URL": given["smtp_url"],
    "AGON_MAIL_FROM": "no-reply@agon.example",
}
process = runtime.begin(SYSTEMS, environ=environ, folder=Path(home))

async def main():
    async with database.Database(given["urls"]) as pools:
        await jobs.send_mail(Work(database=pools, runtime=process), {"key": given["mail_id"]})

asyncio.run(main())
"""


@pytest.fixture(autouse=True)
async def published(place):
    """A worker has been here: there is a key to seal to."""
    await place.work()


def work(place: Place, **changes: object) -> Work:
    """The worker of a place, some settings changed."""
    settings = place.runtime.settings
    process: Runtime = replace(
        place.runtime, settings=replace(settings, values={**settings.values, **changes})
    )
    process.__dict__["urls"] = place.runtime.urls
    return Work(database=place.database, runtime=process)


def by_server(place: Place, server: standin.MailServer, host: str = "127.0.0.1") -> Work:
    return work(
        place, smtp_url=f"smtp://{host}:{server.port}", mail_from="Agon <no-reply@agon.example>"
    )


async def post(place: Place, to: str = "ada@example.org", **given: object) -> uuid.UUID:
    async with place.database.as_worker() as conn:
        return await mails.post(
            conn, **{"to": to, "template": "confirmation", "values": VALUES, **given}
        )


async def row_of(place: Place, mail_id: uuid.UUID) -> asyncpg.Record:
    return await place.owner.fetchrow("select * from agon.mails where id = $1", mail_id)


async def send(doing: Work, mail_id: uuid.UUID) -> str | None:
    """One turn of the job: why it is not done yet, if it is to be done again."""
    later = await jobs.send_mail(doing, {"key": str(mail_id)})
    return later and later.why


async def trouble(place: Place) -> str:
    """What the one mail that waits failed of."""
    return await place.owner.fetchval("select trouble from agon.outside_work")


async def dumped(place: Place) -> str:
    """Every row of the tables that a mail passes through, as text."""
    tables = ("agon.mails", "agon.pgqueuer", "agon.pgqueuer_log", "agon.events")
    parts = [
        await place.owner.fetchval(
            f"select string_agg(t::text || coalesce(convert_from(p, 'UTF8'), ''), ' ') "
            f"from (select t, {'t.payload' if table == 'agon.pgqueuer' else 'null::bytea'} as p "
            f"from {table} t) x"
        )
        for table in tables
    ]
    return " ".join(part or "" for part in parts)


class TestQueueing:
    async def test_a_mail_and_its_job_stand_or_fall_with_their_cause(self, place):
        with pytest.raises(RuntimeError):
            async with place.database.as_worker() as conn:
                await mails.post(conn, to="ada@example.org", template="confirmation", values=VALUES)
                raise RuntimeError("the sign-up failed")
        assert await place.owner.fetchval("select count(*) from agon.mails") == 0
        assert await place.owner.fetchval("select count(*) from agon.pgqueuer") == 0

    async def test_nothing_of_its_words_stands_in_the_database(self, place):
        mail_id = await post(place)
        text = await dumped(place)
        assert str(mail_id) in text
        assert CODE not in text
        assert "pkce_3141592653" not in text
        assert (await row_of(place, mail_id))["sealed_body"].startswith("sealed:v1:")

    async def test_after_sending_nothing_is_left_of_it(self, place):
        mail_id = await post(place)
        await place.work()
        row = await row_of(place, mail_id)
        assert (row["state"], row["sealed_body"]) == ("sent", None)
        assert row["sent_at"] is not None
        assert CODE not in await dumped(place)
        assert await place.owner.fetchval("select count(*) from agon.pgqueuer") == 0

    async def test_a_key_makes_two_posts_one_mail(self, place):
        first = await post(place, idempotency_key="invite ada 1")
        second = await post(place, idempotency_key="invite ada 1")
        assert first == second
        await place.work()
        assert await post(place, idempotency_key="invite ada 1") == first
        await place.work()
        assert len(folder.newest(folder.place(place.runtime), 9)) == 1

    @pytest.mark.parametrize("other", [{"to": "bob@example.org"}, {"template": "invite"}])
    async def test_a_key_of_another_mail_is_refused(self, place, other):
        await post(place, idempotency_key="one")
        with pytest.raises(Refused, match="mail_key_used"):
            await post(place, idempotency_key="one", **other)

    @pytest.mark.parametrize(
        "address",
        [
            "ada",
            "ada@",
            "@example.org",
            "ada@example.org\r\nBcc: eve@example.org",
            "ada@example.org, eve@example.org",
            "Ada <ada@example.org>",
            "ada @example.org",
            "a" * 65 + "@example.org",
            "",
        ],
    )
    async def test_what_is_not_one_plain_address_is_refused(self, place, address):
        with pytest.raises(asyncpg.CheckViolationError, match="mails_address_is_one_plain"):
            await post(place, to=address)

    async def test_a_body_in_clear_is_refused_whoever_sends_it(self, place):
        with pytest.raises(asyncpg.CheckViolationError, match="secret_is_sealed"):
            async with place.database.as_worker() as conn:
                await conn.execute(
                    "select agon.queue_mail($1, 'a@b.example', 'invite', 'Hello', 'your code')",
                    uuid.uuid4(),
                )

    async def test_a_subject_stays_one_line(self, place):
        with pytest.raises(asyncpg.CheckViolationError, match="mails_subject_is_one_line"):
            await place.owner.execute(
                "select agon.queue_mail($1, 'a@b.example', 'invite', $2, $3)",
                uuid.uuid4(),
                "Hello\r\nBcc: eve@example.org",
                sealing.seal(sealing.generate()[1], b"x", "x"),
            )
        mail_id = await post(place, values={**VALUES, "site_name": "Agon\r\nBcc: eve@x.example"})
        subject = (await row_of(place, mail_id))["subject"]
        assert subject == "Confirm your email address for Agon Bcc: eve@x.example"

    async def test_without_a_workers_key_nothing_is_queued(self, place):
        await place.owner.execute("update agon.sealing_keys set retired_at = now()")
        with pytest.raises(Refused, match="sealing_key_missing"):
            await post(place)

    @pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
    async def test_clients_neither_read_nor_queue_mail(self, place, role):
        await post(place)
        actor = database.Actor(role=role)
        for statement in (
            "select * from agon.mails",
            "select agon.waiting_mail(gen_random_uuid()::text)",
            "select agon.hold_outside('notifications.send_mail', 'x', '1 s')",
            "select agon.queue_mail(gen_random_uuid(), 'a@b.example', 'invite', 'x', 'x')",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with place.database.as_caller(actor) as conn:
                    await conn.execute(statement)

    async def test_the_worker_moves_mail_through_functions_only(self, place):
        mail_id = await post(place)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with place.database.as_worker() as conn:
                await conn.execute("update agon.mails set state = 'sent'")
        await place.work()
        with pytest.raises(asyncpg.PostgresError, match="cannot go from sent to queued"):
            await place.owner.execute(
                "update agon.mails set state = 'queued' where id = $1", mail_id
            )


class TestSending:
    async def test_a_mail_reaches_the_mail_server_with_all_it_needs(self, place):
        mail_id = await post(place, to="Ada@Example.org")
        async with standin.standin() as server:
            await send(by_server(place, server), mail_id)
        (taken,) = server.taken
        message = taken.message
        assert (taken.sender, taken.recipients) == ("no-reply@agon.example", ["Ada@Example.org"])
        assert message["From"] == "Agon <no-reply@agon.example>"
        assert message["To"] == "Ada@Example.org"
        assert message["Message-ID"] == f"<{mail_id}@agon.example>"
        assert message["Auto-Submitted"] == "auto-generated"
        assert message["Date"].datetime is not None
        text = message.get_body(("plain",)).get_content()
        assert LINK in text.splitlines()
        assert CODE in text.splitlines()
        assert CODE in message.get_body(("html",)).get_content()
        assert (await row_of(place, mail_id))["state"] == "sent"

    async def test_a_second_run_sends_nothing(self, place):
        mail_id = await post(place)
        async with standin.standin() as server:
            doing = by_server(place, server)
            await send(doing, mail_id)
            await send(doing, mail_id)
        assert len(server.taken) == server.conversations == 1

    async def test_a_mail_that_there_is_not_is_no_work(self, place):
        await send(work(place), uuid.uuid4())

    async def test_a_worker_killed_before_its_receipt_leaves_the_same_mail_to_send(self, place):
        mail_id = await post(place)
        async with standin.standin() as server:
            doing = by_server(place, server)
            worker = await asyncio.create_subprocess_exec(
                sys.executable, "-c", WORKER, stdin=asyncio.subprocess.PIPE
            )

            async def kill() -> None:
                worker.kill()

            server.after_data = kill
            given = {
                "urls": dict(place.runtime.urls), "folder": str(place.runtime.home),
                "smtp_url": doing.runtime.settings["smtp_url"], "mail_id": str(mail_id),
            }  # fmt: skip
            await worker.communicate(json.dumps(given).encode())
            assert worker.returncode == -signal.SIGKILL
            server.after_data = None
            assert (await row_of(place, mail_id))["state"] == "queued"
            assert await send(doing, mail_id) == "another has it in hand"
            held_s = mails.SENDING.attempt_s + outside.HOLD_MARGIN_S
            await place.set_clock(clock.now() + timedelta(seconds=held_s + 5))
            await send(doing, mail_id)
            await send(doing, mail_id)
        first, second = (taken.message for taken in server.taken)
        assert first["Message-ID"] == second["Message-ID"]
        assert first["Date"] == second["Date"]
        row = await row_of(place, mail_id)
        assert (row["state"], row["sealed_body"]) == ("sent", None)

    async def test_two_workers_at_once_send_one_mail(self, place):
        mail_id = await post(place)
        async with standin.standin() as server:
            doing = by_server(place, server)
            refused: list[str | None] = []

            async def come_in_between() -> None:
                refused.append(await send(doing, mail_id))

            server.after_data = come_in_between
            await send(doing, mail_id)
        assert refused == ["another has it in hand"]
        assert len(server.taken) == 1
        assert (await row_of(place, mail_id))["state"] == "sent"

    @pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
    async def test_a_mail_refused_for_good_fails_and_says_why(self, place, command):
        mail_id = await post(place)
        async with standin.standin() as server:
            server.order(command, "550 5.1.1 no such user")
            doing = by_server(place, server)
            await send(doing, mail_id)
            row = await row_of(place, mail_id)
            await send(doing, mail_id)
        assert (row["state"], row["sealed_body"], row["sent_at"]) == ("failed", None, None)
        assert "550 5.1.1 no such user" in row["error"]
        assert server.taken == []
        assert server.conversations == 1

    async def test_a_mail_refused_for_now_is_sent_later(self, place):
        mail_id = await post(place)
        async with standin.standin() as server:
            server.order("RCPT", "450 4.2.0 greylisted")
            doing = by_server(place, server)
            assert "mail_server_busy" in await send(doing, mail_id)
            assert (await row_of(place, mail_id))["state"] == "queued"
            assert "450 4.2.0 greylisted" in await trouble(place)
            assert await send(doing, mail_id) is None
        assert len(server.taken) == 1
        row = await row_of(place, mail_id)
        assert (row["state"], row["error"]) == ("sent", None)

    async def test_the_queue_brings_a_mail_back_by_itself(self, place):
        mail_id = await post(place)
        async with standin.standin() as server:
            server.order("DATA", "451 4.3.0 try again")
            doing = by_server(place, server)
            await drain(doing)
        assert server.conversations == 2
        assert len(server.taken) == 1
        assert (await row_of(place, mail_id))["state"] == "sent"

    async def test_a_mail_is_given_up_after_the_last_attempt(self, place):
        mail_id = await post(place)
        doing = work(place, smtp_url="smtp://127.0.0.1:1", mail_from="no-reply@agon.example")
        await place.owner.execute(
            "update agon.outside_work set attempts = $1", mails.SENDING.attempts_max - 2
        )
        assert "mail_server_unreachable" in await send(doing, mail_id)
        assert await send(doing, mail_id) is None
        row = await row_of(place, mail_id)
        assert (row["state"], row["sealed_body"]) == ("failed", None)
        assert "cannot be reached" in row["error"]

    async def test_a_body_of_another_row_is_not_sent(self, place):
        one, other = await post(place), await post(place, to="eve@example.org")
        body = (await row_of(place, one))["sealed_body"]
        await place.owner.execute(
            "update agon.mails set sealed_body = $2 where id = $1", other, body
        )
        assert "sealed_tampered" in await send(work(place), other)
        assert folder.newest(folder.place(place.runtime), 9) == []

    @pytest.mark.parametrize(
        "sender", [None, "", "no-reply", "a@b.example, c@d.example", "A <>", "a@b\r\nBcc: x@y.z"]
    )
    async def test_a_sender_that_is_none_is_the_operators_to_mend(self, place, sender):
        mail_id = await post(place)
        async with standin.standin() as server:
            doing = work(place, smtp_url=f"smtp://127.0.0.1:{server.port}", mail_from=sender)
            assert "configuration_wrong" in await send(doing, mail_id)
        assert server.conversations == 0
        assert (await row_of(place, mail_id))["state"] == "queued"


class TestForgetting:
    async def test_old_mail_is_forgotten_and_waiting_mail_is_not(self, place):
        sent, waiting, fresh = await post(place), await post(place), None
        await send(work(place), sent)
        await place.set_clock(clock.now() + timedelta(days=30, minutes=1))
        fresh = await post(place)
        await send(work(place), fresh)
        async with place.database.as_worker() as conn:
            assert await conn.fetchval("select agon.forget_mails()") == 1
        rows = await place.owner.fetch("select id from agon.mails")
        assert {row["id"] for row in rows} == {waiting, fresh}
        assert sent not in {waiting, fresh}


def test_the_mail_servers_password_is_not_printed(tmp_path):
    from agon.commons.notifications.system import SYSTEM

    found = config.read(
        SYSTEM.settings,
        environ={"AGON_SMTP_URL": "smtp://ada:hush@mail.example.org"},
        folder=tmp_path,
    )
    assert "hush" not in json.dumps(found.printable())
