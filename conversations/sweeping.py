"""Heals lost hints: each process looks at its open conversations every five seconds."""

import asyncio
import logging
from typing import Protocol
from weakref import WeakKeyDictionary, WeakSet

from django.db import Error

from conversations.selectors import heads
from core.background import in_database_thread

logger = logging.getLogger(__name__)
SWEEP_SECONDS = 5.0


class Viewer(Protocol):
    """Somebody who shows a conversation and can look again."""

    conversation_id: str

    def look_again(self, *, last_seq: int, revision: int) -> None:
        """Compare with what was shown; called on the event loop, must not block."""


class Sweep:
    """All viewers of one event loop, checked by one query a round."""

    def __init__(self) -> None:
        self._viewers: WeakSet[Viewer] = WeakSet()
        self._task: asyncio.Task[None] | None = None

    def add(self, viewer: Viewer) -> None:
        """Watch over ``viewer`` until it is removed or gone."""
        self._viewers.add(viewer)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    def remove(self, viewer: Viewer) -> None:
        """Stop watching over ``viewer``."""
        self._viewers.discard(viewer)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                await self.look()
            except Error as error:
                logger.warning("sweep missed: %s", type(error).__name__)

    async def look(self) -> None:
        """Do one round."""
        viewers = list(self._viewers)
        ids = list({viewer.conversation_id for viewer in viewers})
        if not ids:
            return
        current = await in_database_thread(heads)(ids)
        for viewer in viewers:
            if head := current.get(viewer.conversation_id):
                viewer.look_again(last_seq=head[0], revision=head[1])


_sweeps: "WeakKeyDictionary[asyncio.AbstractEventLoop, Sweep]" = WeakKeyDictionary()


def sweep() -> Sweep:
    """Return this event loop's sweep."""
    return _sweeps.setdefault(asyncio.get_running_loop(), Sweep())
