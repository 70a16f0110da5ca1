"""The regression and its measures, against values worked out by hand or in another way."""

import math

import numpy as np
import pytest

from assistant.fitting import (
    Line,
    RiskPoint,
    auroc,
    bootstrap_interval,
    calibration_error,
    fit_logistic,
    point_at,
    risk_coverage,
    sigmoid,
    threshold_for_risk,
)


def made_up(count=400, seed=3):
    random = np.random.default_rng(seed)
    features = np.column_stack([random.normal(5, 2, count), random.uniform(0, 0.1, count)])
    evidence = -3 + 0.5 * features[:, 0] + 12 * features[:, 1]
    return features, random.uniform(size=count) < sigmoid(evidence)


def by_descent(features, right, *, weights, ridge, prior=None, rounds=60_000, rate=2e-3):
    """Fit the same loss by plain gradient descent, column by column standardised by hand."""
    total = weights.sum()
    means = (weights[:, None] * features).sum(axis=0) / total
    scales = np.sqrt((weights[:, None] * (features - means) ** 2).sum(axis=0) / total)
    rows = (features - means) / scales
    start_intercept, start = 0.0, np.zeros(features.shape[1])
    if prior is not None:
        start_intercept = prior.intercept + float(prior.weights @ means)
        start = prior.weights * scales
    intercept, found = start_intercept, start.copy()
    for _ in range(rounds):
        misses = weights * (1 / (1 + np.exp(-(intercept + rows @ found))) - right)
        pull = ridge * (intercept - start_intercept) if prior is not None else 0.0
        intercept -= rate * (misses.sum() + pull)
        found = found - rate * (rows.T @ misses + ridge * (found - start))
    return intercept, found


def test_fit_logistic_agrees_with_gradient_descent_when_samples_are_weighted():
    features, right = made_up()
    weights = np.where(right, 0.4, 1.3)
    fit = fit_logistic(features, right, sample_weights=weights, ridge=2.0)
    intercept, found = by_descent(features, right, weights=weights, ridge=2.0, rounds=5_000)
    assert fit.intercept == pytest.approx(intercept, abs=1e-5)
    assert fit.weights == pytest.approx(found, abs=1e-5)


def test_fit_logistic_agrees_with_gradient_descent_when_drawn_to_a_prior():
    features, right = made_up(count=60)
    prior = Line(-1.0, np.array([0.1, 30.0]))
    fit = fit_logistic(features, right, ridge=5.0, prior=prior)
    intercept, found = by_descent(
        features, right, weights=np.ones(60), ridge=5.0, prior=prior, rounds=5_000
    )
    assert fit.intercept == pytest.approx(intercept, abs=1e-5)
    assert fit.weights == pytest.approx(found, abs=1e-5)


def test_fit_logistic_gives_the_log_odds_when_no_feature_tells():
    fit = fit_logistic(np.zeros((10, 1)), np.array([True] * 8 + [False] * 2))
    assert fit.intercept == pytest.approx(math.log(8 / 2), abs=1e-4)
    assert fit.weights == pytest.approx([0.0])


def test_fit_logistic_stays_finite_when_the_classes_are_separable():
    features = np.array([[0.0], [1.0], [2.0], [3.0]])
    fit = fit_logistic(features, np.array([False, False, True, True]), ridge=1e-6)
    assert np.isfinite(fit.weights).all()
    chances = fit.probabilities(features)
    assert (chances[:2] < 0.5).all()
    assert (chances[2:] > 0.5).all()


def test_fit_logistic_stays_finite_when_all_are_right():
    fit = fit_logistic(np.arange(6.0).reshape(-1, 1), np.ones(6, dtype=bool))
    assert np.isfinite(fit.intercept)
    assert (fit.probabilities(np.array([[0.0], [9.0]])) > 0.99).all()


def test_fit_logistic_keeps_to_the_prior_when_samples_are_few():
    features, right = made_up(count=500)
    prior = Line(-9.0, np.array([1.0, 40.0]))
    few = fit_logistic(features[:4], right[:4], ridge=20.0, prior=prior).line
    many = fit_logistic(features, right, ridge=20.0, prior=prior).line
    assert abs(few.intercept + 9.0) < 1.0
    assert abs(many.intercept + 9.0) > 3.0


def test_fit_logistic_refuses_when_there_is_nothing():
    with pytest.raises(ValueError, match="nothing to fit on"):
        fit_logistic(np.zeros((0, 2)), np.zeros(0, dtype=bool))


def test_line_says_the_same_as_the_fit_when_features_are_not_standardised():
    features, right = made_up()
    fit = fit_logistic(features, right)
    assert fit.line.probabilities(features) == pytest.approx(fit.probabilities(features))
    assert fit.line.weights[0] == pytest.approx(0.5, abs=0.2)


def test_sigmoid_stays_between_0_and_1_when_the_evidence_is_extreme():
    assert sigmoid(np.array([-1000.0, 0.0, 1000.0])) == pytest.approx([0.0, 0.5, 1.0])


@pytest.mark.parametrize(
    ("scores", "labels", "expected"),
    [
        ([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], 0.75),
        ([0.5, 0.5, 0.5, 0.5], [0, 1, 0, 1], 0.5),
        ([0.2, 0.2, 0.9], [0, 1, 1], 0.75),
        ([0.9, 0.1], [0, 1], 0.0),
    ],
)
def test_auroc_counts_pairs_when_scores_tie_or_not(scores, labels, expected):
    assert auroc(np.array(scores), np.array(labels, dtype=bool)) == pytest.approx(expected)


def test_auroc_counts_a_weight_as_copies_when_weights_are_given():
    scores, labels = np.array([0.1, 0.6, 0.5, 0.9]), np.array([0, 0, 1, 1], dtype=bool)
    counts = np.array([1, 3, 2, 1])
    copied = auroc(np.repeat(scores, counts), np.repeat(labels, counts))
    assert auroc(scores, labels, weights=counts.astype(float)) == pytest.approx(copied)
    assert copied == pytest.approx((2 * 1 + 1 * 4) / (3 * 4))


def test_auroc_is_nan_when_one_kind_is_missing():
    assert math.isnan(auroc(np.array([0.1, 0.2]), np.array([True, True])))


def test_risk_coverage_has_a_point_for_each_probability_when_some_tie():
    points = risk_coverage(np.array([0.9, 0.5, 0.5, 0.2]), np.array([1, 1, 0, 0], dtype=bool))
    assert points == [
        RiskPoint(0.9, 0.25, 0.0),
        RiskPoint(0.5, 0.75, pytest.approx(1 / 3)),
        RiskPoint(0.2, 1.0, 0.5),
    ]


def test_risk_coverage_counts_by_weight_when_weights_are_given():
    points = risk_coverage(
        np.array([0.9, 0.4]), np.array([True, False]), weights=np.array([3.0, 1.0])
    )
    assert points == [RiskPoint(0.9, 0.75, 0.0), RiskPoint(0.4, 1.0, 0.25)]


def test_risk_coverage_leaves_out_points_when_they_have_too_few_answers():
    chances, right = np.array([0.9, 0.5, 0.5]), np.array([True, True, False])
    assert [point.threshold for point in risk_coverage(chances, right, minimum=2)] == [0.5]


def test_threshold_for_risk_takes_the_lowest_when_the_risk_rises_and_falls_again():
    # Wrong shares from the top: 0, 1/2, 1/3, 1/4, 2/5.
    right = np.array([1, 0, 1, 1, 0], dtype=bool)
    chances = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    assert threshold_for_risk(chances, right, target=0.25, minimum=1) == 0.6
    assert threshold_for_risk(chances, right, target=0.2, minimum=1) == 0.9
    assert threshold_for_risk(chances, right, target=0.4, minimum=1) == 0.5


def test_threshold_for_risk_is_none_when_too_few_would_be_answered():
    right, chances = np.array([1, 0, 0], dtype=bool), np.array([0.9, 0.8, 0.7])
    assert threshold_for_risk(chances, right, target=0.1, minimum=2) is None
    assert threshold_for_risk(chances, right, target=0.1, minimum=1) == 0.9


def test_threshold_for_risk_rises_when_wrong_ones_weigh_more():
    right, chances = np.array([1, 1, 0], dtype=bool), np.array([0.9, 0.8, 0.7])
    assert threshold_for_risk(chances, right, target=0.34, minimum=1) == 0.7
    heavy = np.array([1.0, 1.0, 3.0])
    assert threshold_for_risk(chances, right, target=0.34, weights=heavy, minimum=1) == 0.8


def test_point_at_answers_nothing_when_the_threshold_is_above_all():
    points = [RiskPoint(0.9, 0.25, 0.0), RiskPoint(0.5, 0.75, 0.3)]
    assert point_at(points, threshold=0.95) == RiskPoint(0.95, 0.0, 0.0)
    assert point_at(points, threshold=0.6) == RiskPoint(0.6, 0.25, 0.0)
    assert point_at(points, threshold=0.5) == RiskPoint(0.5, 0.75, 0.3)


def test_bootstrap_interval_agrees_with_the_normal_one_when_samples_are_many():
    values = np.arange(1_000) % 10 < 3
    low, high = bootstrap_interval(lambda rows: float(values[rows].mean()), count=1_000)
    half = 1.96 * math.sqrt(0.3 * 0.7 / 1_000)
    assert low == pytest.approx(0.3 - half, abs=0.006)
    assert high == pytest.approx(0.3 + half, abs=0.006)


def test_bootstrap_interval_leaves_out_rounds_when_the_statistic_is_nan():
    values = np.array([1.0, 1.0, math.nan])
    interval = bootstrap_interval(lambda rows: float(values[rows].mean()), count=3, rounds=200)
    assert interval == (1.0, 1.0)


def test_calibration_error_is_the_mean_gap_when_bins_miss():
    chances = np.array([0.95, 0.95, 0.15, 1.0])
    right = np.array([True, False, False, True])
    # The bin of 0.95, 0.95 and 1.0: |2 - 2.9|; that of 0.15: |0 - 0.15|.
    assert calibration_error(chances, right) == pytest.approx((0.9 + 0.15) / 4)
    weights = np.array([1.0, 1.0, 2.0, 1.0])
    assert calibration_error(chances, right, weights=weights) == pytest.approx((0.9 + 0.3) / 5)
