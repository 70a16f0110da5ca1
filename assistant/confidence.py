"""How sure retrieval is that the articles answer a question, and how sure is sure enough."""

import json
from collections.abc import Mapping
from functools import lru_cache
from math import log

import numpy as np

from assistant.calibration import active_calibration, calibrated_threshold, read_points
from assistant.fitting import RiskPoint, sigmoid
from assistant.models import Calibration
from assistant.reference import NO_DOUBTS, WEIGHTS, NamedLine, read_line, shipped_line
from conversations.models import Site
from knowledge.retrieval import Retrieval

# Nothing is as sure as this: the assistant answers no question.
NEVER = 1.01
# What a good answer of a model shows: its own confidence, the share of its words that the
# sources hold, and the mean log-probability of its tokens.
GOOD_SELF_CONFIDENCE, GOOD_GROUNDEDNESS, GOOD_LOGPROB = 0.8, 0.9, -0.2


def features_of(retrieval: Retrieval, *, is_foreign: bool = False) -> dict[str, float]:
    """Return what the confidence is computed from, each by its name; all 0 without a passage.

    By meaning and words: ``score`` of the passage on top, its ``peak`` over the articles after
    it, ``focus`` (the cosine of the question and the mean of its article's sentences), ``lead``
    (how much more of the question's words its article holds than any other). By words
    only, where there are no vectors: the same of BM25, with the likeness of the labels and the
    lead over other articles where the question's words are covered. ``log_terms``: the same
    shares are stronger evidence in a long question than in one of two words.
    """
    best = retrieval.best
    by_meaning = best is not None and retrieval.is_hybrid
    by_words = best is not None and not retrieval.is_hybrid
    length = log(max(1, len(retrieval.terms)))
    score = best.score if best else 0.0
    return {
        "score": score * by_meaning,
        "peak": retrieval.peak * by_meaning,
        "focus": retrieval.focus * by_meaning,
        "lead": retrieval.lead * by_meaning,
        "log_terms": length * by_meaning,
        "words_only": float(by_words),
        "words_score": score * by_words,
        "words_peak": retrieval.peak * by_words,
        "words_likeness": best.likeness * by_words if best else 0.0,
        "words_covered_margin": retrieval.margin * retrieval.coverage * by_words,
        "words_log_terms": length * by_words,
        "is_foreign": float(is_foreign and best is not None),
        **NO_DOUBTS,
    }


def with_doubts(
    features: Mapping[str, float],
    *,
    self_confidence: float | None,
    groundedness: float | None,
    mean_logprob: float | None,
) -> dict[str, float]:
    """Return the features of a question with what speaks against the answer that a model wrote.

    Each doubt is how far a sign falls short of what a good answer shows, and 0 from there on
    and where it is not known: so one regression judges before and after the writing.
    """
    return {
        **features,
        "self_doubt": _shortfall(self_confidence, good=GOOD_SELF_CONFIDENCE),
        "ungrounded": _shortfall(groundedness, good=GOOD_GROUNDEDNESS),
        "surprise": _shortfall(mean_logprob, good=GOOD_LOGPROB),
    }


def _shortfall(sign: float | None, *, good: float) -> float:
    return 0.0 if sign is None else max(0.0, good - sign)


def confidence_of(site: Site, features: Mapping[str, float]) -> float:
    """Return the probability (0..1) that the article on top answers the question rightly."""
    return probability(_line_of(site), features)


def probability(line: NamedLine, features: Mapping[str, float]) -> float:
    """Return what a regression makes of features; 0 where nothing was found."""
    if not any(features.values()):
        return 0.0
    evidence = sum(weight * features[name] for name, weight in line.weights.items())
    return float(sigmoid(np.array([line.intercept + evidence]))[0])


def threshold_of(site: Site, *, topic: str = "") -> float:
    """Return the confidence from which on a question about ``topic`` is answered.

    The site's fixed one, or what follows from its share of wrong answers: by its own
    calibration, else by the questions that the shipped weights were measured on.
    """
    if site.answer_threshold is not None:
        return site.answer_threshold
    calibration = _calibration_of(site)
    target = site.wrong_answer_target
    if calibration is None:
        return shipped_threshold(target)
    found = calibrated_threshold(calibration, target=target, topic=topic)
    return NEVER if found is None else found


def shipped_threshold(target: float) -> float:
    """Return the lowest confidence that keeps the wrong share of the answers to ``target``."""
    fits = [point.threshold for point in _shipped_points() if point.risk <= target]
    return min(fits, default=NEVER)


@lru_cache(maxsize=1)
def _shipped_points() -> tuple[RiskPoint, ...]:
    """Return the curve of the shipped weights over questions they were not fitted on."""
    file = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    return tuple(read_points(file["points"]))


def _line_of(site: Site) -> NamedLine:
    calibration = _calibration_of(site)
    return shipped_line() if calibration is None else read_line(calibration.weights)


def _calibration_of(site: Site) -> Calibration | None:
    """Return the site's calibration, unless it was fitted on other features than today's."""
    found = active_calibration(site.pk)
    if found is None or found.weights["weights"].keys() != shipped_line().weights.keys():
        return None
    return found
