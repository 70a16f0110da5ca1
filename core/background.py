"""Ways between threads and event loops: a task's coroutine, and the database's threads."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from functools import lru_cache, partial
from typing import Any, ParamSpec, TypeVar

from django.conf import settings
from django.db import OperationalError, connection
from psycopg.errors import LockNotAvailable
from psycopg_pool import PoolTimeout

P = ParamSpec("P")
T = TypeVar("T")
Work = Coroutine[Any, Any, None]
DATABASE_THREADS = 4
_collected: ContextVar[list[Work] | None] = ContextVar("collected", default=None)


@contextmanager
def collecting() -> Iterator[list[Work]]:
    """Collect the coroutines that tasks hand over in this block, for the pool to await."""
    works: list[Work] = []
    mark = _collected.set(works)
    try:
        yield works
    finally:
        _collected.reset(mark)


def run_async(work: Work) -> None:
    """Run ``work`` on the pool's loop after this task's body, or here and now without one."""
    works = _collected.get()
    if works is None:
        asyncio.run(work)
    else:
        works.append(work)


@lru_cache(maxsize=1)
def _database_threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_thread_count(), thread_name_prefix="database")


def _thread_count() -> int:
    # Few: what they run is short, and more of them would only wait for the interpreter's lock.
    # No more than connections: a thread that waits for one would only time out.
    return min(DATABASE_THREADS, int(settings.DATABASE_POOL_SIZE))


class _Losses:
    """How often a connection of this process was lost; each thread knows how many it has heeded.

    After a restart of PostgreSQL every kept connection is dead: one that fails tells the others.
    """

    def __init__(self) -> None:
        self.count = 0
        self._heeded = threading.local()

    def are_heeded(self) -> bool:
        """Whether this thread has looked at its connection since the last loss."""
        return bool(getattr(self._heeded, "count", 0) == self.count)

    def heed(self) -> None:
        """Note that it has."""
        self._heeded.count = self.count


_losses = _Losses()


def _with_own_connection(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ``function`` on the connection that this thread keeps; one that was lost is dropped.

    Fetching one from the pool and giving it back would cost as much as a small statement.
    """
    if not _losses.are_heeded():
        _losses.heed()
        if connection.connection is not None and not connection.is_usable():
            connection.close()
    try:
        return function(*args, **kwargs)
    except OperationalError as error:
        if not _is_lock(error):
            _losses.count += 1
            _check_pool()
        raise
    finally:
        if connection.errors_occurred:
            connection.close_if_unusable_or_obsolete()


def close_database_connections() -> None:
    """Close the connections that the database's threads keep; they open new ones when asked."""
    size = _thread_count()
    # Each thread takes one of these, for none ends before all have begun.
    together = threading.Barrier(size)

    def close() -> None:
        together.wait()
        connection.close()

    for closed in [_database_threads().submit(close) for _ in range(size)]:
        closed.result()


def _check_pool() -> None:
    """Let the pool drop its dead connections: each would fail once otherwise."""
    pool = getattr(connection, "pool", None)
    if pool is not None:
        with suppress(PoolTimeout):
            pool.check()


def _is_lock(error: OperationalError) -> bool:
    return isinstance(error.__cause__, LockNotAvailable)


def in_database_thread(function: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Return an awaitable twin of ``function`` that runs in the bounded database threads.

    ``database_sync_to_async`` would put all sockets of a process on one thread, and connect
    anew each time.
    """

    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        work = partial(_with_own_connection, function, *args, **kwargs)
        context = copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(_database_threads(), context.run, work)

    return call
