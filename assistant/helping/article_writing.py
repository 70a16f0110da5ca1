"""Drafts an article from a resolved conversation, and keeps it when a person says so."""

from django.db import transaction
from django.utils.text import slugify
from pydantic import BaseModel, ConfigDict

from accounts.models import User
from assistant.helping.asking import ask_model, quoted
from assistant.helping.cases import Case, as_lines
from assistant.helping.languages import language_name
from assistant.helping.outcomes import Outcome
from assistant.models import HelperRun
from conversations.models import Site
from core.background import in_database_thread
from core.errors import Conflict, Forbidden
from knowledge.models import Article
from knowledge.services import ArticleContent, save_article, unpublish_articles

MAY_ADD = "knowledge.add_article"
TITLES_SHOWN = 80
MAX_TAGS = 4
MAX_DOUBTS = 3
MAX_SLUG_CHARACTERS = 100
MAX_TOKENS = 1_500


class _Article(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    title: str
    body: str
    tags: list[str] = []
    doubts: list[str] = []


async def draft_article(case: Case) -> Outcome:
    """Write what would have answered the customer; nothing is stored but the run's output.

    Placeholders stay: what they stand for has no place in an article.
    """
    language = case.language
    titles = await in_database_thread(_titles)(case.conversation.site_id)
    reply, made = await ask_model(
        case,
        prompt="article",
        content=f"{quoted('titles', titles)}\n\n{as_lines(case.said)}",
        schema=_Article,
        tier="standard",
        max_tokens=MAX_TOKENS,
        restores=False,
        language=language_name(language),
    )
    output = {
        "title": " ".join(reply.title.split())[:200],
        "body": reply.body.strip(),
        "tags": [" ".join(tag.lower().split())[:50] for tag in reply.tags if tag.strip()][
            :MAX_TAGS
        ],
        "doubts": [doubt.strip() for doubt in reply.doubts][:MAX_DOUBTS],
        "locale": language,
    }
    return Outcome(output, made)


@transaction.atomic
def keep_article(run: HelperRun, *, by: User) -> Article:
    """Store a drafted article, unpublished; a second click returns the one that is there.

    Raises ``Forbidden`` for who may not add articles, ``Conflict`` where there is no draft.
    """
    if not by.has_perm(MAY_ADD):
        raise Forbidden
    locked = HelperRun.objects.select_for_update(of=("self",)).get(pk=run.pk)
    if locked.kind != HelperRun.Kind.ARTICLE or locked.state != HelperRun.State.DONE:
        raise Conflict("There is no draft of an article to keep.")
    kept = Article.objects.filter(pk=locked.output.get("article")).first()
    return kept or _store(locked, by=by)


def _store(run: HelperRun, *, by: User) -> Article:
    if run.conversation is None:
        raise Conflict("There is no draft of an article to keep.")
    output, site = run.output, run.conversation.site
    content = ArticleContent(
        title=output["title"],
        body=output["body"],
        locale=output["locale"],
        tags=tuple(output["tags"]),
    )
    slug = _free_slug(site, title=output["title"], run=run)
    article = save_article(site, slug=slug, content=content, changed_by=by).article
    # Within the transaction that made it: no customer ever sees it.
    unpublish_articles([article.pk])
    run.output = output | {"article": article.pk}
    run.save(update_fields=["output"])
    return article


def _free_slug(site: Site, *, title: str, run: HelperRun) -> str:
    slug = slugify(title)[:MAX_SLUG_CHARACTERS].strip("-") or "draft"
    if not Article.objects.filter(site=site, slug=slug).exists():
        return slug
    # The run's own id: two drafts of one title must not become one article.
    return f"{slug}-{run.public_id.hex[:8]}"


def _titles(site_pk: int) -> str:
    rows = Article.objects.filter(site_id=site_pk).order_by("-updated_at")
    return "\n".join(rows.values_list("title", flat=True)[:TITLES_SHOWN])
