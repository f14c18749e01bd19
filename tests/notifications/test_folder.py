"""Mail as files: whole, closed, bounded, and listed by `agon mail`."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.headerregistry import Address

import pytest
from rich.console import Console

from agon import cli
from agon.commons.notifications import checks, folder, mails, templates
from agon.commons.notifications.system import SYSTEM as NOTIFICATIONS
from agon.kernel import clock, commands, doctor, outside, runtime
from agon.kernel.jobs import Work
from agon.systems import SYSTEMS
from tests.standins import smtp as standin

LINK = "https://agon.example/auth/v1/verify?token=" + "0123456789abcdef" * 40
AT = datetime(2026, 1, 2, 3, 4, 5, 678, UTC)


def message(number: int = 0, **values: str | None) -> tuple[bytes, str]:
    """A mail as the worker composes it, and the name of its file."""
    given = {"site_name": "Agon", "email": "ada@example.org", "code": "123456", "link": LINK}
    letter = templates.write("confirmation", {**given, **values})
    row = {
        "id": uuid.UUID(int=number), "to_address": "ada@example.org", "subject": letter.subject,
        "created_at": AT + timedelta(seconds=number),
    }  # fmt: skip
    body = {"text": letter.text, "html": letter.html}
    composed = mails.compose(row, body, Address("Agon", "agon", "localhost"))
    return composed.as_bytes(), mails._name(row["created_at"], row["id"])


async def keep(process, number: int = 0, **values: str | None):
    return await folder.keep(process, *message(number, **values))


@pytest.fixture
def process(tmp_path):
    """A process that needs no database."""
    environ = {"AGON_HOME": str(tmp_path / "home"), "AGON_LOG_LEVEL": "error"}
    return runtime.begin(SYSTEMS, environ=environ, folder=tmp_path)


@pytest.fixture
def agon(process, monkeypatch, capsys):
    """The command line in this process, on the home of the test."""
    monkeypatch.setenv("AGON_HOME", str(process.home))
    monkeypatch.setattr(commands, "out", Console(width=200, highlight=False, soft_wrap=True))

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            cli.main(list(arguments))
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return call


class TestFiles:
    async def test_a_file_is_whole_and_for_us_alone(self, process):
        data, name = message()
        path = await folder.keep(process, data, name)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert path.read_bytes() == data
        assert [each.name for each in path.parent.iterdir()] == [path.name]
        assert path.name.startswith("20260102T030405.000678Z-")

    async def test_a_link_can_be_read_in_the_file_itself(self, process):
        path = await keep(process)
        assert LINK in path.read_text()

    @pytest.mark.parametrize("site", ["Agon", "Ágón – 竞赛"])
    async def test_what_was_written_is_what_is_read(self, process, site):
        await keep(process, site_name=site)
        (kept,) = folder.newest(folder.place(process), 5)
        assert (kept.to, kept.link, kept.code) == ("ada@example.org", LINK, "123456")
        assert kept.subject == f"Confirm your email address for {site}"
        assert site in kept.text
        assert kept.at == AT.replace(microsecond=0)

    async def test_a_mail_with_a_code_only_has_no_link(self, process):
        await keep(process, link=None)
        (kept,) = folder.newest(folder.place(process), 5)
        assert (kept.link, kept.code) == ("", "123456")

    async def test_the_same_mail_again_replaces_its_file(self, process):
        assert await keep(process) == await keep(process)
        assert len(folder.newest(folder.place(process), 5)) == 1

    async def test_the_newest_come_first(self, process):
        for number in (2, 1, 3):
            await keep(process, number, code=f"00000{number}")
        found = folder.newest(folder.place(process), 2)
        assert [one.code for one in found] == ["000003", "000002"]

    async def test_the_folder_is_bounded(self, process, monkeypatch):
        monkeypatch.setattr(folder, "FILES_MAX", 3)
        await asyncio.gather(*(keep(process, number) for number in range(6)))
        await keep(process, 6)
        names = sorted(path.name for path in folder.place(process).iterdir())
        assert names == [f"{message(n)[1]}.eml" for n in (4, 5, 6)]

    async def test_a_folder_that_takes_nothing_leaves_the_mail_waiting(self, place):
        await place.work()
        folder.place(place.runtime).write_text("a file stands in the way")
        async with place.database.as_worker() as conn:
            mail_id = await mails.post(
                conn, to="ada@example.org", template="invite",
                values={"site_name": "Agon", "email": "ada@example.org", "code": "123456"},
            )  # fmt: skip
        work = Work(database=place.database, runtime=place.runtime)
        assert "Error" in (await outside.carry(work, mails.SENDING, str(mail_id))).why
        os.unlink(folder.place(place.runtime))
        assert await outside.carry(work, mails.SENDING, str(mail_id)) is None
        assert await place.owner.fetchval("select state from agon.mails") == "sent"


class TestCommand:
    async def test_it_lists_who_what_and_the_code(self, process, agon):
        await keep(process, 1, code="111111")
        await keep(process, 2, code="222222", link="https://agon.example/x")
        code, out, _ = agon("mail")
        assert code == 0
        lines = out.splitlines()
        assert "222222" in lines[1]
        assert "https://agon.example/x" in lines[1]
        assert "ada@example.org" in lines[1]
        assert "2026-01-02 03:04:07" in lines[1]
        assert "111111" in out

    async def test_it_lists_for_programs(self, process, agon):
        await keep(process, 1)
        _, out, _ = agon("mail", "--json", "--limit", "1")
        (one,) = json.loads(out)
        assert (one["n"], one["code"], one["link"], one["to"]) == (
            1, "123456", LINK, "ada@example.org",
        )  # fmt: skip

    async def test_it_shows_one(self, process, agon):
        await keep(process, 1, code="111111")
        await keep(process, 2, code="222222", site_name="[red]A[/red]gon")
        for arguments in (("--last",), ("1",)):
            _, out, _ = agon("mail", "show", *arguments)
            assert "222222" in out.splitlines()
            assert LINK in out.splitlines()
            assert "Subject: Confirm your email address for [red]A[/red]gon" in out.splitlines()
        assert "111111" in agon("mail", "show", "2")[1]
        assert json.loads(agon("mail", "show", "2", "--json")[1])["code"] == "111111"

    async def test_no_mail_is_said(self, agon):
        code, out, _ = agon("mail")
        assert (code, "no mail in" in out) == (0, True)
        assert json.loads(agon("mail", "--json")[1]) == []

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            (("show",), "mail_unnamed"),
            (("show", "1", "--last"), "mail_unnamed"),
            (("show", "2"), "mail_unknown"),
        ],
    )
    async def test_a_mail_that_is_not_named_or_not_there_is_refused(
        self, process, agon, arguments, code
    ):
        await keep(process)
        ended, _, err = agon("mail", *arguments)
        assert (ended, code in err) == (3, True)


class TestDoctor:
    def changed(self, process, **changes):
        settings = process.settings
        return replace(process, settings=replace(settings, values={**settings.values, **changes}))

    async def test_files_are_said_to_be_files(self, process):
        found = await checks.check_mail(process)
        assert found.state == "note"
        assert str(folder.place(process)) in found.text
        assert list(folder.place(process).iterdir()) == []

    async def test_a_mail_server_that_answers_is_fine(self, process):
        async with standin.standin() as server:
            url = f"smtp://127.0.0.1:{server.port}"
            found = await checks.check_mail(
                self.changed(process, smtp_url=url, mail_from="Agon <a@agon.example>")
            )
        assert found.state == "ok"
        assert "a@agon.example" in found.text
        assert server.taken == []

    @pytest.mark.parametrize(
        ("url", "sender", "said"),
        [
            ("smtp://127.0.0.1:1", "a@agon.example", "cannot be reached"),
            ("smtp://127.0.0.1:1", None, "AGON_MAIL_FROM"),
            ("http://127.0.0.1:1", "a@agon.example", "AGON_SMTP_URL"),
        ],
    )
    async def test_a_mistake_is_a_finding(self, process, url, sender, said):
        doomed = replace(
            self.changed(process, smtp_url=url, mail_from=sender), systems=(NOTIFICATIONS,)
        )
        ((name, found),) = await doctor.examine(doomed)
        assert (name, found.state) == ("notifications: mail", "wrong")
        assert said in found.text


def test_names_sort_by_time():
    early, late = clock.now(), clock.now() + timedelta(microseconds=2)
    some, other = uuid.UUID(int=2**127), uuid.UUID(int=1)
    assert mails._name(early, some) < mails._name(late, other)
