"""The reports as CSV that a spreadsheet opens rightly and runs nothing of."""

import csv
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

from channels.db import database_sync_to_async
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import F, Q, QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone

from conversations.models import Episode
from reports.figures import DayFigures
from reports.spans import Span

BYTE_ORDER_MARK = "\ufeff"
# What spreadsheets take for a formula, with the full-width forms that some of them read alike.
FORMULA = re.compile("(^|[;\t\r\n] ?)([=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20])")
PAGE = 2000
Row = Sequence[object]

EPISODE_COLUMNS: dict[str, Any] = {
    "conversation": F("conversation__public_id"),
    "episode": F("number"),
    "site": F("conversation__site__key"),
    "sample": F("conversation__is_sample"),
    "started_at": F("started_at"),
    "first_question_at": F("first_question_at"),
    "first_response_at": F("first_response_at"),
    "handed_off_at": F("handed_off_at"),
    "hand_off_reasons": ArrayAgg(
        "hand_offs__reason",
        filter=Q(hand_offs__isnull=False),
        order_by="hand_offs__created_at",
        default=[],
    ),
    "resolved_at": F("resolved_at"),
    "resolved_by": F("resolved_by"),
    "handled_by": F("handled_by"),
    "outcome": F("outcome"),
    "reopened": Q(conversation__episode__gt=F("number")),
    "rating_requested_at": F("rating_requested_at"),
    "score": F("rating__score"),
    "comment": F("rating__comment"),
    "rated_at": F("rating__created_at"),
}
DAY_COLUMNS = (
    "day", "episodes", "ended", "automated", "automation_rate", "asked", "rated",
    "response_rate", "average_score",
)  # fmt: skip


def cell(value: object) -> str:
    """Return a value as a CSV cell; text that would start a formula gets a quote before it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return ""
    if isinstance(value, datetime):
        # Without its offset, which keeps spreadsheets from reading a time as one.
        return f"{timezone.localtime(value):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, float | Decimal):
        return f"{value:.6f}" if isinstance(value, Decimal) else f"{value:.4f}"
    if isinstance(value, list):
        return _guarded("; ".join(value))
    return _guarded(str(value)) if not isinstance(value, int | date) else str(value)


def _guarded(text: str) -> str:
    """Quote what a spreadsheet would calculate, at the start and after each separator it knows."""
    return FORMULA.sub(r"\1'\2", text)


def write_rows(rows: Iterable[Row]) -> str:
    """Return rows as CSV lines."""
    text = StringIO()
    csv.writer(text).writerows([cell(value) for value in row] for row in rows)
    return text.getvalue()


def csv_response(pieces: AsyncIterator[str], *, name: str, span: Span) -> StreamingHttpResponse:
    """Return CSV text as a download that is sent while it is made."""
    response = StreamingHttpResponse(pieces, content_type="text/csv; charset=utf-8")
    file_name = f"{name}_{span.first}_{span.last}.csv"
    response["Content-Disposition"] = f'attachment; filename="{file_name}"'
    response["Cache-Control"] = "no-store"
    return response


async def episode_lines(of: QuerySet[Episode]) -> AsyncIterator[str]:
    """Yield the CSV of one row an episode."""
    async for piece in paged_lines(of, columns=EPISODE_COLUMNS):
        yield piece


async def paged_lines(of: QuerySet[Any], *, columns: Mapping[str, Any]) -> AsyncIterator[str]:
    """Yield the CSV of one line a row, in pieces of ``PAGE`` rows; ``columns`` by their names.

    Paged by key, as PgBouncer allows no server-side cursor.
    """
    yield BYTE_ORDER_MARK + write_rows([list(columns)])
    after = 0
    while True:
        # Not in the threads that customers' messages wait for: a page may take its time.
        rows = await database_sync_to_async(_page, thread_sensitive=False)(of, columns, after)
        if not rows:
            return
        yield write_rows(row[1:] for row in rows)
        after = rows[-1][0]


def _page(of: QuerySet[Any], columns: Mapping[str, Any], after: int) -> list[tuple[Any, ...]]:
    # No field of the model may be hidden by a column's name.
    named = {f"csv_{name}": column for name, column in columns.items()}
    page = of.filter(pk__gt=after).annotate(**named).order_by("pk")
    return list(page.values_list("pk", *named)[:PAGE])


async def daily_lines(days: Sequence[DayFigures]) -> AsyncIterator[str]:
    """Yield the CSV of the daily table."""
    async for piece in table_lines(days, columns=DAY_COLUMNS):
        yield piece


async def table_lines(rows: Sequence[object], *, columns: Sequence[str]) -> AsyncIterator[str]:
    """Yield the CSV of a table's attributes."""
    yield BYTE_ORDER_MARK + write_rows([columns])
    yield write_rows([getattr(row, name) for name in columns] for row in rows)
