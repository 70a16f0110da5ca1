"""The end of a websocket whose client reads nothing, on a real server and a real socket."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn

from supportbot import websocket
from tests.live.stalling import StalledClient

PIECE = "x" * 500_000


class Speaker:
    """An application that says more than any buffer holds, then closes."""

    def __init__(self) -> None:
        self.is_over = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        try:
            async with asyncio.timeout(1):
                while True:
                    await send({"type": "websocket.send", "text": PIECE})
                    await asyncio.sleep(0)
        except TimeoutError:
            await send({"type": "websocket.close", "code": 4408})
        self.is_over.set()


@pytest.fixture
async def speaker() -> Speaker:
    """What the server runs."""
    return Speaker()


@pytest.fixture
async def server(speaker: Speaker) -> AsyncIterator[uvicorn.Server]:
    """A server with the product's protocol, on a free port of loopback."""
    config = uvicorn.Config(
        speaker, host="127.0.0.1", port=0, ws=websocket.SocketProtocol, lifespan="off"
    )
    running = uvicorn.Server(config)
    task = asyncio.create_task(running.serve())
    async with asyncio.timeout(10):
        while not running.started:  # noqa: ASYNC110 - it knows no events
            await asyncio.sleep(0.01)
    yield running
    running.should_exit = running.force_exit = True
    await task


async def stall(server: uvicorn.Server) -> StalledClient:
    """Connect and read nothing."""
    port = server.servers[0].sockets[0].getsockname()[1]
    return await StalledClient.open(f"http://127.0.0.1:{port}/", text="hello")


async def test_client_that_reads_nothing_is_closed_and_its_connection_ends(
    server: uvicorn.Server, speaker: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "ABORT_SECONDS", 0.5)
    client = await stall(server)
    async with asyncio.timeout(10):
        await speaker.is_over.wait()
        while server.server_state.connections:  # noqa: ASYNC110 - it knows no events
            await asyncio.sleep(0.05)
    assert await client.close_code(seconds=5) == 0


async def test_client_that_reads_in_the_end_learns_why(
    server: uvicorn.Server, speaker: Speaker
) -> None:
    client = await stall(server)
    await asyncio.wait_for(speaker.is_over.wait(), timeout=10)
    assert await client.close_code(seconds=8) == 4408
