"""Every write to the articles; the index follows on commit."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.core.exceptions import ValidationError
from django.db import transaction
from kombu.exceptions import OperationalError

from accounts.models import User
from conversations.models import Site
from conversations.text import clean_text
from core.errors import BadInput, NotFound
from knowledge.models import Article, ArticleVersion, Audience, Source
from knowledge.tasks import index_article_task

logger = logging.getLogger(__name__)
MAX_BODY_CHARACTERS = 200_000
# The broker's 0 goes first: who edits one article does not wait for a thousand imported ones.
EDIT_PRIORITY = 0
IMPORT_PRIORITY = 2


@dataclass(frozen=True, slots=True)
class ArticleContent:
    """What an article says; ``updated_at`` is a date of its source's own, if it has one."""

    title: str
    body: str
    locale: str = "en"
    tags: tuple[str, ...] = ()
    updated_at: datetime | None = None
    audience: str = Audience.PUBLIC


@dataclass(frozen=True, slots=True)
class SavedArticle:
    """The article as stored; with neither flag set it was so already."""

    article: Article
    is_new: bool
    is_changed: bool


@transaction.atomic
def save_article(
    site: Site,
    *,
    slug: str,
    content: ArticleContent,
    changed_by: User | None = None,
    source: Source | None = None,
    origin: str = "",
) -> SavedArticle:
    """Store the article at ``slug``, and have it indexed once that is committed.

    Saving the same content again changes nothing. Raises ``BadInput`` or ``TooLong``.
    """
    saved = store_article(
        site, slug=slug, content=content, changed_by=changed_by, source=source, origin=origin
    )
    if saved.is_new or saved.is_changed:
        transaction.on_commit(partial(request_indexing, [saved.article.pk]))
    return saved


@transaction.atomic
def store_article(
    site: Site,
    *,
    slug: str,
    content: ArticleContent,
    changed_by: User | None = None,
    source: Source | None = None,
    origin: str = "",
) -> SavedArticle:
    """Store as ``save_article`` does, and leave it to the caller to have it indexed.

    A ``source`` takes the article over, and never shows to customers what was internal.
    """
    values = stored_values(content)
    # The lock makes two saves of one article follow each other: no version is given twice.
    article, is_new = Article.objects.select_for_update().get_or_create(
        site=site, slug=checked_slug(slug), defaults=values
    )
    if source and article.audience == Audience.INTERNAL:
        values["audience"] = Audience.INTERNAL
    is_changed = not is_new and any(getattr(article, name) != values[name] for name in values)
    if is_changed:
        for name, value in values.items():
            setattr(article, name, value)
        article.version += 1
        article.save(update_fields=[*values, "version", "updated_at"])
    if is_new or is_changed:
        _keep_version(article, changed_by=changed_by)
    if source:
        _attach(article, source=source, origin=origin)
    if content.updated_at and (is_new or is_changed or article.updated_at != content.updated_at):
        # Past ``auto_now``: the date is the source's own.
        Article.objects.filter(pk=article.pk).update(updated_at=content.updated_at)
    return SavedArticle(article, is_new, is_changed)


@transaction.atomic
def restore_version(article: Article, *, number: int, changed_by: User | None) -> SavedArticle:
    """Give ``article`` the text of an earlier version again, as a new version.

    Who may see it stays as it is: an old text must not show customers what is internal by now.
    Raises ``NotFound``.
    """
    kept = ArticleVersion.objects.filter(article=article, number=number).first()
    if kept is None:
        raise NotFound("This version does not exist.")
    current = Article.objects.select_for_update(of=("self",)).get(pk=article.pk)
    content = ArticleContent(
        title=kept.title,
        body=kept.body,
        locale=kept.locale,
        tags=tuple(kept.tags),
        audience=current.audience,
    )
    return save_article(current.site, slug=current.slug, content=content, changed_by=changed_by)


def publish_articles(article_ids: Iterable[int]) -> int:
    """Let answers quote the articles; return how many were not published before."""
    return _set_published(article_ids, is_published=True)


def unpublish_articles(article_ids: Iterable[int]) -> int:
    """Take the articles out of answers and the help centre at once; return how many were in."""
    return _set_published(article_ids, is_published=False)


def request_indexing(article_ids: Sequence[int], *, priority: int = EDIT_PRIORITY) -> int:
    """Send the index tasks, one try each; return how many were sent.

    The first failure ends it, as the rest would fail as slowly: the periodic task finds what
    is left by ``indexed_version``.
    """
    for sent, article_id in enumerate(article_ids):
        try:
            index_article_task.apply_async(
                args=(article_id,), queue="bulk", priority=priority, retry=False
            )
        except (OperationalError, OSError) as error:
            logger.warning(
                "%d articles left to the sweep: %s", len(article_ids) - sent, type(error).__name__
            )
            return sent
    return len(article_ids)


def _set_published(article_ids: Iterable[int], *, is_published: bool) -> int:
    articles = Article.objects.filter(pk__in=list(article_ids), is_published=not is_published)
    return articles.update(is_published=is_published)


def _keep_version(article: Article, *, changed_by: User | None) -> None:
    """Add what the article says now to its history."""
    ArticleVersion.objects.create(
        article=article,
        number=article.version,
        title=article.title,
        body=article.body,
        locale=article.locale,
        tags=article.tags,
        audience=article.audience,
        changed_by=changed_by,
    )


def _attach(article: Article, *, source: Source, origin: str) -> None:
    """Note where the article comes from; its text is no other for that."""
    if (article.source_id, article.origin) != (source.pk, origin):
        article.source, article.origin = source, origin
        Article.objects.filter(pk=article.pk).update(source=source, origin=origin)


def checked_slug(slug: str) -> str:
    """Return ``slug`` if it may stand in an address."""
    try:
        return str(Article._meta.get_field("slug").clean(slug, None))
    except ValidationError as error:
        raise BadInput(f"slug: {' '.join(error.messages)}") from error


def stored_values(content: ArticleContent) -> dict[str, object]:
    """Return the content as it is stored."""
    values = {
        "title": clean_text(content.title, limit=200, field="title"),
        "body": clean_text(content.body, limit=MAX_BODY_CHARACTERS, field="body"),
        "locale": clean_text(content.locale, limit=12, field="locale"),
    }
    for name, value in values.items():
        if not value:
            raise BadInput(f"{name} is empty.")
    if content.audience not in Audience.values:
        raise BadInput(f"audience: expected one of {', '.join(Audience.values)}.")
    tags = [clean_text(tag, limit=50, field="tags") for tag in content.tags]
    return {**values, "tags": [tag for tag in tags if tag], "audience": content.audience}
