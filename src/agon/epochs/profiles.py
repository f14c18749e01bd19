"""Profiles: the rules that an epoch is played by, as profile.schema.json publishes them. Pure.

The schema says the form; what no schema can say (zones that exist, sums, slots with types that are
there) is checked here. One file of an epoch's rules is in the package: `daily()`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

import jsonschema

from agon.kernel.canonical import canonical, step
from agon.kernel.errors import Refused, refuse
from agon.kernel.zones import zones

PROFILE_BYTES_MAX = 262_144
"""Size of a profile in canonical JSON."""
MISTAKES_MAX = 20
"""Mistakes that one answer lists."""
DAY_S = 86_400
WHOLE_BPS = 10_000
WEI_END = 2**256
RETURN_MS = 600_000
SHRINKAGE_VOTES = 20


def check(config: object) -> None:
    """Refuse a profile that no epoch can be played by: `profile_malformed`, with each place."""
    mistakes = list(_mistakes(config))
    if mistakes:
        raise refuse(
            "profile_malformed",
            "This is not a profile that an epoch can be played by.",
            details="\n".join(mistakes[:MISTAKES_MAX]),
            hint="profile.schema.json, in the package agon.epochs, describes each key.",
            status=422,
        )


def schema() -> dict[str, Any]:
    """The form of a profile as a JSON Schema, draft 2020-12."""
    return _document("profile.schema.json")


def daily() -> dict[str, Any]:
    """A profile to begin with: 16 slots, and a day of 22 hours in UTC."""
    return _document("profile.daily.json")


def return_ms(config: Mapping[str, Any]) -> int:
    """Time in which a bot's claims of one slot count once."""
    return config.get("return_ms", RETURN_MS)


def shrinkage_votes(config: Mapping[str, Any]) -> int:
    """As many votes weigh half."""
    return config["votes"].get("shrinkage", SHRINKAGE_VOTES)


def _document(name: str) -> dict[str, Any]:
    return json.loads(files("agon.epochs").joinpath(name).read_text("utf-8"))


@lru_cache(maxsize=1)
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema())


def _mistakes(config: object) -> Iterator[str]:
    """Each as "/path: sentence", in the order of places."""
    try:
        size = len(canonical(config)) if isinstance(config, dict) else 0
    except Refused as refused:  # floats and the like, which the schema would let through
        yield refused.refusal.details or refused.refusal.message
        return
    if size > PROFILE_BYTES_MAX:
        yield f"/: A profile has at most {PROFILE_BYTES_MAX} bytes."
        return
    found = sorted(_validator().iter_errors(config), key=lambda error: list(map(str, error.path)))
    for error in found:
        place = "".join(step(str(key)) for key in error.absolute_path)
        yield f"{place or '/'}: {error.message[:200]}"
    if not found:
        yield from _contradictions(config)  # type: ignore[arg-type]


def _contradictions(config: Mapping[str, Any]) -> Iterator[str]:
    if config["zone"] not in zones():
        yield "/zone: There is no such time zone."
    if sum(config["phases_s"].values()) > DAY_S:
        yield f"/phases_s: The phases together take at most {DAY_S} seconds."
    indexes = [slot["index"] for slot in config["slots"]]
    if len(set(indexes)) != len(indexes):
        yield "/slots: Two slots have the same index."
    for place, slot in enumerate(config["slots"]):
        if slot["type"] not in config["slot_types"]:
            yield f"/slots/{place}/type: slot_types has no such type."
    if sum(config["scoring"].values()) != WHOLE_BPS:
        yield f"/scoring: The weights add up to {WHOLE_BPS} basis points."
    if int(config["pool_wei"]) >= WEI_END:
        yield "/pool_wei: This must be below 2^256."
    if config["caps"].get("owner_bps", WHOLE_BPS) < config["caps"]["bot_bps"]:
        yield "/caps/owner_bps: An owner's cap is no less than a bot's."
