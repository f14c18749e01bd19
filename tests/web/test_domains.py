"""Whose host a request came to: by its name alone, and as it was when last it could be read."""

from __future__ import annotations

import pytest

from agon.kernel.errors import refuse
from agon.kernel.manifest import Domains as Listed
from agon.kernel.manifest import System
from agon.web import domains
from agon.web.domains import Domains, host_of

NAMES = {"a.example": "1"}


@pytest.mark.parametrize(
    ("sent", "host"),
    [
        (b"A.example", "a.example"),
        (b"a.example:8000", "a.example"),
        (b"a.example.", "a.example"),
        (b"a.example.:80", "a.example"),
        (b"[::1]:8000", "[::1]"),
        (b"[::1]", "[::1]"),
        (b"", ""),
        (b"a.example, b.example", "a.example, b.example"),
        (b"\xff", "ÿ"),
    ],
)
def test_a_host_is_its_name_without_port_and_case(sent, host):
    assert host_of({b"host": sent}) == host


async def names(_database):
    if not NAMES:
        raise refuse("database_unreachable", "It is away.", status=503)
    return dict(NAMES)


async def test_what_was_known_counts_until_it_can_be_read_again(monkeypatch):
    listed = Listed(claim="whose", names="tests.web.test_domains:names")

    class Process:
        systems = (System(name="a", package="tests", domains=(listed,)),)

    known = Domains(Process, lambda: None)
    headers = {b"host": b"a.example"}
    assert await known.said(headers, 100) == (("whose", "1"),)
    assert await known.said({b"host": b"b.example"}, 100) == ()
    monkeypatch.setitem(NAMES, "a.example", "2")
    assert await known.said(headers, 100 + domains.READ_S - 1) == (("whose", "1"),)
    monkeypatch.delitem(NAMES, "a.example")
    late_s = 100 + domains.READ_S
    assert await known.said(headers, late_s) == (("whose", "1"),)
    monkeypatch.setitem(NAMES, "a.example", "3")
    assert await known.said(headers, late_s + domains.RETRY_S) == (("whose", "3"),)
    assert await Domains(Process, None).said(headers, 100) == ()
