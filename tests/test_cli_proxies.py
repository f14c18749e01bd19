"""`agon serve` believes the listed proxies, and nobody else, where a request comes from."""

from __future__ import annotations

import asyncio
import socket

import pytest
import uvicorn

from agon import cli
from agon.kernel import runtime
from agon.systems import SYSTEMS

FORWARDED = [(b"x-forwarded-for", b"203.0.113.9")]


def configured(tmp_path, monkeypatch, **environ: str) -> uvicorn.Config:
    """What `agon serve` gives to uvicorn."""
    kept: list[uvicorn.Config] = []

    def run(server: uvicorn.Server, sockets: object) -> None:
        kept.append(server.config)
        server.started = True

    monkeypatch.setattr(uvicorn.Server, "run", run)
    home = {"AGON_HOME": str(tmp_path), "AGON_LOG_LEVEL": "error", **environ}
    process = runtime.begin(SYSTEMS, environ=home, folder=tmp_path)
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        cli._serve(process, line, work=False)
    kept[0].load()
    return kept[0]


def whence(config: uvicorn.Config, peer: str) -> str:
    """Where the application sees a request coming from that this peer forwards."""
    seen: list[str] = []

    async def application(scope, receive, send) -> None:
        seen.append(scope["client"][0])

    config.loaded_app.app = application
    scope = {"type": "http", "client": (peer, 4711), "headers": FORWARDED, "scheme": "http"}
    asyncio.run(config.loaded_app(scope, None, None))
    return seen[0]


@pytest.mark.parametrize(
    ("environ", "peer", "seen"),
    [
        ({}, "127.0.0.1", "203.0.113.9"),
        ({}, "10.1.2.3", "10.1.2.3"),
        ({"AGON_TRUSTED_PROXIES": "10.1.0.0/16"}, "10.1.2.3", "203.0.113.9"),
        ({"AGON_TRUSTED_PROXIES": "10.1.0.0/16"}, "127.0.0.1", "127.0.0.1"),
        ({"AGON_TRUSTED_PROXIES": "none"}, "127.0.0.1", "127.0.0.1"),
    ],
)
def test_only_listed_proxies_say_where_a_request_comes_from(
    tmp_path, monkeypatch, environ, peer, seen
):
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    assert whence(configured(tmp_path, monkeypatch, **environ), peer) == seen
