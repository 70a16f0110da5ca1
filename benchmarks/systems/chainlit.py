"""Chainlit as it comes, with its own example of a streamed answer."""

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator

import aiohttp

from benchmarks.load import Chat
from benchmarks.systems.system import System, make_environment, model_environment, version_in
from supportbot.embedded.valkey import find_free_port
from tests.live.processes import ROOT

REQUIREMENTS = ("chainlit", "openai>=3,<4")
ENVIRONMENT = ROOT / "var" / "bench" / "chainlit"
APP = ROOT / "benchmarks" / "peers" / "chainlit_app.py"


class Chainlit(System):
    """One process in an environment of its own; without a data layer it stores nothing."""

    name, title = "chainlit", "Chainlit (no data layer: stores nothing)"

    async def start(self) -> None:
        """Install it where it is not, and start it."""
        python = await asyncio.to_thread(make_environment, ENVIRONMENT, *REQUIREMENTS)
        self._port = find_free_port()
        self.spawn(
            "chainlit",
            *(str(python), "-m", "chainlit", "run", str(APP)),
            *("--headless", "--port", str(self._port)),
            environment={**model_environment(self.place), "CHAINLIT_APP_ROOT": str(self.folder)},
        )
        await self.until_up(f"http://127.0.0.1:{self._port}/")

    def chat(self) -> Chat:
        """Return a client."""
        return ChainlitChat(self._port, self.place.session)

    def versions(self) -> dict[str, str]:
        """Return those of its packages."""
        return version_in(ENVIRONMENT / "bin" / "python", "chainlit", "openai")


class ChainlitChat:
    """Speaks Socket.IO (Engine.IO 4) over a websocket, as Chainlit's own page does."""

    def __init__(self, port: int, session: aiohttp.ClientSession) -> None:
        self._url = f"ws://127.0.0.1:{port}/ws/socket.io/?EIO=4&transport=websocket"
        self._session = session
        self._socket: aiohttp.ClientWebSocketResponse

    async def open(self) -> None:
        """Connect, and tell that the page is there."""
        self._socket = await self._session.ws_connect(self._url)
        about = {"clientType": "webapp", "sessionId": str(uuid.uuid4()), "userEnv": "{}"}
        await self._socket.send_str("40" + json.dumps(about | {"threadId": "", "chatProfile": ""}))
        while not (await self._receive()).startswith("40"):
            pass
        await self._emit("connection_successful")

    async def ready(self) -> None:
        """Need nothing."""

    async def ask(self, question: str) -> AsyncGenerator[str, None]:
        """Say it; yield the tokens until the task has ended."""
        message = {"id": str(uuid.uuid4()), "name": "user", "type": "user_message"}
        message |= {"output": question, "createdAt": "2026-01-01T00:00:00Z"}
        await self._emit("client_message", {"message": message, "fileReferences": []})
        has_begun = False
        while True:
            packet = await self._receive()
            if not packet.startswith("42"):
                continue
            name, *arguments = json.loads(packet[2:])
            if name == "stream_start":
                # It brings the first token along.
                has_begun = True
                yield arguments[0]["output"]
            elif name == "stream_token":
                yield arguments[0]["token"]
            elif name == "task_end" and has_begun:
                return

    async def close(self) -> None:
        """Leave."""
        await self._socket.close()

    async def _emit(self, name: str, *arguments: object) -> None:
        await self._socket.send_str("42" + json.dumps([name, *arguments]))

    async def _receive(self) -> str:
        message = await self._socket.receive()
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise ConnectionResetError("the socket was closed")
        if message.data == "2":
            await self._socket.send_str("3")
        return str(message.data)
