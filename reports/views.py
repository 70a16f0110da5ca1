"""The report's page and its exports."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from reports.access import for_readers


@require_safe
@for_readers
def index(request: HttpRequest) -> HttpResponse:
    """Show the figures of a span of days."""
    return render(request, "reports/index.html", admin.site.each_context(request))
