"""Fits a site's confidence on its own verdicts; the result is a proposal and changes nothing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assistant.calibration import active_calibration
from assistant.confidence import threshold_of
from assistant.fitting import (
    MIN_ANSWERED,
    Flags,
    Line,
    Matrix,
    RiskPoint,
    Vector,
    auroc,
    bootstrap_interval,
    calibration_error,
    fit_logistic,
    point_at,
    risk_coverage,
    threshold_for_risk,
)
from assistant.models import Calibration
from assistant.reference import (
    KnownSample,
    NamedLine,
    matrix_of,
    read_line,
    shipped_line,
    shipped_samples,
)
from assistant.verdicts import CONFIRMED_KINDS, RIGHT_KINDS, WEIGHTS, Kind, Verdict, read_verdicts
from conversations.models import Site
from core.errors import SupportError

MIN_VERDICTS = 50
MIN_OF_EACH = 10
MIN_FOR_TOPIC = 50
OUT_OF_SCOPE = 0.15
# The shipped weights count like this many verdicts that they are right ...
PRIOR_STRENGTH = 20.0
# ... and the shipped answerable questions, together, like this many thumbs.
REFERENCE_WORTH = 50.0
FOLDS = 5
KEPT_POINTS = 120
ROUNDS = 300


class TooFewVerdicts(SupportError):
    """A refit would follow chance."""

    code = "too_few_verdicts"
    status = 409


class TargetOutOfReach(SupportError):
    """However sure the assistant has to be, too many answers would be wrong."""

    code = "target_out_of_reach"
    status = 409


@dataclass(frozen=True, slots=True)
class Samples:
    """Verdicts and shipped questions in one table, weighted to the mix that is assumed."""

    features: Matrix
    right: Flags
    weights: Vector
    folds: NDArray[np.intp]
    topics: Sequence[str]
    out_of_scope: Flags

    def of_topic(self, topic: str, *, out_of_scope: float) -> tuple[Flags, Vector]:
        """Return the rows of a topic with those out of scope, and their weights in that mix."""
        own = np.array([one == topic for one in self.topics], dtype=np.bool_)
        rows = own | self.out_of_scope
        mixed = _mixed(self.weights[rows], self.out_of_scope[rows], share=out_of_scope)
        return rows, mixed


def propose_calibration(
    site: Site, *, target: float | None = None, out_of_scope: float = OUT_OF_SCOPE
) -> Calibration:
    """Store a proposal fitted on the site's newest verdicts.

    ``target`` is the share of given answers that may be wrong, the site's own by default.
    Raises ``TooFewVerdicts`` or ``TargetOutOfReach``, both with words for a manager.
    """
    target = site.wrong_answer_target if target is None else target
    verdicts = usable_verdicts(site.pk)
    check_enough(verdicts)
    before, shipped = line_in_use(site.pk), shipped_line()
    samples = gather_samples(
        verdicts, known=shipped_samples(), names=shipped.names, out_of_scope=out_of_scope
    )
    after = _fit(samples, prior=shipped.line)
    chances = _chances_unseen(samples, prior=shipped.line)
    threshold = _threshold(chances, samples=samples, target=target)
    topics = _topics(chances, samples=samples, target=target, out_of_scope=out_of_scope)
    chances_before = _chances(before.line, features=samples.features)
    return Calibration.objects.create(
        site=site,
        samples=len(verdicts),
        weights=NamedLine(
            after.intercept, dict(zip(shipped.names, after.weights.tolist(), strict=True))
        ).as_json(),
        thresholds={"": threshold} | {name: row["threshold"] for name, row in topics.items()},
        curves={
            "target": target,
            "out_of_scope": out_of_scope,
            "verdicts": count_verdicts(verdicts),
            "reference": int(len(samples.right) - len(verdicts)),
            "before": _measured(
                chances_before,
                samples=samples,
                threshold=threshold_of(site),
            ),
            "after": _measured(chances, samples=samples, threshold=threshold),
            "topics": topics,
        },
    )


def usable_verdicts(site_id: int) -> list[Verdict]:
    """Return the verdicts on answers that have every feature of the shipped weights.

    Older answers may lack some: a feature that is made up would teach nonsense.
    """
    names = set(shipped_line().names)
    return [one for one in read_verdicts(site_id) if names <= one.features.keys()]


def check_enough(verdicts: Sequence[Verdict]) -> None:
    """Raise ``TooFewVerdicts`` with what is missing."""
    right = sum(one.is_right for one in verdicts)
    wrong = len(verdicts) - right
    if len(verdicts) < MIN_VERDICTS or min(right, wrong) < MIN_OF_EACH:
        raise TooFewVerdicts(
            f"There are {len(verdicts)} verdicts on answers so far ({right} right, {wrong} wrong). "
            f"A refit needs {MIN_VERDICTS}, at least {MIN_OF_EACH} of each; until then the "
            "weights stay as they are."
        )


def count_verdicts(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Return how many verdicts there are of each kind, the confirmed ones first."""
    counts = Counter(one.kind for one in verdicts)
    return [
        {
            "kind": str(kind),
            "is_confirmed": kind in CONFIRMED_KINDS,
            "is_right": kind in RIGHT_KINDS,
            "weight": WEIGHTS[kind],
            "count": counts[kind],
        }
        for kind in Kind
    ]


def line_in_use(site_id: int) -> NamedLine:
    """Return the regression that a site's confidence is computed with now."""
    active, shipped = active_calibration(site_id), shipped_line()
    # One of other features than today's can't be used any more.
    if active is None or active.weights["weights"].keys() != shipped.weights.keys():
        return shipped
    line = read_line(active.weights)
    # The database keeps the names in an order of its own; the columns follow the shipped one.
    return NamedLine(line.intercept, {name: line.weights[name] for name in shipped.names})


def gather_samples(
    verdicts: Sequence[Verdict],
    *,
    known: Sequence[KnownSample],
    names: Sequence[str],
    out_of_scope: float,
) -> Samples:
    """Return verdicts and shipped questions, those out of scope weighted to their share.

    A mix with too few of them would set the threshold too low: at 3 % in the mix and 18 % in
    life, a target of 5 % wrong came out as 14 %.
    """
    outside = np.array([False] * len(verdicts) + [one.is_out_of_scope for one in known])
    answerable = sum(not one.is_out_of_scope for one in known)
    worth = min(1.0, REFERENCE_WORTH / max(answerable, 1))
    weights = np.array([one.weight for one in verdicts] + [worth] * len(known), dtype=np.float64)
    rows: list[Verdict | KnownSample] = [*verdicts, *known]
    groups = [one.conversation_id for one in verdicts] + list(range(len(known)))
    return Samples(
        features=matrix_of([one.features for one in rows], names=names),
        right=np.array([one.is_right for one in rows], dtype=np.bool_),
        weights=_mixed(weights, outside, share=out_of_scope),
        # By conversation: what one customer said is not both learnt from and judged on.
        folds=np.array(groups, dtype=np.intp) % FOLDS,
        topics=[one.topic for one in verdicts] + [""] * len(known),
        out_of_scope=outside,
    )


def _mixed(weights: Vector, outside: Flags, *, share: float) -> Vector:
    """Return the weights with those out of scope scaled to ``share`` of the whole."""
    if not outside.any() or outside.all():
        return weights
    inside = float(weights[~outside].sum())
    factor = share / (1 - share) * inside / float(weights[outside].sum())
    return np.where(outside, weights * factor, weights)


def _fit(samples: Samples, *, prior: Line, rows: Flags | None = None) -> Line:
    rows = np.ones(len(samples.right), dtype=np.bool_) if rows is None else rows
    return fit_logistic(
        samples.features[rows],
        samples.right[rows],
        sample_weights=samples.weights[rows],
        ridge=PRIOR_STRENGTH,
        prior=prior,
    ).line


def _chances_unseen(samples: Samples, *, prior: Line) -> Vector:
    """Return each row's probability by a fit that has not seen its fold."""
    chances = np.empty(len(samples.right))
    for fold in range(FOLDS):
        held_out = samples.folds == fold
        if held_out.any():
            line = _fit(samples, prior=prior, rows=~held_out)
            chances[held_out] = _chances(line, features=samples.features[held_out])
    return chances


def _chances(line: Line, *, features: Matrix) -> Vector:
    """Return each row's probability; all features are 0 where nothing was found to answer with."""
    return np.where(features.any(axis=1), line.probabilities(features), 0.0)


def _threshold(chances: Vector, *, samples: Samples, target: float) -> float:
    found = threshold_for_risk(chances, samples.right, target=target, weights=samples.weights)
    if found is None:
        raise TargetOutOfReach(
            f"No threshold keeps the wrong answers to {target:.1%}: even the surest ones go wrong "
            "more often. Choose a larger share, or improve the articles that were marked wrong."
        )
    return found


def _topics(
    chances: Vector, *, samples: Samples, target: float, out_of_scope: float
) -> dict[str, dict[str, Any]]:
    """Return threshold and curve of each topic with verdicts enough and a threshold that fits."""
    counts = Counter(topic for topic in samples.topics if topic)
    topics: dict[str, dict[str, Any]] = {}
    for topic, count in sorted(counts.items()):
        if count < MIN_FOR_TOPIC:
            continue
        rows, weights = samples.of_topic(topic, out_of_scope=out_of_scope)
        of_topic = (chances[rows], samples.right[rows])
        threshold = threshold_for_risk(*of_topic, target=target, weights=weights)
        if threshold is not None:
            points = risk_coverage(*of_topic, weights=weights, minimum=MIN_ANSWERED)
            at = point_at(points, threshold=threshold)
            topics[topic] = {
                "verdicts": count,
                "threshold": threshold,
                "coverage": at.coverage,
                "risk": at.risk,
                "points": _thinned(points, keep=threshold),
            }
    return topics


def _measured(chances: Vector, *, samples: Samples, threshold: float) -> dict[str, Any]:
    """Return the curve, and the figures at a threshold with their 95 % intervals."""
    points = risk_coverage(chances, samples.right, weights=samples.weights, minimum=MIN_ANSWERED)
    at = point_at(points, threshold=threshold)
    given = chances >= threshold

    def coverage(rows: NDArray[np.intp]) -> float:
        return float(np.average(given[rows], weights=samples.weights[rows]))

    def risk(rows: NDArray[np.intp]) -> float:
        answered = rows[given[rows]]
        total = samples.weights[answered].sum()
        wrong = (samples.weights * ~samples.right)[answered].sum()
        return float(wrong / total) if total else 0.0

    count = len(chances)
    return {
        "threshold": threshold,
        "coverage": at.coverage,
        "coverage_interval": bootstrap_interval(coverage, count=count, rounds=ROUNDS),
        "risk": at.risk,
        "risk_interval": bootstrap_interval(risk, count=count, rounds=ROUNDS),
        "auroc": auroc(chances, samples.right, weights=samples.weights),
        "error": calibration_error(chances, samples.right, weights=samples.weights),
        "points": _thinned(points, keep=threshold),
    }


def _thinned(points: Sequence[RiskPoint], *, keep: float) -> list[RiskPoint]:
    """Return at most ``KEPT_POINTS`` or so of a curve, with its last one and the chosen one."""
    every = max(1, len(points) // KEPT_POINTS)
    last = len(points) - 1
    return [
        point
        for place, point in enumerate(points)
        if place % every == 0 or place == last or point.threshold == keep
    ]
