"""Finds the passages that answer a question, by their meaning and by their words."""

import re
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from uuid import UUID

import numpy as np
from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.urls import reverse
from psycopg import ClientCursor
from psycopg.pq import Format

from conversations.models import Site
from core.errors import NotFound
from core.rows import fetch_row
from knowledge.lexical import (
    HIDDEN_FROM_CUSTOMERS,
    HIDDEN_FROM_STAFF,
    Corpus,
    count_corpus,
    count_holding,
    find_by_words,
)
from knowledge.models import Article
from knowledge.passages import HEADING_SEPARATOR
from knowledge.scoring import (
    bm25,
    bound_of,
    fused_score,
    lexical_score,
    likeness_of,
    margin_of,
    peak_of,
    share_of,
    weigh_terms,
)
from knowledge.terms import all_terms_of, label_terms, language_of, terms_of
from knowledge.vectors import Comparison, Vector, as_literal, compare_parts, find_by_meaning
from llm.embedding import QUERY_SECONDS, find_embedder, is_hosted
from llm.errors import ModelError

MAX_TERMS = 64
CANDIDATES = 24  # of each search; all of them are scored by both

# What candidates are scored by; hidden articles are left out here too.
ROWS = """
SELECT p.id, a.public_id, a.slug, a.title, a.tags, a.locale, p.heading, p.text, p.length,
    coalesce(held.terms, '{{}}'), coalesce(held.frequencies, '{{}}'),
    1 - (v.vector <=> %(vector)s::halfvec), v.parts
FROM knowledge_passage p
JOIN knowledge_article a ON a.id = p.article_id
LEFT JOIN knowledge_passagevector v ON v.passage_id = p.id AND v.model = %(model)s
LEFT JOIN LATERAL (
    SELECT array_agg(o.term) AS terms, array_agg(o.frequency) AS frequencies
    FROM knowledge_posting o WHERE o.passage_id = p.id AND o.term = ANY(%(terms)s)
) held ON true
WHERE p.id = ANY(%(ids)s) AND p.id NOT IN ({hidden})
"""


@dataclass(frozen=True, slots=True)
class ScoredPassage:
    """A passage with its ``score`` (0..1), comparable between questions.

    ``lexical`` is its BM25 as a share of the question's bound, ``cosine`` how near (-1..1) its
    vector and the question's are, ``label_cosine`` and ``sentence_cosines`` the same of its
    title or heading and of each of its excerpts.
    ``coverage`` is the share of the question's weight that it holds, ``likeness`` how alike
    (0..1) its title or heading and the question are.
    """

    id: int
    article_id: UUID
    slug: str
    title: str
    heading: str
    text: str
    url: str
    score: float
    coverage: float
    likeness: float
    lexical: float = 0.0
    cosine: float = 0.0
    label_cosine: float = 0.0
    sentence_cosines: tuple[float, ...] = ()
    tags: tuple[str, ...] = ()
    locale: str = "en"


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What the articles hold on a question, best passage first.

    ``terms`` are the question's own, ``coverage`` the share of their weight that the best
    passage holds, ``margin`` how far (0..1, of its own score) that passage is ahead of the
    best one of another article, ``peak`` how far its score stands above the mean of the next
    articles', ``lead`` how much more (0..1) of the question's weight its article holds than any
    other, ``focus`` how near (-1..1) the question is to the mean of its article's
    sentences. Without ``is_hybrid`` there were only words to go by.
    """

    passages: tuple[ScoredPassage, ...] = ()
    terms: tuple[str, ...] = ()
    coverage: float = 0.0
    margin: float = 0.0
    peak: float = 0.0
    lead: float = 0.0
    focus: float = 0.0
    is_hybrid: bool = False

    @property
    def best(self) -> ScoredPassage | None:
        """The passage on top, if any."""
        return self.passages[0] if self.passages else None


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of ``ROWS``; no ``cosine`` where a passage has no vector, or the question none.

    ``parts`` are the vectors of its labels and sentences, as they are stored.
    """

    passage_id: int
    article_id: UUID
    slug: str
    title: str
    tags: list[str]
    locale: str
    heading: str
    text: str
    length: int
    found: list[str]
    frequencies: list[int]
    cosine: float | None
    parts: bytes | None


@dataclass(frozen=True, slots=True)
class _Query:
    """A question, ready to be looked for in one site."""

    site: Site
    language: str
    terms: tuple[str, ...]
    asked: Set[str]  # its terms with stop words, less numbers that no article holds
    weights: dict[str, float]
    holding: dict[str, int]
    corpus: Corpus
    vector: Vector | None
    literal: str  # the same as SQL takes it
    hidden: str


def retrieve(
    site_id: int,
    question: str,
    *,
    locale: str = "en",
    limit: int = 5,
    for_staff: bool = False,
    redact: Callable[[str], str] = str,
) -> Retrieval:
    """Return the ``limit`` passages of published articles that answer ``question`` best.

    Those that are only for staff are among them ``for_staff``. Without the model that the
    site's vectors are by, words alone decide. ``redact`` takes out what a model elsewhere must
    not see.
    """
    query = _prepare(site_id, question, locale=locale, for_staff=for_staff, redact=redact)
    rows = _rows(query, ids=_candidates(query, limit=max(limit, CANDIDATES)))
    parts = _compared(query, rows)
    ranked = sorted(
        ((_score(query, row, parts=parts.get(row.passage_id)), row) for row in rows),
        key=lambda scored: (-scored[0], scored[1].passage_id),
    )
    found = Retrieval(terms=query.terms, is_hybrid=query.vector is not None)
    if not ranked:
        return found
    passages = tuple(
        _passage(query, row, score=score, parts=parts.get(row.passage_id))
        for score, row in ranked[:limit]
    )
    by_article = [(row.article_id, score) for score, row in ranked]
    return replace(
        found,
        passages=passages,
        coverage=passages[0].coverage,
        margin=margin_of(by_article),
        peak=peak_of(by_article),
        lead=_lead(query, [row for _, row in ranked]),
        focus=_focus(query, [row for _, row in ranked], parts=parts),
    )


def _prepare(
    site_id: int, question: str, *, locale: str, for_staff: bool, redact: Callable[[str], str]
) -> _Query:
    # Anew each time: what is found must be by the vectors that its knowledge version names.
    site = fetch_row(Site, "WHERE id = %s", [site_id])
    if site is None:
        raise NotFound
    language = _language(site, locale=locale)
    terms = tuple(dict.fromkeys(terms_of(question, locale=language)))[:MAX_TERMS]
    model = site.embedding_model and site.served_embedding_model
    hidden = HIDDEN_FROM_STAFF if for_staff else HIDDEN_FROM_CUSTOMERS
    corpus = count_corpus(site_id, hidden=hidden)
    holding = count_holding(site_id, terms=terms, corpus=corpus, hidden=hidden)
    weights = weigh_terms(terms, holding=holding, passages=corpus.passages)
    # To do without is no change of model: nothing has to be ready for it.
    vector = _embed(redact(question) if is_hosted(model) else question, model=model)
    return _Query(
        site=site,
        language=language,
        terms=terms,
        asked=all_terms_of(question, locale=language) - (set(terms) - set(weights)),
        weights=weights,
        holding=holding,
        corpus=corpus,
        vector=vector,
        literal="" if vector is None else as_literal(vector),
        hidden=hidden,
    )


def _language(site: Site, *, locale: str) -> str:
    """Return the language to look in: the question's, where there are articles in it.

    A visitor's browser may speak a language that the articles don't; stemmed by that, even a
    question in the articles' own language would miss.
    """
    language, own = language_of(locale), language_of(site.locale)
    if language == own:
        return own
    in_it = Q(locale__iexact=language) | Q(locale__iregex=rf"^{re.escape(language)}[-_]")
    known = Article.objects.filter(in_it, site_id=site.pk, is_published=True).exists()
    return language if known else own


def _embed(question: str, *, model: str) -> Vector | None:
    """Return the question's vector; ``None`` where there is no such model, or it is away."""
    embedder = find_embedder(model) if model and question.strip() else None
    try:
        return embedder.embed([question], seconds=QUERY_SECONDS)[0] if embedder else None
    except ModelError:
        return None


def _candidates(query: _Query, *, limit: int) -> list[int]:
    """Return the best passages by meaning and the best by words."""
    site_id, hidden = query.site.pk, query.hidden
    near: list[int] = []
    if query.vector is not None:
        model = query.site.served_embedding_model
        near = find_by_meaning(
            site_id,
            model=model,
            literal=query.literal,
            passages=query.corpus.passages,
            hidden=hidden,
            limit=limit,
        )
    worded: list[int] = []
    if query.weights:
        worded = find_by_words(
            site_id,
            weights=query.weights,
            holding=query.holding,
            corpus=query.corpus,
            hidden=hidden,
            limit=limit,
        )
    return list(dict.fromkeys([*near, *worded]))


def _rows(query: _Query, *, ids: Sequence[int]) -> list[_Row]:
    if not ids:
        return []
    values: dict[str, Any] = {
        "site": query.site.pk,
        "ids": list(ids),
        "terms": list(query.weights),
        "model": query.site.served_embedding_model,
        "vector": query.literal or None,
    }
    with connection.cursor() as cursor:
        if not isinstance(cursor.cursor, ClientCursor):
            # The vectors of the parts are most of it, and as text twice as long.
            cursor.cursor.format = Format.BINARY
        cursor.execute(ROWS.format(hidden=query.hidden), values)
        return [_Row(*row) for row in cursor.fetchall()]


def _compared(query: _Query, rows: Sequence[_Row]) -> dict[int, Comparison]:
    """Compare the question with the parts of each row that has any."""
    vector = query.vector
    if vector is None:
        return {}
    return {
        row.passage_id: compare_parts(row.parts, vector=vector)
        for row in rows
        if row.parts is not None
    }


def _score(query: _Query, row: _Row, *, parts: Comparison | None) -> float:
    """Score a row by meaning and words; one that has no vector is not worth less for that."""
    lexical = _lexical(query, row)
    if row.cosine is None or parts is None:
        return lexical_score(lexical=lexical, likeness=_likeness(query, row))
    sentence = max(parts.sentences, default=0.0)
    return fused_score(cosine=row.cosine, label=parts.label, sentence=sentence, lexical=lexical)


def _passage(query: _Query, row: _Row, *, score: float, parts: Comparison | None) -> ScoredPassage:
    return ScoredPassage(
        id=row.passage_id,
        article_id=row.article_id,
        slug=row.slug,
        title=row.title,
        heading=row.heading,
        text=row.text,
        url=_address(query.site.key, row.slug),
        score=score,
        coverage=share_of(row.found, weights=query.weights),
        likeness=_likeness(query, row),
        lexical=_lexical(query, row),
        cosine=row.cosine or 0.0,
        label_cosine=parts.label if parts else 0.0,
        sentence_cosines=parts.sentences if parts else (),
        tags=tuple(row.tags),
        locale=row.locale,
    )


@lru_cache(maxsize=4096)
def _address(site_key: str, slug: str) -> str:
    return str(settings.PUBLIC_URL) + reverse("knowledge:article", args=[site_key, slug])


def _lead(query: _Query, rows: Sequence[_Row]) -> float:
    held: dict[UUID, float] = {}
    for row in rows:
        share = share_of(row.found, weights=query.weights)
        held[row.article_id] = max(share, held.get(row.article_id, 0.0))
    best = held.pop(rows[0].article_id)
    return max(0.0, best - max(held.values(), default=0.0))


def _focus(query: _Query, rows: Sequence[_Row], *, parts: dict[int, Comparison]) -> float:
    """Return the cosine of the question and the mean of the sentences of the article on top."""
    own = [row.passage_id for row in rows if row.article_id == rows[0].article_id]
    sentences = [parts[one].sentence_vectors for one in own if one in parts]
    if query.vector is None or not sentences:
        return 0.0
    total = np.concatenate(sentences).sum(axis=0)
    return float(total @ query.vector / (np.linalg.norm(total) or 1.0))


def _lexical(query: _Query, row: _Row) -> float:
    """Return the row's BM25 as a share (0..1) of what this question's could be."""
    points = bm25(
        dict(zip(row.found, row.frequencies, strict=True)),
        length=row.length,
        mean_length=query.corpus.mean_length,
        weights=query.weights,
    )
    return points / (bound_of(query.weights) or 1.0)


def _likeness(query: _Query, row: _Row) -> float:
    section = row.heading.rsplit(HEADING_SEPARATOR, 1)[-1]
    labels = (label_terms(label, locale=query.language) for label in (section, row.title))
    return max(likeness_of(query.asked, label) for label in labels)
