"""The box beside an article: what the assistant would answer to a question now."""

from dataclasses import dataclass

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from assistant.trying import Trial, try_question
from conversations.text import clean_message
from core.errors import SupportError
from core.markup import render_markdown
from knowledge.models import Article
from knowledge.passages import HEADING_SEPARATOR

CHANGE = "knowledge.change_article"


@dataclass(frozen=True, slots=True)
class Row:
    """A passage that was found; the score in hundredths of the best that it could get."""

    path: str
    score: int
    is_own: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """A trial as the page shows it; ``rank`` is the place of the article's best passage."""

    trial: Trial
    html: SafeString
    confidence: int | None
    threshold: int
    rows: tuple[Row, ...]
    rank: int | None


@require_POST
@never_cache
@permission_required(CHANGE, raise_exception=True)
def try_article(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer a question as the assistant would, and tell how this article did; keep nothing."""
    article = get_object_or_404(Article.objects.select_related("site"), pk=pk)
    asked = request.POST.get("question", "")
    context = {**admin.site.each_context(request), "article": article, "asked": asked}
    try:
        trial = try_question(article.site, clean_message(asked), locale=article.locale)
    except SupportError as error:
        context["problem"] = error.detail
    else:
        context["shown"] = _shown(trial, article=article)
    is_fragment = request.headers.get("X-Requested-With") == "fetch"
    name = "desk/_trial.html" if is_fragment else "desk/trial.html"
    return TemplateResponse(request, name, context | {"title": "What would you answer?"})


def _shown(trial: Trial, *, article: Article) -> Shown:
    rows = tuple(
        Row(
            path=HEADING_SEPARATOR.join(filter(None, (passage.title, passage.heading))),
            score=round(100 * passage.score),
            is_own=passage.article_id == article.public_id,
        )
        for passage in trial.passages
    )
    return Shown(
        trial=trial,
        html=render_markdown(trial.text),
        confidence=None if trial.confidence is None else round(100 * trial.confidence),
        threshold=round(100 * trial.threshold),
        rows=rows,
        rank=next((place for place, row in enumerate(rows, start=1) if row.is_own), None),
    )
