"""The queue as all who wait in it see it: read once for all sockets of a process."""

import asyncio
import time
from weakref import WeakKeyDictionary

from core.background import in_database_thread
from escalation.selectors import Queue, read_queue

# A crowd that waits looks every few seconds, each socket at its own moment.
KEPT_SECONDS = 2.0


class QueueWatch:
    """Gives the queue as it was a moment ago."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._queue: Queue | None = None
        self._kept_until = 0.0

    async def look(self) -> Queue:
        """Return it, at most ``KEPT_SECONDS`` old; who comes while it is read waits for it."""
        async with self._lock:
            if self._queue is None or time.monotonic() >= self._kept_until:
                self._queue = await in_database_thread(read_queue)()
                self._kept_until = time.monotonic() + KEPT_SECONDS
            return self._queue


_watches: "WeakKeyDictionary[asyncio.AbstractEventLoop, QueueWatch]" = WeakKeyDictionary()


def queue_watch() -> QueueWatch:
    """Return this event loop's watch."""
    return _watches.setdefault(asyncio.get_running_loop(), QueueWatch())
