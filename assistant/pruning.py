"""Deletes what need not be kept for ever: what turns saw and said, and what models cost."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from assistant.models import BudgetAlarm, Reservation, Spend, TurnRecord

# Short enough to lock few rows at a time; a run that is killed leaves whole batches.
BATCH: Final = 1_000


def prune() -> int:
    """Delete what is older than the settings say; return how many rows. The turns stay."""
    now = timezone.now()
    said_before = now - timedelta(days=settings.TURN_RECORDS_KEPT_DAYS)
    spent_before = now.date() - timedelta(days=settings.SPENDING_KEPT_DAYS)
    # What is held is settled first: `settle_stale` looks for it.
    settled = Reservation.objects.exclude(state=Reservation.State.HELD)
    return (
        _delete_older(TurnRecord.objects.all(), age="created_at", before=said_before)
        + _delete_older(settled, age="day", before=spent_before)
        + _delete_older(Spend.objects.all(), age="day", before=spent_before)
        + _delete_older(BudgetAlarm.objects.all(), age="day", before=spent_before)
    )


def _delete_older(rows: QuerySet[Any], *, age: str, before: date | datetime) -> int:
    """Delete in the order of the keys, which grow with time: no index on the age is needed."""
    last, count = 0, 0
    while batch := _batch(rows, age=age, behind=last):
        old = [pk for pk, since in batch if since < before]
        if not old:
            break
        deleted, _ = rows.filter(pk__in=old).delete()
        count, last = count + deleted, batch[-1][0]
    return count


def _batch(rows: QuerySet[Any], *, age: str, behind: int) -> Sequence[tuple[int, Any]]:
    return list(rows.filter(pk__gt=behind).order_by("pk").values_list("pk", age)[:BATCH])
