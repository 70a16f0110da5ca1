"""Which days a reader's choice means, and what is said where it means none."""

from datetime import date, timedelta

import pytest
from django.conf import LazySettings
from django.http import QueryDict
from django.utils import timezone

from reports.spans import Span, last_days, read_choice

TODAY = timezone.localdate


def test_span_is_fourteen_days_when_nothing_is_chosen() -> None:
    choice = read_choice({})
    assert choice.span == last_days(14)
    assert choice.span.last == TODAY()
    assert choice.span.length == 14
    assert not choice.problem


def test_span_holds_both_days_when_chosen() -> None:
    span = read_choice({"from": "2026-01-30", "to": "2026-02-02"}).span
    assert [day.isoformat() for day in span.days] == [
        "2026-01-30", "2026-01-31", "2026-02-01", "2026-02-02",
    ]  # fmt: skip
    assert span.end - span.start == timedelta(days=4)
    assert span.before == Span(date(2026, 1, 26), date(2026, 1, 29))


def test_query_leads_back_to_the_choice() -> None:
    choice = read_choice({"from": "2026-01-30", "to": "2026-02-02", "sample": "include"})
    assert read_choice(QueryDict(choice.query).dict()) == choice


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"from": "2026-02-02", "to": "2026-01-30"}, "comes after"),
        ({"from": "yesterday"}, "“From” is not a date"),
        ({"to": "2026-02-30"}, "“To” is not a date"),
        ({"to": "2026-01-01\x00"}, "“To” is not a date"),
        ({"from": "0001-01-01", "to": "0001-01-02"}, "lies before"),
        ({"to": "9999-12-31"}, "in the future"),
        ({"from": "2020-01-01", "to": "2026-01-01"}, "366 at most"),
    ],
)
def test_choice_tells_the_problem_when_days_are_wrong(query: dict[str, str], problem: str) -> None:
    choice = read_choice(query)
    assert problem in choice.problem
    assert choice.span == last_days(14)


@pytest.mark.parametrize(
    ("is_demo", "query", "expected"),
    [
        (True, "", True),
        (False, "", False),
        (True, "sample=exclude", False),
        (False, "sample=include", True),
        # The form sends its hidden field first, then the box if it is ticked.
        (True, "sample=exclude&sample=include", True),
    ],
)
def test_sample_is_included_by_choice_else_in_the_demo(
    settings: LazySettings, is_demo: bool, query: str, expected: bool
) -> None:
    settings.DEMO = is_demo
    assert read_choice(QueryDict(query)).include_sample is expected
