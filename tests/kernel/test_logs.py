"""Logs: what machines read of them."""

from __future__ import annotations

import json
import logging
from datetime import date

import pytest
import structlog

from agon.kernel import logs


@pytest.fixture
def line(capsys):
    """What was written last; logs are JSON, and afterwards as they were."""
    root = logging.getLogger()
    handlers, level, before = root.handlers[:], root.level, structlog.get_config()
    logs.configure(style="json")
    yield lambda: json.loads(capsys.readouterr().err.splitlines()[-1])
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_line_of_json_has_a_day_as_everything_else_writes_it(line):
    logs.get("agon.test").info("epoch.moved", day=date(2026, 3, 2))
    written = line()
    assert (written["event"], written["day"]) == ("epoch.moved", "2026-03-02")
