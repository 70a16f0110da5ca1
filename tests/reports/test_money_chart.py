"""Where the chart of money puts what, and what it says in words."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from reports.model_figures import Limit, SpendDay
from reports.money_chart import SpendChart, draw_spend
from reports.templatetags.report_figures import milliseconds, money


def draw(*amounts: str, limit: str | None = None, width: int = 600) -> SpendChart | None:
    """Draw one day for each amount."""
    bound = Limit(usd=None if limit is None else Decimal(limit))
    days = [
        SpendDay(date(2026, 1, 1) + timedelta(days=number), usd=Decimal(amount), limit=bound)
        for number, amount in enumerate(amounts)
    ]
    return draw_spend(days, name="test", width=width)


def test_bars_stand_on_the_ground_in_proportion() -> None:
    chart = draw("4", "0", "2")
    assert chart is not None
    first, second = (float(bar.height) for bar in chart.bars)
    assert first == pytest.approx(2 * second)
    assert all(float(bar.y) + float(bar.height) == chart.foot for bar in chart.bars)
    assert [step.text for step in chart.steps] == ["$0.00", "$2.50", "$5.00"]


def test_limit_is_drawn_only_where_it_leaves_room_for_the_bars() -> None:
    near, far, none = draw("4", limit="8"), draw("4", limit="20"), draw("4")
    assert near is not None
    assert near.limit is not None
    assert float(near.limit.y) < float(near.bars[0].y)
    for chart in (far, none):
        assert chart is not None
        assert chart.limit is None
    assert near.steps[-1].text == "$10.00"


def test_nothing_is_drawn_of_nothing() -> None:
    assert draw("0", "0", limit="5") is None


def test_everything_lies_within_the_drawing() -> None:
    for count in (1, 14, 366):
        chart = draw(*["0.00042"] * count, width=360, limit="0.0005")
        assert chart is not None
        for bar in chart.bars:
            assert chart.left <= float(bar.x) <= chart.right - float(bar.width) + 0.1
            assert float(bar.y) >= 0
        places = [float(label.x) for label in chart.days]
        assert all(after - before > 40 for before, after in pairwise(places))
        assert 0 < places[0] <= places[-1] < chart.width


def test_description_says_the_sum_the_dearest_day_and_the_limit() -> None:
    chart = draw("1", "4", "2.5", limit="2.5")
    assert chart is not None
    assert "$7.50 in all, $4.00 on the dearest day (2 Jan)" in chart.description
    assert "Today's limit is $2.50 a day; 2 of 3 days reached it." in chart.description
    without = draw("1")
    assert without is not None
    assert "There is no limit of money." in without.description


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (None, "\u2013"),
        ("0", "$0.00"),
        ("0.00004", "< $0.0001"),
        ("0.0123456", "$0.0123"),
        ("1234.5", "$1,234.50"),
    ],
)
def test_money_is_written(amount: str | None, words: str) -> None:
    assert money(None if amount is None else Decimal(amount)) == words


@pytest.mark.parametrize(("value", "words"), [(None, "\u2013"), (12.4, "12 ms"), (1530.0, "1.5 s")])
def test_milliseconds_are_written(value: float | None, words: str) -> None:
    assert milliseconds(value) == words
