"""Copies what was there before the trigger, and compares the table with its twin."""

from psycopg.sql import SQL, Identifier, Literal

from conversations.partitioning.catalog import ORIGINAL, PARTITION_KEY, TWIN, stored_columns
from conversations.partitioning.database import rows, run
from conversations.partitioning.locks import with_short_locks
from conversations.partitioning.twin import PROGRESS
from core.errors import Conflict

# A row of the twin is never overwritten here: what a trigger put there is newer. A row that is
# deleted while its older state is copied would come back; the key lock makes its delete wait, and
# lets updates through.
COPY = """
WITH batch AS MATERIALIZED (
    SELECT {columns} FROM {table} WHERE id > (SELECT copied FROM {progress})
    ORDER BY id LIMIT {limit} FOR KEY SHARE
), copy AS (
    INSERT INTO {twin} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM batch
    ON CONFLICT (id, {key}) DO NOTHING
)
UPDATE {progress} SET copied = coalesce((SELECT max(id) FROM batch), copied)
RETURNING (SELECT count(*) FROM batch)
"""


def copy_rows(batch: int) -> int:
    """Copy all rows that are left, a batch a transaction; return how many there were."""
    count, copied = 0, batch
    while copied == batch:
        copied = with_short_locks(lambda: copy_batch(batch))
        count += copied
    return count


def copy_batch(batch: int) -> int:
    """Copy the next rows and note how far that was; return their count."""
    run("SELECT copied FROM {progress} FOR UPDATE", progress=PROGRESS)
    [(copied,)] = rows(
        COPY,
        columns=SQL(", ").join(map(Identifier, stored_columns())),
        table=ORIGINAL,
        twin=TWIN,
        progress=PROGRESS,
        key=Identifier(PARTITION_KEY),
        limit=Literal(batch),
    )
    return int(copied)


# One statement sees one state of both, as a trigger's write is of its row's transaction.
COMPARE = """
WITH bounds AS (
    SELECT (SELECT max(id) FROM (SELECT id FROM {table} WHERE id > %(after)s
        ORDER BY id LIMIT %(batch)s) AS batch) AS last
), original AS (
    SELECT count(*), sum(hashtextextended(row.*::text, 0)::numeric) FROM {table} AS row
    WHERE id > %(after)s AND id <= coalesce((SELECT last FROM bounds), {most})
), twin AS (
    SELECT count(*), sum(hashtextextended(row.*::text, 0)::numeric) FROM {twin} AS row
    WHERE id > %(after)s AND id <= coalesce((SELECT last FROM bounds), {most})
)
SELECT original.count, original IS DISTINCT FROM twin, (SELECT last FROM bounds)
FROM original, twin
"""
MOST = Literal(2**63 - 1)


def compare_rows(batch: int) -> int:
    """Compare counts and checksums of all rows, batch by batch; return how many there are.

    Raises ``Conflict`` at the first batch that differs.
    """
    count, after = 0, -1
    while True:
        compared, last = _compare_batch(after, batch=batch)
        count += compared
        if last is None:
            return count
        after = last


def compare_newest(count: int) -> None:
    """Compare the rows that were written last; raises ``Conflict``."""
    newest = "SELECT coalesce(max(id), 0) FROM {table}"
    [(last,)] = rows(newest, table=ORIGINAL)
    _compare_batch(last - count, batch=count)


def _compare_batch(after: int, *, batch: int) -> tuple[int, int | None]:
    """Return the count and the last key, none past the end, where only the twin has rows."""
    [(count, differs, last)] = rows(
        COMPARE,
        values={"after": after, "batch": batch},
        table=ORIGINAL,
        twin=TWIN,
        most=MOST,
    )
    if differs:
        raise Conflict(
            f"The copy differs in messages after {after} up to {last}: nothing was swapped. "
            "--abandon drops the copy, to begin again."
        )
    return int(count), last
