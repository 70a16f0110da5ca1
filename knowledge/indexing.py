"""Keeps what an article is searched by in step with its text: first its words, then vectors."""

import logging
from collections import Counter
from collections.abc import Iterable

from django.db import transaction
from django.db.models import F

from knowledge.embedding import embed_article
from knowledge.models import Article, Passage, Posting
from knowledge.passages import PassageText, split_markdown
from knowledge.terms import terms_of

logger = logging.getLogger(__name__)
# How often a title's and a heading's words count, against once for a word of the text.
TITLE_WEIGHT = 2
HEADING_WEIGHT = 2
MAX_SMALLINT = 32_767  # of PostgreSQL
BATCH = 200


def index_article(article_id: int) -> bool:
    """Bring words and vectors of an article up to date; return whether its words needed it."""
    is_rebuilt = index_words(article_id)
    embed_article(article_id)
    return is_rebuilt


@transaction.atomic
def index_words(article_id: int) -> bool:
    """Rebuild an article's passages and postings; return whether there was need to.

    The article's row is locked, so of two at once the second finds nothing to do; either may
    be repeated. From here on the article is found by its words.
    """
    article = Article.objects.select_for_update().filter(pk=article_id).first()
    if article is None or article.indexed_version == article.version:
        return False
    # By their keys: in a transaction that has just made them a join's plan may read everything.
    old = list(article.passages.values_list("pk", flat=True))
    Posting.objects.filter(passage__in=old).delete()
    article.passages.filter(pk__in=old).delete()
    for passage in split_markdown(article.body, title=article.title):
        _store(article, passage)
    Article.objects.filter(pk=article_id).update(indexed_version=article.version)
    return True


def index_stale_articles(*, limit: int = BATCH) -> int:
    """Index the words of articles whose task was lost or late; return how many it could."""
    stale = Article.objects.exclude(indexed_version=F("version")).order_by("updated_at")
    return sum(_try_to_index(pk) for pk in list(stale.values_list("pk", flat=True)[:limit]))


def _try_to_index(article_id: int) -> bool:
    try:
        return index_words(article_id)
    except Exception:
        # Whatever is wrong with one article must not keep all after it out of the index.
        logger.exception("article %s was not indexed", article_id)
        return False


def passage_terms(article: Article, *, passage: PassageText) -> Counter[str]:
    """Return how often each term counts for a passage: its own, and its headings' again."""
    counts = Counter(terms_of(passage.text, locale=article.locale))
    labels = (
        (f"{article.title} {' '.join(article.tags)}", TITLE_WEIGHT),
        (passage.heading, HEADING_WEIGHT),
    )
    for label, weight in labels:
        for term in terms_of(label, locale=article.locale):
            counts[term] += weight
    return counts


def _store(article: Article, passage: PassageText) -> None:
    counts = passage_terms(article, passage=passage)
    row = Passage.objects.create(
        article=article,
        site_id=article.site_id,
        position=passage.position,
        heading=passage.heading,
        text=passage.text,
        length=counts.total(),
    )
    Posting.objects.bulk_create(_postings(row, counts.items()))


def _postings(passage: Passage, counts: Iterable[tuple[str, int]]) -> list[Posting]:
    return [
        Posting(
            site_id=passage.site_id,
            passage=passage,
            term=term,
            frequency=min(frequency, MAX_SMALLINT),
            length=min(passage.length, MAX_SMALLINT),
        )
        for term, frequency in counts
    ]
