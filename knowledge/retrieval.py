"""Finds the passages that answer a question: BM25 over the postings, then their headings."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import log
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.urls import reverse

from conversations.models import Site
from knowledge.models import Article
from knowledge.passages import HEADING_SEPARATOR
from knowledge.terms import all_terms_of, language_of, terms_of

# Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009).
K1 = 1.2
B = 0.75
MAX_TERMS = 64
CANDIDATES = 20  # of BM25, ordered anew by their labels

# One row for each of the best passages; ``weights`` holds the idf of every term that is known.
# The idf is the one of Lucene, which is never negative: ln(1 + (N - df + 0.5) / (df + 0.5)).
# Sums of doubles differ in the last bits with their order: equal passages are equal as floats.
RANKING = """
WITH hidden AS (
    SELECT id FROM knowledge_article WHERE site_id = %(site)s AND NOT is_published
), corpus AS (
    SELECT count(*) AS passages, avg(p.length)::float8 AS length
    FROM knowledge_passage p
    WHERE p.site_id = %(site)s AND p.article_id NOT IN (SELECT id FROM hidden)
), hits AS (
    SELECT o.term, o.frequency::float8, p.id, p.length::float8
    FROM knowledge_posting o
    JOIN knowledge_passage p ON p.id = o.passage_id
    WHERE o.site_id = %(site)s AND o.term = ANY(%(terms)s)
        AND p.article_id NOT IN (SELECT id FROM hidden)
), weights AS (
    SELECT term, ln(1 + (passages - count(*) + 0.5) / (count(*) + 0.5))::float8 AS idf
    FROM hits CROSS JOIN corpus GROUP BY term, passages
), ranked AS (
    SELECT h.id, array_agg(h.term) AS found,
        sum(w.idf * h.frequency * (%(k1)s + 1)
            / (h.frequency + %(k1)s * (1 - %(b)s + %(b)s * h.length / corpus.length))) AS bm25
    FROM hits h JOIN weights w ON w.term = h.term CROSS JOIN corpus
    GROUP BY h.id
)
SELECT p.id, a.public_id, a.slug, a.title, p.heading, p.text, r.bm25::float8, r.found,
    (SELECT jsonb_object_agg(term, idf) FROM weights), (SELECT passages FROM corpus)
FROM (SELECT * FROM ranked ORDER BY bm25::float4 DESC, id LIMIT %(limit)s) r
JOIN knowledge_passage p ON p.id = r.id
JOIN knowledge_article a ON a.id = p.article_id
ORDER BY r.bm25::float4 DESC, r.id
"""


@dataclass(frozen=True, slots=True)
class ScoredPassage:
    """A passage with its ``score``: the share (0..1) of the best one its question could get.

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
    bm25: float
    coverage: float
    likeness: float


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What the articles hold on a question, best passage first.

    ``terms`` are the question's own, ``coverage`` the share of their weight that the best
    passage holds, ``margin`` how far (0..1, of its own score) that passage is ahead of the
    best one of another article.
    """

    passages: tuple[ScoredPassage, ...] = ()
    terms: tuple[str, ...] = ()
    coverage: float = 0.0
    margin: float = 0.0

    @property
    def best(self) -> ScoredPassage | None:
        """The passage on top, if any."""
        return self.passages[0] if self.passages else None


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of ``RANKING``."""

    passage_id: int
    article_id: UUID
    slug: str
    title: str
    heading: str
    text: str
    bm25: float
    found: list[str]


def retrieve(site_id: int, question: str, *, locale: str = "en", limit: int = 5) -> Retrieval:
    """Return the ``limit`` passages of published articles that match ``question`` best."""
    key, language = _site(site_id, locale=locale)
    terms = tuple(dict.fromkeys(terms_of(question, locale=language)))[:MAX_TERMS]
    if not terms:
        return Retrieval()
    rows, weights = _ranked(site_id, terms=terms, limit=max(limit, CANDIDATES))
    asked = all_terms_of(question, locale=language) - (set(terms) - set(weights))
    scored = [
        _scored(row, key=key, asked=asked, weights=weights, language=language) for row in rows
    ]
    passages = tuple(sorted(scored, key=lambda one: (-one.score, one.id))[:limit])
    if not passages:
        return Retrieval(terms=terms)
    return Retrieval(
        passages=passages,
        terms=terms,
        coverage=passages[0].coverage,
        margin=_margin(passages),
    )


def _site(site_id: int, *, locale: str) -> tuple[str, str]:
    """Return the site's key, and the language to look in: the question's where there is one.

    A visitor's browser may speak a language that the articles don't; stemmed by that, even a
    question in the articles' own language would miss.
    """
    site = Site.objects.only("key", "locale").get(pk=site_id)
    language = language_of(locale)
    in_it = Q(locale__iexact=language) | Q(locale__iregex=rf"^{re.escape(language)}[-_]")
    known = Article.objects.filter(in_it, site_id=site_id, is_published=True).exists()
    return site.key, language if known else language_of(site.locale)


def _ranked(
    site_id: int, *, terms: tuple[str, ...], limit: int
) -> tuple[list[_Row], dict[str, float]]:
    """Return the best rows, and the idf of every term of the question."""
    with connection.cursor() as cursor:
        cursor.execute(
            RANKING,
            {"site": site_id, "terms": list(terms), "k1": K1, "b": B, "limit": limit},
        )
        rows = cursor.fetchall()
    if not rows:
        return [], {}
    # Django leaves the jsonb of a bare cursor as text.
    known = json.loads(rows[0][8])
    return [_Row(*row[:8]) for row in rows], _weights(terms, known=known, passages=rows[0][9])


def _weights(terms: tuple[str, ...], *, known: dict[str, float], passages: int) -> dict[str, float]:
    """Give a word that no article holds the weight of the rarest: it is what is missing.

    A number that no article holds is the customer's own (an order, an amount): it says
    nothing of the topic, and counts for nothing.
    """
    unknown = log(1 + (passages + 0.5) / 0.5)
    return {
        term: known.get(term, unknown)
        for term in terms
        if term in known or not any(character.isdigit() for character in term)
    }


def _scored(
    row: _Row, *, key: str, asked: set[str], weights: dict[str, float], language: str
) -> ScoredPassage:
    """Score a row: its BM25, up to twice as much where a label asks what the question asks.

    Help articles are headed by questions. Measured (``measure_retrieval``) against BM25 alone,
    the right article is on top 3 to 5 points more often.
    """
    section = row.heading.rsplit(HEADING_SEPARATOR, 1)[-1]
    labels = (all_terms_of(label, locale=language) for label in (section, row.title))
    likeness = max(_likeness(asked, label) for label in labels)
    bound = sum(weights.values()) * (K1 + 1)
    return ScoredPassage(
        id=row.passage_id,
        article_id=row.article_id,
        slug=row.slug,
        title=row.title,
        heading=row.heading,
        text=row.text,
        url=settings.PUBLIC_URL + reverse("knowledge:article", args=[key, row.slug]),
        score=row.bm25 / bound * (1 + likeness) / 2,
        bm25=row.bm25,
        coverage=_share(row.found, weights=weights),
        likeness=likeness,
    )


def _likeness(one: set[str], other: set[str]) -> float:
    """Return Dice's coefficient (0..1) of two sets of terms."""
    return 2 * len(one & other) / ((len(one) + len(other)) or 1)


def _share(found: Iterable[str], *, weights: dict[str, float]) -> float:
    """Return the share (0..1) of the question's weight that the terms ``found`` carry."""
    return sum(weights.get(term, 0.0) for term in found) / sum(weights.values())


def _margin(passages: tuple[ScoredPassage, ...]) -> float:
    best = passages[0]
    others = (one.score for one in passages if one.article_id != best.article_id)
    return 1 - max(others, default=0.0) / best.score
