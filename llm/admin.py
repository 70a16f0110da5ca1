"""Prices that managers keep, and what was found out of models and keys."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from llm.models import KeyState, ModelCapability, ModelPrice
from llm.pricing import forget_prices

if TYPE_CHECKING:
    ModelPriceBase = admin.ModelAdmin[ModelPrice]
    ModelCapabilityBase = admin.ModelAdmin[ModelCapability]
    KeyStateBase = admin.ModelAdmin[KeyState]
else:
    ModelPriceBase = ModelCapabilityBase = KeyStateBase = admin.ModelAdmin


@admin.register(ModelPrice)
class ModelPriceAdmin(ModelPriceBase):
    """What replies cost from now on."""

    list_display = ["model", "input_usd", "cached_input_usd", "output_usd", "as_of"]
    search_fields = ["model"]
    fieldsets = [
        (
            None,
            {
                "fields": ["model", "as_of"],
                "description": "Dated snapshots of a model cost what it costs. Past turns keep "
                "the cost they were booked with: a new price counts from the next turn on.",
            },
        ),
        (
            "US dollars for a million tokens",
            {"fields": ["input_usd", "cached_input_usd", "output_usd"]},
        ),
    ]

    def save_model(self, request: HttpRequest, obj: ModelPrice, form: Any, change: bool) -> None:
        """Let this process use the price at once; the others read it within seconds."""
        super().save_model(request, obj, form, change)
        forget_prices()


@admin.register(ModelCapability)
class ModelCapabilityAdmin(ModelCapabilityBase):
    """What models can do, as their servers showed; never typed in."""

    list_display = [
        "model", "base_url", "structured_output", "tools", "logprobs", "stream_options",
        "probed_at",
    ]  # fmt: skip
    list_display_links = None
    actions = ["probe_again"]

    @admin.action(description="Ask the selected models again", permissions=["probe"])
    def probe_again(self, request: HttpRequest, queryset: QuerySet[ModelCapability]) -> None:
        """Forget the rows: the workers ask every model that has none, within a minute."""
        count = queryset.count()
        queryset.delete()
        text = f"{count} forgotten. The workers ask again within a minute; reload the page then."
        self.message_user(request, text, messages.SUCCESS)

    def has_probe_permission(self, request: HttpRequest) -> bool:
        """Whoever could change a row may have it asked again."""
        return request.user.has_perm("llm.change_modelcapability")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Rows come from probing."""
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: ModelCapability | None = None
    ) -> bool:
        """What a server can do is not a matter of opinion."""
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: ModelCapability | None = None
    ) -> bool:
        """The action does it, and says what follows."""
        return False


@admin.register(KeyState)
class KeyStateAdmin(KeyStateBase):
    """How each key fares, by its fingerprint; a key's value is not in the database."""

    list_display = ["fingerprint", "state", "since", "last_used_at", "aside_until", "code"]
    list_display_links = None
    list_filter = ["state"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Keys are configured on the server."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: KeyState | None = None) -> bool:
        """The upstream decides how a key fares."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: KeyState | None = None) -> bool:
        """The record stays."""
        return False
