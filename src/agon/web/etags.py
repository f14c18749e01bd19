"""Which versions a client says that it has (RFC 9110, 13.1.2)."""

from __future__ import annotations

TAGS_MAX = 20


def asked(if_none_match: str) -> frozenset[str]:
    """The tags of an If-None-Match, without their quotes, compared weakly; '*' is any."""
    tags = if_none_match.split(",", TAGS_MAX)[:TAGS_MAX]
    return frozenset(tag.strip().removeprefix("W/").strip('"') for tag in tags) - {""}


def holds(if_none_match: str, tag: str) -> bool:
    """Whether the client has this version already."""
    return bool(asked(if_none_match) & {tag, "*"})
