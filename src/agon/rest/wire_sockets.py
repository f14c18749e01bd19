"""Opens sockets to Postgres: a Unix socket, TCP, or TLS over TCP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TypeVar

from agon.rest.wire_address import Address
from agon.rest.wire_messages import SSL_REQUEST

KEEPALIVE_IDLE_S = 30
KEEPALIVE_PAUSE_S = 10
KEEPALIVE_TRIES = 3

Place = str | tuple[str, int]
_P = TypeVar("_P", bound=asyncio.Protocol)


class TlsRefused(ConnectionError):
    """The server does not do TLS, which the URL asks for; or its answer is none."""


class _Question(asyncio.Protocol):
    """Hears one answer: the byte that answers an SSLRequest, or that the server hung up."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        if not self.answer.done():
            self.answer.set_result(data)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.answer.done():
            self.answer.set_result(b"")


async def dial(address: Address, place: Place, make: Callable[[], _P]) -> _P:
    """Open a socket to one of an address's places, with TLS where the address wants it; what
    `make` makes then talks over it. Raises OSError, ssl.SSLError."""
    loop = asyncio.get_running_loop()
    if isinstance(place, str):
        return (await loop.create_unix_connection(make, place))[1]
    host, port = place
    if address.tls is None:
        transport, protocol = await loop.create_connection(make, host, port)
        _keep_alive(transport)
        return protocol
    plain, question = await loop.create_connection(_Question, host, port)
    try:
        _keep_alive(plain)
        plain.write(SSL_REQUEST)
        transport = await _upgrade(plain, await question.answer, address, host)
    except BaseException:
        plain.abort()
        raise
    protocol = make()
    protocol.connection_made(transport)
    transport.set_protocol(protocol)
    return protocol


async def deliver(address: Address, place: Place, message: bytes) -> None:
    """Send one message over a socket of its own, and wait until the server closes that."""
    listener = await dial(address, place, _Question)
    try:
        listener.transport.write(message)
        await asyncio.wait([listener.answer])
    finally:
        listener.transport.abort()


async def _upgrade(
    plain: asyncio.Transport, answer: bytes, address: Address, host: str
) -> asyncio.Transport:
    if answer == b"S":
        assert address.tls is not None
        upgraded = await asyncio.get_running_loop().start_tls(
            plain, plain.get_protocol(), address.tls, server_hostname=host
        )
        if upgraded is None:
            raise TlsRefused("the connection was closed while TLS was set up")
        return upgraded
    if answer == b"N" and address.mode in ("allow", "prefer"):
        return plain
    if answer == b"N":
        raise TlsRefused(f"the server does no TLS, and the URL says sslmode={address.mode}")
    # More than the one byte was sent in clear, by the server or by somebody in between.
    raise TlsRefused("the server does not answer the request for TLS as it should")


def _keep_alive(transport: asyncio.Transport) -> None:
    """Notice a peer that is gone without a word; else an answer would be waited for forever."""
    own: socket.socket = transport.get_extra_info("socket")
    own.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", KEEPALIVE_IDLE_S),
        ("TCP_KEEPINTVL", KEEPALIVE_PAUSE_S),
        ("TCP_KEEPCNT", KEEPALIVE_TRIES),
    ):
        if hasattr(socket, name):
            own.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
