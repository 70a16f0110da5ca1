"""A customer over a real socket who reconnects and resends as the widget does, with a journal."""

import asyncio
import json
import random
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

# As `static/widget/backoff.js` and `outbox.js`.
BASE_SECONDS, CAP_SECONDS = 1.0, 30.0
TOO_FAST_SECONDS = 5.0


@dataclass
class Journal:
    """What was sent, acknowledged and received; compared with the record afterwards."""

    sent: dict[str, str] = field(default_factory=dict)
    acknowledged: dict[str, int] = field(default_factory=dict)
    received: dict[int, dict[str, Any]] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)
    frames: list[dict[str, Any]] = field(default_factory=list)
    # When, by this process's monotonic clock; the first time counts.
    sent_at: dict[str, float] = field(default_factory=dict)
    acknowledged_at: dict[str, float] = field(default_factory=dict)
    received_at: dict[int, float] = field(default_factory=dict)
    # By the message: when the first piece of it came, of the last attempt at it.
    begun_at: dict[str, float] = field(default_factory=dict)
    # One each a socket that was welcomed; the last one may be open.
    welcomed_at: list[float] = field(default_factory=list)
    closed_at: list[float] = field(default_factory=list)
    # What the server would not take, whose text the widget gives back.
    refused: dict[str, str] = field(default_factory=dict)


class Customer:
    """One conversation; reconnects for as long as it lives."""

    def __init__(self, url: str, *, site: str = "demo") -> None:
        self.url, self.site = url, site
        self.journal = Journal()
        self.token = self.conversation = ""
        self.status = ""
        self._socket: ClientConnection | None = None
        self._changed = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self._tries = 0
        # One a message, and one for all of them.
        self._timers: dict[str, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        async with httpx.AsyncClient() as http:
            answer = await http.post(f"{self.url}/api/v1/sessions", json={"site": self.site})
        answer.raise_for_status()
        self.token, self.conversation = answer.json()["token"], answer.json()["conversation"]
        self._task = asyncio.create_task(self._stay_connected())
        await self.until(lambda: bool(self.status))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in (self._task, *self._timers.values()):
            if task is not None:
                task.cancel()
        if self._socket is not None:
            await self._socket.close()

    async def say(self, text: str) -> str:
        """Send a message, now or as soon as there is a connection."""
        client_id = str(uuid.uuid4())
        self.journal.sent[client_id] = text
        self.journal.sent_at[client_id] = time.monotonic()
        await self.send(type="message", client_id=client_id, text=text)
        return client_id

    async def send(self, **frame: object) -> None:
        """Send a frame if there is a connection."""
        if self._socket is not None:
            try:
                await self._socket.send(json.dumps(frame))
            except ConnectionClosed:
                self._socket = None

    async def until(self, condition: Any, *, seconds: float = 60) -> None:
        """Wait until ``condition()`` holds, looking after each frame."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(condition)

    async def until_answered(self, *, times: int = 1, seconds: float = 60) -> None:
        """Wait until there are so many messages of the assistant."""
        await self.until(lambda: len(self.said_by("assistant")) >= times, seconds=seconds)

    def said_by(self, kind: str) -> list[dict[str, Any]]:
        """Return the durable messages of one kind of author, in order."""
        rows = [self.journal.received[seq] for seq in sorted(self.journal.received)]
        return [row for row in rows if row["author"]["kind"] == kind]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return all frames of a type."""
        return [frame for frame in self.journal.frames if frame["type"] == kind]

    async def _stay_connected(self) -> None:
        address = self.url.replace("http", "ws", 1) + "/ws/chat/"
        while True:
            try:
                async with connect(address, max_size=None, ping_interval=None) as socket:
                    await self._talk(socket)
            except (OSError, ConnectionClosed, InvalidHandshake, EOFError, TimeoutError):
                pass  # However it ended, the next one is tried below.
            self._note_end()
            most = min(CAP_SECONDS, BASE_SECONDS * 2**self._tries)
            self._tries += 1
            await asyncio.sleep(random.uniform(0, most))

    async def _talk(self, socket: ClientConnection) -> None:
        after = max(self.journal.received, default=0)
        await socket.send(json.dumps({"type": "hello", "token": self.token, "after": after}))
        async for text in socket:
            frame = json.loads(text)
            async with self._changed:
                self._note(frame)
                self._changed.notify_all()
            match frame["type"]:
                case "welcome":
                    self._socket, self._tries = socket, 0
                    await self._resend()
                case "error":
                    self._take_refusal(frame)

    async def _resend(self) -> None:
        for client_id in self.journal.sent:
            await self._send_again(client_id)

    async def _send_again(self, client_id: str) -> None:
        journal = self.journal
        if client_id not in journal.acknowledged and client_id not in journal.refused:
            await self.send(type="message", client_id=client_id, text=journal.sent[client_id])

    def _take_refusal(self, frame: dict[str, Any]) -> None:
        """Try again as told, one message or all of them; what is not to be tried is given back."""
        client_id, wait = frame.get("client_id"), frame.get("retry_after")
        if wait or frame["code"] == "rate_limited":
            again = partial(self._send_again, client_id) if client_id else self._resend
            self._later(client_id or "", again, seconds=wait or TOO_FAST_SECONDS)
        elif client_id:
            self.journal.refused[client_id] = frame["code"]

    def _later(self, name: str, again: Callable[[], Awaitable[None]], *, seconds: float) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            await again()

        if name in self._timers:
            self._timers[name].cancel()
        self._timers[name] = asyncio.create_task(wait())

    def _note(self, frame: dict[str, Any]) -> None:
        self.journal.frames.append(frame)
        match frame["type"]:
            case "welcome":
                self.journal.welcomed_at.append(time.monotonic())
                self.status = frame["status"]
                for message in frame["messages"]:
                    self._note_message(message)
            case "message":
                self._note_message(frame)
            case "ack":
                self.journal.acknowledged[frame["client_id"]] = frame["seq"]
                self.journal.acknowledged_at.setdefault(frame["client_id"], time.monotonic())
            case "status":
                self.status = frame["status"]
            case "delta" if frame["offset"] == 0:
                self.journal.begun_at[frame["message"]] = time.monotonic()

    def _note_end(self) -> None:
        self._socket = None
        if len(self.journal.closed_at) < len(self.journal.welcomed_at):
            self.journal.closed_at.append(time.monotonic())

    def _note_message(self, frame: dict[str, Any]) -> None:
        self.journal.order.append(frame["seq"])
        self.journal.received[frame["seq"]] = frame
        self.journal.received_at.setdefault(frame["seq"], time.monotonic())

    def faults(self) -> list[str]:
        """Return what broke a promise: lost, doubled, misordered, holes."""
        order, journal = self.journal.order, self.journal
        faults = [] if order == sorted(set(order)) else [f"order {order}"]
        if order != list(range(1, len(order) + 1)):
            faults.append(f"holes in {order}")
        stored = [row.get("client_id") for row in self.said_by("customer")]
        faults += [f"lost {one}" for one in journal.acknowledged if one not in stored]
        faults += [f"doubled {one}" for one in set(stored) if stored.count(one) > 1]
        return faults
