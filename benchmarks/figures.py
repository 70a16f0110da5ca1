"""What measured values come to: percentiles of a run, medians over its repeats."""

from collections.abc import Mapping, Sequence
from statistics import median, quantiles

Figures = dict[str, float]


def percentile(values: Sequence[float], percent: int) -> float:
    """Return a percentile; 0 of nothing."""
    if len(values) < 2:
        return values[0] if values else 0.0
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def medians(repeats: Sequence[Mapping[str, float]]) -> Figures:
    """Return each figure's median over the repeats that have it."""
    names = dict.fromkeys(name for one in repeats for name in one)
    return {name: median([one[name] for one in repeats if name in one]) for name in names}


def in_units(value: float | None, unit: str) -> str:
    """Return a value with its unit, in three figures."""
    if value is None:
        return "-"
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"
