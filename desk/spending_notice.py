"""Tells managers on each page of the admin that a day's limit is nearly or wholly spent."""

from collections.abc import Callable

from django.http import HttpRequest
from django.utils import timezone

from assistant.models import BudgetAlarm, Scope

# Half of it spent is in the list of alarms, and no reason to interrupt anybody.
LEVEL = 80
# What one conversation or customer may use is theirs alone; these end models for everybody.
SHARED = (Scope.SITE, Scope.TOTAL)


def spending_notices(request: HttpRequest) -> dict[str, Callable[[], list[str]]]:
    """Return the sentences for a template, looked up only where one shows them."""

    def find() -> list[str]:
        if not request.user.has_perm("assistant.view_budgetalarm"):
            return []
        alarms = BudgetAlarm.objects.filter(
            day=timezone.now().date(), level__gte=LEVEL, limit__scope__in=SHARED
        ).select_related("limit__site")
        # The highest of each limit comes last, and stays.
        return list({one.limit_id: _sentence(one) for one in alarms.order_by("level")}.values())

    return {"spending_notices": find}


def _sentence(alarm: BudgetAlarm) -> str:
    limit = alarm.limit
    whose = f"for {limit.site}" if limit.site else "for all sites"
    if limit.scope == Scope.SITE and limit.site is None:
        whose = "of a site"
    if alarm.level < 100:
        return (
            f"{alarm.level} % of today's model budget {whose} is spent. As it runs out, smaller "
            "models answer, then the articles alone."
        )
    return f"Today's model budget {whose} is spent: until midnight (UTC) the articles alone answer."
