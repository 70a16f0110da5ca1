"""Measures the search in a knowledge base of any size: generated, in a database of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.postgresql.base import DatabaseWrapper
from numpy.typing import NDArray

from conversations.models import Site
from core.background import close_database_connections
from knowledge.generated import fill_site, questions
from knowledge.indexing import index_article
from knowledge.lexical import HIDDEN_FROM_CUSTOMERS
from knowledge.models import VECTOR_DIMENSIONS, Article, Passage, PassageVector
from knowledge.retrieval import CANDIDATES, retrieve
from knowledge.terms import STOP_WORDS
from knowledge.vectors import as_literal, find_by_meaning
from llm.embedding import find_embedder

Vectors = NDArray[np.float32]
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
    """Time ``number`` questions to the site that ``measure_scale`` filled, in this process.

    ``cpu_ms`` is this process's and its database backend's processor time: what a query costs
    whatever else the machine does; 0 where the database is on another one.
    """
    site = Site.objects.get(key="scale")
    for question in questions(WARM_UP, seed=1):
        retrieve(site.pk, question)
    clock = Clock()
    for question in questions(number, seed=2):
        with clock.timing():
            found = retrieve(site.pk, question)
        if not found.passages:
            raise RuntimeError(f"nothing was found for {question!r}")
    return {
        **{f"query_{name}": value for name, value in clock.percentiles().items()},
        "rss_mb": resident_mb(),
        "is_hybrid": float(found.is_hybrid),
    }


def compare_vectors(*, number: int = QUERIES // 4) -> dict[str, dict[str, float]]:
    """Time the ways to the nearest vectors in the site that ``measure_scale`` filled.

    Along the graph, from end to end, and by a matrix in this process; ``recall`` is the share
    of the true nearest that the graph finds.
    """
    site = Site.objects.get(key="scale")
    asked = _question_vectors(number)
    size = Passage.objects.filter(site=site).count()
    before = resident_mb()
    ids, matrix = _matrix(site)
    held = resident_mb() - before
    clocks = {name: Clock() for name in ("graph", "exact", "matrix")}
    hits = 0
    for vector in asked:
        with clocks["matrix"].timing():
            products = matrix @ vector
            nearest = ids[np.argpartition(products, -CANDIDATES)[-CANDIDATES:]]
        found = {}
        for name, passages in (("graph", size), ("exact", 0)):
            with clocks[name].timing():
                found[name] = _nearest(site, vector, passages=passages)
        hits += len(set(found["graph"]) & set(nearest.tolist()))
    measured = {name: clock.percentiles() for name, clock in clocks.items()}
    measured["matrix"]["held_mb"] = held
    measured["graph"]["recall"] = hits / len(asked) / CANDIDATES
    return measured


class Clock:
    """Gathers how long something takes, in wall and in processor time."""

    def __init__(self) -> None:
        connection.ensure_connection()
        self._backend = connection.connection.info.backend_pid
        self._wall: list[float] = []
        self._cpu: list[float] = []

    @contextmanager
    def timing(self) -> Iterator[None]:
        """Time one run."""
        begun, spent = perf_counter(), self._spent()
        yield
        self._wall.append(1_000 * (perf_counter() - begun))
        self._cpu.append(1_000 * (self._spent() - spent))

    def percentiles(self) -> dict[str, float]:
        """Return the milliseconds of half of the runs, and of all but a twentieth."""
        return {
            f"{name}_p{share}": float(np.percentile(taken, share))
            for name, taken in (("ms", self._wall), ("cpu_ms", self._cpu))
            for share in (50, 95)
        }

    def _spent(self) -> float:
        """Return the seconds of processor that this process and its backend have used."""
        try:
            spent = Path(f"/proc/{self._backend}/schedstat").read_text(encoding="ascii")
        except OSError:
            return 0.0
        return process_time() + int(spent.split()[0]) / 1e9


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
    """Close the pool and what threads keep too: they would go on with the database before."""
    close_database_connections()
    connection.close()
    wrapper = connections[DEFAULT_DB_ALIAS]
    if isinstance(wrapper, DatabaseWrapper):
        wrapper.close_pool()


def _question_vectors(number: int) -> Vectors:
    embedder = find_embedder(MODEL)
    if embedder:
        return embedder.embed(questions(number, seed=2))
    rows = np.random.default_rng(4).normal(size=(number, VECTOR_DIMENSIONS))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def _matrix(site: Site) -> tuple[NDArray[np.int64], Vectors]:
    """Return the passages of a site and their vectors, as a worker would hold them."""
    rows = PassageVector.objects.filter(site=site, model=MODEL).values_list("passage_id", "vector")
    ids = np.zeros(rows.count(), dtype=np.int64)
    matrix = np.zeros((len(ids), VECTOR_DIMENSIONS), dtype=np.float32)
    for index, (passage_id, vector) in enumerate(rows.iterator(chunk_size=2_000)):
        ids[index], matrix[index] = passage_id, vector
    return ids, matrix


def _nearest(site: Site, vector: Vectors, *, passages: int) -> list[int]:
    return find_by_meaning(
        site.pk,
        model=MODEL,
        literal=as_literal(vector),
        passages=passages,
        hidden=HIDDEN_FROM_CUSTOMERS,
        limit=CANDIDATES,
    )


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
