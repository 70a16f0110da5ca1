"""A Celery pool that runs coroutines on one event loop, hundreds of streams in one process.

Used as ``--pool custom`` with ``CELERY_CUSTOM_WORKER_POOL=supportbot.pool:AsyncTaskPool``.
A task is acknowledged when the coroutine it handed over (``core.background``) has ended.
"""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from celery import signals
from celery.concurrency.base import BasePool
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper

from core.background import Work, close_database_connections, collecting
from core.garbage import spare_what_is_loaded
from core.realtime import SEND_SECONDS, drain, send_on

logger = logging.getLogger(__name__)
# Less than the supervisor and docker-compose wait before they kill.
STOP_SECONDS = 8.0
# What never ends by itself: the looks for turns and for requests for help.
POLLS = 2


class AsyncTaskPool(BasePool):
    """``--concurrency`` is the number of turns that may run at once."""

    signal_safe = False

    def on_start(self) -> None:
        """Start the loop's thread and the worker's own polls."""
        # Imported here: models need the Django that Celery's fixup has set up by now.
        from assistant.helping.running import poll_forever as poll_for_help
        from assistant.polling import poll_forever

        warm_up()
        self._tasks: set[asyncio.Task[None]] = set()
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, name="turns", daemon=True).start()
        # Most of a worker's hints are pieces of answers, which come from that loop.
        send_on(self.loop)
        signals.worker_process_init.send(sender=self)
        for poll in (poll_forever(limit=self.limit), poll_for_help()):
            asyncio.run_coroutine_threadsafe(self._keep(poll), self.loop)

    async def _keep(self, work: Work) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def on_apply(
        self,
        target: Callable[..., Any],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        callback: Callable[[Any], None] | None = None,
        accept_callback: Callable[[int, float], None] | None = None,
        **_: Any,
    ) -> None:
        """Run a task; ``callback`` acknowledges it, so it comes after the coroutine's end."""
        if accept_callback:
            accept_callback(os.getpid(), time.monotonic())
        run = self._run(target, args, kwargs or {}, callback)
        asyncio.run_coroutine_threadsafe(self._keep(run), self.loop)

    async def _run(
        self,
        target: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        callback: Callable[[Any], None] | None,
    ) -> None:
        with collecting() as works:
            # In a thread: Celery's Django fixup touches database connections.
            result = await asyncio.to_thread(target, *args, **kwargs)
        for work in works:
            try:
                await work
            except Exception:  # the pool's edge: an unacknowledged task would cost a slot for ever
                logger.exception("a task's work failed; its row is the outbox")
        if callback:
            # Of queues without acknowledgement: nothing that waits for a network.
            callback(result)

    def on_stop(self) -> None:
        """Let running turns end, within bounds: a lease brings back what is cut off."""
        deadline = time.monotonic() + STOP_SECONDS
        while len(self._tasks) > POLLS and time.monotonic() < deadline:
            time.sleep(0.05)
        drain(seconds=SEND_SECONDS)
        self.loop.call_soon_threadsafe(self.loop.stop)
        close_database_connections()
        for connection in connections.all(initialized_only=True):
            # Celery closes psycopg's pool only after a fork.
            if isinstance(connection, DatabaseWrapper):
                connection.close_pool()

    def on_terminate(self) -> None:
        """Give up what runs: the leases bring it back."""
        self.loop.call_soon_threadsafe(self.loop.stop)


def warm_up() -> None:
    """Load what the first turns need: many that come together would each load it at once."""
    import llm.connections  # noqa: F401 - with it the SDK
    from llm.minilm import load_minilm

    load_minilm()
    # Beside the first turns, which wait for them only where they need them.
    threading.Thread(target=load_the_rest, name="warm-up", daemon=True).start()


def load_the_rest() -> None:
    """Load what only some turns need; what is loaded then is there to stay."""
    from knowledge.languages import load_languages
    from llm.tokens import load_vocabulary

    load_languages()
    load_vocabulary()
    spare_what_is_loaded()
