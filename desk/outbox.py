"""What one socket still has to send: a burst of hints becomes a few frames."""

import asyncio
from collections import deque

from desk.protocol import Frame

COALESCE_SECONDS = 0.05
# Previews are best effort: the message itself is the authority.
MAX_PIECES = 500


class Outbox:
    """Filled by listeners, which must not block; emptied by the socket's one writer."""

    def __init__(self) -> None:
        self._latest: dict[str, Frame] = {}
        self._pieces: deque[Frame] = deque(maxlen=MAX_PIECES)
        self._filled = asyncio.Event()

    def put(self, frame: Frame) -> None:
        """Send ``frame`` soon; only the latest of its kind counts, except pieces of an answer."""
        kind = str(frame["type"])
        if kind.startswith("delta"):
            self._pieces.append(frame)
        else:
            # Two pieces of help that end together are two pieces of news.
            self._latest[f"{kind} {frame.get('helper', '')}".rstrip()] = frame
        self._filled.set()

    def forget_pieces(self) -> None:
        """Drop what belongs to a conversation that is not watched any more."""
        self._pieces.clear()
        self._latest.pop("conversation", None)
        self._latest.pop("typing", None)

    async def collect(self) -> list[Frame]:
        """Wait until there is something; return all of it."""
        await self._filled.wait()
        await asyncio.sleep(COALESCE_SECONDS)
        self._filled.clear()
        frames = [*self._pieces, *self._latest.values()]
        self._pieces.clear()
        self._latest.clear()
        return frames
