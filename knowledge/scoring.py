"""What a passage is worth to a question, by its words and by its meaning; pure."""

from collections.abc import Iterable, Mapping, Sequence, Set
from math import log

# Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009).
K1 = 1.2
B = 0.75
# Of the fused score. Measured on two public help centres and the demo's (docs/decisions/0006):
# short articles are told by their titles, long ones by their sentences and words.
COSINE_WEIGHT = 0.4
LABEL_WEIGHT = 0.15
SENTENCE_WEIGHT = 0.1
LEXICAL_WEIGHT = 0.35
RUNNERS_UP = 9


def idf_of(holding: int, *, passages: int) -> float:
    """Return the weight of a term that ``holding`` of ``passages`` hold: Lucene's, never negative.

    A common word's count is taken from a sample of another moment: it may be past the whole.
    """
    return log(1 + (max(passages - holding, 0) + 0.5) / (holding + 0.5))


def weigh_terms(
    terms: Iterable[str], *, holding: Mapping[str, int], passages: int
) -> dict[str, float]:
    """Give a word that no article holds the weight of the rarest: it is what is missing.

    A number that no article holds is the customer's own (an order, an amount): it says
    nothing of the topic, and counts for nothing.
    """
    return {
        term: idf_of(holding.get(term, 0), passages=passages)
        for term in terms
        if holding.get(term) or not any(character.isdigit() for character in term)
    }


def bm25(
    frequencies: Mapping[str, int],
    *,
    length: int,
    mean_length: float,
    weights: Mapping[str, float],
) -> float:
    """Return the BM25 of a passage of ``length`` terms that holds each term so often."""
    norm = K1 * (1 - B + B * length / (mean_length or 1))
    # In the question's order: equal passages are equal to the last bit.
    return sum(
        idf * frequencies[term] * (K1 + 1) / (frequencies[term] + norm)
        for term, idf in weights.items()
        if term in frequencies
    )


def bound_of(weights: Mapping[str, float]) -> float:
    """Return what the BM25 of no passage can reach: it makes scores of questions comparable."""
    return sum(weights.values()) * (K1 + 1)


def fused_score(*, cosine: float, label: float, sentence: float, lexical: float) -> float:
    """Join meaning (cosines of the passage, its nearest label and sentence) and words: 0..1."""
    meaning = COSINE_WEIGHT * cosine + LABEL_WEIGHT * label + SENTENCE_WEIGHT * sentence
    return max(0.0, meaning + LEXICAL_WEIGHT * lexical)


def lexical_score(*, lexical: float, likeness: float) -> float:
    """Score (0..1) by words alone: up to twice as much where a label asks what is asked.

    Help articles are headed by questions. Measured (docs/decisions/0005) against BM25 alone,
    the right article was on top 1 to 5 points more often.
    """
    return lexical * (1 + likeness) / 2


def likeness_of(one: Set[str], other: Set[str]) -> float:
    """Return Dice's coefficient (0..1) of two sets of terms."""
    return 2 * len(one & other) / ((len(one) + len(other)) or 1)


def share_of(found: Iterable[str], *, weights: Mapping[str, float]) -> float:
    """Return the share (0..1) of the question's weight that the terms ``found`` carry."""
    return sum(weights.get(term, 0.0) for term in found) / (sum(weights.values()) or 1.0)


def margin_of(scores: Sequence[tuple[object, float]]) -> float:
    """Return how far the first of ``(article, score)``, best first, is ahead of another article.

    As a share (0..1) of its own score; 1 where there is no other.
    """
    (best, top), *_ = scores
    others = (score for article, score in scores if article != best)
    return 1 - max(others, default=0.0) / top if top else 0.0


def peak_of(scores: Sequence[tuple[object, float]]) -> float:
    """Return how far the first of ``(article, score)``, best first, stands out.

    Over the mean of the nine articles after it; where nothing is known everything is alike.
    """
    by_article: dict[object, float] = {}
    for article, score in scores:
        by_article.setdefault(article, score)
    top, *others = by_article.values()
    runners_up = others[:RUNNERS_UP]
    return top - (sum(runners_up) / len(runners_up) if runners_up else 0.0)
