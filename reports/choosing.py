"""What the reports' pages and exports share: the form of the choice, the refusal of a bad one."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from conversations.models import Site
from reports import queries
from reports.spans import PRESETS, Choice, last_days, query_of

# Text in an SVG shrinks with it, so a phone gets a drawing of its own.
CHART_WIDTHS = {"wide": 1120, "narrow": 360}


def choice_context(
    request: HttpRequest, choice: Choice, *, exports: Mapping[str, str]
) -> dict[str, Any]:
    """Return what the form above a report shows; ``exports`` are addresses' names by label."""
    return {
        "choice": choice,
        "typed": {"first": request.GET.get("from"), "last": request.GET.get("to")},
        "presets": _presets(choice),
        "sites": list(Site.objects.order_by("name")),
        "exports": [{"label": label, "url": reverse(name)} for label, name in exports.items()],
        "has_sample": queries.has_sample(),
        "time_zone": timezone.get_current_timezone_name(),
    }


def _presets(choice: Choice) -> list[dict[str, Any]]:
    spans = [last_days(number) for number in PRESETS]
    return [
        {
            "label": f"{span.length} days",
            "query": query_of(span, include_sample=choice.include_sample, site=choice.site),
            "is_chosen": span == choice.span,
        }
        for span in spans
    ]


def refused(choice: Choice) -> HttpResponse:
    """Say in plain text why there is no export."""
    return HttpResponse(choice.problem, status=400, content_type="text/plain; charset=utf-8")
