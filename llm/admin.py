"""Prices that managers keep, and what was found out of models and keys."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

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

    list_display = ["model", "input", "cached_input", "output", "as_of"]
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

    @admin.display(ordering="input_usd")
    def input(self, row: ModelPrice) -> str:
        """As money."""
        return _dollars(row.input_usd)

    @admin.display(ordering="cached_input_usd")
    def cached_input(self, row: ModelPrice) -> str:
        """As money."""
        return _dollars(row.cached_input_usd)

    @admin.display(ordering="output_usd")
    def output(self, row: ModelPrice) -> str:
        """As money."""
        return _dollars(row.output_usd)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Name the page after what it shows."""
        return super().changelist_view(
            request,
            {"title": "Model prices, in US dollars for a million tokens", **(extra_context or {})},
        )

    def save_model(self, request: HttpRequest, obj: ModelPrice, form: Any, change: bool) -> None:
        """Let this process use the price at once; the others read it within seconds."""
        super().save_model(request, obj, form, change)
        forget_prices()


@admin.register(ModelCapability)
class ModelCapabilityAdmin(ModelCapabilityBase):
    """What models can do, as their servers showed; never typed in."""

    list_display = [
        "model", "structured_output", "tools", "logprobs", "stream_options", "identifiers",
        "server", "probed_at",
    ]  # fmt: skip
    list_display_links = None
    actions = ["probe_again"]

    @admin.display(ordering="base_url")
    def server(self, row: ModelCapability) -> str:
        """Where the model is asked."""
        return row.base_url or "OpenAI"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Name the page after what it shows."""
        return super().changelist_view(
            request, {"title": "What models on other servers can do", **(extra_context or {})}
        )

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

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Name the page after what it shows."""
        return super().changelist_view(
            request, {"title": "API keys, by their fingerprints", **(extra_context or {})}
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Keys are configured on the server."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: KeyState | None = None) -> bool:
        """The upstream decides how a key fares."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: KeyState | None = None) -> bool:
        """The record stays."""
        return False


def _dollars(amount: Decimal) -> str:
    """Return an amount with two decimals, and more where there are more."""
    whole, _, rest = f"{amount:.6f}".rstrip("0").partition(".")
    return f"{whole}.{rest:0<2}"
