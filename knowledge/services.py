"""Every write to the articles; the index follows on commit."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.core.exceptions import ValidationError
from django.db import transaction
from kombu.exceptions import OperationalError

from conversations.models import Site
from conversations.text import clean_text
from core.errors import BadInput
from knowledge.models import Article
from knowledge.tasks import index_article_task

logger = logging.getLogger(__name__)
MAX_BODY_CHARACTERS = 200_000


@dataclass(frozen=True, slots=True)
class ArticleContent:
    """What an article says; ``updated_at`` is a date of its source's own, if it has one."""

    title: str
    body: str
    locale: str = "en"
    tags: tuple[str, ...] = ()
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SavedArticle:
    """The article as stored; with neither flag set it was so already."""

    article: Article
    is_new: bool
    is_changed: bool


@transaction.atomic
def save_article(site: Site, *, slug: str, content: ArticleContent) -> SavedArticle:
    """Store the article at ``slug``, and have it indexed once that is committed.

    Saving the same content again changes nothing. Raises ``BadInput`` or ``TooLong``.
    """
    saved = store_article(site, slug=slug, content=content)
    if saved.is_new or saved.is_changed:
        transaction.on_commit(partial(request_indexing, [saved.article.pk]))
    return saved


@transaction.atomic
def store_article(site: Site, *, slug: str, content: ArticleContent) -> SavedArticle:
    """Store as ``save_article`` does, and leave it to the caller to have it indexed."""
    values = _values(content)
    # The lock makes two saves of one article follow each other: no version is given twice.
    article, is_new = Article.objects.select_for_update().get_or_create(
        site=site, slug=_checked_slug(slug), defaults=values
    )
    is_changed = not is_new and any(getattr(article, name) != values[name] for name in values)
    if is_changed:
        for name, value in values.items():
            setattr(article, name, value)
        article.version += 1
        article.save(update_fields=[*values, "version", "updated_at"])
    if content.updated_at and (is_new or is_changed or article.updated_at != content.updated_at):
        # Past ``auto_now``: the date is the source's own.
        Article.objects.filter(pk=article.pk).update(updated_at=content.updated_at)
    return SavedArticle(article, is_new, is_changed)


def publish_articles(article_ids: Iterable[int]) -> int:
    """Let answers quote the articles; return how many were not published before."""
    return _set_published(article_ids, is_published=True)


def unpublish_articles(article_ids: Iterable[int]) -> int:
    """Take the articles out of answers and the help centre at once; return how many were in."""
    return _set_published(article_ids, is_published=False)


def request_indexing(article_ids: Sequence[int]) -> int:
    """Send the index tasks, one try each; return how many were sent.

    The first failure ends it, as the rest would fail as slowly: the periodic task finds what
    is left by ``indexed_version``.
    """
    for sent, article_id in enumerate(article_ids):
        try:
            index_article_task.apply_async(args=(article_id,), queue="bulk", retry=False)
        except (OperationalError, OSError) as error:
            logger.warning(
                "%d articles left to the sweep: %s", len(article_ids) - sent, type(error).__name__
            )
            return sent
    return len(article_ids)


def _set_published(article_ids: Iterable[int], *, is_published: bool) -> int:
    articles = Article.objects.filter(pk__in=list(article_ids), is_published=not is_published)
    return articles.update(is_published=is_published)


def _checked_slug(slug: str) -> str:
    """Return ``slug`` if it may stand in an address."""
    try:
        return str(Article._meta.get_field("slug").clean(slug, None))
    except ValidationError as error:
        raise BadInput(f"slug: {' '.join(error.messages)}") from error


def _values(content: ArticleContent) -> dict[str, object]:
    """Return the content as it is stored."""
    values = {
        "title": clean_text(content.title, limit=200, field="title"),
        "body": clean_text(content.body, limit=MAX_BODY_CHARACTERS, field="body"),
        "locale": clean_text(content.locale, limit=12, field="locale"),
    }
    for name, value in values.items():
        if not value:
            raise BadInput(f"{name} is empty.")
    tags = [clean_text(tag, limit=50, field="tags") for tag in content.tags]
    return {**values, "tags": [tag for tag in tags if tag]}
