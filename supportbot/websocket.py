"""How the web server keeps quiet websockets, and ends one whose client does not read."""

from math import ceil
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

# Time to read what is under way, and why it ends.
ABORT_SECONDS: Final = 10.0


class SocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's own, with pings that go out together and a close that waits for nobody.

    uvicorn lets a close wait until there is room for it, so a client that stalls would keep its
    socket, and the memory of what was sent to it, for as long as it likes.
    """

    def schedule_ping(self) -> None:
        """Ping at a whole second: to wake up for each socket costs more than to ping it."""
        due = self.loop.time() + (self.ping_interval or 0.0) - self.last_ping_rtt
        self.ping_timer = self.loop.call_at(ceil(due), self.send_keepalive_ping)

    async def send(self, message: Any) -> None:
        """Send a frame; a close goes out at once, and the connection ends a little later."""
        if message["type"] == "websocket.close" and not self.writable.is_set():
            self.writable.set()
            self.loop.call_later(ABORT_SECONDS, self.transport.abort)
        await super().send(message)
