"""`agon role`: giving, taking and listing roles as the operator."""

from __future__ import annotations

import asyncio

import pytest

from agon.commons.people import commands as people
from agon.kernel import commands
from agon.kernel.errors import Refused
from tests.places import wallet


@pytest.fixture(autouse=True)
def _here(place, monkeypatch):
    monkeypatch.setattr(commands, "begin", lambda: place.runtime)


async def said(capsys, command, *arguments: str) -> str:
    """What a command prints; in a thread, since it runs a loop of its own."""
    await asyncio.to_thread(command, *arguments)
    return capsys.readouterr().out.strip()


async def test_a_role_is_given_listed_and_taken(place, capsys):
    ada = await place.own("ada")
    assert await said(capsys, people.list_roles) == ""
    await said(capsys, people.grant_role, wallet("ada"), "admin")
    assert await said(capsys, people.list_roles) == f"admin {ada.user_id}"
    assert "no more" in await said(capsys, people.revoke_role, ada.user_id, "admin")
    assert "had no role" in await said(capsys, people.revoke_role, ada.user_id, "admin")
    assert await said(capsys, people.list_roles) == ""


async def test_nobody_unknown_gets_a_role(capsys):
    with pytest.raises(Refused) as caught:
        await said(capsys, people.grant_role, wallet("nobody"), "admin")
    assert caught.value.refusal.code == "user_unknown"
