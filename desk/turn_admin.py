"""The turns in the admin: a list to find one by, and for each the page that says why."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.utils.text import Truncator
from django.views.decorators.http import require_safe

from assistant.cache import ENGINE as CACHE
from assistant.models import Turn
from conversations.models import Message
from desk.access import may_work
from desk.turn_making import is_given_again
from desk.turn_page import read_turn_page, without_secrets

if TYPE_CHECKING:
    TurnBase = admin.ModelAdmin[Turn]
else:
    TurnBase = admin.ModelAdmin
MAY_SEE_ALL = "assistant.view_turn"
SHOWN_CHARACTERS = 90
HEADS = {
    "tools": ["Tool", "Arguments", "Outcome", "ms"],
    "attempts": ["Engine", "Model", "Error", "ms"],
    "context": ["Part of the prompt", "Tokens", "Left out"],
}


class _YesNoFilter(admin.SimpleListFilter):
    """A filter of two halves, without a look at the values that there are."""

    yes, no = "Yes", "No"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the two halves."""
        return [("yes", self.yes), ("no", self.no)]

    def holds(self, rows: QuerySet[Turn]) -> QuerySet[Turn]:
        """Return the half that says yes."""
        raise NotImplementedError

    def queryset(self, request: HttpRequest, queryset: QuerySet[Turn]) -> QuerySet[Turn]:
        """Return the half that was chosen."""
        if self.value() not in {"yes", "no"}:
            return queryset
        held = self.holds(queryset)
        return held if self.value() == "yes" else queryset.exclude(pk__in=held.values("pk"))


class EngineFilter(_YesNoFilter):
    """Whether a model wrote it."""

    title, parameter_name = "engine", "engine"
    yes, no = "Extractive: it quotes", "Another, or none"

    def holds(self, rows: QuerySet[Turn]) -> QuerySet[Turn]:
        """Return what was quoted."""
        return rows.filter(engine="extractive")


class CachedFilter(_YesNoFilter):
    """Whether an answer was given before."""

    yes, no = "From the cache", "Written anew"
    title, parameter_name = "cache", "cached"

    def holds(self, rows: QuerySet[Turn]) -> QuerySet[Turn]:
        """Return what came from the cache."""
        return rows.filter(Q(engine=CACHE) | Q(cached_answer__isnull=False))


class ErrorFilter(_YesNoFilter):
    """Whether anything went wrong, even if an answer came of it."""

    title, parameter_name = "error", "error"

    def holds(self, rows: QuerySet[Turn]) -> QuerySet[Turn]:
        """Return what had an error."""
        return rows.exclude(error_code="")


class TurnAdmin(TurnBase):
    """Turns are the record of what the assistant did: read, never edited."""

    list_display = [
        "created_at",
        "question",
        "ended",
        "sureness",
        "tier",
        "engine",
        "price",
        "is_cached",
        "error_code",
    ]
    list_display_links = ["question"]
    list_filter = [
        "outcome",
        "tier",
        EngineFilter,
        CachedFilter,
        ErrorFilter,
        "state",
        "created_at",
        "conversation__site",
    ]
    list_per_page = 50
    # Rows are only ever added, so this is their order in time, and it has an index.
    ordering = ["-pk"]
    show_full_result_count = False
    actions = None
    change_list_template = "desk/turns.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Turn]:
        """Add the customer's first words."""
        asked = Message.objects.filter(
            conversation=OuterRef("conversation"), seq=OuterRef("from_seq")
        )
        rows = super().get_queryset(request).annotate(words=Subquery(asked.values("text")[:1]))
        return rows.select_related("conversation__site", "conversation__customer")

    @admin.display(description="Question", ordering="from_seq")
    def question(self, turn: Turn) -> str:
        """The customer's words, as the way to the turn's page."""
        words = " ".join(str(getattr(turn, "words", "") or "").split())
        return Truncator(words).chars(SHOWN_CHARACTERS) or "(no words)"

    @admin.display(description="Ended", ordering="outcome")
    def ended(self, turn: Turn) -> str:
        """What the customer got, or how far it is."""
        return turn.get_outcome_display() if turn.outcome else turn.get_state_display()

    @admin.display(description="Confidence", ordering="confidence")
    def sureness(self, turn: Turn) -> str:
        """Of the retrieval."""
        return "\u2013" if turn.confidence is None else f"{turn.confidence:.2f}"

    @admin.display(description="Cost", ordering="cost")
    def price(self, turn: Turn) -> str:
        """In dollars; unknown prices are no zero."""
        return "\u2013" if turn.cost is None else f"${turn.cost:.5f}"

    @admin.display(description="Cached")
    def is_cached(self, turn: Turn) -> str:
        """Whether its words were an earlier answer's."""
        return "yes" if is_given_again(turn) else "\u2013"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """List them under their own name: there is nothing to select."""
        return super().changelist_view(request, {"title": "Turns", **(extra_context or {})})

    @method_decorator(require_safe)
    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show why the assistant answered as it did."""
        rows = Turn.objects.select_related(
            "conversation__site", "conversation__customer", "message", "cached_answer"
        )
        key = unquote(object_id)
        turn = rows.filter(pk=key).first() if key.isascii() and key.isdecimal() else None
        if not self.has_view_permission(request, turn):
            raise PermissionDenied
        if turn is None:
            raise Http404
        sees_all = request.user.has_perm(MAY_SEE_ALL)
        page = read_turn_page(turn)
        context = {
            **self.admin_site.each_context(request),
            "title": "Why this answer?",
            "opts": self.opts,
            "page": page if sees_all else without_secrets(page),
            "turn": turn,
            "conversation": turn.conversation,
            "may_see_all": sees_all,
            "may_work": may_work(request.user),
            "heads": HEADS,
            "is_nav_sidebar_enabled": False,
        }
        return TemplateResponse(request, "desk/turn.html", context)

    def has_view_permission(self, request: HttpRequest, obj: Turn | None = None) -> bool:
        """Managers see all; an agent sees the turns of the conversations that they may open."""
        return request.user.has_perm(MAY_SEE_ALL) or (obj is not None and may_work(request.user))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Customers' messages make them."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Turn | None = None) -> bool:
        """The record is not edited."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Turn | None = None) -> bool:
        """The record is not deleted."""
        return False
