"""The product, with every process that `make demo` runs, on servers of its own."""

import asyncio
import json
import secrets
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from functools import cached_property, partial
from importlib.metadata import version

import aiohttp
import psycopg

from benchmarks.cores import TESTED, pin
from benchmarks.load import a_few_at_a_time
from benchmarks.stamps import find_stamps
from benchmarks.systems.system import System, model_environment
from supportbot import processes
from supportbot.embedded import EmbeddedServers
from tests.live.guests import start_conversations
from tests.live.processes import Stack

MODEL = "bench"
NAMES = ("web", "worker", "bulk", "relay", "beat")
# Ready: the articles have their vectors, and it is known what the model's server can do.
IS_PREPARED = """
SELECT (SELECT bool_and(served_embedding_model = embedding_model AND embedding_model <> '')
        FROM conversations_site)
   AND EXISTS (SELECT FROM llm_modelcapability)
"""
Frame = dict[str, object]
PROBE = f"from llm.probing import probe_models; probe_models([{MODEL!r}])"
PREPARE_SECONDS, QUIET_SECONDS = 180.0, 3.0


class Product(System):
    """Web, worker, bulk, relay and beat, PostgreSQL and Valkey, all on one core."""

    name, title = "product", "this product, full turns"
    # What single processes get besides what all do.
    own_environments: Mapping[str, Mapping[str, str]] = {}
    stack: Stack
    servers: EmbeddedServers

    async def start(self) -> None:
        """Start all, wait for the articles' vectors and the model's probe, then pin all."""
        self.servers = EmbeddedServers(self.folder / "servers")
        urls = await asyncio.to_thread(self.servers.start)
        self.stack = Stack(
            database_url=urls.database_url,
            redis_url=urls.redis_url,
            folder=self.folder / "data",
            names=NAMES,
            environment=self.environment,
        )
        for command in ("migrate", "load_demo"):
            await asyncio.to_thread(self.stack.manage, command)
        # Else beat has it done a minute later.
        await asyncio.to_thread(self.stack.manage, "shell", "-c", PROBE)
        for name in NAMES:
            self.stack.start(name, environment=self.own_environments.get(name))
        await asyncio.to_thread(self.stack.wait_ready)
        is_ready = partial(processes.wait_until, self._is_prepared, seconds=PREPARE_SECONDS)
        if not await asyncio.to_thread(is_ready):
            raise TimeoutError("the articles' vectors are not there")
        pin((pid for pids in self.parts().values() for pid in pids), core=TESTED)

    async def rest(self) -> None:
        """Freeze the processes once nothing is left to do; their looks at rows cost some %."""
        await asyncio.sleep(QUIET_SECONDS)
        for name in NAMES:
            self.stack.suspend(name)

    async def wake(self) -> None:
        """Thaw the processes, and let them do first what was due meanwhile."""
        for name in NAMES:
            self.stack.resume(name)
        await asyncio.to_thread(self.stack.wait_ready)
        await asyncio.sleep(QUIET_SECONDS)

    async def stop(self) -> None:
        """End the processes, then the servers."""
        if hasattr(self, "stack"):
            self.stack.close()
        if hasattr(self, "servers"):
            self.servers.stop()

    def chat(self) -> "Visit":
        """Return a customer of the demo's shop."""
        return Visit(self.stack.url, self.place.session)

    async def open_chats(self, count: int) -> "list[Visit]":
        """Return customers, past the limit of conversations that an address may begin."""
        rows = await asyncio.to_thread(start_conversations, self.stack, count)
        visits = [
            Visit(self.stack.url, self.place.session, conversation=conversation, token=token)
            for conversation, token in rows
        ]
        await a_few_at_a_time([visit.connect for visit in visits])
        return visits

    def parts(self) -> Mapping[str, Sequence[int]]:
        """Return the processes by name, with both servers."""
        own = {name: [self.stack.pid(name)] for name in NAMES}
        return {
            **own,
            "PostgreSQL": [self.servers.postgres.pid],
            "Valkey": [self.servers.valkey.pid],
        }

    def versions(self) -> dict[str, str]:
        """Return those of what carries it."""
        packages = ("django", "channels", "celery", "openai", "uvicorn", "psycopg", "redis")
        return {name: version(name) for name in packages}

    @cached_property
    def environment(self) -> dict[str, str]:
        """The settings of its processes."""
        return {
            "DATABASE_URL": self.servers.urls.database_url,
            "REDIS_URL": self.servers.urls.redis_url,
            **model_environment(self.place),
            "SECRET_KEY": secrets.token_urlsafe(50),
            "OPENAI_MODELS": MODEL,
            # The load comes from one address, and is no attack.
            "MESSAGES_A_MINUTE_PER_ADDRESS": "100000",
            "MESSAGES_A_MINUTE_PER_SITE": "100000",
            "READINGS_A_MINUTE_PER_ADDRESS": "100000",
            "SESSIONS_A_MINUTE_PER_ADDRESS": "100000",
            "HAND_OFFS_AN_HOUR_PER_ADDRESS": "100000",
            "SILENT_SOCKETS_PER_ADDRESS": "10000",
            "SILENT_SOCKETS": "10000",
            "SOCKETS_PER_ADDRESS": "10000",
        }

    def _is_prepared(self) -> bool:
        with psycopg.connect(self.servers.urls.database_url) as connection:
            row = connection.execute(IS_PREPARED).fetchone()
        return bool(row and row[0])


class Visit:
    """A customer who speaks the widget's protocol; one that went to people begins anew."""

    def __init__(
        self, url: str, session: aiohttp.ClientSession, *, conversation: str = "", token: str = ""
    ) -> None:
        self._url, self._session = url, session
        self.conversation, self.token = conversation, token
        self._socket: aiohttp.ClientWebSocketResponse
        self._reader: asyncio.Task[None] | None = None
        self._frames: asyncio.Queue[Frame] = asyncio.Queue()
        self.status = ""
        # Set once the server closed the socket.
        self.is_gone = False

    async def open(self) -> None:
        """Start a conversation and greet."""
        address = f"{self._url}/api/v1/sessions"
        async with self._session.post(address, json={"site": "demo"}) as answer:
            answer.raise_for_status()
            session = await answer.json()
        self.conversation, self.token = session["conversation"], session["token"]
        await self.connect()

    async def connect(self) -> None:
        """Open the socket of a conversation that there is."""
        address = self._url.replace("http", "ws", 1) + "/ws/chat/"
        self._socket = await self._session.ws_connect(address)
        self._frames = asyncio.Queue()
        self._reader = asyncio.create_task(self._read())
        await self.send(type="hello", token=self.token, after=0)
        while (await self.receive())["type"] != "welcome":
            pass

    async def send(self, **frame: object) -> None:
        """Send a frame."""
        await self._socket.send_str(json.dumps(frame))

    async def receive(self) -> Frame:
        """Return the next frame; raise ConnectionError where the socket is gone."""
        frame = await self._frames.get()
        if not frame:
            raise ConnectionResetError("the socket was closed")
        return frame

    async def ready(self) -> None:
        """Begin anew where the conversation went to people."""
        if self.status != "assistant":
            await self.close()
            await self.open()

    async def ask(self, question: str) -> AsyncGenerator[str, None]:
        """Say it; yield the preview's deltas until the message is stored.

        An answer that began and did not stay is none, as where a peer's stream breaks off.
        """
        await self.send(type="message", client_id=str(uuid.uuid4()), text=question)
        streamed = stored = ""
        while self.status == "assistant" and not stored:
            frame = await self.receive()
            if frame["type"] == "delta":
                streamed += str(frame["text"])
                yield str(frame["text"])
            elif frame["type"] == "message" and _is_reply(frame):
                stored = str(frame["text"])
        if find_stamps(streamed) and not find_stamps(stored):
            raise ConnectionResetError("the answer broke off")

    async def close(self) -> None:
        """Leave."""
        if self._reader is not None:
            self._reader.cancel()
        await self._socket.close()

    async def _read(self) -> None:
        async for message in self._socket:
            frame: Frame = json.loads(message.data)
            self.status = str(frame.get("status", self.status))
            await self._frames.put(frame)
        self.is_gone = True
        await self._frames.put({})


def _is_reply(frame: Frame) -> bool:
    author = frame["author"]
    return isinstance(author, dict) and author["kind"] != "customer"
