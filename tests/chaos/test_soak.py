"""The soak's line tells growth from noise."""

import random

import pytest

from tests.chaos.soak import BOUNDED, as_page, trend_of

FACTS = dict.fromkeys(("commit", "shared", "messages", "ends", "promises", "broken"), "") | {
    "minutes": 15,
    "conversations": 5,
    "rate": 1,
}
TIMES = [10.0 * number for number in range(90)]


@pytest.mark.parametrize(("per_second", "is_level"), [(0.0, True), (-0.1, True), (0.05, False)])
def test_trend_of_what_grows_by_so_much(per_second: float, is_level: bool) -> None:
    dice = random.Random(1)
    values = [200 + per_second * at + dice.gauss(0, 2) for at in TIMES]

    trend = trend_of(TIMES, values)

    assert trend.is_level is is_level
    assert trend.growth == pytest.approx(per_second * 890, abs=2)
    assert trend.noise == pytest.approx(4, abs=1)


def test_as_page_looks_at_the_end_only() -> None:
    dice = random.Random(1)
    samples = [(at, {"memory": 100 + min(at, 400) + dice.gauss(0, 1)}) for at in TIMES]

    page, is_level = as_page(samples, **FACTS)

    assert is_level
    assert "| memory | " in page
    assert "| level |" in page
    assert "last 8 minutes" in page


def test_of_a_long_soak_the_last_quarter_of_an_hour_is_judged() -> None:
    times = [10.0 * number for number in range(1, 361)]
    samples = [(at, {"memory": min(at, 2_600.0)}) for at in times]
    page, is_level = as_page(samples, **FACTS)
    assert is_level
    assert "last 15 minutes" in page


def test_what_is_bounded_is_not_judged_and_anything_else_is() -> None:
    def samples(name: str) -> list[tuple[float, dict[str, float]]]:
        return [(at, {name: at}) for at in TIMES]

    page, is_level = as_page(samples(BOUNDED), **FACTS)
    assert is_level
    assert "| bounded |" in page
    page, is_level = as_page(samples("memory of web (MB)"), **FACTS)
    assert not is_level
    assert "| grows |" in page
