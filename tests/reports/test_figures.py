"""How figures are written."""

from datetime import timedelta

import pytest

from reports.templatetags.report_figures import duration


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (4.26, "4.3_s"),
        (42, "42_s"),
        (120, "2_min"),
        (187, "3_min 7_s"),
        (3_600, "1_h 0_min"),
        (7_384, "2_h 3_min"),
    ],
)
def test_a_duration_breaks_between_its_units_only(seconds: float, written: str) -> None:
    assert duration(timedelta(seconds=seconds)) == written.replace("_", "\N{NO-BREAK SPACE}")


def test_a_duration_that_is_not_known_is_a_dash() -> None:
    assert duration(None) == "\N{EN DASH}"
