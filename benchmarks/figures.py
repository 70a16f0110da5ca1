"""What measured values come to: percentiles and differences, medians over a run's repeats."""

from collections.abc import Mapping, Sequence
from math import isnan, nan, sqrt
from statistics import fmean, median, quantiles, variance

Figures = dict[str, float]


def percentile(values: Sequence[float], percent: int) -> float:
    """Return a percentile; not a number (NaN) of nothing."""
    if len(values) < 2:
        return values[0] if values else nan
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def difference(after: Sequence[float], before: Sequence[float]) -> tuple[float, float]:
    """Return how much higher the mean lies, and twice the standard error of that."""
    errors = (variance(values) / len(values) for values in (after, before))
    return fmean(after) - fmean(before), 2 * sqrt(sum(errors))


def known(figures: Mapping[str, float]) -> Figures:
    """Return the figures less those of nothing."""
    return {name: value for name, value in figures.items() if not isnan(value)}


def medians(repeats: Sequence[Mapping[str, float]]) -> Figures:
    """Return each figure's median over the repeats that have it."""
    names = dict.fromkeys(name for one in repeats for name in one)
    return {name: median([one[name] for one in repeats if name in one]) for name in names}


def in_units(value: float | None, unit: str) -> str:
    """Return a value with its unit, in three figures."""
    if value is None:
        return "-"
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"
