"""Ways between threads and event loops: a task's coroutine, and the database's threads."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from functools import lru_cache, partial
from typing import Any, ParamSpec, TypeVar

from django.conf import settings
from django.db import InternalError, OperationalError, connection
from psycopg_pool import PoolTimeout

P = ParamSpec("P")
T = TypeVar("T")
Work = Coroutine[Any, Any, None]
# A new one from time to time: the address may lead to another server by now. Sooner where
# nothing was asked for a while: what lies between may have dropped it in silence.
KEPT_SECONDS, IDLE_SECONDS = 600.0, 60.0
CLOSING_SECONDS = 1.0
# PostgreSQL's classes of a broken connection and of a server that ends, and that of one that only
# reads: https://www.postgresql.org/docs/current/errcodes-appendix.html
LOST_STATES = ("08", "57P", "25006")
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
    return min(int(settings.DATABASE_THREADS), int(settings.DATABASE_POOL_SIZE))


class _Kept(threading.local):
    """What a thread knows of the connection that it keeps."""

    until = used = 0.0
    losses = 0

    def use(self) -> bool:
        """Note that it is used now; say whether it may: not where it was lost, or is too old."""
        now = time.monotonic()
        is_idle, self.used = now > self.used + IDLE_SECONDS, now
        return self.losses == _lost[0] and now <= self.until and not is_idle


_kept = _Kept()
# How often this process lost a connection: one that fails tells the others, which are dead as
# well after a restart of PostgreSQL. Two that count at once may count one: it is the same loss.
_lost = [0]


def _with_own_connection(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ``function`` on the connection that this thread keeps; one that was lost is dropped.

    Fetching one from the pool and giving it back would cost as much as a small statement.
    """
    if not _kept.use():
        connection.close()
        _kept.losses, _kept.until = _lost[0], time.monotonic() + KEPT_SECONDS
    try:
        return function(*args, **kwargs)
    except (OperationalError, InternalError) as error:
        if _is_loss(error):
            connection.close()
            _lost[0] += 1
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
        with suppress(threading.BrokenBarrierError):
            together.wait(CLOSING_SECONDS)
        connection.close()

    closing = [_database_threads().submit(close) for _ in range(size)]
    # One that is at something slow keeps its own: the process ends without it.
    wait(closing, timeout=2 * CLOSING_SECONDS)


def _check_pool() -> None:
    """Let the pool drop its dead connections: each would fail once otherwise."""
    pool = getattr(connection, "pool", None)
    if pool is not None:
        with suppress(PoolTimeout):
            pool.check()


def _is_loss(error: Exception) -> bool:
    """Whether the connection is gone, or leads to a server that takes no writes any more.

    What the server says of a statement alone (a lock, a deadlock, a full disk) came over a
    connection that is well; and where the pool had none to give there is none to lose.
    """
    state = getattr(error.__cause__, "sqlstate", None)
    if state is None:
        return not isinstance(error.__cause__, PoolTimeout)
    return str(state).startswith(LOST_STATES)


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
