"""The demo's shop front: a page that embeds the widget as any customer's page would."""

import time

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from conversations.models import Site
from llm.keys import key_ring
from widget.identity import sign

DEMO_SITE = "demo"
SIGNED_FOR_SECONDS = 3_600
# Who can be signed in by a click: the shop asks for no password, and is only ever on loopback.
CUSTOMERS = {
    "ada": {
        "external_id": "ada-marsh",
        "name": "Ada Marsh",
        "email": "ada.marsh@example.com",
        "attributes": {"orders": "HP-10443, HP-10444"},
    }
}


def index(request: HttpRequest) -> HttpResponse:
    """Show the shop under ``DEMO``, to a guest or to ``?customer=``; elsewhere there is no shop."""
    if not settings.DEMO:
        raise Http404
    wanted = request.GET.get("customer")
    context = {
        "site_key": DEMO_SITE,
        "widget_src": f"{settings.PUBLIC_URL}/widget.js",
        "customer": signed_customer(wanted or ""),
        "has_signed_out": wanted == "",
        # Without one nothing calls the shop's tools, and it must not promise that they help.
        "has_model": bool(key_ring().list_keys()),
    }
    return render(request, "storefront/index.html", context)


def signed_customer(key: str) -> dict[str, object] | None:
    """Return who is signed in, with the shop's signature, as any shop's server would."""
    site = Site.objects.filter(key=DEMO_SITE).first()
    if key not in CUSTOMERS or site is None:
        return None
    claim = {**CUSTOMERS[key], "expires": int(time.time()) + SIGNED_FOR_SECONDS}
    return {**claim, "signature": sign(claim, secret=site.secret)}
