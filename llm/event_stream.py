"""Reads the events that a model streams, many at a time.

A model sends fifty small events a second. To wake up for each of them costs more than to read it,
so a reader looks every `PACE_SECONDS` and takes what came since together. Until then it waits in
the kernel.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

import httpx2
from openai import APIError

from llm.assembly import Chunk
from llm.connections import transport_of

# Below what a reader takes for a pause, and a fifth of the looks at 50 tokens a second.
PACE_SECONDS = 0.1
# As much as the SDK's transport hands over at once.
FULL_PART_BYTES = 16 * 1024
DONE = "[DONE]"


class EventStream:
    """The JSON of one response's server-sent events.

    Raises what the connection raises, `ValueError` for what is no JSON object, and the SDK's
    `APIError` where the server reports an error in place of an event.
    """

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response
        self._parts = response.aiter_bytes()
        self._unread: list[bytes] = []
        self._data: list[str] = []
        self._events: list[Chunk] = []
        self._error: Exception | None = None
        self._is_done = False
        self._is_behind = False
        self._looked_at = 0.0

    async def read(self, *, at_pace: bool) -> list[Chunk]:
        """Return what came since the last look, one event at least; none at the end."""
        seconds = self._looked_at + PACE_SECONDS - time.monotonic()
        if at_pace and seconds > 0 and not self._is_done and not self._is_behind:
            await self._wait(seconds)
        while not self._events and not self._is_done:
            part = await anext(self._parts, None)
            # Of a fast server, the rest is there already.
            self._is_behind = part is not None and len(part) >= FULL_PART_BYTES
            self._feed(part)
        self._looked_at = time.monotonic()
        if self._error is not None and not self._events:
            raise self._error
        events, self._events = self._events, []
        return events

    async def _wait(self, seconds: float) -> None:
        """Let events come together, without a wake-up for each."""
        transport = transport_of(self._response)
        if transport is None or not transport.is_reading():
            await asyncio.sleep(seconds)
            return
        transport.pause_reading()
        try:
            await asyncio.sleep(seconds)
        finally:
            transport.resume_reading()

    async def close(self) -> None:
        """Release the connection; harmless when called twice."""
        await self._response.aclose()

    def _feed(self, part: bytes | None) -> None:
        """Take in the events that end in ``part``; ``None`` is the end."""
        if part is None:
            self._is_done = True
            return
        self._unread.append(part)
        if b"\n" not in part:
            return
        *lines, rest = b"".join(self._unread).split(b"\n")
        self._unread = [rest]
        try:
            for line in lines:
                self._feed_line(line.removesuffix(b"\r").decode())
        except (ValueError, APIError) as error:
            # What came before it is handed out first.
            self._error, self._is_done = error, True

    def _feed_line(self, line: str) -> None:
        """Take in a line; an empty one ends an event (HTML Standard, 9.2.6)."""
        field, _, value = line.partition(":")
        if field == "data":
            self._data.append(value.removeprefix(" "))
        elif not line and self._data:
            data, self._data = "\n".join(self._data), []
            self._is_done = self._is_done or data == DONE
            if not self._is_done:
                self._events.append(self._decode(data))

    def _decode(self, data: str) -> Chunk:
        try:
            event: Any = json.loads(data)
        except RecursionError:
            raise ValueError("too deep") from None
        if not isinstance(event, Mapping):
            raise ValueError("not an object")
        if error := event.get("error"):
            told = error.get("message") if isinstance(error, Mapping) else None
            raise APIError(str(told or ""), request=self._response.request, body=error)
        return event
