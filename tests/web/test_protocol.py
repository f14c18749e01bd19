"""What leaves when: a head with its body, and nothing later than it must."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import uvicorn

from agon.web.protocol import Joined, Protocol

WAIT_S = 10
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"
STREAMED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"

Ask = Callable[..., Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


class Recorder(asyncio.Transport):
    """Notes what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.writes.append(b"(closed)")


def test_a_head_leaves_with_its_body() -> None:
    line = Joined(recorder := Recorder())
    for _ in range(2):
        line.write(HEAD)
        assert not recorder.writes
        line.write(b"[]")
        line.end_answer()
        assert recorder.writes == [HEAD + b"[]"]
        recorder.writes.clear()


def test_a_body_that_looks_like_a_head_is_not_kept() -> None:
    line = Joined(recorder := Recorder())
    line.write(HEAD)
    line.write(b"")
    line.write(HEAD)
    assert recorder.writes == [HEAD, HEAD]


@pytest.mark.parametrize("first", [STREAMED, b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_a_head_without_a_length_leaves_at_once(first: bytes) -> None:
    line = Joined(recorder := Recorder())
    line.write(first)
    assert recorder.writes == [first]


def test_a_head_leaves_before_the_connection_closes() -> None:
    line = Joined(recorder := Recorder())
    line.write(HEAD)
    line.close()
    assert recorder.writes == [HEAD, b"(closed)"]


async def application(scope, receive, send) -> None:
    """Answers as its path says."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "HTTP/1.1 content-length: 5"})
        await receive()
        return
    path = scope["path"]
    head = {"type": "http.response.start", "status": 204 if path == "/empty" else 200}
    if path in ("/plain", "/broken"):
        head["headers"] = [(b"content-length", b"2")]
    if path == "/heard":
        await receive()
    await send(head)
    if path == "/broken":
        return
    if path == "/streamed":
        await scope["state"]["go_on"].wait()
    await send({"type": "http.response.body", "body": b"" if path == "/empty" else b"[]"})


@pytest.fixture
async def go_on() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
async def ask(go_on: asyncio.Event) -> AsyncIterator[Ask]:
    """Sends bytes to a server that speaks this protocol."""

    async def with_state(scope, receive, send) -> None:
        scope["state"] = {"go_on": go_on}
        await application(scope, receive, send)

    config = uvicorn.Config(with_state, http=Protocol, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        line.listen()
        port = line.getsockname()[1]
        task = asyncio.create_task(server.serve(sockets=[line]))
        writers = []

        async def send(data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writers.append(writer)
            writer.write(data)
            return reader, writer

        yield send
        go_on.set()
        for writer in writers:
            writer.close()
        server.should_exit = True
        await asyncio.wait_for(task, WAIT_S)


def request(method: str, path: str, *headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "host: agon.test", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


async def head_of(reader: asyncio.StreamReader) -> bytes:
    return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), WAIT_S)


async def test_answers_come_in_order_on_one_connection(ask: Ask) -> None:
    reader, _ = await ask(request("GET", "/plain") + request("HEAD", "/plain") * 2)
    assert (await head_of(reader)).startswith(b"HTTP/1.1 200")
    assert await reader.readexactly(2) == b"[]"
    for _ in range(2):
        assert (await head_of(reader)).startswith(b"HTTP/1.1 200")


async def test_an_answer_without_a_body_leaves(ask: Ask) -> None:
    reader, writer = await ask(request("GET", "/empty"))
    assert (await head_of(reader)).startswith(b"HTTP/1.1 204")
    writer.write(request("GET", "/plain"))
    assert (await head_of(reader)).startswith(b"HTTP/1.1 200")


async def test_the_head_of_a_stream_does_not_wait_for_it(ask: Ask, go_on: asyncio.Event) -> None:
    reader, _ = await ask(request("GET", "/streamed"))
    assert (await head_of(reader)).startswith(b"HTTP/1.1 200")
    go_on.set()
    body = await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), WAIT_S)
    assert body == b"2\r\n[]\r\n0\r\n\r\n"


async def test_an_answer_that_breaks_off_has_its_head(ask: Ask) -> None:
    reader, _ = await ask(request("GET", "/broken"))
    everything = await asyncio.wait_for(reader.read(), WAIT_S)
    assert everything.startswith(b"HTTP/1.1 200") and everything.endswith(b"\r\n\r\n")


async def test_who_waits_for_leave_to_send_gets_it(ask: Ask) -> None:
    expecting = request("POST", "/heard", "expect: 100-continue", "content-length: 2")
    reader, writer = await ask(expecting)
    assert (await head_of(reader)).startswith(b"HTTP/1.1 100")
    writer.write(b"{}")
    assert (await head_of(reader)).startswith(b"HTTP/1.1 200")


async def test_a_websocket_writes_what_it_likes(ask: Ask) -> None:
    upgrading = request(
        "GET",
        "/socket",
        "connection: upgrade",
        "upgrade: websocket",
        "sec-websocket-version: 13",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    reader, _ = await ask(upgrading)
    assert (await head_of(reader)).startswith(b"HTTP/1.1 101")
    frame = await asyncio.wait_for(reader.readexactly(28), WAIT_S)
    assert frame[2:] == b"HTTP/1.1 content-length: 5"
