"""Fills a database with a generated knowledge base: words by Zipf's law, vectors by topics."""

from itertools import product
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from conversations.models import Site
from knowledge.models import VECTOR_DIMENSIONS
from knowledge.vectors import LABELS
from llm.embedding import find_embedder

# Six letters each, and their own stems.
SYLLABLES = ["".join(pair) for pair in product("bdfgklmnprtvz", "aou")]
VOCABULARY = 50_000
WORDS = np.array(
    [
        "".join(word)
        for word, _ in zip(product(SYLLABLES, repeat=3), range(VOCABULARY), strict=False)
    ]
)
# Zipf-Mandelbrot: the most common word stands in a third of the passages, a question's middle
# one in a hundredth, as where stop words are left out.
SHIFT = 20
PASSAGE_TERMS = 48
QUESTION_TERMS = 6
ARTICLE_PASSAGES = 8
TOPICS = 1_000
NEAR = 0.5  # of a passage's vector and its topic's, as the cosine goes
SENTENCES = 6
CHUNK = 8_000
SEQUENCE = "SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"
BULK = ("knowledge_passage", "knowledge_posting", "knowledge_passagevector")

Matrix = NDArray[np.float32]


def questions(number: int, *, seed: int) -> list[str]:
    """Return questions of common and rare words."""
    dice = np.random.default_rng(seed)
    return [f"how do I {' '.join(WORDS[row])}?" for row in _words(dice, (number, QUESTION_TERMS))]


def fill_site(site: Site, *, passages: int) -> None:
    """Write so many passages with postings and vectors; the indexes are built at the end.

    For a database that is thrown away: its foreign keys are not kept.
    """
    dice = np.random.default_rng(0)
    topics = _topics(dice, model=site.embedding_model)
    _write_articles(site, number=-(-passages // ARTICLE_PASSAGES))
    indexes = _drop_indexes()
    for first in range(1, passages + 1, CHUNK):
        ids = np.arange(first, min(first + CHUNK, passages + 1))
        _write_passages(site, ids, words=_words(dice, (len(ids), PASSAGE_TERMS)))
        _write_vectors(site, ids, vectors=_near(dice, topics, number=len(ids)))
    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '2GB'")
        for index in indexes:
            cursor.execute(index)
        for table in ("knowledge_article", *BULK):
            cursor.execute(SEQUENCE.format(table=table))
            cursor.execute(f"VACUUM (ANALYZE) {table}")


def _words(dice: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.int64]:
    """Return places in ``WORDS``, the first ones often."""
    weights = 1 / (np.arange(VOCABULARY) + SHIFT)
    return np.searchsorted(np.cumsum(weights) / weights.sum(), dice.random(shape))


def _topics(dice: np.random.Generator, *, model: str) -> Matrix:
    """Return the topics' vectors; some are those of questions, so that these find something."""
    topics = dice.normal(size=(TOPICS, VECTOR_DIMENSIONS)).astype(np.float32)
    topics /= np.linalg.norm(topics, axis=1, keepdims=True)
    if embedder := find_embedder(model):
        asked = questions(TOPICS // 5, seed=2)
        topics[: len(asked)] = embedder.embed(asked)
    return topics


def _near(dice: np.random.Generator, topics: Matrix, *, number: int) -> Matrix:
    noise = dice.standard_normal((number, VECTOR_DIMENSIONS), dtype=np.float32)
    noise *= (1 - NEAR**2) ** 0.5 / np.linalg.norm(noise, axis=1, keepdims=True)
    vectors = topics[dice.integers(len(topics), size=number)] * np.float32(NEAR) + noise
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def _drop_indexes() -> list[str]:
    """Drop what slows the copying down; return the statements that bring the indexes back."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass, conname FROM pg_constraint"
            " WHERE contype = 'f' AND conrelid::regclass::text = ANY(%s)",
            [list(BULK)],
        )
        for table, name in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%s)"
            " AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = indexname)",
            [list(BULK)],
        )
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
    return [definition for _, definition in indexes]


def _write_articles(site: Site, *, number: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO knowledge_article (
                id, public_id, site_id, slug, title, body, locale, tags, audience, is_published,
                origin, version, indexed_version, created_at, updated_at
            )
            SELECT n, gen_random_uuid(), %s, 'a' || n, 'Article ' || n, '', 'en', '{}', 'public',
                true, '', 1, 1, now(), now()
            FROM generate_series(1, %s) n
            """,
            [site.pk, number],
        )


def _write_passages(site: Site, ids: NDArray[np.int64], *, words: NDArray[np.int64]) -> None:
    columns = "id, article_id, site_id, position, heading, text, length"
    texts = [" ".join(row) for row in WORDS[words]]
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY knowledge_passage ({columns}) FROM STDIN") as copy,
    ):
        for pk, text in zip(ids.tolist(), texts, strict=True):
            article, position = divmod(pk - 1, ARTICLE_PASSAGES)
            # About as long as a real one.
            row = (pk, article + 1, site.pk, position, "", f"{text}.\n{text}.", PASSAGE_TERMS)
            copy.write_row(row)
    _copy("knowledge_posting", _postings(site, ids, words=words))


def _postings(site: Site, ids: NDArray[np.int64], *, words: NDArray[np.int64]) -> NDArray[Any]:
    """Count each passage's words, all at once."""
    keys, counts = np.unique(ids[:, None] * VOCABULARY + words, return_counts=True)
    return _rows(
        len(keys),
        site_id=("i8", site.pk),
        term=("S6", WORDS[keys % VOCABULARY].astype("S6")),
        passage_id=("i8", keys // VOCABULARY),
        frequency=("i2", counts),
        length=("i2", PASSAGE_TERMS),
    )


def _write_vectors(site: Site, ids: NDArray[np.int64], *, vectors: Matrix) -> None:
    model = site.embedding_model.encode()
    # A halfvec travels as its dimensions, an unused number, and its numbers.
    head = np.broadcast_to(np.array([VECTOR_DIMENSIONS, 0], dtype=">i2"), (len(ids), 2))
    halves = vectors.astype(">f2").view(">i2")
    parts = np.tile(vectors.astype("<f2").view("u1"), (1, LABELS + SENTENCES))
    rows = _rows(
        len(ids),
        passage_id=("i8", ids),
        site_id=("i8", site.pk),
        model=(f"S{len(model)}", model),
        vector=(f"{2 + VECTOR_DIMENSIONS}i2", np.concatenate([head, halves], axis=1)),
        parts=(f"{parts.shape[1]}u1", parts),
    )
    _copy("knowledge_passagevector", rows)


def _rows(number: int, **columns: tuple[str, Any]) -> NDArray[Any]:
    """Return rows as PostgreSQL's binary COPY takes them: each value after its length."""
    fields = [("columns", ">i2")]
    for name, (kind, _) in columns.items():
        fields += [(f"{name} length", ">i4"), (name, f">{kind}" if kind[0] == "i" else kind)]
    rows = np.zeros(
        number, dtype=[(name, np.dtype(kind).newbyteorder(">")) for name, kind in fields]
    )
    rows["columns"] = len(columns)
    for name, (_, values) in columns.items():
        rows[f"{name} length"] = rows.dtype[name].itemsize
        rows[name] = values
    return rows


def _copy(table: str, rows: NDArray[Any]) -> None:
    names = ", ".join(
        name for name in rows.dtype.names or () if name.isidentifier() and name != "columns"
    )
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({names}) FROM STDIN (FORMAT binary)") as copy,
    ):
        copy.write(b"PGCOPY\n\xff\r\n\x00" + bytes(8))
        copy.write(rows.tobytes())
        copy.write(b"\xff\xff")
