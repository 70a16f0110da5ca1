"""The demo's shop front: a page that embeds the widget as any customer's page would."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

DEMO_SITE = "demo"


def index(request: HttpRequest) -> HttpResponse:
    """Show the shop under ``DEMO``; elsewhere there is no shop."""
    if not settings.DEMO:
        raise Http404
    return render(
        request,
        "storefront/index.html",
        {"site_key": DEMO_SITE, "widget_src": f"{settings.PUBLIC_URL}/widget.js"},
    )
