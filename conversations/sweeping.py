"""Heals lost hints: each process looks at its open conversations every five seconds."""

import asyncio
import logging
from typing import Protocol
from weakref import WeakKeyDictionary

from django.db import Error

from conversations.selectors import changed_heads
from core.background import in_database_thread

logger = logging.getLogger(__name__)
SWEEP_SECONDS = 5.0


class Viewer(Protocol):
    """Somebody who shows a conversation and can look again."""

    conversation_id: str

    @property
    def shown(self) -> tuple[int, int]:
        """The last message's place and the revision that it shows."""

    @property
    def is_watching_more(self) -> bool:
        """Whether it shows what changes without its conversation, so that it looks each time."""

    def look_again(self, *, last_seq: int, revision: int) -> None:
        """Compare with what was shown; called on the event loop, must not block."""


class Sweep:
    """All viewers of one event loop, checked by one query a round."""

    def __init__(self) -> None:
        self._viewers: set[Viewer] = set()
        self._task: asyncio.Task[None] | None = None

    def add(self, viewer: Viewer) -> None:
        """Watch over ``viewer`` until it is removed."""
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
        if not viewers:
            return
        ids = [viewer.conversation_id for viewer in viewers]
        seen = [viewer.shown for viewer in viewers]
        changed = await in_database_thread(changed_heads)(ids, seen)
        for place, (last_seq, revision) in changed.items():
            viewers[place].look_again(last_seq=last_seq, revision=revision)
        for viewer in viewers:
            if viewer.is_watching_more:
                last_seq, revision = viewer.shown
                viewer.look_again(last_seq=last_seq, revision=revision)


_sweeps: "WeakKeyDictionary[asyncio.AbstractEventLoop, Sweep]" = WeakKeyDictionary()


def sweep() -> Sweep:
    """Return this event loop's sweep."""
    return _sweeps.setdefault(asyncio.get_running_loop(), Sweep())
