"""`agon epoch profile|open|advance|show` and `agon bot credential`."""

from __future__ import annotations

import asyncio
import json

import pytest

from agon import cli
from agon.kernel import commands
from tests.epochs import days
from tests.epochs.days import DAY, OPENS, STARTS


@pytest.fixture(autouse=True)
def _here(place, monkeypatch):
    monkeypatch.setattr(commands, "begin", lambda: place.runtime)


async def said(capsys, *words: str, code: int = 0) -> str:
    """What it prints; in a thread, since it runs a loop of its own."""
    with pytest.raises(SystemExit) as ended:
        await asyncio.to_thread(cli.main, list(words))
    printed = capsys.readouterr()
    assert ended.value.code == code, printed
    return (printed.out + printed.err).strip()


@pytest.fixture
def profile(tmp_path):
    path = tmp_path / "profile.json"
    path.write_text(json.dumps(days.profile()))
    return str(path)


async def test_a_day_is_opened_moved_and_shown(place, profile, capsys):
    await place.set_clock(OPENS)
    assert "No epoch profile is active" in await said(capsys, "epoch", "open", code=3)
    assert await said(capsys, "epoch", "profile", profile) == "daily version 1 is kept."
    kept = await said(capsys, "epoch", "profile", profile, "--activate")
    assert kept == "daily version 1 is active."
    assert (await said(capsys, "epoch", "open")).startswith("2026-03-02 is in prep")
    assert (await said(capsys, "epoch", "open", "2026-03-03")).startswith("2026-03-03 is in prep")
    assert await said(capsys, "epoch", "advance") == "Nothing is due."
    await place.set_clock(STARTS)
    assert await said(capsys, "epoch", "advance") == "2026-03-02 prep -> live"
    shown = await said(capsys, "epoch", "show", str(DAY))
    assert "2026-03-02 is in live" in shown and "Melody 3" in shown
    as_json = json.loads(await said(capsys, "epoch", "show", "--json"))
    assert (as_json["day"], as_json["phase"], len(as_json["slots"])) == ("2026-03-03", "prep", 5)


async def test_the_profile_that_comes_along_opens_a_day(place, capsys):
    await place.set_clock(OPENS)
    await said(capsys, "epoch", "profile", "--activate")
    assert (await said(capsys, "epoch", "open")).startswith("2026-03-02 is in prep")


async def test_what_is_no_profile_or_day_is_refused(place, tmp_path, capsys):
    path = tmp_path / "wrong.json"
    assert "file_missing" in await said(capsys, "epoch", "profile", str(path), code=3)
    for text in ("{", "{}", "[]"):
        path.write_text(text)
        assert "profile_malformed" in await said(capsys, "epoch", "profile", str(path), code=3)
    named = ("epoch", "profile", "--key", "Our day")
    assert "profile_key_malformed" in await said(capsys, *named, code=3)
    assert "day_malformed" in await said(capsys, "epoch", "open", "today", code=3)
    assert "epoch_unknown" in await said(capsys, "epoch", "show", code=3)
    assert "epoch_unknown" in await said(capsys, "epoch", "show", str(DAY), code=3)


async def test_the_operator_makes_lists_and_ends_credentials(place, capsys):
    day = await days.live(place, None, "ada")
    slug = await place.owner.fetchval("select slug from bot_identities")
    made = await said(capsys, "bot", "credential", slug, "--days", "7")
    assert made.startswith("agon_bot_")
    number, prefix, *_ = (await said(capsys, "bot", "credential", slug, "--list")).split()
    assert made.startswith(prefix.removesuffix("…"))
    assert day.bots["ada"] == await place.owner.fetchval(
        "select bot_identity_id::text from agon.agent_credentials"
    )
    ending = ("bot", "credential", slug, "--revoke", number)
    assert await said(capsys, *ending) == "It holds no more."
    assert await said(capsys, *ending) == "No such credential held."
    assert "bot_unknown" in await said(capsys, "bot", "credential", "bot_0", code=3)
