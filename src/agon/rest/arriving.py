"""What still comes from the client while a request is answered: its payload, or its going away."""

from __future__ import annotations

import asyncio

from starlette.types import Receive

from agon.kernel.errors import Refused, refuse
from agon.web.headers import Headers

WATCH_AFTER_S = 0.2
"""A request that takes longer is cancelled when its client goes away."""


class ClientLeft(Exception):
    """The client went away before it had sent everything."""


class Watch:
    """One request that is being answered. client_left: and so it was cancelled."""

    __slots__ = ("client_left", "listening", "receive", "request", "since_s")

    def __init__(self, receive: Receive, request: asyncio.Task, since_s: float):
        self.client_left = False
        self.listening: asyncio.Task[None] | None = None
        self.receive, self.request, self.since_s = receive, request, since_s

    async def listen(self) -> None:
        """Wait until the client goes away, then cancel the request."""
        message = await self.receive()
        while message["type"] != "http.disconnect":  # a GET's empty payload comes first
            message = await self.receive()
        self.client_left = True
        self.request.cancel()


class Watches:
    """Cancels requests whose clients go away. Those that end soon cost next to nothing: one timer
    looks after all, and listens only for those that have taken WATCH_AFTER_S."""

    def __init__(self) -> None:
        self._watches: dict[Watch, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, receive: Receive, request: asyncio.Task, now_s: float) -> Watch:
        """From now on the payload has been received, or there is none. now_s: the loop's time."""
        watch = Watch(receive, request, now_s)
        self._watches[watch] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(WATCH_AFTER_S, self._look)
        return watch

    def end(self, watch: Watch) -> None:
        """The request has ended."""
        del self._watches[watch]
        if watch.listening is not None:
            watch.listening.cancel()

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        late_s = loop.time() - WATCH_AFTER_S / 2
        for watch in self._watches:
            if watch.since_s > late_s:
                break  # they stand in the order in which they began
            if watch.listening is None:
                watch.listening = loop.create_task(watch.listen())
        again = bool(self._watches)
        self._timer = loop.call_later(WATCH_AFTER_S, self._look) if again else None


async def body_of(headers: Headers, receive: Receive, bytes_max: int) -> bytes:
    """The whole payload. Raises Refused `body_too_large`, ClientLeft."""
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > bytes_max:
        raise _too_large(bytes_max)
    blocks, received, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        blocks.append(message.get("body", b""))
        received += len(blocks[-1])
        if received > bytes_max:
            raise _too_large(bytes_max)
        more = message.get("more_body", False)
    return blocks[0] if len(blocks) == 1 else b"".join(blocks)


def _too_large(bytes_max: int) -> Refused:
    return refuse(
        "body_too_large",
        f"A request's body is at most {bytes_max} bytes.",
        hint="Send the rows in several requests.",
        status=413,
    )
