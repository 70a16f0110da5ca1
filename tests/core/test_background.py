"""The database's threads keep their connections, and one that was lost costs one call."""

import asyncio
import threading
import time
from types import SimpleNamespace

import psycopg
import pytest
from django.db import Error, OperationalError, connection, transaction
from psycopg import errors
from psycopg_pool import PoolTimeout

from core import background
from core.background import in_database_thread

pytestmark = pytest.mark.django_db(transaction=True)


def backend() -> int:
    """Return the number of this thread's server process."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


async def test_threads_keep_their_connections() -> None:
    first = {await in_database_thread(backend)() for _ in range(20)}
    assert {await in_database_thread(backend)() for _ in range(20)} <= first


async def test_lost_connections_cost_one_call() -> None:
    together = threading.Barrier(3)

    def in_company() -> int:
        together.wait(10)
        return backend()

    kept = set(await asyncio.gather(*(in_database_thread(in_company)() for _ in range(3))))
    assert len(kept) == 3

    def end_all() -> None:
        connection.close()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s) AS pid", [list(kept)])
        connection.close()

    await asyncio.to_thread(end_all)
    failed = 0
    for _ in range(12):
        try:
            assert await in_database_thread(backend)() not in kept
        except Error:
            failed += 1
    assert failed == 1


@pytest.mark.parametrize(("idle", "later"), [(60.0, 61.0), (10_000.0, 2_000.0)])
async def test_idle_and_old_connections_are_renewed(
    monkeypatch: pytest.MonkeyPatch, idle: float, later: float
) -> None:
    first = {await in_database_thread(backend)() for _ in range(8)}
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + later)
    monkeypatch.setattr(background, "IDLE_SECONDS", idle)
    monkeypatch.setattr(background, "time", clock)
    assert first.isdisjoint({await in_database_thread(backend)() for _ in range(4)})


@pytest.mark.parametrize(
    ("cause", "losses"),
    [
        (errors.LockNotAvailable, 0),
        (errors.DeadlockDetected, 0),
        (errors.DiskFull, 0),
        (errors.QueryCanceled, 0),
        (PoolTimeout, 0),
        (errors.AdminShutdown, 1),
        (errors.ReadOnlySqlTransaction, 1),
        (psycopg.OperationalError, 1),
    ],
)
async def test_what_is_said_of_a_statement_alone_is_no_loss(
    cause: type[Exception], losses: int
) -> None:
    def give_up() -> None:
        with transaction.atomic():
            raise OperationalError from cause()

    before = background._lost[0]
    with pytest.raises(OperationalError):
        await in_database_thread(give_up)()
    assert background._lost[0] - before == losses
