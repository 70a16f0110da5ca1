"""Geometry of the chart of satisfaction; the template writes it as SVG, so that all is escaped."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from django.utils.formats import date_format

from reports.figures import DayFigures

LEFT, RIGHT, TOP = 30, 14, 12
BARS_GAP, BARS_HEIGHT, LABELS_HEIGHT = 34, 40, 22
SCORES = (1, 2, 3, 4, 5)
LABEL_WIDTH = 58
MOST_DOTS = 62


@dataclass(frozen=True, slots=True)
class Label:
    """A text at a place."""

    x: str
    y: str
    text: str


@dataclass(frozen=True, slots=True)
class Dot:
    """The average of one day."""

    x: str
    y: str
    text: str


@dataclass(frozen=True, slots=True)
class Bar:
    """The number of ratings of one day."""

    x: str
    y: str
    width: str
    height: str
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing of ``width`` by ``height`` units, and what it says in words."""

    name: str
    width: int
    height: int
    left: int
    right: int
    scores: tuple[Label, ...]
    days: tuple[Label, ...]
    lines: tuple[str, ...]
    dots: tuple[Dot, ...]
    dot_radius: int
    bars: tuple[Bar, ...]
    bars_title: Label
    bars_foot: int
    description: str


@dataclass(frozen=True, slots=True)
class Plane:
    """Where a day and a score lie."""

    width: int
    score_height: int
    days: int

    @property
    def step(self) -> float:
        """The width of one day."""
        return (self.width - LEFT - RIGHT) / self.days

    @property
    def bars_foot(self) -> int:
        """The ground that the bars stand on."""
        return TOP + self.score_height + BARS_GAP + BARS_HEIGHT

    def x(self, number: int) -> float:
        """The middle of a day, counted from 0."""
        return LEFT + self.step * (number + 0.5)

    def y(self, score: float) -> float:
        """The height of a score: 5 on top, 1 at the foot."""
        return TOP + self.score_height * (5 - score) / 4


def draw_satisfaction(
    days: Sequence[DayFigures], *, name: str, width: int, score_height: int = 170
) -> Chart:
    """Return the chart of each day's average score above its number of ratings.

    ``name`` tells the drawings of one page apart; ``days`` has one at least.
    """
    plane = Plane(width, score_height, len(days))
    return Chart(
        name=name,
        width=width,
        height=plane.bars_foot + LABELS_HEIGHT,
        left=LEFT,
        right=width - RIGHT,
        scores=tuple(Label(str(LEFT - 10), _put(plane.y(one)), str(one)) for one in SCORES),
        days=tuple(_day_labels(days, plane=plane)),
        lines=tuple(_lines(days, plane=plane)),
        dots=tuple(_dots(days, plane=plane)),
        dot_radius=4 if len(days) <= MOST_DOTS else 2,
        bars=tuple(_bars(days, plane=plane)),
        bars_title=Label(str(LEFT), _put(plane.bars_foot - BARS_HEIGHT - 10), "Number of ratings"),
        bars_foot=plane.bars_foot,
        description=describe(days),
    )


def describe(days: Sequence[DayFigures]) -> str:
    """Say in words what the chart shows."""
    rated = [(day.average_score, day) for day in days if day.average_score is not None]
    span = f"from {_date(days[0])} to {_date(days[-1])}"
    if not rated:
        return f"No episode that began {span} was rated."
    best_score, best = max(rated, key=lambda pair: pair[0])
    worst_score, worst = min(rated, key=lambda pair: pair[0])
    return (
        f"Average score of the episodes that began on each day {span}: between "
        f"{worst_score:.1f} ({_date(worst)}) and {best_score:.1f} ({_date(best)}), from "
        f"{sum(day.rated for day in days)} ratings on {len(rated)} days. "
        "The table below has every figure."
    )


def _lines(days: Sequence[DayFigures], *, plane: Plane) -> Iterable[str]:
    """Yield the points of each run of days with ratings: days without any interrupt the line."""
    for is_rated, run in groupby(enumerate(days), key=lambda pair: pair[1].rated > 0):
        places = [(plane.x(number), plane.y(day.average_score or 0)) for number, day in run]
        if is_rated and len(places) > 1:
            yield " ".join(f"{_put(x)},{_put(y)}" for x, y in places)


def _dots(days: Sequence[DayFigures], *, plane: Plane) -> Iterable[Dot]:
    for number, day in enumerate(days):
        if day.average_score is not None:
            text = f"{_date(day)}: {day.average_score:.1f} of 5, {_ratings(day)}"
            yield Dot(_put(plane.x(number)), _put(plane.y(day.average_score)), text)


def _bars(days: Sequence[DayFigures], *, plane: Plane) -> Iterable[Bar]:
    most = max(day.rated for day in days)
    width = plane.step * 0.6
    for number, day in enumerate(days):
        if day.rated:
            height = BARS_HEIGHT * day.rated / most
            yield Bar(
                x=_put(plane.x(number) - width / 2),
                y=_put(plane.bars_foot - height),
                width=_put(width),
                height=_put(height),
                text=f"{_date(day)}: {_ratings(day)}",
            )


def _day_labels(days: Sequence[DayFigures], *, plane: Plane) -> Iterable[Label]:
    """Yield as many dates as there is room for, counted back from the last day."""
    every = math.ceil(LABEL_WIDTH / plane.step)
    for number, day in enumerate(days):
        if (len(days) - 1 - number) % every == 0:
            x = min(max(plane.x(number), 24), plane.width - 24)
            yield Label(_put(x), str(plane.bars_foot + LABELS_HEIGHT - 6), _date(day))


def _ratings(day: DayFigures) -> str:
    return f"{day.rated} rating{'' if day.rated == 1 else 's'}"


def _date(day: DayFigures) -> str:
    return date_format(day.day, "j M")


def _put(number: float) -> str:
    return f"{number:.1f}"
