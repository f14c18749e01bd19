"""Configuration: every mistake at once, with its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from agon.kernel import config
from agon.kernel.errors import Refused
from agon.kernel.manifest import Setting

SETTINGS = (
    Setting(name="port", kind="integer", default="8000", minimum=1, maximum=65535),
    Setting(name="flag", kind="boolean", default="no"),
    Setting(name="place", kind="url"),
    Setting(name="mode", choices=("one", "two"), default="one"),
    Setting(name="token", secret=True),
)


def _read(folder: Path, **environ: str) -> config.Settings:
    return config.read(SETTINGS, environ=environ, folder=folder)


def test_a_variable_wins_over_the_file_and_the_file_over_the_default(tmp_path):
    (tmp_path / "agon.toml").write_text("port = 1\nmode = 'two'\n")
    settings = _read(tmp_path, AGON_PORT="2")
    assert (settings["port"], settings["mode"], settings["flag"]) == (2, "two", False)
    assert settings.origins == {
        "port": "environment", "mode": "agon.toml", "flag": "default", "place": "default",
        "token": "default",
    }  # fmt: skip


def test_every_mistake_is_reported_at_once(tmp_path):
    (tmp_path / "agon.toml").write_text("unheard_of = 1\n")
    with pytest.raises(Refused) as refused:
        _read(
            tmp_path, AGON_PORT="many", AGON_FLAG="perhaps", AGON_PLACE="here", AGON_MODE="three",
            AGON_TYPO="1", AGON_TOKEN_FILE=str(tmp_path / "absent"),
        )  # fmt: skip
    details = refused.value.refusal.details or ""
    for name in ("unheard_of", "AGON_PORT", "AGON_FLAG", "AGON_PLACE", "AGON_MODE", "AGON_TYPO"):
        assert name in details
    assert "AGON_TOKEN_FILE" in details
    assert len(details.splitlines()) == 7


def test_a_secret_is_read_from_a_file_and_never_printed(tmp_path):
    (tmp_path / "secret").write_text("hush\n")
    settings = _read(tmp_path, AGON_TOKEN_FILE=str(tmp_path / "secret"))
    assert settings["token"] == "hush"
    assert "hush" not in repr(settings)


def test_a_secret_in_two_places_is_refused(tmp_path):
    (tmp_path / "secret").write_text("hush")
    with pytest.raises(Refused) as refused:
        _read(tmp_path, AGON_TOKEN="loud", AGON_TOKEN_FILE=str(tmp_path / "secret"))
    assert "keep one" in (refused.value.refusal.details or "")


def test_a_broken_file_is_a_mistake_with_its_name(tmp_path):
    (tmp_path / "agon.toml").write_text("port = ")
    with pytest.raises(Refused) as refused:
        _read(tmp_path)
    assert "agon.toml" in (refused.value.refusal.details or "")


def test_the_object_is_frozen(tmp_path):
    settings = _read(tmp_path)
    with pytest.raises(AttributeError):
        settings.values = {}  # type: ignore[misc]


@pytest.mark.parametrize(("port", "sentence"), [("0", "1 or more"), ("65536", "65535 or less")])
def test_a_number_outside_its_limits_is_a_mistake(tmp_path, port, sentence):
    with pytest.raises(Refused) as refused:
        _read(tmp_path, AGON_PORT=port)
    assert sentence in (refused.value.refusal.details or "")


@pytest.mark.parametrize("port", ["1", "65535"])
def test_the_limits_themselves_are_allowed(tmp_path, port):
    assert _read(tmp_path, AGON_PORT=port)["port"] == int(port)
