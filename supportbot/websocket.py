"""How the web server ends a websocket whose client does not read."""

from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

# Time to read what is under way, and why it ends.
ABORT_SECONDS: Final = 10.0


class SocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's own, but that a close is not held up by what the client never reads.

    uvicorn lets a close wait until there is room for it, so a client that stalls would keep its
    socket, and the memory of what was sent to it, for as long as it likes.
    """

    async def send(self, message: Any) -> None:
        """Send a frame; a close goes out at once, and the connection ends a little later."""
        if message["type"] == "websocket.close" and not self.writable.is_set():
            self.writable.set()
            self.loop.call_later(ABORT_SECONDS, self.transport.abort)
        await super().send(message)
