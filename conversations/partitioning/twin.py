"""The partitioned twin of the table of messages, and the trigger that keeps it the same."""

from psycopg.sql import SQL, Composable, Identifier, Literal

from conversations.partitioning.catalog import (
    BUILDING,
    ORIGINAL,
    PARTITION_KEY,
    TABLE,
    TRIGGER,
    TWIN,
    TWIN_NAME,
    Constraint,
    column_types,
    constraints,
    indexes,
    stored_columns,
)
from conversations.partitioning.database import rows, run
from conversations.partitioning.locks import close_gate, lock_all, with_short_locks
from core.errors import Conflict

SCHEMA = Identifier(BUILDING)
# One row: the key up to which messages were copied.
PROGRESS = Identifier(BUILDING, "progress")
FUNCTION = Identifier(BUILDING, "copy_message")


def build_twin(partitions: int) -> None:
    """Make the twin, all of it or nothing; from its commit on each write goes to both tables."""

    def build() -> None:
        _make_table(partitions)
        for constraint in constraints("p", "u"):
            _add_constraint(constraint)
        _make_indexes()
        _make_function()
        _copy_owner_and_grants(partitions)
        close_gate()
        for constraint in constraints("f"):
            _add_constraint(constraint)
        _set_trigger()

    with_short_locks(build)


def check_columns() -> None:
    """Raise ``Conflict`` where a migration changed the table since its twin was made."""
    if column_types(TABLE) != column_types(TWIN_NAME):
        raise Conflict("The table's columns changed since the start: --abandon, then begin again.")


def abandon() -> None:
    """Drop the twin with all that was made for it; the table is as it was before."""

    def drop() -> None:
        lock_all()
        # With it go the trigger, the partitions, and the keys of other tables that refer to them.
        run("DROP SCHEMA {schema} CASCADE", schema=SCHEMA)

    with_short_locks(drop)


def _partition(number: int) -> Identifier:
    return Identifier(f"{TABLE}_p{number:03}")


def _make_table(partitions: int) -> None:
    run("CREATE SCHEMA {schema}", schema=SCHEMA)
    run("CREATE TABLE {progress} AS SELECT -1::bigint AS copied", progress=PROGRESS)
    # Constraints: checks alone; keys need the conversation and come after. Identity: a sequence
    # of its own, which the swap sets to where the old one is.
    run(
        "CREATE TABLE {twin} (LIKE {table} INCLUDING ALL EXCLUDING INDEXES EXCLUDING STATISTICS)"
        " PARTITION BY HASH ({key})",
        twin=TWIN,
        table=ORIGINAL,
        key=Identifier(PARTITION_KEY),
    )
    for number in range(partitions):
        run(
            "CREATE TABLE {partition} PARTITION OF {twin}"
            " FOR VALUES WITH (MODULUS {modulus}, REMAINDER {remainder}) {options}",
            partition=_partition(number),
            twin=TWIN,
            modulus=Literal(partitions),
            remainder=Literal(number),
            options=_storage_options(),
        )


def _storage_options() -> Composable:
    """Return what the table has of its own, as for autovacuum: only partitions can have it."""
    [(options,)] = rows("SELECT reloptions FROM pg_class WHERE oid = %s::regclass", values=[TABLE])
    return SQL(f"WITH ({', '.join(options)})") if options else SQL("")


def _make_indexes() -> None:
    for _, definition, _, _ in indexes():
        head, _, rest = definition.partition(" ON ")
        rest = rest.partition(" USING ")[2]
        run("{head} ON {twin} USING {rest}", head=SQL(head), twin=TWIN, rest=SQL(rest))


def _add_constraint(constraint: Constraint) -> None:
    run(
        "ALTER TABLE {twin} ADD CONSTRAINT {name} {definition}",
        twin=TWIN,
        name=Identifier(constraint.name),
        definition=SQL(constraint.partitioned_definition),
    )


GRANTS = """
SELECT format('GRANT %s ON {twin} TO %s%s', privilege_type,
    CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
    CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM pg_class, aclexplode(relacl) WHERE pg_class.oid = to_regclass({table})
    AND grantee <> relowner
"""


def _copy_owner_and_grants(partitions: int) -> None:
    [(owner,)] = rows(
        "SELECT relowner::regrole::text FROM pg_class WHERE oid = %s::regclass", values=[TABLE]
    )
    for table in (TWIN, PROGRESS, *map(_partition, range(partitions))):
        run("ALTER TABLE {table} OWNER TO {owner}", table=table, owner=SQL(owner))
    run("ALTER FUNCTION {name}() OWNER TO {owner}", name=FUNCTION, owner=SQL(owner))
    run("ALTER SCHEMA {schema} OWNER TO {owner}", schema=SCHEMA, owner=SQL(owner))
    for (grant,) in rows(GRANTS, twin=TWIN, table=Literal(TABLE)):
        run(grant)


# The upsert waits for a batch that copies the same row and then writes over what that copied. As
# the table's owner: whoever may write to it need not know of the twin.
COPY_MESSAGE = """
CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND (OLD.id, OLD.{key}) <> (NEW.id, NEW.{key}) THEN
        DELETE FROM {twin} WHERE id = OLD.id AND {key} = OLD.{key};
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO {twin} ({columns}) OVERRIDING SYSTEM VALUE VALUES ({new})
        ON CONFLICT (id, {key}) DO UPDATE SET ({columns}) = ROW ({excluded});
    END IF;
    RETURN NULL;
END $$
"""


def _make_function() -> None:
    columns = stored_columns()
    run(
        COPY_MESSAGE,
        function=FUNCTION,
        twin=TWIN,
        key=Identifier(PARTITION_KEY),
        columns=SQL(", ").join(map(Identifier, columns)),
        new=SQL(", ").join(Identifier("new", one) for one in columns),
        excluded=SQL(", ").join(Identifier("excluded", one) for one in columns),
    )


def _set_trigger() -> None:
    run(
        "CREATE TRIGGER {name} AFTER INSERT OR UPDATE OR DELETE ON {table}"
        " FOR EACH ROW EXECUTE FUNCTION {function}()",
        name=Identifier(TRIGGER),
        table=ORIGINAL,
        function=FUNCTION,
    )
