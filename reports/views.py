"""The report's page and its exports."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from reports import exports, queries
from reports.access import for_readers
from reports.charts import draw_satisfaction
from reports.spans import PRESETS, Choice, last_days, query_of, read_choice

# Text in an SVG shrinks with it, so a phone gets a drawing of its own.
CHART_WIDTHS = {"wide": 1120, "narrow": 360}


@require_safe
@never_cache
@for_readers
def index(request: HttpRequest) -> HttpResponse:
    """Show the figures of a span of days."""
    choice = read_choice(request.GET)
    report = queries.build_report(choice.span, include_sample=choice.include_sample)
    context = admin.site.each_context(request) | {
        "title": "Satisfaction report",
        "choice": choice,
        "typed": {"first": request.GET.get("from"), "last": request.GET.get("to")},
        "report": report,
        "charts": [
            draw_satisfaction(report.days, name=name, width=width)
            for name, width in CHART_WIDTHS.items()
        ],
        "presets": _presets(choice),
        "has_sample": queries.has_sample(),
        "time_zone": timezone.get_current_timezone_name(),
    }
    return render(request, "reports/index.html", context)


def _presets(choice: Choice) -> list[dict[str, Any]]:
    spans = [last_days(number) for number in PRESETS]
    return [
        {
            "label": f"{span.length} days",
            "query": query_of(span, include_sample=choice.include_sample),
            "is_chosen": span == choice.span,
        }
        for span in spans
    ]


@require_safe
@for_readers
def episodes_csv(request: HttpRequest) -> HttpResponseBase:
    """Send one row an episode."""
    choice = read_choice(request.GET)
    if choice.problem:
        return _refused(choice)
    of = queries.episodes(choice.span, include_sample=choice.include_sample)
    return exports.csv_response(exports.episode_lines(of), name="episodes", span=choice.span)


@require_safe
@for_readers
def daily_csv(request: HttpRequest) -> HttpResponseBase:
    """Send the table of days."""
    choice = read_choice(request.GET)
    if choice.problem:
        return _refused(choice)
    of = queries.episodes(choice.span, include_sample=choice.include_sample)
    days = queries.daily(of, span=choice.span)
    return exports.csv_response(exports.daily_lines(days), name="days", span=choice.span)


def _refused(choice: Choice) -> HttpResponse:
    return HttpResponse(choice.problem, status=400, content_type="text/plain; charset=utf-8")
