"""The desk inside the admin: the queue with its conversation pages, and the rows around it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.postgres.fields import ArrayField
from django.forms import Script
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from assistant.models import (
    BudgetAlarm,
    BudgetLimit,
    CachedAnswer,
    Calibration,
    HttpTool,
    LearntFact,
    OutputRule,
    TierRule,
    ToolCall,
    Turn,
)
from conversations.models import Conversation, Site
from desk.access import for_agents, may_work
from desk.calibration_admin import CalibrationAdmin
from desk.forms import LinesField, SiteForm
from desk.hidden_fields import HiddenFields
from desk.memory_admin import LearntFactAdmin
from desk.rule_admin import FlagRuleAdmin, OutputRuleAdmin
from desk.spending_admin import (
    BudgetAlarmAdmin,
    BudgetLimitAdmin,
    CachedAnswerAdmin,
    TierRuleAdmin,
)
from desk.tool_admin import HttpToolAdmin, ToolCallAdmin
from desk.turn_admin import TurnAdmin
from desk.views import actions, conversation, queue
from escalation.models import AgentProfile, FlagRule, HandOff

if TYPE_CHECKING:
    HandOffBase = admin.ModelAdmin[HandOff]
    ConversationBase = admin.ModelAdmin[Conversation]
    SiteBase = admin.ModelAdmin[Site]
    AgentProfileBase = admin.ModelAdmin[AgentProfile]
else:
    HandOffBase = ConversationBase = SiteBase = AgentProfileBase = admin.ModelAdmin


@admin.register(HandOff)
class HandOffAdmin(HandOffBase):
    """The change list is the queue; hand-offs are never edited as rows."""

    def get_urls(self) -> list[URLPattern]:
        """Replace the usual addresses, so that none but these leads to a hand-off."""

        def agents(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
            return self.admin_site.admin_view(for_agents(view))

        one = "conversation/<uuid:public_id>/"
        shown = agents(conversation.conversation_page)
        fragment = agents(conversation.conversation_fragment)
        return [
            path("", agents(queue.queue_page), name="escalation_handoff_changelist"),
            path("fragment/", agents(queue.queue_fragment), name="desk_queue_fragment"),
            path("availability/", agents(queue.set_availability), name="desk_availability"),
            path("<int:pk>/change/", agents(queue.open_hand_off), name="escalation_handoff_change"),
            path(one, shown, name="desk_conversation"),
            path(f"{one}fragment/", fragment, name="desk_conversation_fragment"),
            path(f"{one}take/", agents(actions.take), name="desk_take"),
            path(f"{one}take-over/", agents(actions.take_over), name="desk_take_over"),
            path(f"{one}reply/", agents(actions.reply), name="desk_reply"),
            path(f"{one}hand-back/", agents(actions.hand_back), name="desk_hand_back"),
            path(f"{one}resolve/", agents(actions.resolve), name="desk_resolve"),
        ]

    def has_view_permission(self, request: HttpRequest, obj: HandOff | None = None) -> bool:
        """Agents see the queue on the index page."""
        return may_work(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Hand-offs come from conversations only."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: HandOff | None = None) -> bool:
        """They change by what agents do."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: HandOff | None = None) -> bool:
        """They are kept for the record."""
        return False


@admin.register(Conversation)
class ConversationAdmin(HiddenFields, ConversationBase):
    """All conversations, to find one again; reading and acting is the desk's page."""

    hidden_fields = frozenset({"token_hash"})
    list_display = ["opened", "status", "agent", "site", "message_count", "last_message_at"]
    list_display_links = None
    list_filter = ["status", "site", "is_sample", "last_message_at"]
    list_select_related = ["customer", "agent", "site"]
    list_per_page = 50
    search_fields = ["customer__name", "customer__email", "messages__text"]
    search_help_text = "Customer's name or e-mail, or words of a message"
    ordering = ["-last_message_at"]
    show_full_result_count = False
    actions = None

    @admin.display(description="Customer", ordering="customer__name")
    def opened(self, row: Conversation) -> str:
        """The customer's name, as the way to the conversation."""
        address = reverse("admin:desk_conversation", args=[row.public_id])
        return format_html('<a href="{}">{}</a>', address, row.customer)

    @admin.display(description="Messages", ordering="last_seq")
    def message_count(self, row: Conversation) -> int:
        """Numbers are dense, so the last one is the count."""
        return row.last_seq

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, object] | None = None,
    ) -> HttpResponse:
        """Lead to the desk's page."""
        row = self.get_object(request, object_id)
        if row is None:
            return redirect("admin:conversations_conversation_changelist")
        return redirect("admin:desk_conversation", row.public_id)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Customers start conversations."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Conversation | None = None) -> bool:
        """The record is not edited."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Conversation | None = None) -> bool:
        """The record is not deleted."""
        return False


@admin.register(Site)
class SiteAdmin(HiddenFields, SiteBase):
    """What a manager may change about a website; its secret is never shown."""

    hidden_fields = frozenset({"secret"})
    form = SiteForm
    formfield_overrides = {ArrayField: {"form_class": LinesField}}
    list_display = ["name", "key", "locale", "require_identity"]
    fieldsets = [
        (
            "Website",
            {
                "fields": ["name", "key", "allowed_origins", "link_hosts", "require_identity"],
                "description": "The key stands in the script tag and is public. The secret that "
                "signs customers' identity is made by the server and never shown here: an "
                "administrator reads it on the server.",
            },
        ),
        ("Widget", {"fields": ["greeting", "suggestions", "accent", "locale", "privacy_url"]}),
        (
            "Assistant",
            {
                "fields": [
                    "wrong_answer_target",
                    "answer_threshold",
                    "embedding_model",
                    "pinned_tier",
                    "hold_sentences",
                    "redaction_patterns",
                    "offline_text",
                    "idle_close_minutes",
                ]
            },
        ),
    ]

    class Media:
        # The stubs know addresses only.
        js = [Script("desk/colour.js", type="module")]

    def get_readonly_fields(self, request: HttpRequest, obj: Site | None = None) -> list[str]:
        """Keep the key of a site that pages embed already."""
        return [] if obj is None else ["key"]

    def has_delete_permission(self, request: HttpRequest, obj: Site | None = None) -> bool:
        """Its conversations are kept for the record."""
        return False


@admin.register(AgentProfile)
class AgentProfileAdmin(AgentProfileBase):
    """Who is at the desk, and who takes conversations."""

    list_display = ["user", "is_available", "last_seen_at"]
    list_select_related = ["user"]
    readonly_fields = ["user", "last_seen_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Profiles come with the first visit to the desk."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AgentProfile | None = None) -> bool:
        """A profile goes with its account."""
        return False


admin.site.register(FlagRule, FlagRuleAdmin)
admin.site.register(OutputRule, OutputRuleAdmin)
admin.site.register(Calibration, CalibrationAdmin)
admin.site.register(LearntFact, LearntFactAdmin)
admin.site.register(Turn, TurnAdmin)
admin.site.register(HttpTool, HttpToolAdmin)
admin.site.register(ToolCall, ToolCallAdmin)
admin.site.register(TierRule, TierRuleAdmin)
admin.site.register(BudgetLimit, BudgetLimitAdmin)
admin.site.register(BudgetAlarm, BudgetAlarmAdmin)
admin.site.register(CachedAnswer, CachedAnswerAdmin)
