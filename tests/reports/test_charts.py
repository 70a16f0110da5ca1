"""Where the chart puts what, and what it says in words."""

from datetime import date, timedelta
from itertools import pairwise

from reports.charts import Chart, draw_satisfaction
from reports.figures import DayFigures


def draw(*averages: float | None, width: int = 600) -> Chart:
    """Draw one day for each average; ``None`` is a day without ratings."""
    days = [
        DayFigures(
            date(2026, 1, 1) + timedelta(days=number),
            rated=0 if average is None else 2,
            average_score=average,
        )
        for number, average in enumerate(averages)
    ]
    return draw_satisfaction(days, name="test", width=width)


def test_best_score_lies_on_top_and_worst_at_the_foot() -> None:
    chart = draw(5.0, 1.0)
    tops = {label.text: label.y for label in chart.scores}
    assert [dot.y for dot in chart.dots] == [tops["5"], tops["1"]]
    assert float(tops["5"]) < float(tops["1"])


def test_line_is_interrupted_when_a_day_has_no_rating() -> None:
    chart = draw(4.0, 5.0, None, None, 3.0, 3.0, None, 2.0)
    assert [len(line.split()) for line in chart.lines] == [2, 2]
    assert len(chart.dots) == 5
    assert len(chart.bars) == 5


def test_everything_lies_within_the_drawing() -> None:
    for count in (1, 14, 366):
        chart = draw(*[3.5] * count, width=360)
        for bar in chart.bars:
            assert chart.left <= float(bar.x) <= chart.right - float(bar.width) + 0.1
            assert float(bar.y) + float(bar.height) <= chart.bars_foot + 0.1
        places = [float(label.x) for label in chart.days]
        assert places == sorted(places)
        assert all(b - a > 40 for a, b in pairwise(places))
        assert 0 < places[0] <= places[-1] < chart.width


def test_description_says_the_range() -> None:
    text = draw(4.0, None, 2.5).description
    assert "between 2.5 (3 Jan) and 4.0 (1 Jan), from 4 ratings on 2 days" in text
    assert "No episode" in draw(None, None).description
