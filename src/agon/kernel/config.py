"""Configuration: one frozen object from `AGON_*` variables and an optional `agon.toml`.

A variable wins over the file; the file wins over the default. Every mistake is reported at once.
Secrets may stand in a file that `AGON_<NAME>_FILE` names.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from agon.kernel.errors import refuse
from agon.kernel.manifest import Setting

TOML_NAME = "agon.toml"
SECRET_BYTES_MAX = 64 * 1024

TRUE_WORDS = ("1", "true", "yes", "on")
FALSE_WORDS = ("0", "false", "no", "off")

Value = str | int | bool | Path | None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The checked configuration. Read one with ``settings["jwt_secret"]``."""

    values: Mapping[str, Value]
    secrets: frozenset[str] = frozenset()
    origins: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def __repr__(self) -> str:
        return f"Settings({self.printable()})"

    def printable(self) -> dict[str, str]:
        """What may be shown: secrets are only said to be there."""
        return {
            name: "(set)" if name in self.secrets and value is not None else str(value)
            for name, value in sorted(self.values.items())
        }


def read(
    settings: Iterable[Setting],
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Settings:
    """Check and freeze the configuration.

    Raises Refused `configuration_wrong`, its details one mistake per line, each with its name.
    """
    environ = os.environ if environ is None else environ
    known = {setting.name: setting for setting in settings}
    mistakes: list[str] = []
    from_file = _read_toml(Path(folder or Path.cwd()) / TOML_NAME, known, mistakes)
    mistakes += _unknown_variables(environ, known)
    values: dict[str, Value] = {}
    origins: dict[str, str] = {}
    for setting in known.values():
        raw, origin = _find(setting, environ, from_file, mistakes)
        origins[setting.name] = origin
        try:
            values[setting.name] = _parse(setting, raw)
        except ValueError as error:
            mistakes.append(f"{_variable(setting)} ({origin}): {error}")
    if mistakes:
        raise refuse(
            "configuration_wrong",
            f"The configuration has {len(mistakes)} mistake(s).",
            details="\n".join(mistakes),
            hint="Correct the settings named; docs/install.md lists them all.",
        )
    secrets = frozenset(setting.name for setting in known.values() if setting.secret)
    return Settings(values=values, secrets=secrets, origins=origins)


def _variable(setting: Setting) -> str:
    return f"AGON_{setting.name.upper()}"


def _read_toml(path: Path, known: Mapping[str, Setting], mistakes: list[str]) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        mistakes.append(f"{path.name}: {error}")
        return {}
    for name, value in table.items():
        if name not in known:
            mistakes.append(f"{path.name}: {name} is not a setting")
        elif not isinstance(value, str | int | bool):
            mistakes.append(f"{path.name}: {name} must be a string, a number or a boolean")
    return {name: str(value) for name, value in table.items() if isinstance(value, str | int)}


def _unknown_variables(environ: Mapping[str, str], known: Mapping[str, Setting]) -> list[str]:
    names = {_variable(setting) for setting in known.values()}
    names |= {_variable(setting) + "_FILE" for setting in known.values() if setting.secret}
    return [
        f"{name}: there is no such setting"
        for name in sorted(environ)
        if name.startswith("AGON_") and not name.startswith("AGON_TEST_") and name not in names
    ]


def _find(
    setting: Setting,
    environ: Mapping[str, str],
    from_file: Mapping[str, str],
    mistakes: list[str],
) -> tuple[str | None, str]:
    variable = _variable(setting)
    if environ.get(variable, "") != "":
        if setting.secret and environ.get(variable + "_FILE"):
            mistakes.append(f"{variable} and {variable}_FILE are both set: keep one")
        return environ[variable], "environment"
    if setting.secret and environ.get(variable + "_FILE"):
        path = Path(environ[variable + "_FILE"])
        try:
            if path.stat().st_size > SECRET_BYTES_MAX:
                mistakes.append(f"{variable}_FILE: {path} is larger than {SECRET_BYTES_MAX} bytes")
                return None, "file"
            return path.read_text("utf-8").rstrip("\n"), "file"
        except (OSError, UnicodeDecodeError) as error:
            mistakes.append(f"{variable}_FILE: {error}")
            return None, "file"
    if setting.name in from_file:
        return from_file[setting.name], TOML_NAME
    return setting.default, "default"


def _parse(setting: Setting, raw: str | None) -> Value:
    if raw is None:
        return None
    if setting.choices and raw not in setting.choices:
        raise ValueError(f"must be one of {', '.join(setting.choices)}")
    match setting.kind:
        case "integer":
            return _integer(setting, raw)
        case "boolean":
            if raw.lower() not in TRUE_WORDS + FALSE_WORDS:
                raise ValueError(f"must be one of {', '.join(TRUE_WORDS + FALSE_WORDS)}")
            return raw.lower() in TRUE_WORDS
        case "url":
            if not urlsplit(raw).scheme:
                raise ValueError("must be a URL with a scheme")
            return raw
        case "path":
            return Path(raw).expanduser()
        case _:
            return raw


def _integer(setting: Setting, raw: str) -> int:
    if not raw.removeprefix("-").isdecimal():
        raise ValueError("must be a whole number")
    number = int(raw)
    if setting.minimum is not None and number < setting.minimum:
        raise ValueError(f"must be {setting.minimum} or more")
    if setting.maximum is not None and number > setting.maximum:
        raise ValueError(f"must be {setting.maximum} or less")
    return number
