"""The public help centre: the articles that customers may see, as plain pages."""

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from conversations.models import Site
from core.markup import render_markdown
from knowledge.models import Article, Audience
from knowledge.terms import language_of


@require_safe
def index(request: HttpRequest, site_key: str) -> HttpResponse:
    """List a site's articles by their titles."""
    site = get_object_or_404(Site, key=site_key)
    articles = _visible().filter(site=site).order_by("title")
    context = _page(site, locale=site.locale) | {"articles": articles.only("title", "slug")}
    return render(request, "knowledge/index.html", context)


@require_safe
def article(request: HttpRequest, site_key: str, slug: str) -> HttpResponse:
    """Show one article; drafts and internal ones do not exist here."""
    found = get_object_or_404(_visible().select_related("site"), site__key=site_key, slug=slug)
    context = _page(found.site, locale=found.locale) | {
        "article": found,
        "body": render_markdown(found.body),
    }
    return render(request, "knowledge/article.html", context)


def _visible() -> QuerySet[Article]:
    return Article.objects.filter(is_published=True, audience=Audience.PUBLIC)


def _page(site: Site, *, locale: str) -> dict[str, Any]:
    from_right = language_of(locale) in settings.LANGUAGES_BIDI
    return {"site": site, "locale": locale, "dir": "rtl" if from_right else "ltr"}
