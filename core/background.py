"""Ways between threads and event loops: a task's coroutine, and the database's threads."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import lru_cache, partial
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import SyncToAsync
from channels.db import DatabaseSyncToAsync
from django.conf import settings
from django.db import OperationalError, connection
from psycopg.errors import LockNotAvailable
from psycopg_pool import PoolTimeout

P = ParamSpec("P")
T = TypeVar("T")
Work = Coroutine[Any, Any, None]
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
    # No more threads than connections: a thread that waits for one would only time out.
    return ThreadPoolExecutor(settings.DATABASE_POOL_SIZE, thread_name_prefix="database")


def _watching_the_pool(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ``function``; when its connection was lost, let the pool drop the other dead ones.

    After a restart of PostgreSQL each pooled connection would fail once otherwise.
    """
    try:
        return function(*args, **kwargs)
    except OperationalError as error:
        pool = getattr(connection, "pool", None)
        if pool is not None and not _is_lock(error):
            with suppress(PoolTimeout):
                pool.check()
        raise


def _is_lock(error: OperationalError) -> bool:
    return isinstance(error.__cause__, LockNotAvailable)


def in_database_thread(function: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Return an awaitable twin of ``function`` that runs in the bounded database threads.

    ``database_sync_to_async`` alone would put all sockets of a process on one thread.
    """
    twin: SyncToAsync[P, T] = DatabaseSyncToAsync(
        partial(_watching_the_pool, function), thread_sensitive=False, executor=_database_threads()
    )

    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        return await twin(*args, **kwargs)

    return call
