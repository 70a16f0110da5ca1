"""Rows of a model by a condition that is written out, for what each message and turn asks.

The ORM puts a statement together anew each time, which takes it several times as long as the
statement itself; what is asked a few times a day is better asked by it.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Model
from django.db.transaction import TransactionManagementError

M = TypeVar("M", bound=Model)
Convert = Callable[[Any], Any]
Values = Sequence[Any] | Mapping[str, Any]


def fetch_rows(model: type[M], condition: str, values: Values) -> list[M]:
    """Return the rows of ``model`` that a condition selects, with what follows it (order, lock).

    ``condition`` is a text of the program's, never of a user's: their values are ``values``.
    """
    return [row for row, _ in fetch_with(model, condition, values, also=())]


def fetch_with(
    model: type[M], condition: str, values: Values, *, also: Sequence[str]
) -> list[tuple[M, Sequence[Any]]]:
    """Return each row with the values of the columns ``also``, the program's texts as well."""
    if condition.endswith("FOR UPDATE") and not connection.in_atomic_block:
        raise TransactionManagementError("A lock outside a transaction is none.")
    columns, names, converts = _reading(model)
    selected = ", ".join([columns, *also])
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT {selected} FROM "{model._meta.db_table}" {condition}', values)  # noqa: S608
        found = cursor.fetchall()
    for place, convert in converts:
        found = [(*row[:place], convert(row[place]), *row[place + 1 :]) for row in found]
    end = len(names)
    return [(model.from_db(connection.alias, names, row[:end]), row[end:]) for row in found]


def fetch_row(model: type[M], condition: str, values: Values) -> M | None:
    """Return the first row that a condition selects, or None."""
    found = fetch_rows(model, condition, values)
    return found[0] if found else None


@lru_cache(maxsize=64)
def _reading(model: type[Model]) -> tuple[str, list[str], list[tuple[int, Convert]]]:
    """Return the columns, their attributes, and what a column goes through."""
    fields = model._meta.concrete_fields
    columns = ", ".join(f'"{field.column}"' for field in fields)
    converts = [
        (place, _as_one(converters, column))
        for place, column in enumerate(field.get_col(model._meta.db_table) for field in fields)
        if (converters := _converters(column))
    ]
    return columns, [field.attname for field in fields], converts


def _converters(column: Any) -> list[Callable[..., Any]]:
    return [*connection.ops.get_db_converters(column), *column.get_db_converters(connection)]


def _as_one(converters: Sequence[Callable[..., Any]], column: Any) -> Convert:
    def convert(value: Any) -> Any:
        for one in converters:
            value = one(value, column, connection)
        return value

    return convert
