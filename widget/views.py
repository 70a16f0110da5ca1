"""The embed script and the frame that it opens."""

from functools import lru_cache
from pathlib import Path

from csp.constants import SELF
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_GET

from conversations.models import Site
from conversations.selectors import access_site
from core.errors import Forbidden, NotFound, SupportError
from widget.api import problem
from widget.origins import site_origins

RIGHT_TO_LEFT = {"ar", "he", "fa", "ur"}


@lru_cache(maxsize=1)
def _loader() -> bytes:
    path = finders.find("widget/loader.js")
    if not isinstance(path, str):
        raise NotFound
    return Path(path).read_bytes()


@require_GET
def embed_script(request: HttpRequest) -> HttpResponse:
    """Serve the one script that a customer's page loads."""
    response = HttpResponse(_loader(), content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = "public, max-age=300"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@require_GET
def look(request: HttpRequest, key: str) -> HttpResponse:
    """Tell any page how a site's launcher looks: public, and nothing else."""
    try:
        site = access_site(key)
    except SupportError as error:
        return problem(error)
    response = JsonResponse({"accent": site.accent})
    response["Access-Control-Allow-Origin"] = "*"
    response["Cache-Control"] = "public, max-age=300"
    return response


@require_GET
@xframe_options_exempt
def frame(request: HttpRequest) -> HttpResponse:
    """Serve the chat itself, to be framed by the site's own origins only."""
    try:
        site = access_site(request.GET.get("site"))
        origin = request.GET.get("origin", "")
        if origin not in site_origins(site):
            raise Forbidden("This page may not embed this chat.")
    except SupportError as error:
        return problem(error)
    response = render(request, "widget/frame.html", _context(request, site, origin))
    # What django-csp's own decorator sets; here the value depends on the site.
    ancestors = {"frame-ancestors": [SELF, *sorted(site_origins(site))]}
    response._csp_replace = ancestors  # type: ignore[attr-defined]
    return response


def _context(request: HttpRequest, site: Site, origin: str) -> dict[str, str]:
    locale = request.GET.get("locale", "")[:12] or site.locale
    return {
        "site_key": site.key,
        "site_name": site.name,
        "accent": site.accent,
        "host_origin": origin,
        "locale": locale,
        "dir": "rtl" if locale.split("-")[0].casefold() in RIGHT_TO_LEFT else "ltr",
        "greeting": site.greeting,
    }
