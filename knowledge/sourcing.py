"""Which article a piece of a source is, and which of its articles the source has no more."""

from collections.abc import Collection

from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from core.errors import BadInput, Conflict
from knowledge.importers.content import MAX_ORIGIN_CHARACTERS, ArticleFile
from knowledge.models import Article, ArticleVersion, Audience, Source
from knowledge.services import (
    SavedArticle,
    checked_slug,
    publish_articles,
    store_article,
    stored_values,
    unpublish_articles,
)

PART_SEPARATOR = " # "
COMPARED = ("title", "body", "locale", "tags")


@transaction.atomic
def store_from_source(
    source: Source, *, file: ArticleFile, name: str, is_page: bool
) -> SavedArticle:
    """Store an article of a source, and publish it again if it was gone.

    A page is known by its address, a file's article by its slug. What a person edited since
    is kept as long as the source says what it said. Raises ``BadInput`` or ``Conflict``.
    """
    origin = PART_SEPARATOR.join(filter(None, [name, file.part]))
    if len(origin) > MAX_ORIGIN_CHARACTERS:
        raise BadInput(f"its name is longer than {MAX_ORIGIN_CHARACTERS} characters.")
    article = _article_of(source, file=file, origin=origin, is_page=is_page)
    if article and _is_kept(article, file=file):
        saved = SavedArticle(article, is_new=False, is_changed=False)
    else:
        slug = article.slug if article else _free_slug(source, file.slug, is_page=is_page)
        saved = store_article(
            source.site, slug=slug, content=file.content, source=source, origin=origin
        )
    return _brought_back(saved)


def unpublish_vanished(
    source: Source, *, found_ids: Collection[int], kept_names: Collection[str]
) -> list[str]:
    """Unpublish what the source has no more and return its origins.

    What came from ``kept_names`` stays: these were there, but could not be read.
    """
    shown = source.articles.filter(is_published=True, gone_at=None).order_by("origin")
    gone = {
        pk: origin
        for pk, origin in shown.values_list("pk", "origin")
        if pk not in found_ids and origin.partition(PART_SEPARATOR)[0] not in kept_names
    }
    Article.objects.filter(pk__in=gone).update(gone_at=timezone.now())
    unpublish_articles(gone)
    return list(gone.values())


def edited_by_hand(source: Source) -> int:
    """Return how many of a source's articles say what a person wrote over it."""
    newest = ArticleVersion.objects.filter(article=OuterRef("pk")).order_by("-number")
    articles = source.articles.annotate(by=Subquery(newest.values("changed_by")[:1]))
    return articles.filter(by__isnull=False).count()


def _article_of(source: Source, *, file: ArticleFile, origin: str, is_page: bool) -> Article | None:
    """Return the article that the piece is, locked; raise ``Conflict`` where it is another's."""
    articles = Article.objects.select_for_update().filter(site=source.site)
    if is_page:
        return articles.filter(source=source, origin=origin).order_by("pk").first()
    article = articles.filter(slug=checked_slug(file.slug)).first()
    if article and article.source_id != source.pk and not _may_take(source, article):
        raise Conflict(
            f"slug: {file.slug} is the one of an article that does not come from here; "
            "rename the file, or give another slug in it."
        )
    return article


def _may_take(source: Source, article: Article) -> bool:
    """Folders take over what they hold, as their owner said on the server; others don't."""
    theirs = article.source
    return source.kind == Source.Kind.FOLDER and (theirs is None or theirs.kind == source.kind)


def _free_slug(source: Source, slug: str, *, is_page: bool) -> str:
    """Return ``slug``, or for a page the first free one that begins so."""
    if not is_page:
        return slug
    taken = set(
        Article.objects.filter(site=source.site, slug__startswith=slug).values_list(
            "slug", flat=True
        )
    )
    return next(
        free
        for number in range(1, len(taken) + 2)
        if (free := slug if number == 1 else f"{slug}-{number}") not in taken
    )


def _is_kept(article: Article, *, file: ArticleFile) -> bool:
    """Tell whether a person edited the article, and the source did not change since."""
    newest = article.versions.order_by("-number").first()
    if newest is None or newest.changed_by_id is None:
        return False
    imported = article.versions.filter(changed_by=None).order_by("-number").first()
    return imported is not None and article.source_id is not None and _says(imported, file=file)


def _says(version: ArticleVersion, *, file: ArticleFile) -> bool:
    values = stored_values(file.content)
    same = all(getattr(version, name) == values[name] for name in COMPARED)
    # A source for customers does not open what was closed, so that is no difference.
    is_closed = version.audience == Audience.INTERNAL
    return same and (is_closed or version.audience == values["audience"])


def _brought_back(saved: SavedArticle) -> SavedArticle:
    article = saved.article
    if article.gone_at is None:
        return saved
    Article.objects.filter(pk=article.pk).update(gone_at=None)
    publish_articles([article.pk])
    article.gone_at, article.is_published = None, True
    return SavedArticle(article, saved.is_new, is_changed=not saved.is_new)
