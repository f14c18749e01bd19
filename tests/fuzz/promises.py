"""What the data door promises of every request, whatever it holds."""

from __future__ import annotations

import json

from tests.fuzz.canaries import HIDDEN, VISIBLE, Canaries, Reply
from tests.fuzz.traffic import Request

LISTED_DETAILS = ("PGRST201",)
"""Whose details are the candidates, as PostgREST has it."""
NEXT = {
    "role": "anon", "session": "agon_web", "sub": None, "claims": {"role": "anon"},
    "method": "GET", "path": "/rpc/whoami", "cookies": {},
    "search_path": '"public", "extensions"', "zone": "UTC", "read_only": "on", "timeout": "20s",
    "status": "", "replies": "", "updated": "",
}  # fmt: skip
"""What the next request finds, on the same connection."""
READING = ("GET", "HEAD", "OPTIONS")


async def hold(rows: Canaries, request: Request) -> Reply:
    """The answer to a request, after all promises were tried. Raises AssertionError."""
    reply = await rows.send(request)
    assert reply.status < 500, reply
    rows.answered += reply.status < 300 and len(reply.body) > len("[{}]")
    if reply.status >= 300 and request.method != "HEAD":
        check_refusal(reply)
    if reply.body and reply.headers["content-type"].partition(";")[0].endswith("json"):
        json.loads(reply.body)
    for word in HIDDEN[request.who]:
        assert not reply.holds(word), (word, reply)
    check_count(request, reply)
    assert await rows.whoami() == NEXT
    if reply.status < 300 and request.method not in READING:
        await rows.restore()
    return reply


def check_refusal(reply: Reply) -> None:
    """PostgREST's four parts, and their types."""
    said = json.loads(reply.body)
    assert set(said) == {"code", "details", "hint", "message"}
    assert isinstance(said["code"], str) and said["code"]
    assert isinstance(said["message"], str)
    assert isinstance(said["hint"], str | None)
    assert isinstance(said["details"], list if said["code"] in LISTED_DETAILS else str | None)
    assert reply.headers["content-type"] == "application/json; charset=utf-8"


def check_count(request: Request, reply: Reply) -> None:
    """A count counts no row that is hidden. A planned one is an estimate from statistics."""
    total = reply.headers.get("content-range", "*/*").rpartition("/")[2]
    most = VISIBLE[request.who].get(request.path[1:])
    planned = b"count=planned" in request.headers.get(b"prefer", b"")
    if total != "*" and most is not None and request.method in READING and not planned:
        assert int(total) <= most, reply
