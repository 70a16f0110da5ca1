"""Asks corpora in a database of their own, by meaning and by words only."""

import logging
from collections.abc import Sequence
from time import perf_counter

from assistant.benchmark.asking import Asked, ask_corpus, ask_smaller, fill
from assistant.benchmark.corpora import Corpus
from assistant.benchmark.judging import INTENTS_WORTH, SMALLER_WORTH, Group
from conversations.models import Site
from knowledge.models import Article, Passage

logger = logging.getLogger(__name__)
SMALLER = 2
MODEL = "all-MiniLM-L6-v2"


def ask_once(corpus: Corpus, *, with_removed: bool = True) -> tuple[list[Asked], dict[str, float]]:
    """Ask a corpus whole; also return its size and how fast it was indexed."""
    site = _filled(corpus)
    begun = perf_counter()
    asked = ask_corpus(site, corpus, with_removed=with_removed)
    logger.info("%s: %d asked in %.0f s", corpus.name, len(asked), perf_counter() - begun)
    passages = Passage.objects.filter(site=site).count()
    return asked, {"articles": len(corpus.articles), "passages": passages}


def collect(
    bases: Sequence[Corpus], *, intents: Sequence[Corpus]
) -> tuple[list[Group], dict[str, dict[str, float]]]:
    """Ask all corpora in all ways; also return their sizes by name."""
    groups: list[Group] = []
    sizes: dict[str, dict[str, float]] = {}
    for corpus, worth in (
        *((one, 1.0) for one in bases),
        *((one, INTENTS_WORTH) for one in intents),
    ):
        is_base = corpus in bases
        asked, sizes[corpus.name] = ask_once(corpus)
        groups.append(Group(corpus.name, asked, worth))
        if is_base:
            groups += _variants(corpus)
        _forget(corpus)
    return groups, sizes


def _variants(corpus: Corpus) -> list[Group]:
    """Ask smaller bases of the same kind, and this one by words only."""
    site = Site.objects.get(key=corpus.name)
    smaller = [
        Group(corpus.name, ask_smaller(site, corpus, seed=seed), SMALLER_WORTH)
        for seed in range(1, SMALLER + 1)
    ]
    Site.objects.filter(pk=site.pk).update(served_embedding_model="")
    site.refresh_from_db()
    words = ask_corpus(site, corpus)
    return [*smaller, Group(corpus.name, words, SMALLER_WORTH, by_words=True)]


def _filled(corpus: Corpus) -> Site:
    site = Site.objects.create(
        key=corpus.name, name=corpus.name, embedding_model=MODEL, served_embedding_model=MODEL
    )
    begun = perf_counter()
    fill(site, articles=corpus.articles)
    logger.info("%s: indexed in %.0f s", corpus.name, perf_counter() - begun)
    return site


def _forget(corpus: Corpus) -> None:
    """Take the corpus out of the way of the next ones: fewer rows, the same times."""
    Article.objects.filter(site__key=corpus.name).delete()
