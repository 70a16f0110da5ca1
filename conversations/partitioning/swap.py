"""Lets other tables refer to the twin, puts it in the table's place and drops the old one."""

import time

from psycopg.sql import SQL, Composable, Composed, Identifier

from conversations.partitioning.catalog import (
    BUILDING,
    ORIGINAL,
    PARTITION_KEY,
    RETIRED,
    TABLE,
    TRIGGER,
    TWIN,
    TWIN_NAME,
    Reference,
    constraints,
    references,
)
from conversations.partitioning.copying import compare_newest
from conversations.partitioning.database import rows, run
from conversations.partitioning.locks import close_gate, lock_all, with_short_locks
from core.errors import Conflict

NEWEST = 1000

FOREIGN = """
SELECT count(*) FROM {referring} AS row JOIN {table} AS message ON {join}
WHERE row.{key} <> message.{key}
"""


def add_reference(reference: Reference) -> None:
    """Give a table the same key to the twin, with the conversation in it, beside its own.

    Raises ``Conflict`` where a row refers to a message of another conversation than its own.
    """
    _check_conversations(reference)
    if reference.new_name not in {one.name for one in references(TWIN_NAME)}:
        with_short_locks(lambda: _add_unchecked(reference))
    # Takes locks that stop nobody who writes rows.
    run(
        "ALTER TABLE {referring} VALIDATE CONSTRAINT {name}",
        referring=reference.relation,
        name=Identifier(reference.new_name),
    )


def _check_conversations(reference: Reference) -> None:
    [(count,)] = rows(
        FOREIGN,
        referring=reference.relation,
        table=ORIGINAL,
        key=Identifier(PARTITION_KEY),
        join=SQL(" AND ").join(
            SQL("{} = {}").format(Identifier("row", own), Identifier("message", its))
            for own, its in zip(reference.columns, reference.referred, strict=True)
        ),
    )
    if count:
        raise Conflict(f"{reference.label}: {count} rows refer to another conversation's message.")


def _add_unchecked(reference: Reference) -> None:
    """Add the key for new rows alone, which needs no look at the old ones while it locks."""
    actions = reference.definition.partition(" REFERENCES ")[2].partition(")")[2]
    for action in ("ON DELETE SET NULL", "ON DELETE SET DEFAULT"):
        # Of the message alone: a row keeps its conversation.
        actions = actions.replace(action, f"{action} ({', '.join(reference.columns)})")
    close_gate()
    run(
        "ALTER TABLE {referring} ADD CONSTRAINT {name} FOREIGN KEY ({key}, {own})"
        " REFERENCES {twin} ({key}, {its}) {actions} NOT VALID",
        referring=reference.relation,
        name=Identifier(reference.new_name),
        key=Identifier(PARTITION_KEY),
        own=_names(reference.columns),
        its=_names(reference.referred),
        twin=TWIN,
        actions=SQL(actions),
    )


def _names(columns: tuple[str, ...]) -> Composed:
    return SQL(", ").join(map(Identifier, columns))


def swap_tables() -> float:
    """Put the twin in the table's place in one transaction; return how long it held its locks.

    What waits for the table meanwhile goes on with the twin, prepared statements too. The old
    table is left in a schema of its own, cut off from all others.
    """

    def swap() -> float:
        began = lock_all()
        _swap()
        return began

    began = with_short_locks(swap)
    return time.monotonic() - began


def _swap() -> None:
    compare_newest(NEWEST)
    _move_references()
    for constraint in constraints("f"):
        _drop_constraint(ORIGINAL, constraint.name)
    run("DROP TRIGGER {name} ON {table}", name=Identifier(TRIGGER), table=ORIGINAL)
    _continue_sequence()
    [(home,)] = rows(
        "SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = %s::regclass",
        values=[TABLE],
    )
    move = "ALTER TABLE {table} SET SCHEMA {schema}"
    # Indexes and sequences go along, so that all names are as before.
    run("CREATE SCHEMA {schema}", schema=Identifier(RETIRED))
    run(move, table=ORIGINAL, schema=Identifier(RETIRED))
    run(move, table=TWIN, schema=SQL(home))
    run("DROP SCHEMA {schema} CASCADE", schema=Identifier(BUILDING))


def _move_references() -> None:
    ready = {one.name for one in references(TWIN_NAME)}
    for reference in references():
        _drop_constraint(reference.relation, reference.name)
        if not reference.has_conversation:
            continue
        if reference.new_name not in ready:
            raise Conflict(f"{reference.label} refers to messages since a moment ago: run again.")
        run(
            "ALTER TABLE {referring} RENAME CONSTRAINT {new} TO {name}",
            referring=reference.relation,
            new=Identifier(reference.new_name),
            name=Identifier(reference.name),
        )


def _drop_constraint(table: Composable, name: str) -> None:
    run("ALTER TABLE {table} DROP CONSTRAINT {name}", table=table, name=Identifier(name))


def _continue_sequence() -> None:
    """Let the twin's keys go on where the table's are; nobody takes one while it is locked."""
    of_table = "SELECT pg_get_serial_sequence(%s, 'id')"
    [(old,)], [(new,)] = (rows(of_table, values=[table]) for table in (TABLE, TWIN_NAME))
    rows("SELECT setval(%s, last_value, is_called) FROM {old}", values=[new], old=SQL(old))


def drop_retired() -> None:
    """Drop the table that was swapped out."""
    with_short_locks(lambda: run("DROP SCHEMA {schema} CASCADE", schema=Identifier(RETIRED)))
