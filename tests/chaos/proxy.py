"""A TCP proxy on loopback that makes the faults of a network: pauses, resets, refusals."""

import asyncio
import socket
import struct
from contextlib import suppress
from types import TracebackType
from typing import Self

BLOCK_BYTES = 65_536


class Proxy:
    """Passes connections on to a port of this machine until it is told otherwise.

    A pause holds every byte in both directions and keeps the connections; a reset breaks those
    there are; while it refuses, new ones are closed at once.
    """

    def __init__(self, port: int) -> None:
        """``port`` is where the real server listens."""
        self._target = port
        self._open = asyncio.Event()
        self._open.set()
        self._is_refusing = False
        self._refused = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
        self._open.set()
        self.reset()
        await asyncio.gather(*self._tasks)

    def pause(self) -> None:
        """Let no byte pass."""
        self._open.clear()

    def resume(self) -> int:
        """Let what was held pass, and everything after it; return how many were refused."""
        self._open.set()
        self._is_refusing = False
        refused, self._refused = self._refused, 0
        return refused

    def refuse(self) -> None:
        """Break what is there and let nothing new in."""
        self._is_refusing = True
        self.reset()

    def reset(self) -> int:
        """Break every connection with a RST; return how many."""
        ends = tuple(self._writers)
        for writer in ends:
            _break(writer)
        # Each has one towards the client and one towards the server.
        return len(ends) // 2

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_refusing:
            self._refused += 1
            _break(writer)
            return
        try:
            target = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            _break(writer)
            return
        both = (writer, target[1])
        self._writers.update(both)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass_on(reader, target[1]))
                group.create_task(self._pass_on(target[0], writer))
        finally:
            self._writers.difference_update(both)
            for one in both:
                one.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while block := await reader.read(BLOCK_BYTES):
                await self._open.wait()
                writer.write(block)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()


def _break(writer: asyncio.StreamWriter) -> None:
    """End a connection by a RST: to linger for no time throws away what is under way."""
    found = writer.get_extra_info("socket")
    if found is not None:
        with suppress(OSError):
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
