"""A customer's client for the socket tests: the real consumer, the real channel layer."""

import asyncio
import json
import uuid
from typing import Any, Self

from channels.testing import WebsocketCommunicator

from widget.consumers import ChatConsumer

ORIGIN = "https://shop.example.com"


class ChatClient:
    """Keeps what it got; each wait has a deadline."""

    def __init__(self, token: str, *, after: int = 0, origin: str | None = ORIGIN) -> None:
        headers = [(b"origin", origin.encode())] if origin is not None else []
        self.socket = WebsocketCommunicator(ChatConsumer.as_asgi(), "/ws/chat/", headers=headers)
        self.token, self.after = token, after
        self.frames: list[dict[str, Any]] = []

    async def __aenter__(self) -> Self:
        connected, _ = await self.socket.connect()
        assert connected
        await self.send(type="hello", token=self.token, after=self.after)
        await self.wait_for("welcome")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.socket.disconnect()

    async def send(self, **frame: object) -> None:
        await self.socket.send_to(text_data=json.dumps(frame))

    async def say(self, text: str, *, client_id: str | None = None) -> dict[str, Any]:
        sent = client_id or str(uuid.uuid4())
        await self.send(type="message", client_id=sent, text=text)
        return await self.wait_for("ack", client_id=sent)

    async def wait_for(self, kind: str, *, seconds: float = 10, **fields: object) -> dict[str, Any]:
        """Return the next frame of a type with these fields; keep the others too."""
        async with asyncio.timeout(seconds):
            while True:
                frame: dict[str, Any] = json.loads(await self.socket.receive_from(seconds))
                self.frames.append(frame)
                if frame["type"] == kind and all(
                    frame.get(name) == value for name, value in fields.items()
                ):
                    return frame

    async def closed_with(self, *, seconds: float = 10) -> int:
        """Return the close code, past any frames before it."""
        async with asyncio.timeout(seconds):
            while True:
                event = await self.socket.receive_output(seconds)
                if event["type"] == "websocket.close":
                    return int(event["code"])
                self.frames.append(json.loads(event["text"]))

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the frames of a type so far."""
        return [frame for frame in self.frames if frame["type"] == kind]

    def seqs(self) -> list[int]:
        """Return the sequence numbers in the order in which they came."""
        welcomed = [one["seq"] for frame in self.of("welcome") for one in frame["messages"]]
        return welcomed + [frame["seq"] for frame in self.of("message")]
