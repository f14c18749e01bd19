"""docs/install.md lists every setting, as the manifests have them."""

from __future__ import annotations

import os
from pathlib import Path

from agon.kernel.manifest import Setting
from agon.systems import SYSTEMS

PAGE = Path(__file__).parents[1] / "docs" / "install.md"
HEADING = "## Settings\n"


def test_the_page_lists_every_setting():
    text = PAGE.read_text("utf-8")
    before = text.partition(HEADING)[0]
    listed = f"{before}{HEADING}\n{table()}"
    if os.environ.get("AGON_TEST_WRITE_DOCS"):
        PAGE.write_text(listed, "utf-8")
        text = listed
    assert text == listed, "AGON_TEST_WRITE_DOCS=1 writes it again"


def test_every_setting_has_a_help_text():
    assert [one.name for system in SYSTEMS for one in system.settings if not one.help] == []


def table() -> str:
    rows = ["| name | default | secret | what it is |", "| --- | --- | --- | --- |"]
    rows += [row(setting) for system in SYSTEMS for setting in system.settings]
    return "\n".join(rows) + "\n"


def row(setting: Setting) -> str:
    default = f"`{setting.default}`" if setting.default else ""
    choices = f" One of {', '.join(f'`{one}`' for one in setting.choices)}." * bool(setting.choices)
    limits = [f"from {setting.minimum}"] if setting.minimum is not None else []
    limits += [f"to {setting.maximum}"] if setting.maximum is not None else []
    bounds = f" A whole number {' '.join(limits)}." if limits else ""
    secret = "yes" if setting.secret else ""
    what = f"{setting.help}{choices}{bounds}"
    return f"| `AGON_{setting.name.upper()}` | {default} | {secret} | {what} |"
