"""Settings of a competition, as settings.schema.json publishes them. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any

import jsonschema

from agon.kernel.canonical import canonical, step
from agon.kernel.errors import Refused, refuse
from agon.leagues.brackets import format

SETTINGS_BYTES_MAX = 262_144
"""Size of settings in canonical JSON."""
MISTAKES_MAX = 20
"""Mistakes that one answer lists."""


def check(config: object) -> None:
    """Refuse settings that no competition can have: `settings_malformed`, with each place, or
    `format_malformed`."""
    mistakes = list(_mistakes(config))
    if mistakes:
        raise refuse(
            "settings_malformed",
            "These are not settings of a competition.",
            details="\n".join(mistakes[:MISTAKES_MAX]),
            hint="settings.schema.json, in the package agon.leagues, describes each key.",
            status=422,
        )
    assert isinstance(config, Mapping)
    if "format" in config:
        format.check(config["format"])


def schema() -> dict[str, Any]:
    """The form of settings as a JSON Schema, draft 2020-12."""
    return json.loads(files("agon.leagues").joinpath("settings.schema.json").read_text("utf-8"))


@lru_cache(maxsize=1)
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema())


def _mistakes(config: object) -> Iterator[str]:
    """Each as "/path: sentence", in the order of places."""
    try:
        size = len(canonical(config))
    except Refused as refused:  # floats and the like, which the schema would let through
        yield refused.refusal.details or refused.refusal.message
        return
    if size > SETTINGS_BYTES_MAX:
        yield f"/: Settings have at most {SETTINGS_BYTES_MAX} bytes."
        return
    found = sorted(_validator().iter_errors(config), key=lambda error: list(map(str, error.path)))
    for error in found:
        place = "".join(step(str(key)) for key in error.absolute_path)
        yield f"{place or '/'}: {error.message[:200]}"
    if found:
        return
    assert isinstance(config, Mapping)
    window = config.get("check_in")
    if window:
        times = {key: _time(window[key]) for key in ("opens_at", "closes_at")}
        missing = [key for key, time in times.items() if time is None]
        for key in missing:
            yield f"/check_in/{key}: This is no time with an offset, as in 2026-03-01T18:00:00Z."
        if not missing and times["opens_at"] >= times["closes_at"]:  # type: ignore[operator]
            yield "/check_in: It opens before it closes."
    seeding = config.get("seeding", {})
    if "seed" in seeding and seeding["method"] != "random":
        yield "/seeding/seed: Only the method random has a seed."


def _time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else None
