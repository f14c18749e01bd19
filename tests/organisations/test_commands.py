"""`agon org …`: what an operator does for those who cannot."""

from __future__ import annotations

import asyncio

import pytest

from agon import cli
from agon.kernel import commands
from tests.organisations.test_branding import CHALLENGE, wear
from tests.organisations.walks import SLUG, acme, key_of, roles
from tests.places import wallet


@pytest.fixture(autouse=True)
def _here(place, monkeypatch):
    monkeypatch.setattr(commands, "begin", lambda: place.runtime)


async def said(capsys, *words: str, code: int = 0) -> str:
    """What it prints; in a thread, since it runs a loop of its own."""
    with pytest.raises(SystemExit) as ended:
        await asyncio.to_thread(cli.main, ["org", *words])
    printed = capsys.readouterr()
    assert ended.value.code == code, printed
    return (printed.out + printed.err).strip()


async def test_an_operator_makes_organisations_and_gives_them_away(place, capsys):
    made = await said(capsys, "create", "other", "The Others", "--owner", wallet("bob"))
    assert made == f"other belongs to {wallet('bob')}."
    await acme(place)
    listed = await said(capsys, "list")
    assert SLUG in listed and "The Others" in listed and wallet("ada") in listed
    invited = await said(capsys, "invite", SLUG, wallet("new"), "--role", "admin")
    assert invited.startswith(f"{wallet('new')} may join as admin until ")
    # Whoever owned it has lost the wallet.
    given = await said(capsys, "transfer", SLUG, wallet("mia"))
    assert given == f"{SLUG} belongs to {wallet('mia')}."
    assert (await roles(place))[wallet("mia")] == "owner"
    assert wallet("abe") in await said(capsys, "members", SLUG)
    assert "no such organisation" in await said(capsys, "members", "nobody", code=3)
    assert "does not belong" in await said(capsys, "transfer", SLUG, wallet("eve"), code=3)


async def test_an_operator_makes_keys_and_ends_them(place, capsys):
    await acme(place)
    made = await said(capsys, "key", SLUG, "--label", "ci", "--scope", "org:read")
    assert made.startswith("agon_key_") and len(made) == 52
    listed = await said(capsys, "key", SLUG)
    assert made[9:17] in listed and made not in listed and "org:read" in listed
    key = await key_of(place, "org:read")
    assert await said(capsys, "key", SLUG, "--revoke", key["id"]) == "It holds no more."
    assert await said(capsys, "key", SLUG, "--revoke", key["id"]) == "No such key held."
    unknown = await said(capsys, "key", SLUG, "--label", "ci", "--scope", "all", code=3)
    assert "no scope all" in unknown


async def test_an_operator_sees_what_dns_must_say(place, capsys):
    await acme(place)
    assert "no domain of its own" in await said(capsys, "domain", SLUG, code=3)
    record = await wear(place)
    told = await said(capsys, "domain", SLUG)
    assert told.startswith(f'{CHALLENGE} TXT "{record["value"]}"')
