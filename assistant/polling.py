"""The workers' own look for turns and actions: the loss of Redis delays and does not stop them."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from django.db import Error

from assistant.activity import working_count
from assistant.carrying_out import carry_out, pks, waiting_actions
from assistant.claims import expired, heads, take_due
from assistant.turns import run_turn
from core.background import in_database_thread

logger = logging.getLogger(__name__)
POLL_SECONDS = 2.0
BATCH = 20


def _due(room: int) -> list[Coroutine[Any, Any, None]]:
    """Return the work that is due; each claims its row first, so a second one is harmless.

    No more than there is ``room`` for: what is taken is put off, and another worker may have room.
    """
    actions = pks(waiting_actions(), limit=min(BATCH, room))
    room -= len(actions)
    queued = take_due(heads(), limit=min(BATCH, room))
    died = take_due(expired(), limit=min(BATCH, room - len(queued)))
    return [*map(carry_out, actions), *map(run_turn, queued + died)]


async def poll_forever(*, limit: int) -> None:
    """Work on what is due and no task brought; ``limit`` is how many may run in this process."""
    running: set[asyncio.Task[None]] = set()
    while True:
        await asyncio.sleep(POLL_SECONDS)
        if (room := limit - working_count()) <= 0:
            continue
        try:
            due = await in_database_thread(_due)(room)
        except Error as error:
            logger.warning("poll missed: %s", type(error).__name__)
            continue
        for work in due:
            task = asyncio.create_task(work)
            running.add(task)
            task.add_done_callback(running.discard)
