"""How sure retrieval is that the articles answer a question; pure."""

from math import exp, log

from knowledge.retrieval import Retrieval

# A logistic regression over questions whose article was on top (1), and over questions that
# no article answers, or that got another article (0).
INTERCEPT = -8.6
SCORE = 3.5
LABEL_COVERAGE = 5.8
MARGIN = 4.3
LOG_TERMS = 2.4


def retrieval_confidence(retrieval: Retrieval) -> float:
    """Return the probability (0..1) that the passage on top answers the question."""
    best = retrieval.best
    if best is None:
        return 0.0
    evidence = (
        INTERCEPT
        + SCORE * best.score
        + LABEL_COVERAGE * retrieval.label_coverage
        + MARGIN * retrieval.margin
        + LOG_TERMS * log(len(retrieval.terms))
    )
    return 1 / (1 + exp(-evidence))
