"""What hostile and unlucky clients do: each a fault that nobody else may notice."""

import asyncio
import json
import random
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import psutil
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.chaos.arena import Arena
from tests.live.guests import start_conversations
from tests.live.stalling import UPGRADE, StalledClient

Frame = str | bytes | Iterator[str]
# A million fragments take their time to send.
NOTICED_SECONDS = 60.0
ANSWERS = ("ack", "error")
GONE = (OSError, ConnectionClosed, InvalidHandshake, EOFError, TimeoutError)


async def send_odd_frames(arena: Arena, dice: random.Random) -> None:
    """Frames that no widget sends: too large, too deep, not JSON, not text, not Unicode."""
    (token,) = await asyncio.to_thread(make_guests, arena, 1)
    odd = [
        "x" * 1_000_000,
        "[" * 30_000 + "]" * 30_000,
        '{"a":' * 10_000 + "1" + "}" * 10_000,
        message_of("a\u0000b"),
        message_of("\ud800 alone"),
        message_of("x" * 60_000),
        "{",
        "null",
        b"\x00\xff" * 1_000,
        json.dumps({"type": "message", "client_id": 7, "text": []}),
    ]
    dice.shuffle(odd)
    for number, frame in enumerate(odd):
        assert await _is_noticed(arena, token, frame), f"nothing came of odd frame {number}"


async def send_a_million_fragments(arena: Arena, dice: random.Random) -> None:
    """One message in a million pieces."""
    del dice
    (token,) = await asyncio.to_thread(make_guests, arena, 1)
    fragments = ("x" for _ in range(1_000_000))
    assert await _is_noticed(arena, token, fragments), "nothing came of the fragments"


async def flood(arena: Arena, dice: random.Random) -> None:
    """One client says as much as its connection takes, for some seconds."""
    (token,) = await asyncio.to_thread(make_guests, arena, 1)
    end = time.monotonic() + dice.uniform(3, 6)
    while time.monotonic() < end:
        with suppress(*GONE):
            async with guest_of(arena, token) as guest:
                while time.monotonic() < end:
                    await guest.send(message_of("again"))
        await asyncio.sleep(0.05)


async def reconnect_all_at_once(arena: Arena, dice: random.Random) -> None:
    """A thousand clients come back together, and each missed 200 messages."""
    del dice
    tokens = await asyncio.to_thread(make_guests, arena, 1_000, messages=200)
    start = time.monotonic()
    await asyncio.gather(*(_read_all(arena, token, count=200) for token in tokens))
    took = time.monotonic() - start
    arena.notes["1,000 clients with 200 missed messages each had all of them after (s)"] = took


async def read_nothing(arena: Arena, dice: random.Random) -> None:
    """Fifty clients ask for megabytes and read none of them."""
    del dice
    assert not arena.is_scaled, "whom nginx reads for can't be seen at the web server"
    count = 50
    # More than a kernel holds for a socket.
    tokens = await asyncio.to_thread(make_guests, arena, count // 10, messages=1_500, words=800)
    web = psutil.Process(arena.first.pid("web"))
    before = web.memory_info().rss
    readers = await asyncio.gather(*(_stalled(arena, token) for token in tokens * 10))
    most = 0
    # Until their kernels are full, and the two times 10 s that they are given.
    for _ in range(120):
        await asyncio.sleep(0.5)
        most = max(most, web.memory_info().rss - before)
    held = {one.raddr.port for one in web.net_connections() if one.raddr}
    left = sum(one.port in held for one in readers)
    arena.notes["a client that reads nothing costs at most (MB)"] = most / count / 1e6
    assert not left, f"{left} of {count} that read nothing are held after 60 s"
    for one in readers:
        one.close()


async def open_and_say_nothing(arena: Arena, dice: random.Random) -> None:
    """Two thousand sockets that never say who they are."""
    del dice
    address = urlsplit(arena.url)
    upgrade = UPGRADE.format(path="/ws/chat/", host=address.netloc)
    silent: list[asyncio.StreamWriter] = []
    for number in range(2_000):
        _, writer = await asyncio.open_connection(address.hostname, address.port)
        silent.append(writer)
        # Every other one does not even ask.
        writer.write(upgrade.encode() if number % 2 else b"GET /ws/chat/ HTTP/1.1\r\n")
    await asyncio.sleep(10)
    for writer in silent:
        writer.transport.abort()


def make_guests(arena: Arena, count: int, *, messages: int = 0, words: int = 20) -> list[str]:
    """Return the tokens of new conversations, with so many messages of so many words in each."""
    made = start_conversations(arena.first, count, messages=messages, words=words)
    return [token for _, token in made]


def message_of(text: str) -> str:
    """Return a customer's message as a frame."""
    return json.dumps({"type": "message", "client_id": str(uuid.uuid4()), "text": text})


@asynccontextmanager
async def guest_of(arena: Arena, token: str) -> AsyncIterator[ClientConnection]:
    """Open a socket and say hello."""
    async with connect(_address(arena), max_size=None, ping_interval=None) as guest:
        await guest.send(json.dumps({"type": "hello", "token": token, "after": 0}))
        yield guest


async def _is_noticed(arena: Arena, token: str, frame: Frame) -> bool:
    """Say whether a frame is answered, or ends its socket."""
    try:
        async with guest_of(arena, token) as guest, asyncio.timeout(NOTICED_SECONDS):
            while json.loads(await guest.recv())["type"] != "welcome":
                continue
            await guest.send(frame)
            while json.loads(await guest.recv())["type"] not in ANSWERS:
                continue
    except TimeoutError:
        return False
    except ConnectionClosed:
        return True
    return True


async def _read_all(arena: Arena, token: str, *, count: int) -> None:
    """Read until there are so many messages; begin anew where the socket breaks."""
    last = 0
    while last < count:
        try:
            async with connect(_address(arena), max_size=None, ping_interval=None) as guest:
                await guest.send(json.dumps({"type": "hello", "token": token, "after": last}))
                while last < count:
                    for seq in _seqs(json.loads(await guest.recv())):
                        assert seq == last + 1, (seq, last)
                        last = seq
        except GONE:
            await asyncio.sleep(0.2)


def _seqs(frame: dict[str, Any]) -> Iterator[int]:
    if frame["type"] == "welcome":
        yield from (one["seq"] for one in frame["messages"])
    elif frame["type"] == "message":
        yield frame["seq"]


async def _stalled(arena: Arena, token: str) -> StalledClient:
    hello = json.dumps({"type": "hello", "token": token, "after": 0})
    return await StalledClient.open(f"{arena.url}/ws/chat/", text=hello)


def _address(arena: Arena) -> str:
    return arena.url.replace("http", "ws", 1) + "/ws/chat/"


Make = Callable[[Arena, random.Random], Awaitable[None]]
CLIENTS: Sequence[tuple[str, Make]] = (
    ("odd frames", send_odd_frames),
    ("a message in a million fragments", send_a_million_fragments),
    ("a flood of messages", flood),
    ("1,000 reconnect at once", reconnect_all_at_once),
    ("50 read nothing", read_nothing),
    ("2,000 open a socket and say nothing", open_and_say_nothing),
)
