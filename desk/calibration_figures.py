"""A calibration's figures as the words and shares that its page shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assistant.models import Calibration
from assistant.reference import read_line, shipped_line
from assistant.verdicts import Kind

NOTHING = "\u2013"
# Answered shares of the table below the chart.
TABLE_SHARES = tuple(number / 20 for number in range(1, 21))


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure before and after the refit; ``note`` says what it means."""

    label: str
    before: str
    after: str
    note: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table."""

    label: str
    cells: tuple[str, ...]


def figures_of(curves: Mapping[str, Any]) -> list[Figure]:
    """Return what a manager compares."""
    before, after = curves["before"], curves["after"]
    return [
        Figure(
            "Answered",
            _share(before, "coverage"),
            _share(after, "coverage"),
            "of all questions, at the threshold",
        ),
        Figure(
            "Wrong",
            _share(before, "risk"),
            _share(after, "risk"),
            f"of the answers given; the target is {curves['target']:.1%}",
        ),
        Figure(
            "Threshold",
            _threshold(before["threshold"]),
            _threshold(after["threshold"]),
            "how sure the assistant has to be, from 0 to 1",
        ),
        Figure(
            "Right told from wrong",
            f"{before['auroc']:.3f}",
            f"{after['auroc']:.3f}",
            "area under the ROC curve: 0.5 is a coin, 1 is perfect",
        ),
        Figure(
            "Calibration error",
            f"{before['error']:.3f}",
            f"{after['error']:.3f}",
            "by how much the confidence is off on average",
        ),
    ]


def _threshold(value: float) -> str:
    return f"{value:.2f}" if value <= 1 else "none: nothing is answered"


def _share(row: Mapping[str, Any], name: str) -> str:
    low, high = row[f"{name}_interval"]
    return f"{row[name]:.1%} ({low:.1%} to {high:.1%})"


def curve_rows(curves: Mapping[str, Any]) -> list[Row]:
    """Return the wrong share of both curves at round answered shares."""
    sides = [curves["before"]["points"], curves["after"]["points"]]
    return [
        Row(f"{share:.0%}", tuple(cell for points in sides for cell in _at(points, share=share)))
        for share in TABLE_SHARES
    ]


def _at(points: Sequence[Sequence[float]], *, share: float) -> tuple[str, str]:
    """Return wrong share and threshold of the point that answers at least ``share``."""
    found = next((point for point in points if point[1] >= share - 1e-9), None)
    return (NOTHING, NOTHING) if found is None else (f"{found[2]:.1%}", f"{found[0]:.3f}")


def verdict_rows(verdicts: Sequence[Mapping[str, Any]], *, confirmed: bool) -> list[Row]:
    """Return the kinds of verdicts that are confirmed, or those that are assumed."""
    return [
        Row(
            Kind(row["kind"]).label,
            ("right" if row["is_right"] else "wrong", str(row["count"]), f"{row['weight']:g}"),
        )
        for row in verdicts
        if row["is_confirmed"] == confirmed
    ]


def count_of(verdicts: Sequence[Mapping[str, Any]], *, confirmed: bool) -> int:
    """Return how many verdicts are confirmed, or how many are assumed."""
    return sum(row["count"] for row in verdicts if row["is_confirmed"] == confirmed)


def topic_rows(curves: Mapping[str, Any]) -> list[Row]:
    """Return the topics that have a threshold of their own."""
    return [
        Row(
            name,
            (
                f"{row['threshold']:.2f}",
                f"{row['coverage']:.1%}",
                f"{row['risk']:.1%}",
                str(row["verdicts"]),
            ),
        )
        for name, row in curves["topics"].items()
    ]


def weight_rows(calibration: Calibration) -> list[Row]:
    """Return the weights beside the shipped ones."""
    own, shipped = read_line(calibration.weights), shipped_line()
    constant = Row("constant", (f"{shipped.intercept:.2f}", f"{own.intercept:.2f}"))
    return [
        constant,
        *(
            Row(name, (_number(shipped.weights.get(name)), f"{value:.2f}"))
            for name, value in own.weights.items()
        ),
    ]


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f}"
