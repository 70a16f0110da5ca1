"""Locks that stop the product, and the patience to take them without stopping it for long."""

import time
from collections.abc import Callable
from typing import TypeVar

import psycopg
from django.db import OperationalError, transaction
from psycopg.sql import SQL, Composable

from conversations.partitioning.catalog import ORIGINAL, TWIN, references, referred_tables
from conversations.partitioning.database import rows, run

T = TypeVar("T")
# Whoever waits behind a lock that we wait for waits as well, and gives up after two seconds.
LOCK_MILLISECONDS = 200
PATIENCE_SECONDS = 600.0
PAUSE_SECONDS = 0.5
# Autovacuum gives way to who waits a second for its table, and nobody else waits behind this lock.
VACUUM_MILLISECONDS = 5000
BUSY = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)


def with_short_locks(work: Callable[[], T]) -> T:
    """Run ``work`` in a transaction that gives way where it would have to wait for a lock.

    Repeated for ``PATIENCE_SECONDS``. The wait is shorter than PostgreSQL's ``deadlock_timeout``:
    of two that wait for each other it is always this one that gives way.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with transaction.atomic():
                _set_lock_timeout(LOCK_MILLISECONDS)
                return work()
        except OperationalError as error:
            if not isinstance(error.__cause__, BUSY) or time.monotonic() > until:
                raise
        time.sleep(PAUSE_SECONDS)


def close_gate() -> None:
    """Let the product's transactions end and none begin, until this one ends.

    Each of them locks a row of what messages refer to, its conversation, before it writes. Locks
    that are taken behind this one meet nobody who holds one and waits for another.
    """
    _stop_autovacuum()
    _lock(list(map(SQL, referred_tables())), mode="EXCLUSIVE")


def lock_all() -> float:
    """Lock every table that a key ties to messages; return when the first one was locked."""
    _stop_autovacuum()
    began = time.monotonic()
    _lock(_tied_tables(), mode="ACCESS EXCLUSIVE")
    return began


def _tied_tables() -> list[Composable]:
    """Return the tables in the order of locking, in which the gate comes first."""
    return [*map(SQL, referred_tables()), ORIGINAL, TWIN, *(one.relation for one in references())]


def _stop_autovacuum() -> None:
    """Let autovacuum leave the tables; it would outlast every short wait."""
    _set_lock_timeout(VACUUM_MILLISECONDS)
    _lock(_tied_tables(), mode="SHARE UPDATE EXCLUSIVE")
    _set_lock_timeout(LOCK_MILLISECONDS)


def _lock(tables: list[Composable], *, mode: str) -> None:
    run("LOCK TABLE {tables} IN {mode} MODE", tables=SQL(", ").join(tables), mode=SQL(mode))


def _set_lock_timeout(milliseconds: int) -> None:
    """Limit each wait for a lock until the transaction ends: no state of the session's."""
    rows("SELECT set_config('lock_timeout', %s, true)", values=[f"{milliseconds}ms"])
