"""Logistic regression and the measures of a confidence, in numpy; knows no database."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Flags = NDArray[np.bool_]

MAX_STEPS = 100
MAX_HALVINGS = 40
TOLERANCE = 1e-10
# Keeps the intercept finite where every sample has the same label.
INTERCEPT_RIDGE = 1e-6
# The wrong share of fewer answers than this says nothing.
MIN_ANSWERED = 20


class Line(NamedTuple):
    """``intercept`` and ``weights`` for features in their own units."""

    intercept: float
    weights: Vector

    def probabilities(self, features: Matrix) -> Vector:
        """Return the probability (0..1) of each row."""
        return sigmoid(self.intercept + features @ self.weights)


@dataclass(frozen=True, slots=True)
class Fit:
    """A regression on standardised features: ``(row - means) / scales``."""

    intercept: float
    weights: Vector
    means: Vector
    scales: Vector

    @property
    def line(self) -> Line:
        """The same regression for features in their own units."""
        weights = self.weights / self.scales
        return Line(self.intercept - float(weights @ self.means), weights)

    def probabilities(self, features: Matrix) -> Vector:
        """Return the probability (0..1) of each row of unstandardised features."""
        return sigmoid(self.intercept + ((features - self.means) / self.scales) @ self.weights)


class RiskPoint(NamedTuple):
    """What is answered from ``threshold`` on: its share of all, and the wrong share of it."""

    threshold: float
    coverage: float
    risk: float


class Interval(NamedTuple):
    """The lower and the upper bound."""

    low: float
    high: float


def sigmoid(evidence: Vector) -> Vector:
    """Return 1 / (1 + exp(-x)) without an overflow."""
    return np.exp(-np.logaddexp(0.0, -evidence))


def fit_logistic(
    features: Matrix,
    right: Flags,
    *,
    sample_weights: Vector | None = None,
    ridge: float = 1.0,
    prior: Line | None = None,
) -> Fit:
    """Return the regression of ``right`` (n) on ``features`` (n x d), fitted by Newton's method.

    It minimises the sum of weight * log loss + ridge / 2 * |w - w0|^2 on standardised features
    (Hastie, Tibshirani, Friedman: The Elements of Statistical Learning, 2nd ed., 4.4.1, with the
    penalty of 3.4.1; scikit-learn's C is 1 / ridge). ``w0`` is 0 and the intercept free; with a
    ``prior`` both are drawn towards it, so that few samples change little.
    """
    if not len(features):
        raise ValueError("nothing to fit on")
    weights = np.ones(len(right)) if sample_weights is None else sample_weights
    means, scales = _standards(features, weights=weights)
    rows = np.column_stack([np.ones(len(features)), (features - means) / scales])
    centre = np.zeros(rows.shape[1])
    penalty = np.full(rows.shape[1], ridge)
    penalty[0] = INTERCEPT_RIDGE
    if prior is not None:
        centre = np.append(prior.intercept + prior.weights @ means, prior.weights * scales)
        penalty[0] = ridge
    loss = _Loss(rows, right.astype(np.float64), weights, centre, penalty)
    found = _minimise(loss, start=centre)
    return Fit(float(found[0]), found[1:], means, scales)


def _standards(features: Matrix, *, weights: Vector) -> tuple[Vector, Vector]:
    """Return each column's mean and deviation; 1 for a column that never changes."""
    means = np.average(features, axis=0, weights=weights)
    scales = np.sqrt(np.average((features - means) ** 2, axis=0, weights=weights))
    return means, np.where(scales > 1e-9, scales, 1.0)


@dataclass(frozen=True, slots=True)
class _Loss:
    """The penalised log loss with its derivatives."""

    rows: Matrix
    labels: Vector
    weights: Vector
    centre: Vector
    penalty: Vector

    def at(self, found: Vector) -> float:
        """The value; log(1 + e^x) - y x is the log loss."""
        evidence = self.rows @ found
        losses = np.logaddexp(0.0, evidence) - self.labels * evidence
        pull = self.penalty @ (found - self.centre) ** 2 / 2
        return float(self.weights @ losses + pull)

    def step(self, found: Vector) -> Vector:
        """Newton's step; the penalty keeps the matrix from being singular."""
        chances = sigmoid(self.rows @ found)
        slope = self.rows.T @ (self.weights * (chances - self.labels))
        slope += self.penalty * (found - self.centre)
        bend = (self.rows * (self.weights * chances * (1 - chances))[:, None]).T @ self.rows
        return np.linalg.solve(bend + np.diag(np.maximum(self.penalty, 1e-12)), slope)


def _minimise(loss: _Loss, *, start: Vector) -> Vector:
    """Walk down by Newton's steps, each halved until it does lead down."""
    found, value = start, loss.at(start)
    for _ in range(MAX_STEPS):
        step = loss.step(found)
        for halvings in range(MAX_HALVINGS):
            tried = found - step / 2**halvings
            if (lower := loss.at(tried)) <= value:
                break
        else:
            return found
        gained, found, value = value - lower, tried, lower
        if gained <= TOLERANCE * (1 + abs(value)):
            break
    return found


def auroc(scores: Vector, labels: Flags, *, weights: Vector | None = None) -> float:
    """Return the chance that a right one scores above a wrong one, ties counted half.

    The statistic of Mann and Whitney over its greatest value; NaN where one kind is missing.
    """
    weights = np.ones(len(scores)) if weights is None else weights
    values, place = np.unique(scores, return_inverse=True)
    right = np.bincount(place, weights=weights * labels, minlength=len(values))
    wrong = np.bincount(place, weights=weights * ~labels, minlength=len(values))
    pairs = right.sum() * wrong.sum()
    if not pairs:
        return float("nan")
    below = np.cumsum(wrong) - wrong
    return float(right @ (below + wrong / 2) / pairs)


def risk_coverage(
    probabilities: Vector, right: Flags, *, weights: Vector | None = None, minimum: int = 1
) -> list[RiskPoint]:
    """Return a point for each distinct probability, the highest threshold first.

    Those of fewer than ``minimum`` answers are left out.
    """
    points = _points(probabilities, right, weights=weights)
    return [point for point, count in points if count >= minimum]


def _points(
    probabilities: Vector, right: Flags, *, weights: Vector | None
) -> list[tuple[RiskPoint, int]]:
    """Return the points with the number of samples that each answers."""
    weights = np.ones(len(right)) if weights is None else weights
    if not weights.sum():
        return []
    order = np.argsort(-probabilities, kind="stable")
    sorted_ones = probabilities[order]
    # The last of each run of equal ones: a threshold can't part them.
    last = np.flatnonzero(np.append(sorted_ones[1:] != sorted_ones[:-1], True))
    answered = np.cumsum(weights[order])[last]
    wrong = np.cumsum((weights * ~right)[order])[last]
    return [
        (RiskPoint(float(threshold), float(given / weights.sum()), float(bad / given)), count)
        for threshold, given, bad, count in zip(
            sorted_ones[last], answered, wrong, (last + 1).tolist(), strict=True
        )
        if given > 0
    ]


def threshold_for_risk(
    probabilities: Vector,
    right: Flags,
    *,
    target: float,
    weights: Vector | None = None,
    minimum: int = MIN_ANSWERED,
) -> float | None:
    """Return the lowest threshold that keeps the wrong share of what is answered to ``target``.

    The share need not fall as the threshold rises; the lowest one answers most. Points of
    fewer than ``minimum`` answers don't count; ``None`` where no point is left.
    """
    fits = [
        point.threshold
        for point, count in _points(probabilities, right, weights=weights)
        if count >= minimum and point.risk <= target
    ]
    return min(fits, default=None)


def point_at(points: list[RiskPoint], *, threshold: float) -> RiskPoint:
    """Return what a threshold answers; nothing answered has no wrong ones."""
    reached = [point for point in points if point.threshold >= threshold]
    coverage, risk = (reached[-1].coverage, reached[-1].risk) if reached else (0.0, 0.0)
    return RiskPoint(threshold, coverage, risk)


def bootstrap_interval(
    statistic: Callable[[NDArray[np.intp]], float],
    *,
    count: int,
    rounds: int = 1_000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Return the percentile interval of ``statistic`` (of sample numbers) over resamples.

    Rounds in which it is NaN don't count.
    """
    random = np.random.default_rng(seed)
    values = [statistic(random.integers(0, count, count)) for _ in range(rounds)]
    low, high = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def calibration_error(
    probabilities: Vector, right: Flags, *, weights: Vector | None = None, bins: int = 10
) -> float:
    """Return the expected calibration error: by how much bins of equal width miss on average.

    Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks (2017), equation 3.
    """
    weights = np.ones(len(right)) if weights is None else weights
    place = np.minimum((probabilities * bins).astype(np.intp), bins - 1)
    gaps = np.bincount(place, weights=weights * (right - probabilities), minlength=bins)
    return float(np.abs(gaps).sum() / weights.sum())
