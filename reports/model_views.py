"""The page of models and money and its exports."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from llm.keys import key_ring
from reports import model_exports, model_queries, money_queries
from reports.access import for_readers
from reports.choosing import CHART_WIDTHS, choice_context, refused
from reports.exports import csv_response
from reports.money_chart import draw_spend
from reports.spans import read_choice

EXPORTS = {
    "Table as CSV": "reports:models_csv",
    "Days as CSV": "reports:spend_csv",
    "Turns as CSV": "reports:turns_csv",
}


@require_safe
@never_cache
@for_readers
def models(request: HttpRequest) -> HttpResponse:
    """Show who wrote the answers of a span of days, how well, and what that cost."""
    choice = read_choice(request.GET)
    report = money_queries.build_model_report(
        choice.span, include_sample=choice.include_sample, site=choice.site
    )
    drawn = (draw_spend(report.days, name=name, width=at) for name, at in CHART_WIDTHS.items())
    context = {
        **admin.site.each_context(request),
        **choice_context(request, choice, exports=EXPORTS),
        "title": "Models and money",
        "has_model": bool(key_ring().list_keys()),
        "report": report,
        "charts": [chart for chart in drawn if chart is not None],
    }
    return render(request, "reports/models.html", context)


@require_safe
@for_readers
def models_csv(request: HttpRequest) -> HttpResponseBase:
    """Send the table of who wrote the answers."""
    choice = read_choice(request.GET)
    if choice.problem:
        return refused(choice)
    of = model_queries.turns(choice.span, include_sample=choice.include_sample, site=choice.site)
    rows = model_queries.kinds(of)
    return csv_response(model_exports.kind_lines(rows), name="models", span=choice.span)


@require_safe
@for_readers
def spend_csv(request: HttpRequest) -> HttpResponseBase:
    """Send what each day cost."""
    choice = read_choice(request.GET)
    if choice.problem:
        return refused(choice)
    limit = money_queries.limit_of(choice.site)
    days = money_queries.spend_days(choice.span, site=choice.site, limit=limit)
    return csv_response(model_exports.spend_lines(days), name="spend", span=choice.span)


@require_safe
@for_readers
def turns_csv(request: HttpRequest) -> HttpResponseBase:
    """Send one row a turn."""
    choice = read_choice(request.GET)
    if choice.problem:
        return refused(choice)
    of = model_queries.turns(choice.span, include_sample=choice.include_sample, site=choice.site)
    return csv_response(model_exports.turn_lines(of), name="turns", span=choice.span)
