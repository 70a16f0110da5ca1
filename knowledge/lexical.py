"""Finds passages by their words: BM25 over the postings, a bounded number of which is read."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from knowledge.scoring import K1, B

# What no search may show: subtracted, since it is little of a site's articles.
HIDDEN_FROM_CUSTOMERS = "NOT (a.is_published AND a.audience = 'public')"
HIDDEN_FROM_STAFF = "NOT a.is_published"

_HIDDEN = """
    SELECT p.id FROM knowledge_article a JOIN knowledge_passage p ON p.article_id = a.id
    WHERE a.site_id = %(site)s AND {hidden}
"""

CORPUS = """
SELECT count(*), coalesce(avg(p.length), 0)::float8
FROM knowledge_passage p
WHERE p.site_id = %(site)s AND p.id NOT IN ({hidden_passages})
"""

HOLDING = """
SELECT o.term, count(*) FROM knowledge_posting o
WHERE o.site_id = %(site)s AND o.term = ANY(%(terms)s)
    AND o.passage_id NOT IN ({hidden_passages})
GROUP BY o.term
"""

# Sums of doubles differ in the last bits with their order: equal passages are equal as floats.
RANKING = """
SELECT o.passage_id
FROM knowledge_posting o
JOIN unnest(%(terms)s::text[], %(weights)s::float8[]) AS w(term, weight) ON w.term = o.term
JOIN knowledge_passage p ON p.id = o.passage_id
WHERE o.site_id = %(site)s AND o.passage_id NOT IN ({hidden_passages})
GROUP BY o.passage_id
ORDER BY sum(
    w.weight * o.frequency
    / (o.frequency + %(k1)s * (1 - %(b)s + %(b)s * p.length / %(mean)s))
)::float4 DESC, o.passage_id
LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Corpus:
    """How much there is to find: the passages that may be shown, their mean length in terms."""

    passages: int
    mean_length: float


def measure_corpus(site_id: int, *, hidden: str) -> Corpus:
    """Count the passages that a search may show."""
    with connection.cursor() as cursor:
        cursor.execute(_sql(CORPUS, hidden=hidden), {"site": site_id})
        return Corpus(*cursor.fetchone())


def count_holding(site_id: int, *, terms: Sequence[str], hidden: str) -> dict[str, int]:
    """Return how many passages hold each of the terms that any holds."""
    with connection.cursor() as cursor:
        cursor.execute(_sql(HOLDING, hidden=hidden), {"site": site_id, "terms": list(terms)})
        return dict(cursor.fetchall())


def find_by_words(
    site_id: int, *, weights: dict[str, float], corpus: Corpus, hidden: str, limit: int
) -> list[int]:
    """Return the passages with the best BM25, best first."""
    values = {
        "site": site_id, "terms": list(weights), "weights": list(weights.values()),
        "k1": K1, "b": B, "mean": corpus.mean_length, "limit": limit,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_sql(RANKING, hidden=hidden), values)
        return [row[0] for row in cursor.fetchall()]


def _sql(query: str, *, hidden: str) -> str:
    return query.format(hidden_passages=_HIDDEN.format(hidden=hidden))
