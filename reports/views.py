"""The page of satisfaction and its exports."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from reports import exports, queries
from reports.access import for_readers
from reports.charts import draw_satisfaction
from reports.choosing import CHART_WIDTHS, choice_context, refused
from reports.spans import read_choice

EXPORTS = {"Episodes as CSV": "reports:csv", "Days as CSV": "reports:daily_csv"}


@require_safe
@never_cache
@for_readers
def index(request: HttpRequest) -> HttpResponse:
    """Show the figures of a span of days."""
    choice = read_choice(request.GET)
    report = queries.build_report(
        choice.span, include_sample=choice.include_sample, site=choice.site
    )
    context = {
        **admin.site.each_context(request),
        **choice_context(request, choice, exports=EXPORTS),
        "title": "Satisfaction report",
        "report": report,
        "charts": [
            draw_satisfaction(report.days, name=name, width=width)
            for name, width in CHART_WIDTHS.items()
        ],
    }
    return render(request, "reports/index.html", context)


@require_safe
@for_readers
def episodes_csv(request: HttpRequest) -> HttpResponseBase:
    """Send one row an episode."""
    choice = read_choice(request.GET)
    if choice.problem:
        return refused(choice)
    of = queries.episodes(choice.span, include_sample=choice.include_sample, site=choice.site)
    return exports.csv_response(exports.episode_lines(of), name="episodes", span=choice.span)


@require_safe
@for_readers
def daily_csv(request: HttpRequest) -> HttpResponseBase:
    """Send the table of days."""
    choice = read_choice(request.GET)
    if choice.problem:
        return refused(choice)
    of = queries.episodes(choice.span, include_sample=choice.include_sample, site=choice.site)
    days = queries.daily(of, span=choice.span)
    return exports.csv_response(exports.daily_lines(days), name="days", span=choice.span)
