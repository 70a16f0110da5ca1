"""Finds passages by their words: BM25 over the postings, of which a bounded number is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from django.db import connection

from knowledge.scoring import K1, B

# Of a word that stands in more passages, no query counts in how many: the count is kept.
COMMON = 1_000
# The postings that a query reads: those of its rarest words, of the last one the heaviest.
MAX_POSTINGS = 6_000
# Of the best by those, the other words are looked up.
CONTENDERS = 200
# A site with fewer passages is counted anew for each query.
SMALL_SITE = 5_000
COUNTS_LAST_SECONDS = 600

# What a search leaves out is subtracted, since it is little of a site (index article_hidden).
_HIDDEN = """
    SELECT p.id FROM knowledge_article a JOIN knowledge_passage p ON p.article_id = a.id
    WHERE a.site_id = %(site)s AND NOT
"""
HIDDEN_FROM_CUSTOMERS = f"{_HIDDEN} (a.is_published AND a.audience = 'public')"
HIDDEN_FROM_STAFF = f"{_HIDDEN} a.is_published"

CORPUS = """
SELECT count(*), coalesce(avg(p.length), 0)::float8
FROM knowledge_passage p
WHERE p.site_id = %(site)s AND p.id NOT IN ({hidden})
"""

# ``most`` ends the count of a word that stands everywhere.
HOLDING = """
WITH hidden AS MATERIALIZED ({hidden})
SELECT t.term, (
    SELECT count(*) FROM (
        SELECT FROM knowledge_posting o
        WHERE o.site_id = %(site)s AND o.term = t.term
            AND o.passage_id NOT IN (SELECT id FROM hidden)
        LIMIT %(most)s
    ) held
)
FROM unnest(%(terms)s::text[]) AS t(term)
"""

# The first terms are read whole, the last up to ``budget``; what is not, is made up for the
# contenders. Sums of doubles differ in the last bits with their order: equal passages are
# equal as floats.
RANKING = """
WITH hidden AS MATERIALIZED ({hidden}),
hits AS (
    SELECT o.passage_id, w.is_whole, w.weight * o.frequency
        / (o.frequency + %(base)s::float8 + %(slope)s::float8 * o.length) AS points
    FROM unnest(%(read)s::text[], %(read_weights)s::float8[], %(budgets)s::int[], %(whole)s::bool[])
        AS w(term, weight, budget, is_whole)
    CROSS JOIN LATERAL (
        SELECT o.passage_id, o.frequency, o.length FROM knowledge_posting o
        WHERE o.site_id = %(site)s AND o.term = w.term
            AND o.passage_id NOT IN (SELECT id FROM hidden)
        ORDER BY o.frequency DESC LIMIT w.budget
    ) o
), contenders AS (
    SELECT passage_id, sum(points) FILTER (WHERE is_whole) AS points
    FROM hits GROUP BY passage_id
    ORDER BY sum(points)::float4 DESC, passage_id LIMIT %(contenders)s
)
SELECT c.passage_id
FROM contenders c
CROSS JOIN LATERAL (
    SELECT sum(
        w.weight * o.frequency
        / (o.frequency + %(base)s::float8 + %(slope)s::float8 * o.length)
    ) AS points
    FROM unnest(%(rest)s::text[], %(rest_weights)s::float8[]) AS w(term, weight)
    JOIN knowledge_posting o ON o.passage_id = c.passage_id AND o.term = w.term
) others
ORDER BY (coalesce(c.points, 0) + coalesce(others.points, 0))::float4 DESC, c.passage_id
LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Corpus:
    """How much there is to find: the passages that may be shown, their mean length in terms.

    ``common`` gathers how many passages hold a word that many hold.
    """

    passages: int
    mean_length: float
    counted_at: float = field(default_factory=monotonic, compare=False)
    common: dict[str, int] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Reading:
    """The postings that a query reads: of each term in ``budgets`` so many."""

    budgets: dict[str, int]
    whole: frozenset[str]


_large: dict[tuple[int, str], Corpus] = {}


def count_corpus(site_id: int, *, hidden: str) -> Corpus:
    """Count the passages that a search may show; of a large site every ten minutes."""
    known = _large.get((site_id, hidden))
    if known and monotonic() - known.counted_at < COUNTS_LAST_SECONDS:
        return known
    ((passages, mean_length),) = _fetch(CORPUS, {"site": site_id}, hidden=hidden)
    corpus = Corpus(passages, mean_length)
    if passages >= SMALL_SITE:
        _large[site_id, hidden] = corpus
    return corpus


def count_holding(
    site_id: int, *, terms: Sequence[str], corpus: Corpus, hidden: str
) -> dict[str, int]:
    """Return how many passages hold each of the terms; a common one's count may be old."""
    known = {term: corpus.common[term] for term in terms if term in corpus.common}
    unknown = [term for term in terms if term not in known]
    most = corpus.passages if corpus.passages < SMALL_SITE else COMMON
    counts = _count(site_id, terms=unknown, most=most, hidden=hidden)
    many = [term for term, count in counts.items() if count >= most]
    if most == COMMON and many:
        found = _count(site_id, terms=many, most=corpus.passages, hidden=hidden)
        corpus.common.update(found)
        counts |= found
    return known | counts


def find_by_words(
    site_id: int,
    *,
    weights: Mapping[str, float],
    holding: Mapping[str, int],
    corpus: Corpus,
    hidden: str,
    limit: int,
) -> list[int]:
    """Return the passages with the best BM25, best first."""
    reading = plan_reading({term: holding.get(term, 0) for term in weights})
    if not reading.budgets:
        return []
    rest = [term for term in weights if holding.get(term) and term not in reading.whole]
    values: dict[str, object] = {
        "site": site_id,
        "read": list(reading.budgets),
        "read_weights": [weights[term] for term in reading.budgets],
        "budgets": list(reading.budgets.values()),
        "whole": [term in reading.whole for term in reading.budgets],
        "rest": rest,
        "rest_weights": [weights[term] for term in rest],
        "base": K1 * (1 - B),
        "slope": K1 * B / (corpus.mean_length or 1),
        "contenders": max(limit, CONTENDERS),
        "limit": limit,
    }
    return [row[0] for row in _fetch(RANKING, values, hidden=hidden)]


def plan_reading(holding: Mapping[str, int], *, budget: int = MAX_POSTINGS) -> Reading:
    """Spend the ``budget`` on the rarest terms; the one that ends it is read in part."""
    budgets: dict[str, int] = {}
    whole = set()
    for term, count in sorted(holding.items(), key=lambda item: item[1]):
        if count and budget > 0:
            budgets[term] = min(count, budget)
            if count <= budget:
                whole.add(term)
            budget -= count
    return Reading(budgets, frozenset(whole))


def _count(site_id: int, *, terms: Sequence[str], most: int, hidden: str) -> dict[str, int]:
    if not terms:
        return {}
    values = {"site": site_id, "terms": list(terms), "most": most}
    return dict(_fetch(HOLDING, values, hidden=hidden))


def _fetch(query: str, values: Mapping[str, Any], *, hidden: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query.format(hidden=hidden), values)
        return list(cursor.fetchall())
