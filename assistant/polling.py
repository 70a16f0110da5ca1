"""The workers' own look for turns: the loss of Redis delays answers and does not stop them."""

import asyncio
import logging

from django.db import Error

from assistant.activity import working_count
from assistant.claims import expired, heads, take_due
from assistant.turns import run_turn
from core.background import in_database_thread

logger = logging.getLogger(__name__)
POLL_SECONDS = 2.0
BATCH = 20


def _due() -> list[int]:
    return take_due(heads(), limit=BATCH) + take_due(expired(), limit=BATCH)


async def poll_forever(*, limit: int) -> None:
    """Work on due turns that no task brought; ``limit`` is how many may run in this process."""
    running: set[asyncio.Task[None]] = set()
    while True:
        await asyncio.sleep(POLL_SECONDS)
        if working_count() >= limit:
            continue
        try:
            due = await in_database_thread(_due)()
        except Error as error:
            logger.warning("poll missed: %s", type(error).__name__)
            continue
        for turn_pk in due[: max(0, limit - working_count())]:
            task = asyncio.create_task(run_turn(turn_pk))
            running.add(task)
            task.add_done_callback(running.discard)
