"""Statements of a conversion, and the patience that their locks need."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import psycopg
from django.db import OperationalError, connection, transaction
from psycopg.sql import SQL, Composable, Composed

T = TypeVar("T")
Values = Sequence[Any] | Mapping[str, Any] | None
# Whoever waits behind a lock that we wait for waits as well, and gives up after two seconds.
LOCK_MILLISECONDS = 200
PATIENCE_SECONDS = 600.0
PAUSE_SECONDS = 0.5
BUSY = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)


def run(statement: str, *, values: Values = None, **parts: Composable) -> int:
    """Execute a statement with ``{name}`` replaced by what is quoted; return its row count."""
    with connection.cursor() as cursor:
        cursor.execute(_composed(statement, parts), values)
        return int(cursor.rowcount)


def rows(statement: str, *, values: Values = None, **parts: Composable) -> list[tuple[Any, ...]]:
    """Return the rows of a query with ``{name}`` replaced by what is quoted."""
    with connection.cursor() as cursor:
        cursor.execute(_composed(statement, parts), values)
        return list(cursor.fetchall())


def set_lock_timeout(milliseconds: int) -> None:
    """Limit each wait for a lock until the transaction ends: no state of the session's."""
    rows("SELECT set_config('lock_timeout', %s, true)", values=[f"{milliseconds}ms"])


def with_short_locks(work: Callable[[], T]) -> T:
    """Run ``work`` in a transaction that gives way where it would have to wait for a lock.

    Repeated for ``PATIENCE_SECONDS``. The wait is shorter than PostgreSQL's ``deadlock_timeout``:
    of two that wait for each other it is always this one that gives way.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with transaction.atomic():
                set_lock_timeout(LOCK_MILLISECONDS)
                return work()
        except OperationalError as error:
            if not isinstance(error.__cause__, BUSY) or time.monotonic() > until:
                raise
        time.sleep(PAUSE_SECONDS)


def _composed(statement: str, parts: dict[str, Composable]) -> str | Composed:
    # Without parts braces are themselves.
    return SQL(statement).format(**parts) if parts else statement
