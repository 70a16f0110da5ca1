"""Where managers see what the assistant remembers of customers, and erase it."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from assistant.models import LearntFact

if TYPE_CHECKING:
    LearntFactBase = admin.ModelAdmin[LearntFact]
else:
    LearntFactBase = admin.ModelAdmin


class LearntFactAdmin(LearntFactBase):
    """Facts are learnt, never typed in; what is wrong or unwanted is deleted."""

    list_display = ["customer", "key", "value", "learnt_at"]
    list_filter = ["key", "customer__site"]
    search_fields = ["customer__name", "customer__email", "customer__external_id", "value"]
    date_hierarchy = "learnt_at"
    fields = ["customer", "key", "value", "learnt_at", "conversation"]
    readonly_fields = ["customer", "key", "value", "learnt_at", "conversation"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[LearntFact]:
        """Load what the list names."""
        return super().get_queryset(request).select_related("customer")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """They come from conversations only."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: LearntFact | None = None) -> bool:
        """A fact that was edited would not be in the customer's words any more."""
        return False
