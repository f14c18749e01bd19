"""`agon org webhooks`: what an operator sees, and helps with."""

from __future__ import annotations

import pytest

from agon.kernel import commands
from tests.organisations.test_commands import said
from tests.organisations.walks import SLUG
from tests.organisations.webhook_walks import all_delivered, hook, ready, told_of, until, working
from tests.standins.webhook_sink import sink


@pytest.fixture(autouse=True)
def _here(place, monkeypatch):
    monkeypatch.setattr(commands, "begin", lambda: place.runtime)
    monkeypatch.setattr(commands.out, "width", 400)


async def test_an_operator_sees_to_a_webhook(place, capsys):
    await ready(place)
    async with sink() as at:
        webhook = await hook(place, at, "/a")
        listed = await said(capsys, "webhooks", SLUG)
        assert webhook["id"] in listed and at.url("/a") in listed and "secret" not in listed
        assert "asked" in await said(capsys, "webhooks", SLUG, "--pause", webhook["id"])
        await said(capsys, "webhooks", SLUG, "--ping", webhook["id"])
        async with working(place, at):
            await until(place, webhook, all_delivered(1))
        last = await said(capsys, "webhooks", SLUG, "--last", webhook["id"])
        assert "webhook.ping" in last and "delivered" in last and "thanks" in last
        resumed = await said(capsys, "webhooks", SLUG, "--resume", webhook["id"], "--skip", "all")
        assert "asked" not in resumed
        refused = await said(
            capsys, "webhooks", SLUG, "--resume", webhook["id"], "--skip", "some", code=3
        )
        assert "skip_unknown" in refused
        nobody = "00000000-0000-4000-8000-000000000000"
        assert "webhook_unknown" in await said(capsys, "webhooks", SLUG, "--last", nobody, code=3)
        assert len(await told_of(place, webhook)) == 1
