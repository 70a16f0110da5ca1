"""Geometry of the risk-coverage curve; the template writes it as SVG, so that all is escaped."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LEFT, RIGHT, TOP, FOOT = 48, 16, 14, 44
HEIGHT = 300


@dataclass(frozen=True, slots=True)
class Label:
    """A text at a place."""

    x: str
    y: str
    text: str


@dataclass(frozen=True, slots=True)
class Curve:
    """One curve, with the dot of its threshold."""

    name: str
    label: str
    points: str
    dot_x: str
    dot_y: str
    dot_text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing of ``width`` by ``height`` units, and what it says in words."""

    name: str
    width: int
    height: int
    left: int
    right: int
    middle: int
    risks: tuple[Label, ...]
    shares: tuple[Label, ...]
    target_y: str
    target: Label
    curves: tuple[Curve, ...]
    description: str


@dataclass(frozen=True, slots=True)
class Plane:
    """Where an answered share and a wrong share lie."""

    width: int
    most: float

    @property
    def foot(self) -> int:
        """The ground line."""
        return HEIGHT - FOOT

    def x(self, share: float) -> float:
        """Nothing answered is on the left, all on the right."""
        return LEFT + (self.width - LEFT - RIGHT) * share

    def y(self, risk: float) -> float:
        """Nothing wrong is at the foot."""
        return self.foot - (self.foot - TOP) * min(risk / self.most, 1.0)


def draw_risk(curves: Mapping[str, Any], *, name: str, width: int) -> Chart:
    """Return the chart of a calibration's kept curves, before and after.

    ``name`` tells the drawings of one page apart.
    """
    step = _step(_highest(curves))
    plane = Plane(width, step * math.ceil(_highest(curves) / step))
    risks = [step * number for number in range(round(plane.most / step) + 1)]
    target = curves["target"]
    return Chart(
        name=name,
        width=width,
        height=HEIGHT,
        left=LEFT,
        right=width - RIGHT,
        middle=(LEFT + width - RIGHT) // 2,
        risks=tuple(Label(str(LEFT - 8), _put(plane.y(one)), f"{one:.0%}") for one in risks),
        shares=tuple(
            Label(_put(plane.x(one / 4)), str(plane.foot + 18), f"{one / 4:.0%}")
            for one in range(5)
        ),
        target_y=_put(plane.y(target)),
        target=Label(str(LEFT + 6), _put(plane.y(target) - 6), f"Target {target:.1%} wrong"),
        curves=(
            _curve("before", "Before", curves["before"], plane=plane),
            _curve("after", "After", curves["after"], plane=plane),
        ),
        description=describe(curves),
    )


def describe(curves: Mapping[str, Any]) -> str:
    """Say in words what the chart shows."""
    return (
        "The wrong share of the answers given (upwards) by the share of questions answered (to "
        f"the right). {_at('Before', curves['before'])} {_at('After', curves['after'])} "
        f"The target is {curves['target']:.1%} wrong. The table below has the figures."
    )


def _at(name: str, row: Mapping[str, Any]) -> str:
    return (
        f"{name}: at the threshold {row['threshold']:.2f}, {row['coverage']:.0%} are answered "
        f"and {row['risk']:.1%} of these are wrong."
    )


def _highest(curves: Mapping[str, Any]) -> float:
    points = [*curves["before"]["points"], *curves["after"]["points"]]
    return max(2 * float(curves["target"]), *(float(risk) for _, _, risk in points), 0.0)


def _step(most: float) -> float:
    """Return a step in whole hundredths that gives at most six lines."""
    return next(one for one in (0.01, 0.02, 0.05, 0.1, 0.2) if most / one <= 6)


def _curve(name: str, label: str, row: Mapping[str, Any], *, plane: Plane) -> Curve:
    points: Sequence[Sequence[float]] = row["points"]
    places = [(plane.x(share), plane.y(risk)) for _, share, risk in points]
    return Curve(
        name=name,
        label=label,
        points=" ".join(f"{_put(x)},{_put(y)}" for x, y in places),
        dot_x=_put(plane.x(row["coverage"])),
        dot_y=_put(plane.y(row["risk"])),
        dot_text=_at(label, row),
    )


def _put(number: float) -> str:
    return f"{number:.1f}"
