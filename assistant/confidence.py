"""How sure retrieval is that the articles answer a question; pure."""

from math import exp, log

from knowledge.retrieval import Retrieval

# A logistic regression: 1 for a question whose article is on top, 0 for one that got another
# article or that no article answers. Fitted on the demo's questions together with public ones
# (two help centres, each also asked with the right article taken away, and questions out of
# any scope), so that it does not learn one shop by heart. ``measure_retrieval`` tells how it
# does at a threshold.
INTERCEPT = -6.8
SCORE = 8.3
LIKENESS = 1.5
# A lead over other articles says little where most of the question's words are missing.
COVERED_MARGIN = 3.5
# The same shares are stronger evidence in a long question than in one of two words.
LOG_TERMS = 1.9


def retrieval_confidence(retrieval: Retrieval) -> float:
    """Return the probability (0..1) that the passage on top answers the question."""
    best = retrieval.best
    if best is None:
        return 0.0
    evidence = (
        INTERCEPT
        + SCORE * best.score
        + LIKENESS * best.likeness
        + COVERED_MARGIN * retrieval.margin * retrieval.coverage
        + LOG_TERMS * log(len(retrieval.terms))
    )
    return 1 / (1 + exp(-evidence))
