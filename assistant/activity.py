"""The turns that this process works on, and the heartbeat that keeps their leases."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from django.db import Error, close_old_connections, connection

from assistant.claims import HEARTBEAT_SECONDS, Claim, renew_leases

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Work:
    claim: Claim
    task: "asyncio.Task[object] | None"
    loop: asyncio.AbstractEventLoop


_working: dict[int, _Work] = {}
_lock = threading.Lock()


@contextmanager
def working_on(claim: Claim) -> Iterator[None]:
    """Keep the claim's lease alive during the block, as far as this process lives."""
    work = _Work(claim, asyncio.current_task(), asyncio.get_running_loop())
    with _lock:
        _working[claim.turn_pk] = work
        _heart.ensure_started()
    try:
        yield
    finally:
        with _lock:
            if _working.get(claim.turn_pk) is work:
                del _working[claim.turn_pk]


def working_count() -> int:
    """Return how many turns run in this process."""
    return len(_working)


def beat() -> None:
    """Renew all leases in one statement and cancel the turns that are not ours any more."""
    with _lock:
        works = list(_working.values())
    held = renew_leases((work.claim.turn_pk, work.claim.fence) for work in works)
    for work in works:
        if work.claim.turn_pk not in held:
            # A closed loop took its turn with it; the other turns still need this thread.
            with suppress(RuntimeError):
                work.loop.call_soon_threadsafe(_cancel, work)


def _cancel(work: _Work) -> None:
    """Cancel on the turn's own loop, and only while it is still at it.

    A turn that ends during the beat is no longer running in the database either, and its task
    has gone on to something that is nobody's to cancel.
    """
    if _working.get(work.claim.turn_pk) is work and work.task is not None:
        work.task.cancel()


class _Heart:
    """A thread of its own: a busy event loop must not cost a lease."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def ensure_started(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(HEARTBEAT_SECONDS) and self._is_needed():
            try:
                beat()
            except Error as error:
                logger.warning("heartbeat missed: %s", type(error).__name__)
            finally:
                close_old_connections()
        connection.close()

    def _is_needed(self) -> bool:
        # Under the lock: a turn that begins now must find a thread, or start one.
        with _lock:
            if not _working:
                self._thread = None
            return bool(_working)


_heart = _Heart()
