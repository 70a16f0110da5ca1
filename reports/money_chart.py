"""Geometry of the chart of what each day cost; the template writes it as SVG."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils.formats import date_format

from reports.charts import LABEL_WIDTH, LABELS_HEIGHT, RIGHT, Bar, Label
from reports.model_figures import SpendDay
from reports.templatetags.report_figures import money

# On top there is room for the limit's name.
LEFT, TOP = 58, 20
HEIGHT = 150
# A limit that lies higher would press all bars to the ground: it is told, not drawn.
HIGHEST_LIMIT = 3


@dataclass(frozen=True, slots=True)
class SpendChart:
    """A drawing of ``width`` by ``height`` units, and what it says in words."""

    name: str
    width: int
    height: int
    left: int
    right: int
    foot: int
    steps: tuple[Label, ...]
    days: tuple[Label, ...]
    bars: tuple[Bar, ...]
    limit: Label | None
    description: str


@dataclass(frozen=True, slots=True)
class _Plane:
    """Where a day and an amount lie."""

    width: int
    days: int
    top: float

    @property
    def foot(self) -> int:
        return TOP + HEIGHT

    @property
    def step(self) -> float:
        """The width of one day."""
        return (self.width - LEFT - RIGHT) / self.days

    def x(self, number: int) -> float:
        """The middle of a day, counted from 0."""
        return LEFT + self.step * (number + 0.5)

    def y(self, amount: float) -> float:
        return self.foot - HEIGHT * amount / self.top


def draw_spend(days: Sequence[SpendDay], *, name: str, width: int) -> SpendChart | None:
    """Return the chart of each day's cost beside the day's limit; ``None`` of days without any.

    ``name`` tells the drawings of one page apart.
    """
    most = max((float(day.usd) for day in days), default=0.0)
    if not most:
        return None
    limit = _drawn_limit(days, most=most)
    plane = _Plane(width, len(days), _round_up(max(most, limit or 0.0)))
    return SpendChart(
        name=name,
        width=width,
        height=plane.foot + LABELS_HEIGHT,
        left=LEFT,
        right=width - RIGHT,
        foot=plane.foot,
        steps=tuple(_steps(plane)),
        days=tuple(_day_labels(days, plane=plane)),
        bars=tuple(_bars(days, plane=plane)),
        limit=Label(str(width - RIGHT), _put(plane.y(limit)), "Limit") if limit else None,
        description=describe(days),
    )


def describe(days: Sequence[SpendDay]) -> str:
    """Say in words what the chart shows."""
    dearest = max(days, key=lambda day: day.usd)
    total = sum((day.usd for day in days), Decimal(0))
    limit = days[0].limit.usd
    against = (
        f"Today's limit is {money(limit)} a day; "
        f"{sum(day.usd >= limit for day in days)} of {len(days)} days reached it."
        if limit is not None
        else "There is no limit of money."
    )
    return (
        f"Cost of each day from {_date(days[0])} to {_date(days[-1])}: {money(total)} in all, "
        f"{money(dearest.usd)} on the dearest day ({_date(dearest)}). {against} "
        "The table below has every figure."
    )


def _drawn_limit(days: Sequence[SpendDay], *, most: float) -> float | None:
    limit = days[0].limit.usd
    return float(limit) if limit and float(limit) <= most * HIGHEST_LIMIT else None


def _round_up(amount: float) -> float:
    """Return the next of 1, 2, 5, 10, 20, 50 … (or their parts) that holds an amount."""
    unit = float(10 ** math.floor(math.log10(amount)))
    return next(unit * step for step in (1, 2, 5, 10) if unit * step >= amount * 0.999999)


def _steps(plane: _Plane) -> Iterable[Label]:
    for part in (0.0, 0.5, 1.0):
        amount = plane.top * part
        yield Label(str(LEFT - 10), _put(plane.y(amount)), money(Decimal(f"{amount:.6f}")))


def _bars(days: Sequence[SpendDay], *, plane: _Plane) -> Iterable[Bar]:
    width = plane.step * 0.6
    for number, day in enumerate(days):
        if day.usd:
            top = plane.y(float(day.usd))
            yield Bar(
                x=_put(plane.x(number) - width / 2),
                y=_put(top),
                width=_put(width),
                height=_put(plane.foot - top),
                text=f"{_date(day)}: {money(day.usd)}",
            )


def _day_labels(days: Sequence[SpendDay], *, plane: _Plane) -> Iterable[Label]:
    """Yield as many dates as there is room for, counted back from the last day."""
    every = math.ceil(LABEL_WIDTH / plane.step)
    for number, day in enumerate(days):
        if (len(days) - 1 - number) % every == 0:
            x = min(plane.x(number), plane.width - 24)
            yield Label(_put(x), str(plane.foot + LABELS_HEIGHT - 6), _date(day))


def _date(day: SpendDay) -> str:
    return date_format(day.day, "j M")


def _put(number: float) -> str:
    return f"{number:.1f}"
