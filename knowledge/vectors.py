"""The passages' vectors: written beside their words, read by the search for meaning."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray
from pgvector import HalfVector

from conversations.models import Site
from knowledge.models import VECTOR_DIMENSIONS, Article, Passage, PassageVector
from knowledge.passages import HEADING_SEPARATOR
from llm.embedding import Embedder
from llm.excerpts import split_excerpts

Vector = NDArray[np.float32]
LABELS = 2  # the first parts of a passage: its title and its heading

# Up to here a site is searched through from end to end; beyond, along the graph, which is
# shared by all sites (docs/decisions/0006).
EXACT_PASSAGES = 5_000
# Vectors that a walk along the graph keeps in view: the more, the less it misses.
GRAPH_BREADTH = 64

EXACT = """
SELECT v.passage_id
FROM knowledge_passagevector v
WHERE v.site_id = %(site)s AND v.model = %(model)s AND v.passage_id NOT IN ({hidden})
ORDER BY (v.vector <=> %(vector)s::halfvec) + 0
LIMIT %(limit)s
"""
GRAPH = EXACT.replace("(v.vector <=> %(vector)s::halfvec) + 0", "v.vector <=> %(vector)s::halfvec")
# It walks on where it meets others' vectors, or hidden ones.
WALK = """
SELECT set_config('hnsw.ef_search', %s, true), set_config('hnsw.iterative_scan', %s, true)
"""


@dataclass(frozen=True, slots=True)
class EmbeddedPassage:
    """A passage's vector and its parts', to be stored: title, heading, then its sentences."""

    passage_id: int
    vector: Vector
    parts: Vector


@dataclass(frozen=True, slots=True)
class Comparison:
    """How near (-1..1) a question is to a passage's labels and to each of its sentences.

    ``sentence_vectors`` has a row for each of the latter.
    """

    label: float
    sentences: tuple[float, ...]
    sentence_vectors: Vector


def models_of(site: Site) -> tuple[str, ...]:
    """Return the models that a site's passages are kept in: what serves, and what shall."""
    names = (site.served_embedding_model, site.embedding_model)
    return tuple(dict.fromkeys(name for name in names if name))


def embed_passages(embedder: Embedder, *, passages: Sequence[Passage]) -> list[EmbeddedPassage]:
    """Turn passages, their labels and their sentences into vectors, in one batch.

    Not within a transaction: a model may be a network away. Raises ``ModelError``.
    """
    pieces = [_parts(passage) for passage in passages]
    texts = [_embedded_text(passage) for passage in passages]
    listed = [*texts, *(text for own in pieces for text in own)]
    # A title stands above many passages: each text once.
    places = {text: place for place, text in enumerate(dict.fromkeys(listed))}
    rows = embedder.embed(list(places))[[places[text] for text in listed]]
    ends = np.cumsum([len(passages), *map(len, pieces)])
    return [
        EmbeddedPassage(passage.pk, rows[index], rows[ends[index] : ends[index + 1]])
        for index, passage in enumerate(passages)
    ]


@transaction.atomic
def store_vectors(model: str, *, embedded: Sequence[EmbeddedPassage]) -> int:
    """Store the vectors of those passages that are still there; return how many.

    An article that is indexed anew gets new passages: its lock keeps them as they are meanwhile.
    """
    ids = [one.passage_id for one in embedded]
    list(
        Article.objects.select_for_update(of=("self",))
        .filter(pk__in=Passage.objects.filter(pk__in=ids).values("article_id"))
        .order_by("pk")
        .values_list("pk")
    )
    sites = dict(Passage.objects.filter(pk__in=ids).values_list("pk", "site_id"))
    rows = [
        _row(one, model=model, site_id=sites[one.passage_id])
        for one in embedded
        if one.passage_id in sites
    ]
    PassageVector.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def find_by_meaning(
    site_id: int, *, model: str, literal: str, passages: int, hidden: str, limit: int
) -> list[int]:
    """Return those of a site's ``passages`` whose vectors are nearest, nearest first.

    ``literal`` is the vector that they are near to (``as_literal``).
    """
    values: dict[str, Any] = {
        "site": site_id,
        "model": model,
        "vector": literal,
        "limit": limit,
    }
    with ExitStack() as within, connection.cursor() as cursor:
        if passages <= EXACT_PASSAGES:
            cursor.execute(EXACT.format(hidden=hidden), values)
        else:
            # How far to walk is set for one transaction.
            within.enter_context(transaction.atomic())
            cursor.execute(WALK, [str(GRAPH_BREADTH), "relaxed_order"])
            cursor.execute(GRAPH.format(hidden=hidden), values)
        return [row[0] for row in cursor.fetchall()]


def compare_parts(stored: bytes | memoryview, *, vector: Vector) -> Comparison:
    """Compare ``vector`` with a passage's labels and sentences, as they are stored."""
    parts = _matrix(stored)
    cosines = (parts @ vector).tolist()
    return Comparison(
        label=max(cosines[:LABELS]),
        sentences=tuple(cosines[LABELS:]),
        sentence_vectors=parts[LABELS:],
    )


def as_literal(vector: Vector) -> str:
    """Return the vector as SQL takes it."""
    return str(HalfVector(vector).to_text())


def _parts(passage: Passage) -> list[str]:
    """Return the title, the last heading (or the title again), and the sentences."""
    title = passage.article.title
    heading = passage.heading.rsplit(HEADING_SEPARATOR, 1)[-1]
    return [title, heading or title, *(one.text for one in split_excerpts(passage.text))]


def _embedded_text(passage: Passage) -> str:
    """Return what a passage's vector stands for: its text, under its labels."""
    return "\n".join(filter(None, (passage.article.title, passage.heading, passage.text)))


def _row(one: EmbeddedPassage, *, model: str, site_id: int) -> PassageVector:
    return PassageVector(
        passage_id=one.passage_id,
        site_id=site_id,
        model=model,
        vector=HalfVector(one.vector),
        parts=one.parts.astype(np.float16).tobytes(),
    )


def _matrix(parts: bytes | memoryview) -> Vector:
    rows = np.frombuffer(parts, dtype=np.float16).reshape(-1, VECTOR_DIMENSIONS)
    return rows.astype(np.float32)
