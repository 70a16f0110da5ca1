"""A conversation over a plain websocket: a frame a token, a sign at the end."""

from collections.abc import AsyncGenerator

import aiohttp

END = "\x04"


class PlainChat:
    """Speaks with the relay and with the tutorial's design."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url, self._session = url, session
        self._socket: aiohttp.ClientWebSocketResponse

    async def open(self) -> None:
        """Connect."""
        self._socket = await self._session.ws_connect(self._url)

    async def ready(self) -> None:
        """Need nothing."""

    async def ask(self, question: str) -> AsyncGenerator[str, None]:
        """Say it; yield the tokens."""
        await self._socket.send_str(question)
        async for message in self._socket:
            if message.data == END:
                return
            yield message.data
        raise ConnectionResetError("the socket was closed")

    async def close(self) -> None:
        """Leave."""
        await self._socket.close()
