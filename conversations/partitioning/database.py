"""Runs the statements of a conversion."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection
from psycopg.sql import SQL, Composable, Composed

Values = Sequence[Any] | Mapping[str, Any] | None


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


def _composed(statement: str, parts: dict[str, Composable]) -> str | Composed:
    # Without parts braces are themselves.
    return SQL(statement).format(**parts) if parts else statement
