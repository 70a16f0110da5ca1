"""Measures the search in a knowledge base of any size: generated, in a database of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import numpy as np
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.postgresql.base import DatabaseWrapper

from conversations.models import Site
from knowledge.generated import fill_site, questions
from knowledge.indexing import index_article
from knowledge.models import Article, Passage
from knowledge.retrieval import retrieve
from knowledge.terms import STOP_WORDS

MODEL = "all-MiniLM-L6-v2"
QUERIES = 200
WARM_UP = 20
INDEXED_ARTICLES = 6


def measure_scale(passages: int) -> dict[str, float]:
    """Return how long a query takes among so many passages, and what a worker needs for it.

    Milliseconds (``query_ms_p50``, ``query_ms_p95``: with the question's embedding, where the
    local model is installed), MB (``rss_mb``), passages a second (``indexed_per_second``, one
    process, with vectors; ``loaded_seconds`` is the copying of what was generated).
    """
    with own_database() as name:
        site = Site.objects.create(
            key="scale", name="Scale", embedding_model=MODEL, served_embedding_model=MODEL
        )
        begun = perf_counter()
        fill_site(site, passages=passages)
        loaded = perf_counter() - begun
        rate = _indexing_rate(site)
        return {"passages": passages, "loaded_seconds": loaded, **rate, **_in_fresh_process(name)}


def measure_queries(*, number: int = QUERIES) -> dict[str, float]:
    """Time ``number`` questions to the site that ``measure_scale`` filled, in this process."""
    site = Site.objects.get(key="scale")
    for question in questions(WARM_UP, seed=1):
        retrieve(site.pk, question)
    taken = []
    for question in questions(number, seed=2):
        begun = perf_counter()
        found = retrieve(site.pk, question)
        taken.append(1_000 * (perf_counter() - begun))
        if not found.passages:
            raise RuntimeError(f"nothing was found for {question!r}")
    return {
        "query_ms_p50": float(np.percentile(taken, 50)),
        "query_ms_p95": float(np.percentile(taken, 95)),
        "rss_mb": resident_mb(),
        "is_hybrid": float(found.is_hybrid),
    }


def resident_mb() -> float:
    """Return how much memory this process holds."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


@contextmanager
def own_database() -> Iterator[str]:
    """Let everything in this process use an empty database, which is removed afterwards."""
    own = connection.settings_dict["NAME"]
    connection.settings_dict["TEST"]["NAME"] = f"scale_{os.getpid()}"
    _close_connections()
    name = connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield name
    finally:
        _close_connections()
        connection.creation.destroy_test_db(own, verbosity=0)


def use_database(name: str) -> None:
    """Let this process use another database of the same server."""
    _close_connections()
    connection.settings_dict["NAME"] = name


def _close_connections() -> None:
    """Close the pool too: it would go on with the database that it began with."""
    connection.close()
    wrapper = connections[DEFAULT_DB_ALIAS]
    if isinstance(wrapper, DatabaseWrapper):
        wrapper.close_pool()


def _indexing_rate(site: Site) -> dict[str, float]:
    """Index a few articles of plain English words, as a worker does."""
    words = sorted(STOP_WORDS)
    dice = np.random.default_rng(3)
    ids = [
        Article.objects.create(site=site, slug=f"new-{n}", title="New", body=_prose(dice, words)).pk
        for n in range(INDEXED_ARTICLES)
    ]
    index_article(ids[0])  # loads the model
    begun = perf_counter()
    for article_id in ids[1:]:
        index_article(article_id)
    taken = perf_counter() - begun
    return {"indexed_per_second": Passage.objects.filter(article__in=ids[1:]).count() / taken}


def _prose(dice: np.random.Generator, words: Sequence[str]) -> str:
    """Return an article of six paragraphs of about 850 characters in sentences of 15 words."""
    paragraphs = [
        " ".join(" ".join(dice.choice(words, 15)).capitalize() + "." for _ in range(12))
        for _ in range(6)
    ]
    return "\n\n".join(paragraphs)


def _in_fresh_process(database: str) -> dict[str, float]:
    """Measure where nothing was generated: its memory is a worker's."""
    command = [sys.executable, "manage.py", "measure_scale", "--database", database]
    environment = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    done = subprocess.run(  # noqa: S603 - our own program
        command, cwd=settings.BASE_DIR, env=environment, check=True, capture_output=True
    )
    return dict(json.loads(done.stdout))
