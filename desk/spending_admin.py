"""Tiers, limits, alarms and kept answers, as managers see and set them."""

from typing import TYPE_CHECKING

from django.contrib import admin, messages
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from assistant.models import BudgetAlarm, BudgetLimit, CachedAnswer, Scope, Spend, TierRule

if TYPE_CHECKING:
    TierRuleBase = admin.ModelAdmin[TierRule]
    BudgetLimitBase = admin.ModelAdmin[BudgetLimit]
    BudgetAlarmBase = admin.ModelAdmin[BudgetAlarm]
    CachedAnswerBase = admin.ModelAdmin[CachedAnswer]
else:
    TierRuleBase = BudgetLimitBase = BudgetAlarmBase = CachedAnswerBase = admin.ModelAdmin


class TierRuleAdmin(TierRuleBase):
    """The table that chooses a tier: from top to bottom, the first rule that fits."""

    list_display = ["position", "conditions", "tier", "site", "note", "is_active"]
    list_display_links = ["position", "conditions"]
    list_filter = ["tier", "is_active", "site"]
    list_select_related = ["site"]

    @admin.display(description="When")
    def conditions(self, row: TierRule) -> str:
        """What a turn must be like, in words."""
        tools = "with tools" if row.needs_tools else "without tools"
        said = (
            row.task,
            f"{row.min_words} words or more" if row.min_words is not None else "",
            f"{row.min_parts} questions or more" if row.min_parts is not None else "",
            f"confidence up to {row.max_confidence}" if row.max_confidence is not None else "",
            tools if row.needs_tools is not None else "",
            f"plan {row.plan}" if row.plan else "",
        )
        return ", ".join(filter(None, said)) or "always"


class BudgetLimitAdmin(BudgetLimitBase):
    """What models may cost a day (UTC), with what is spent of it by now."""

    list_display = ["scope", "site", "usd", "tokens", "spent_today", "is_active"]
    list_select_related = ["site"]

    @admin.display(description="Spent and set apart today")
    def spent_today(self, row: BudgetLimit) -> str:
        """The most that any one of the scope used: each of them has the limit to itself."""
        rows = Spend.objects.filter(scope=row.scope, day=timezone.now().date())
        if row.site_id is not None and row.scope == Scope.SITE:
            rows = rows.filter(scope_key=str(row.site_id))
        used = rows.annotate(
            usd=F("spent_usd") + F("reserved_usd"),
            tokens=F("spent_tokens") + F("reserved_tokens"),
        )
        most = used.order_by("-usd", "-tokens").values_list("usd", "tokens").first()
        usd, tokens = most or (0, 0)
        is_one = row.scope == Scope.TOTAL or (row.site_id and row.scope == Scope.SITE)
        return f"{'' if is_one else 'at most '}${usd:.2f}, {tokens:,} tokens"


class BudgetAlarmAdmin(BudgetAlarmBase):
    """Shares of limits that were reached; each is told once a day."""

    list_display = ["day", "level", "limit", "scope_key", "created_at"]
    list_filter = ["level", "limit__scope", "day"]
    list_select_related = ["limit", "limit__site"]
    date_hierarchy = "day"
    ordering = ["-created_at"]
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        """They come from spending only."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: BudgetAlarm | None = None) -> bool:
        """They are a record."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: BudgetAlarm | None = None) -> bool:
        """They are a record."""
        return False


class CachedAnswerAdmin(CachedAnswerBase):
    """Answers that may be given again; what is wrong is disabled, never rewritten."""

    list_display = ["question", "site", "locale", "confidence", "is_disabled", "created_at"]
    list_filter = ["is_disabled", "site", "locale", "created_at"]
    list_select_related = ["site"]
    search_fields = ["question", "text"]
    search_help_text = "Words of the question or of the answer"
    show_full_result_count = False
    fields = [
        "question", "text", "site", "locale", "confidence", "prompt_version", "cost",
        "created_at", "is_disabled",
    ]  # fmt: skip
    readonly_fields = [
        "question", "text", "site", "locale", "confidence", "prompt_version", "cost",
        "created_at",
    ]  # fmt: skip
    ordering = ["-created_at"]
    actions = ["disable"]

    @admin.action(description="Do not give these answers again", permissions=["change"])
    def disable(self, request: HttpRequest, rows: QuerySet[CachedAnswer]) -> None:
        """Let the questions be answered anew."""
        count = rows.update(is_disabled=True)
        messages.success(request, f"{count} answers are not given again.")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only turns write answers."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: CachedAnswer | None = None) -> bool:
        """They grow old by themselves."""
        return False
