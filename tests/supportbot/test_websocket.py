"""The end of a websocket whose client does not behave, on a real server and a real socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
import uvicorn
from websockets.asyncio.client import connect

from supportbot import websocket
from supportbot.websocket import MAX_FRAGMENTS, SocketProtocol
from tests.live.stalling import StalledClient
from tests.waiting import until

PIECE = "x" * 500_000
# As clients send them, with a mask of zeros; all but the close are empty.
BEGIN_TEXT: Final = b"\x01\x80" + bytes(4)
CONTINUE: Final = b"\x00\x80" + bytes(4)
PING: Final = b"\x89\x80" + bytes(4)
PONG: Final = b"\x8a\x80" + bytes(4)
CLOSE: Final = b"\x88\x82" + bytes(4) + (1000).to_bytes(2, "big")
UNMASKED: Final = b"\x81\x00"


class Speaker:
    """An application that says more than any buffer holds, then closes or listens."""

    def __init__(self) -> None:
        self.closes = True
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
            if self.closes:
                await send({"type": "websocket.close", "code": 4408})
        self.is_over.set()
        await listen(receive)


async def listen(receive: Any) -> None:
    """Hear everything until the end."""
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Say how long each message was."""
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] != "websocket.disconnect":
        await send({"type": "websocket.send", "text": str(len(message["text"]))})


@pytest.fixture
async def speaker() -> Speaker:
    """What the server runs, where it speaks."""
    return Speaker()


@asynccontextmanager
async def serving(application: Any) -> AsyncIterator[uvicorn.Server]:
    """Run a server with the product's protocol, on a free port of loopback."""
    config = uvicorn.Config(
        application, host="127.0.0.1", port=0, ws=SocketProtocol, lifespan="off"
    )
    running = uvicorn.Server(config)
    task = asyncio.create_task(running.serve())
    async with asyncio.timeout(10):
        while not running.started:  # noqa: ASYNC110 - it knows no events
            await asyncio.sleep(0.01)
    yield running
    running.should_exit = running.force_exit = True
    await task


@pytest.fixture
async def server(speaker: Speaker) -> AsyncIterator[uvicorn.Server]:
    """A server that speaks."""
    async with serving(speaker) as running:
        yield running


@pytest.fixture
async def echo_server() -> AsyncIterator[uvicorn.Server]:
    """A server that answers."""
    async with serving(echo) as running:
        yield running


def address(server: uvicorn.Server) -> str:
    """Return where it listens."""
    return f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"


async def stall(server: uvicorn.Server) -> StalledClient:
    """Connect and read nothing."""
    return await StalledClient.open(f"http://{address(server)}/", text="hello")


def connection(server: uvicorn.Server) -> SocketProtocol:
    """Return the server's end of the one connection."""
    (protocol,) = server.server_state.connections
    assert isinstance(protocol, SocketProtocol)
    return protocol


async def end(server: uvicorn.Server) -> None:
    """Wait until the server has no connection any more."""

    async def is_over() -> bool:
        return not server.server_state.connections

    await until(is_over)


async def fill(server: uvicorn.Server) -> SocketProtocol:
    """Wait until the connection takes no more; return the server's end of it."""

    async def is_full() -> bool:
        return not connection(server).writable.is_set()

    await until(is_full)
    return connection(server)


async def test_client_that_reads_nothing_is_closed_and_its_connection_ends(
    server: uvicorn.Server, speaker: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "ABORT_SECONDS", 0.5)
    client = await stall(server)
    async with asyncio.timeout(10):
        await speaker.is_over.wait()
    await end(server)
    assert await client.close_code(seconds=5) == 0


async def test_client_that_reads_in_the_end_learns_why(
    server: uvicorn.Server, speaker: Speaker
) -> None:
    client = await stall(server)
    await asyncio.wait_for(speaker.is_over.wait(), timeout=10)
    assert await client.close_code(seconds=8) == 4408


@pytest.mark.parametrize("last", [CLOSE, UNMASKED, b""], ids=["close", "bad frame", "eof"])
async def test_client_that_ends_without_reading_is_not_waited_for(
    server: uvicorn.Server, speaker: Speaker, monkeypatch: pytest.MonkeyPatch, last: bytes
) -> None:
    monkeypatch.setattr(websocket, "ABORT_SECONDS", 0.5)
    speaker.closes = False
    client = await stall(server)
    await fill(server)
    await client.send(last)
    if not last:
        client.say_no_more()
    await end(server)
    client.close()


async def test_client_that_answers_no_ping_is_not_waited_for(
    server: uvicorn.Server, speaker: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "ABORT_SECONDS", 0.5)
    speaker.closes = False
    client = await stall(server)
    (await fill(server)).keepalive_timeout()
    await end(server)
    client.close()


async def test_message_in_too_many_pieces_ends_the_connection(echo_server: uvicorn.Server) -> None:
    client = await stall(echo_server)
    await client.send(BEGIN_TEXT + CONTINUE * MAX_FRAGMENTS)
    await end(echo_server)
    client.close()


async def test_messages_in_some_pieces_pass(echo_server: uvicorn.Server) -> None:
    async with connect(f"ws://{address(echo_server)}/") as client:
        for _ in range(3):
            # The library adds an empty piece in the end.
            await client.send("x" for _ in range(MAX_FRAGMENTS - 1))
            assert await client.recv() == str(MAX_FRAGMENTS - 1)


async def test_client_that_pings_and_does_not_read_is_cut_off(
    server: uvicorn.Server, speaker: Speaker
) -> None:
    speaker.closes = False
    client = await stall(server)
    await fill(server)
    await client.send(PING)
    await end(server)
    client.close()


@pytest.mark.parametrize("frame", [PING, PONG], ids=["ping", "pong"])
async def test_flood_of_control_frames_is_cut_off(
    echo_server: uvicorn.Server, frame: bytes
) -> None:
    client = await stall(echo_server)
    await client.send(frame * (2 * websocket.CONTROL_FRAMES_BURST))
    await end(echo_server)
    client.close()


async def test_client_that_pings_now_and_then_is_answered(echo_server: uvicorn.Server) -> None:
    async with connect(f"ws://{address(echo_server)}/", ping_interval=None) as client:
        for _ in range(websocket.CONTROL_FRAMES_BURST // 2):
            await asyncio.wait_for(await client.ping(), timeout=10)
            await client.pong()
        await client.send("still here")
        assert await client.recv() == "10"


async def test_answers_to_the_servers_own_pings_are_not_counted(
    echo_server: uvicorn.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "CONTROL_FRAMES_BURST", 0)

    async def is_answered() -> bool:
        return connection(echo_server).pending_ping_payload is None

    async with connect(f"ws://{address(echo_server)}/", ping_interval=None) as client:
        for _ in range(3):
            connection(echo_server).send_keepalive_ping()
            await until(is_answered)
        await client.send("still here")
        assert await client.recv() == "10"
