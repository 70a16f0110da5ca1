"""What PostgreSQL's catalog says of the table of messages, its twin and who refers to them."""

from dataclasses import dataclass

from django.db import models
from psycopg.sql import SQL, Composable, Identifier

from conversations.models import Message
from conversations.partitioning.database import rows

TABLE = Message._meta.db_table
PARTITION_KEY = "conversation_id"
# The twin has the same names as the table, in a schema of its own until the swap.
BUILDING = "message_partitions"
RETIRED = "message_retired"
TRIGGER = "copy_to_partitions"
OLDEST_SERVER = 170000

ORIGINAL = Identifier(TABLE)
TWIN = Identifier(BUILDING, TABLE)
TWIN_NAME = f"{BUILDING}.{TABLE}"


class Stage(models.TextChoices):
    """How far a conversion got; the schemas say so, whatever was killed."""

    PLAIN = "plain", "not begun"
    COPYING = "copying", "begun"
    SWAPPED = "swapped", "partitioned, with the old table still there"
    DONE = "done", "partitioned"


@dataclass(frozen=True, slots=True)
class Constraint:
    """A key of the table of messages, as SQL defines it."""

    name: str
    kind: str
    columns: tuple[str, ...]
    definition: str

    @property
    def partitioned_definition(self) -> str:
        """The same for the twin: whatever is unique there has to hold the conversation.

        It comes last, so that its index still finds a message by ``id`` or ``public_id`` alone.
        """
        if self.kind == "f" or PARTITION_KEY in self.columns:
            return self.definition
        return self.definition.replace(")", f", {PARTITION_KEY})", 1)


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key of another table that refers to a message."""

    table: str
    name: str
    columns: tuple[str, ...]
    referred: tuple[str, ...]
    definition: str
    has_conversation: bool

    @property
    def relation(self) -> Composable:
        """The table, quoted by the server already."""
        return SQL(self.table)

    @property
    def new_name(self) -> str:
        """What the key to the twin is called until the swap."""
        return f"{self.name[:50]}_partitioned"

    @property
    def label(self) -> str:
        """The table and the column, for people."""
        return f"{self.table}.{', '.join(self.columns)}"


STAGE = """
SELECT (SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass(%s)),
       to_regnamespace(%s) IS NOT NULL, to_regnamespace(%s) IS NOT NULL
"""


def find_stage() -> Stage:
    """Return how far the conversion is."""
    [(is_partitioned, is_building, is_retired)] = rows(STAGE, values=[TABLE, BUILDING, RETIRED])
    if is_partitioned:
        return Stage.SWAPPED if is_retired else Stage.DONE
    return Stage.COPYING if is_building else Stage.PLAIN


COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod), attnotnull, attgenerated <> '' FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""


def column_types(table: str) -> list[tuple[str, str, bool, bool]]:
    """Return name, type, whether it is never null and whether it is computed, in order."""
    return [(row[0], row[1], row[2], row[3]) for row in rows(COLUMNS, values=[table])]


def stored_columns() -> list[str]:
    """Return the columns that an insert may name."""
    return [name for name, _, _, is_generated in column_types(TABLE) if not is_generated]


CONSTRAINTS = """
SELECT conname, contype, pg_get_constraintdef(oid), (
    SELECT array_agg(attname::text) FROM pg_attribute
    WHERE attrelid = conrelid AND attnum = ANY(conkey))
FROM pg_constraint WHERE conrelid = %s::regclass AND contype = ANY(%s::"char"[]) ORDER BY conname
"""


def constraints(*kinds: str) -> list[Constraint]:
    """Return the table's constraints of some kinds, by PostgreSQL's letters for them."""
    found = rows(CONSTRAINTS, values=[TABLE, list(kinds)])
    return [
        Constraint(name, kind, tuple(columns), definition)
        for name, kind, definition, columns in found
    ]


# Those of constraints come with them.
INDEXES = """
SELECT relname, pg_get_indexdef(indexrelid), indisunique,
    (SELECT attnum FROM pg_attribute WHERE attrelid = indrelid AND attname = %s)
        = ANY(indkey::int2[])
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE indrelid = %s::regclass
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype <> 'f')
"""


def indexes() -> list[tuple[str, str, bool, bool]]:
    """Return name, definition, whether it is unique and whether it holds the conversation."""
    found = rows(INDEXES, values=[PARTITION_KEY, TABLE])
    return [(row[0], row[1], row[2], row[3]) for row in found]


# PostgreSQL keeps one more of a key to a partitioned table for each partition: they have a parent.
REFERENCES = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid),
    (SELECT array_agg(attname::text ORDER BY place) FROM unnest(conkey) WITH ORDINALITY AS key(
        number, place) JOIN pg_attribute ON attrelid = conrelid AND attnum = number),
    (SELECT array_agg(attname::text ORDER BY place) FROM unnest(confkey) WITH ORDINALITY AS key(
        number, place) JOIN pg_attribute ON attrelid = confrelid AND attnum = number),
    EXISTS (SELECT FROM pg_attribute WHERE attrelid = conrelid AND attname = %s AND attnotnull)
FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 AND confrelid = to_regclass(%s)
ORDER BY 1, 2
"""


def references(table: str = TABLE) -> list[Reference]:
    """Return the foreign keys that refer to messages, or to the twin."""
    return [
        Reference(table, name, tuple(columns), tuple(referred), definition, has_conversation)
        for table, name, definition, columns, referred, has_conversation in rows(
            REFERENCES, values=[PARTITION_KEY, table]
        )
    ]


REFERRED = """
SELECT DISTINCT confrelid::regclass::text FROM pg_constraint
WHERE conrelid = %s::regclass AND contype = 'f' ORDER BY 1 DESC
"""


def referred_tables() -> list[str]:
    """Return the tables that messages refer to, the conversations before the people."""
    return [row[0] for row in rows(REFERRED, values=[TABLE])]


# What a twin would not have, or what would go on with the old table after the swap.
OBSTACLES = """
SELECT 'trigger ' || tgname FROM pg_trigger
WHERE tgrelid = %(table)s::regclass AND NOT tgisinternal AND tgname <> %(trigger)s
UNION ALL SELECT DISTINCT 'view ' || ev_class::regclass::text FROM pg_depend
JOIN pg_rewrite ON pg_rewrite.oid = objid AND classid = 'pg_rewrite'::regclass
WHERE refobjid = %(table)s::regclass AND ev_class <> %(table)s::regclass
UNION ALL SELECT 'policy ' || polname FROM pg_policy WHERE polrelid = %(table)s::regclass
UNION ALL SELECT 'row security' FROM pg_class
WHERE oid = %(table)s::regclass AND relrowsecurity
UNION ALL SELECT 'grant on column ' || attname FROM pg_attribute
WHERE attrelid = %(table)s::regclass AND attacl IS NOT NULL
UNION ALL SELECT 'publication ' || pubname FROM pg_publication_rel
JOIN pg_publication ON pg_publication.oid = prpubid WHERE prrelid = %(table)s::regclass
UNION ALL SELECT 'publication ' || pubname || ' of all tables' FROM pg_publication
WHERE puballtables
UNION ALL SELECT 'publication ' || pubname || ' of the schema' FROM pg_publication_namespace
JOIN pg_publication ON pg_publication.oid = pnpubid
JOIN pg_class ON pg_class.relnamespace = pnnspid AND pg_class.oid = %(table)s::regclass
UNION ALL SELECT 'exclusion constraint ' || conname FROM pg_constraint
WHERE conrelid = %(table)s::regclass AND contype = 'x'
UNION ALL SELECT 'a server older than PostgreSQL 17'
WHERE current_setting('server_version_num')::int < %(oldest)s
"""


def obstacles() -> list[str]:
    """Return what this conversion can't take along."""
    named = {"table": TABLE, "trigger": TRIGGER, "oldest": OLDEST_SERVER}
    unheld = [
        f"unique index {name} without the conversation"
        for name, _, is_unique, holds in indexes()
        if is_unique and not holds
    ]
    return [row[0] for row in rows(OBSTACLES, values=named)] + unheld
