"""Logs: what machines read of them."""

from __future__ import annotations

import json
import subprocess
import sys

SAYS = """
from datetime import date
from agon.kernel import logs
logs.configure(style="json")
logs.get("agon.test").info("epoch.moved", day=date(2026, 3, 2))
"""


def test_a_line_of_json_has_a_day_as_everything_else_writes_it():
    # In a process of its own: what is configured is the whole process's.
    said = subprocess.run([sys.executable, "-c", SAYS], capture_output=True, check=True)
    line = json.loads(said.stderr)
    assert (line["event"], line["day"]) == ("epoch.moved", "2026-03-02")
