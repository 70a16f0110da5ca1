"""Asks a knowledge base in the database: with its articles, with the right one taken away."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from time import perf_counter

import numpy as np

from assistant.benchmark.corpora import Corpus, KnownArticle, KnownQuestion
from assistant.confidence import features_of
from conversations.models import Site
from knowledge.indexing import index_article
from knowledge.models import Article
from knowledge.retrieval import retrieve
from knowledge.services import ArticleContent, store_article

DEPTH = 20


class Kind(StrEnum):
    """What the knowledge base holds on a question."""

    ANSWERABLE = "answerable"
    REMOVED = "removed"  # the right articles are taken away
    STRAY = "stray"  # near the topic, but nothing ever answered it
    FAR = "far"  # of another world


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of a question; ``rank`` (from 1) is that of a right article, if any."""

    kind: Kind
    text: str
    features: dict[str, float]
    rank: int | None
    milliseconds: float

    @property
    def is_right(self) -> bool:
        """Whether the article on top answers it."""
        return self.rank == 1


def fill(site: Site, *, articles: Sequence[KnownArticle]) -> None:
    """Store and index the articles."""
    for number, article in enumerate(articles):
        content = ArticleContent(title=article.title, body=article.body, tags=article.tags)
        saved = store_article(site, slug=slug_of(number), content=content)
        index_article(saved.article.pk)


def ask_corpus(site: Site, corpus: Corpus, *, with_removed: bool = True) -> list[Asked]:
    """Ask all questions: as they are, without their articles, and the far ones."""
    slugs = {article.key: slug_of(number) for number, article in enumerate(corpus.articles)}
    asked = [_ask(site, one, slugs=slugs) for one in corpus.questions]
    if with_removed:
        asked += _ask_removed(site, corpus.questions, slugs=slugs)
    return asked + [
        _ask(site, KnownQuestion(text), slugs=slugs, kind=Kind.FAR) for text in corpus.far
    ]


def ask_smaller(site: Site, corpus: Corpus, *, seed: int) -> list[Asked]:
    """Ask while a random part of the articles is away: other bases of the same kind."""
    dice = np.random.default_rng(seed)
    share = dice.uniform(0.3, 0.7)
    away = {slug_of(number) for number in range(len(corpus.articles)) if dice.random() > share}
    slugs = {article.key: slug_of(number) for number, article in enumerate(corpus.articles)}
    with _without(site, away):
        return [
            _ask(site, one, slugs=slugs, kind=Kind.REMOVED if gone else None)
            for one in corpus.questions
            for gone in [{slugs[key] for key in one.articles} & away]
            if not gone or len(gone) == len(one.articles)
        ] + [_ask(site, KnownQuestion(text), slugs=slugs, kind=Kind.FAR) for text in corpus.far]


def slug_of(number: int) -> str:
    """Return the address of the article with this number."""
    return f"article-{number}"


def _ask(
    site: Site, question: KnownQuestion, *, slugs: dict[str, str], kind: Kind | None = None
) -> Asked:
    begun = perf_counter()
    found = retrieve(site.pk, question.text, locale=site.locale, limit=DEPTH)
    taken = 1_000 * (perf_counter() - begun)
    right = {slugs[key] for key in question.articles}
    order = dict.fromkeys(passage.slug for passage in found.passages)
    ranks = (rank for rank, slug in enumerate(order, start=1) if slug in right)
    if kind is None:
        kind = Kind.ANSWERABLE if right else Kind.STRAY
    rank = next(ranks, None) if kind == Kind.ANSWERABLE else None
    return Asked(kind, question.text, features_of(found), rank, taken)


def _ask_removed(
    site: Site, questions: Iterable[KnownQuestion], *, slugs: dict[str, str]
) -> Iterator[Asked]:
    by_articles: dict[frozenset[str], list[KnownQuestion]] = defaultdict(list)
    for question in questions:
        by_articles[question.articles].append(question)
    for articles, same in by_articles.items():
        if not articles:
            continue
        with _without(site, {slugs[key] for key in articles}):
            for question in same:
                yield _ask(site, question, slugs=slugs, kind=Kind.REMOVED)


@contextmanager
def _without(site: Site, slugs: Iterable[str]) -> Iterator[None]:
    away = Article.objects.filter(site=site, slug__in=list(slugs))
    away.update(is_published=False)
    try:
        yield
    finally:
        away.update(is_published=True)
