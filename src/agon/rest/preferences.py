"""The `Prefer` header: what it asks for, and what `Preference-Applied` answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from agon.kernel.errors import refuse
from agon.rest.ask import Action, Preferences

REMEMBERED_MAX = 512
"""Headers whose reading is kept."""
REMEMBERED_CHARS_MAX = 1000
MAX_AFFECTED_DIGITS_MAX = 18

_FIELD_BY_NAME = {
    "return": "returns",
    "count": "count",
    "resolution": "resolution",
    "missing": "missing",
    "tx": "tx",
    "handling": "handling",
}
_WORDS_BY_NAME = {
    "return": ("minimal", "headers-only", "representation"),
    "count": ("exact", "planned", "estimated"),
    "resolution": ("merge-duplicates", "ignore-duplicates"),
    "missing": ("default", "null"),
    "tx": ("commit", "rollback"),
    "handling": ("strict", "lenient"),
}

APPLIED_ORDER = (
    "resolution",
    "missing",
    "return",
    "count",
    "tx",
    "handling",
    "timezone",
    "max-affected",
)
_ALWAYS = frozenset(("count", "tx", "handling", "timezone"))
_RELEVANT: dict[Action, frozenset[str]] = {
    "read": _ALWAYS,
    "insert": _ALWAYS | {"resolution", "missing", "return"},
    "update": _ALWAYS | {"missing", "return", "max-affected"},
    "delete": _ALWAYS | {"return", "max-affected"},
    "put": _ALWAYS | {"return"},
    "call": _ALWAYS | {"max-affected"},
}


def read(header_values: Sequence[str]) -> Preferences:
    """The values of all `Prefer` headers, in their order. Of each preference the first counts."""
    text = ",".join(header_values)
    return _remembered(text) if len(text) <= REMEMBERED_CHARS_MAX else _read(text)


def _read(text: str) -> Preferences:
    found: dict[str, str | int] = {}
    unknown = []
    for token in map(str.strip, text.split(",")):
        name, _, word = token.partition("=")
        if word in _WORDS_BY_NAME.get(name, ()):
            found.setdefault(_FIELD_BY_NAME[name], word)
        elif name == "timezone" and word:
            found.setdefault("timezone", word)
        elif name == "max-affected" and _is_count(word):
            found.setdefault("max_affected", int(word))
        elif token:
            unknown.append(token)
    return Preferences(**found, unknown=tuple(unknown))  # type: ignore[arg-type]


def _is_count(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) <= MAX_AFFECTED_DIGITS_MAX


_remembered = lru_cache(REMEMBERED_MAX)(_read)


def settle(
    preferences: Preferences, *, time_zones: frozenset[str], tx_allowed: bool
) -> Preferences:
    """The preferences that this server can meet: a time zone that Postgres does not know becomes
    unknown, and `tx` is silent where the configuration does not allow it."""
    if preferences.tx is not None and not tx_allowed:
        preferences = replace(preferences, tx=None)
    zone = preferences.timezone
    if zone is not None and zone not in time_zones:
        unknown = (*preferences.unknown, f"timezone={zone}")
        preferences = replace(preferences, timezone=None, unknown=unknown)
    return preferences


def check(preferences: Preferences) -> None:
    """Raises Refused (PGRST122, 400) for unknown preferences under `handling=strict`."""
    if preferences.handling == "strict" and preferences.unknown:
        raise refuse(
            "PGRST122",
            "Invalid preferences given with handling=strict",
            details="Invalid preferences: " + ", ".join(preferences.unknown),
        )


def applied(preferences: Preferences, action: Action) -> str | None:
    """The value of `Preference-Applied`; None where nothing of it bears on the action.

    `max-affected` holds under strict handling only. Where an insert has nothing to be a duplicate
    of (no primary key, no `on_conflict`), the caller sets `resolution` to None.
    """
    return _applied(preferences, action)


@lru_cache(REMEMBERED_MAX)
def _applied(preferences: Preferences, action: Action) -> str | None:
    values: dict[str, object] = {
        name: getattr(preferences, field) for name, field in _FIELD_BY_NAME.items()
    }
    values["timezone"] = preferences.timezone
    if preferences.handling == "strict":
        values["max-affected"] = preferences.max_affected
    relevant = _RELEVANT[action]
    tokens = [
        f"{name}={values[name]}"
        for name in APPLIED_ORDER
        if name in relevant and values.get(name) is not None
    ]
    return ", ".join(tokens) or None
