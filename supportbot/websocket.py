"""How the web server keeps quiet websockets, and ends one whose client does not behave."""

import asyncio
from math import ceil
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from core.limits import TokenBucket

# Time to read what is under way, and why it ends.
ABORT_SECONDS: Final = 10.0
# Of one message: the largest size counts bytes, and pieces may be empty.
MAX_FRAGMENTS: Final = 1_000
# Pings, and pongs that nobody asked for: browsers send none, libraries some a minute.
CONTROL_FRAMES_A_SECOND: Final = 1
CONTROL_FRAMES_BURST: Final = 100


class SocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's own, with pings that go out together and an end that waits for nobody.

    uvicorn lets a close wait until there is room for it, and the transport until all was read, so
    a client that stalls would keep its socket, and the memory of what was sent to it, for as long
    as it likes.
    """

    # None until needed: there are thousands of sockets.
    _abort_timer: asyncio.TimerHandle | None = None
    _control_frames: TokenBucket | None = None

    def schedule_ping(self) -> None:
        """Ping at a whole second: to wake up for each socket costs more than to ping it."""
        due = self.loop.time() + (self.ping_interval or 0.0) - self.last_ping_rtt
        self.ping_timer = self.loop.call_at(ceil(due), self.send_keepalive_ping)

    async def send(self, message: Any) -> None:
        """Send a frame; a close goes out at once, and the connection ends a little later."""
        is_close = message["type"] == "websocket.close"
        if is_close:
            self.writable.set()
        await super().send(message)
        if is_close:
            self._abort_soon()

    def handle_close(self, event: Frame) -> None:
        """End, whether or not the client reads what is under way."""
        super().handle_close(event)
        self._abort_soon()

    def handle_parser_exception(self) -> None:
        """End, likewise."""
        super().handle_parser_exception()
        self._abort_soon()

    def keepalive_timeout(self) -> None:
        """End, likewise."""
        super().keepalive_timeout()
        self._abort_soon()

    def eof_received(self) -> None:
        """End, likewise."""
        self._abort_soon()

    def _abort_soon(self) -> None:
        if self._abort_timer is None:
            self._abort_timer = self.loop.call_later(ABORT_SECONDS, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection, which the timer would keep."""
        if self._abort_timer is not None:
            self._abort_timer.cancel()
        super().connection_lost(exc)

    def handle_cont(self, event: Frame) -> None:
        """Take a further piece of a message, unless there are too many."""
        if len(self.frames) < MAX_FRAGMENTS:
            super().handle_cont(event)
        else:
            self.transport.abort()

    def handle_ping(self) -> None:
        """Answer, unless the client pings too often or does not read the answers."""
        if self.writable.is_set() and self._may_send_control_frame():
            super().handle_ping()
        else:
            self.transport.abort()

    def handle_pong(self, event: Frame) -> None:
        """Take a pong; the one that the server asked for is not counted."""
        is_asked = bytes(event.data) == self.pending_ping_payload
        if is_asked or self._may_send_control_frame():
            super().handle_pong(event)
        else:
            self.transport.abort()

    def _may_send_control_frame(self) -> bool:
        if self._control_frames is None:
            self._control_frames = TokenBucket(
                rate=CONTROL_FRAMES_A_SECOND, burst=CONTROL_FRAMES_BURST
            )
        return not self._control_frames.take()
