"""A client that says hello and then reads nothing, on a bare socket with the smallest buffer."""

import asyncio
import socket
from contextlib import suppress
from typing import Final, Self
from urllib.parse import urlsplit

UPGRADE: Final = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
CLOSE: Final = b"\x88\x02"


class StalledClient:
    """One socket; ``open`` it, and perhaps read to its end much later."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    @classmethod
    async def open(cls, url: str, *, text: str) -> Self:
        """Connect to ``url``, send one frame, and leave everything that comes where it is."""
        address, loop = urlsplit(url), asyncio.get_running_loop()
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        sock.setblocking(False)
        await loop.sock_connect(sock, (address.hostname, address.port))
        upgrade = UPGRADE.format(path=address.path, host=address.netloc)
        await loop.sock_sendall(sock, upgrade.encode())
        head = b""
        while b"\r\n\r\n" not in head:
            # Byte by byte: nothing that follows is to be read.
            head += await loop.sock_recv(sock, 1)
        await loop.sock_sendall(sock, _frame(text))
        return cls(sock)

    @property
    def port(self) -> int:
        """Its own port, by which the server's end is found."""
        return int(self._socket.getsockname()[1])

    async def send(self, frames: bytes) -> None:
        """Send frames as they are."""
        await asyncio.get_running_loop().sock_sendall(self._socket, frames)

    def say_no_more(self) -> None:
        """End its own direction; the server's stays open."""
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """End it."""
        self._socket.close()

    async def close_code(self, *, seconds: float) -> int:
        """Read to the end at last; return with which code the server closed, 0 for none."""
        loop, tail = asyncio.get_running_loop(), b""
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(seconds):
                while block := await loop.sock_recv(self._socket, 1_000_000):
                    tail = (tail + block)[-16:]
                    if CLOSE in tail[:-2]:
                        break
        self.close()
        at = tail.rfind(CLOSE)
        return int.from_bytes(tail[at + 2 : at + 4], "big") if at >= 0 else 0


def _frame(text: str) -> bytes:
    """Return a text frame; the mask of zeros leaves it as it is."""
    data = text.encode()
    size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
    return b"\x81" + size + bytes(4) + data
