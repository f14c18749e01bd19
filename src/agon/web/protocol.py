"""HTTP as uvicorn speaks it, except that the head of an answer leaves with its body.

uvicorn writes them one after the other, and each is a system call and wakes the client.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEAD = b"HTTP/1.1 "
_LENGTH = b"\r\ncontent-length: "


class Joined:
    """A transport that keeps a head until the body comes, which its `content-length` promises.

    What is kept leaves at the latest with the end of the answer, or of the connection.
    """

    def __init__(self, transport: asyncio.Transport):
        self.bare = transport
        self._held = b""
        self._answering = False
        self.get_extra_info = transport.get_extra_info
        self.is_closing = transport.is_closing
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading

    def write(self, data: bytes) -> None:
        """Send it, or keep it if it is a head whose body is to come."""
        if self._answering:
            held, self._held = self._held, b""
            self.bare.write(held + data if held else data)
        elif data.startswith(_HEAD) and _LENGTH in data:
            self._held, self._answering = data, True
        else:
            self.bare.write(data)

    def end_answer(self) -> None:
        """What comes next is another answer's head. An answer to HEAD has no body."""
        self._answering = False
        self.flush()

    def flush(self) -> None:
        """Send what is kept."""
        held, self._held = self._held, b""
        if held:
            self.bare.write(held)

    def close(self) -> None:
        """Close the connection, once everything is sent."""
        self.flush()
        self.bare.close()


class Protocol(HttpToolsProtocol):
    """One connection of a client."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(Joined(transport))  # type: ignore[arg-type]

    def on_response_complete(self) -> None:
        self.transport.end_answer()  # type: ignore[attr-defined]
        super().on_response_complete()

    def handle_websocket_upgrade(self) -> None:
        self.transport = self.transport.bare  # type: ignore[attr-defined]
        super().handle_websocket_upgrade()
