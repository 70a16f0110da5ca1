"""Fits weights on some corpora and judges them on others; pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assistant.benchmark.asking import Asked, Kind
from assistant.fitting import (
    Flags,
    RiskPoint,
    Vector,
    auroc,
    fit_logistic,
    point_at,
    risk_coverage,
    threshold_for_risk,
)
from assistant.reference import NamedLine, matrix_of

# Of the questions: answerable, article removed (or never written), far out of scope.
Mix = Mapping[Kind, float]
JUDGED: Mix = {Kind.ANSWERABLE: 0.7, Kind.REMOVED: 0.15, Kind.FAR: 0.15}
FITTED: Mix = {Kind.ANSWERABLE: 0.6, Kind.REMOVED: 0.25, Kind.FAR: 0.15}
# What the shipped threshold is set for. Of real traffic much has no answer in any article (54 %
# of curekart's): set for less of it, far more answers would be wrong than was meant.
ASSUMED: Mix = {Kind.ANSWERABLE: 0.45, Kind.REMOVED: 0.4, Kind.FAR: 0.15}
# The sum of one corpus's weights, and the ridge that fits it.
GROUP_WEIGHT = 1_000.0
RIDGE = 30.0
SMALLER_WORTH = 0.5
INTENTS_WORTH = 0.5
WORDS, WORDS_ONLY = "words_", "words_only"
# No corpus teaches them: a question in a language that the vectors don't know, and what speaks
# against a model's answer. They are assumed until a site's own verdicts say better.
ASSUMED_WEIGHTS = {"is_foreign": -1.0, "self_doubt": -6.0, "ungrounded": -4.0, "surprise": -1.0}


@dataclass(frozen=True, slots=True)
class Group:
    """The questions to one corpus, asked one way."""

    corpus: str
    asked: Sequence[Asked]
    worth: float = 1.0
    by_words: bool = False


def fit_line(groups: Sequence[Group]) -> NamedLine:
    """Fit the weights on groups, each counted by its worth and not by its size.

    Searches by meaning and by words alone are fitted apart, and put into one line: the features
    of the one are nought in the other.
    """
    names = tuple(groups[0].asked[0].features)
    words = tuple(name for name in names if name.startswith(WORDS) and name != WORDS_ONLY)
    meaning = tuple(
        name for name in names if not name.startswith(WORDS) and name not in ASSUMED_WEIGHTS
    )
    by_words = [group for group in groups if group.by_words]
    line = _fit([group for group in groups if not group.by_words], names=meaning)
    found = dict.fromkeys(names, 0.0) | dict(line.weights) | ASSUMED_WEIGHTS
    if by_words:
        other = _fit(by_words, names=words)
        found |= dict(other.weights) | {WORDS_ONLY: other.intercept - line.intercept}
    return NamedLine(line.intercept, found)


def _fit(groups: Sequence[Group], *, names: Sequence[str]) -> NamedLine:
    rows = [one for group in groups for one in group.asked]
    weights = np.concatenate(
        [GROUP_WEIGHT * group.worth * mixed(group.asked, mix=FITTED) for group in groups]
    )
    line = fit_logistic(
        matrix_of([one.features for one in rows], names=names),
        _right(rows),
        sample_weights=weights,
        ridge=RIDGE * sum(group.worth for group in groups),
    ).line
    return NamedLine(line.intercept, dict(zip(names, line.weights.tolist(), strict=True)))


def mixed(asked: Sequence[Asked], *, mix: Mix) -> Vector:
    """Weight the questions to the mix; the kinds that are missing leave their share to the rest.

    A stray question counts as one whose article was never written.
    """
    kinds = np.array([Kind.REMOVED if one.kind == Kind.STRAY else one.kind for one in asked])
    weights = np.zeros(len(asked))
    for kind, share in mix.items():
        own = kinds == kind
        if own.any():
            weights[own] = share / own.sum()
    return np.asarray(weights / weights.sum())


def chances_of(line: NamedLine, asked: Sequence[Asked]) -> Vector:
    """Return the confidence in each question."""
    matrix = matrix_of([one.features for one in asked], names=line.names)
    return line.line.probabilities(matrix)


def unseen_curve(groups: Sequence[Group], *, corpora: Iterable[str]) -> list[RiskPoint]:
    """Return risk by coverage of the assumed mix, each corpus judged by weights of the others."""
    chances, right, weights = [], [], []
    for name in corpora:
        line = fit_line([group for group in groups if group.corpus != name])
        own = next(one for one in groups if one.corpus == name)
        chances.append(chances_of(line, own.asked))
        right.append(_right(own.asked))
        weights.append(mixed(own.asked, mix=ASSUMED))
    return risk_coverage(
        np.concatenate(chances),
        np.concatenate(right),
        weights=np.concatenate(weights),
        minimum=20,
    )


def found_figures(asked: Sequence[Asked]) -> dict[str, Vector]:
    """Return, for each answerable question, whether and where its article was found."""
    ranks = [one.rank for one in asked if one.kind == Kind.ANSWERABLE]
    return {
        "r1": np.array([rank == 1 for rank in ranks], dtype=np.float64),
        "r3": np.array([rank is not None and rank <= 3 for rank in ranks], dtype=np.float64),
        "mrr": np.array([1 / rank if rank else 0.0 for rank in ranks]),
    }


def abstention_figures(
    asked: Sequence[Asked], chances: Vector, *, threshold: float
) -> dict[str, Callable[[NDArray[np.intp]], float]]:
    """Return the figures of knowing when not to answer, each a function of sample numbers."""
    right = _right(asked)
    kinds = np.array([one.kind for one in asked])

    def weights(rows: NDArray[np.intp]) -> Vector:
        return mixed([asked[row] for row in rows], mix=JUDGED)

    def answered_at(rows: NDArray[np.intp], target: float) -> float:
        own = (chances[rows], right[rows])
        lowest = threshold_for_risk(*own, target=target, weights=weights(rows), minimum=10)
        if lowest is None:
            return 0.0
        points = risk_coverage(*own, weights=weights(rows))
        return point_at(points, threshold=lowest).coverage

    def share(rows: NDArray[np.intp], kind: Kind) -> float:
        own = kinds[rows] == kind
        return float((chances[rows][own] >= threshold).mean()) if own.any() else float("nan")

    def wrong(rows: NDArray[np.intp]) -> float:
        given = chances[rows] >= threshold
        total = weights(rows)[given].sum()
        return float(weights(rows)[given & ~right[rows]].sum() / total) if total else 0.0

    return {
        "auroc_right": lambda rows: auroc(chances[rows], right[rows], weights=weights(rows)),
        "answered_at_5": lambda rows: answered_at(rows, 0.05),
        "answered_at_10": lambda rows: answered_at(rows, 0.10),
        "far_answered": lambda rows: share(rows, Kind.FAR),
        "removed_answered": lambda rows: share(rows, Kind.REMOVED),
        "answered": lambda rows: float(weights(rows)[chances[rows] >= threshold].sum()),
        "wrong": wrong,
    }


def scope_auroc(asked: Sequence[Asked], chances: Vector) -> float:
    """Return how well the confidence tells questions in scope from those out of it."""
    return auroc(chances, np.array([one.kind == Kind.ANSWERABLE for one in asked]))


def _right(asked: Sequence[Asked]) -> Flags:
    return np.array([one.is_right for one in asked], dtype=np.bool_)
