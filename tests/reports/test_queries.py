"""Every figure equals a recount of the raw rows in plain Python."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from statistics import fmean, median
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conversations.models import Episode, Rating
from escalation.models import HandOff
from reports import queries
from reports.figures import Totals
from reports.spans import Span
from tests.reports.conftest import Maker


def raw(span: Span, *, include_sample: bool) -> list[Episode]:
    """The episodes of a span, picked without SQL."""
    rows = Episode.objects.select_related("conversation", "rating")
    return [
        row
        for row in rows
        if span.first <= timezone.localtime(row.started_at).date() <= span.last
        and (row.first_question_at or row.handed_off_at)
        and (include_sample or not row.conversation.is_sample)
    ]


def score_of(episode: Episode) -> int | None:
    """The score of an episode."""
    return episode.rating.score if hasattr(episode, "rating") else None


def mean(values: Iterable[float | None]) -> float | None:
    """The mean of what is known."""
    known = [value for value in values if value is not None]
    return pytest.approx(fmean(known)) if known else None


def is_automated(row: Episode) -> bool:
    """The definition on the page, in Python."""
    return bool(
        row.resolved_at
        and row.first_question_at
        and row.handled_by == "assistant"
        and not row.handed_off_at
        and row.conversation.episode == row.number
    )


def middle_wait(rows: list[Episode], *, by_assistant: bool) -> timedelta | None:
    """The median first response of one side."""
    waits = [
        (row.first_response_at - row.first_question_at).total_seconds()
        for row in rows
        if row.first_response_at
        and row.first_question_at
        and (not row.handed_off_at or row.first_response_at <= row.handed_off_at) == by_assistant
    ]
    return timedelta(seconds=median(waits)) if waits else None


@pytest.mark.parametrize("include_sample", [True, False])
def test_totals_equal_a_recount(crowd: Maker, span: Span, include_sample: bool) -> None:
    rows = raw(span, include_sample=include_sample)
    found = queries.totals(queries.episodes(span, include_sample=include_sample))
    assert len(rows) > 40
    assert found.automated > 0
    assert found.episodes == len(rows)
    assert found.ended == sum(bool(row.resolved_at) for row in rows)
    assert found.asked == sum(bool(row.rating_requested_at) for row in rows)
    assert found.rated == sum(score_of(row) is not None for row in rows)
    assert found.average_score == mean(score_of(row) for row in rows)
    assert found.automated == sum(is_automated(row) for row in rows)
    for ours, by_assistant in (
        (found.assistant_first_response, True),
        (found.person_first_response, False),
    ):
        theirs = middle_wait(rows, by_assistant=by_assistant)
        assert theirs is not None
        assert ours is not None
        assert abs(ours - theirs) < timedelta(milliseconds=1)


def test_days_equal_a_recount(crowd: Maker, span: Span) -> None:
    rows = raw(span, include_sample=True)
    found = queries.daily(queries.episodes(span, include_sample=True), span=span)
    assert [day.day for day in found] == span.days
    for day in found:
        of = [row for row in rows if timezone.localtime(row.started_at).date() == day.day]
        assert day.episodes == len(of)
        assert day.ended == sum(bool(row.resolved_at) for row in of)
        assert day.asked == sum(bool(row.rating_requested_at) for row in of)
        assert day.rated == sum(score_of(row) is not None for row in of)
        assert day.average_score == mean(score_of(row) for row in of)
        assert day.automated == sum(is_automated(row) for row in of)


def test_scores_equal_a_recount(crowd: Maker, span: Span) -> None:
    counts = Counter(score_of(row) for row in raw(span, include_sample=True))
    rated = sum(count for score, count in counts.items() if score)
    found = queries.scores(queries.episodes(span, include_sample=True))
    assert [(row.label, row.count) for row in found] == [
        (str(n), counts[n]) for n in (5, 4, 3, 2, 1)
    ]
    assert [row.share for row in found] == [
        pytest.approx(counts[n] / rated) for n in (5, 4, 3, 2, 1)
    ]


def test_handlers_equal_a_recount(crowd: Maker, span: Span) -> None:
    rows = raw(span, include_sample=True)
    found = queries.handlers(queries.episodes(span, include_sample=True))
    assert [row.label for row in found] == ["Assistant", "Person", "Nobody"]
    for row in found:
        of = [one for one in rows if one.handled_by == row.label.lower()]
        assert (row.episodes, row.rated) == (
            len(of),
            sum(score_of(one) is not None for one in of),
        )
        assert row.asked == sum(bool(one.rating_requested_at) for one in of)
        assert row.average_score == mean(score_of(one) for one in of)


def test_outcomes_equal_a_recount(crowd: Maker, span: Span) -> None:
    rows = raw(span, include_sample=True)
    counts = Counter(
        "Reopened" if row.conversation.episode > row.number else row.outcome.title() for row in rows
    )
    found = {
        row.label: row.count
        for row in queries.outcomes(queries.episodes(span, include_sample=True))
    }
    assert found == {
        name: counts[name] for name in ("Confirmed", "Assumed", "Reopened", "Abandoned", "Open")
    }
    assert sum(found.values()) == len(rows)


def test_reasons_equal_a_recount(crowd: Maker, span: Span) -> None:
    pks = {row.pk for row in raw(span, include_sample=True)}
    counts = Counter(
        one.get_reason_display() for one in HandOff.objects.all() if one.episode_id in pks
    )
    found = queries.hand_off_reasons(queries.episodes(span, include_sample=True))
    assert {row.label: row.count for row in found} == counts
    assert [row.count for row in found] == sorted(counts.values(), reverse=True)


def test_comments_are_the_newest_of_the_span(crowd: Maker, span: Span) -> None:
    pks = {row.pk for row in raw(span, include_sample=False)}
    rated = [one for one in Rating.objects.exclude(comment="") if one.episode_id in pks]
    newest = sorted(rated, key=lambda one: one.created_at, reverse=True)[:5]
    found = queries.recent_comments(queries.episodes(span, include_sample=False), limit=5)
    assert [(one.score, one.text) for one in found] == [(one.score, one.comment) for one in newest]


def test_report_takes_as_many_queries_for_many_rows_as_for_none(maker: Maker, span: Span) -> None:
    with CaptureQueriesContext(connection) as without:
        queries.build_report(span, include_sample=True)
    for _ in range(20):
        episode = maker.episode(span.start, resolved_at=span.start)
        Rating.objects.create(episode=episode, score=4, comment="Good.")
    with CaptureQueriesContext(connection) as having:
        report = queries.build_report(span, include_sample=True)
    assert len(report.comments) == queries.COMMENTS
    assert len(having) == len(without)


def test_report_is_empty_when_nothing_was_asked(maker: Maker, span: Span) -> None:
    maker.episode(span.start, first_question_at=None)
    report = queries.build_report(span, include_sample=True)
    assert report.totals == Totals(0, 0, 0, 0, None, 0, None, None)
    assert report.totals.response_rate is None
    assert report.totals.automation_rate is None
    assert report.before is None
    assert len(report.days) == span.length


def test_hand_off_without_a_question_counts(maker: Maker, span: Span) -> None:
    maker.episode(span.start, first_question_at=None, handed_off_at=span.start)
    assert queries.totals(queries.episodes(span, include_sample=True)).episodes == 1


def test_episode_is_not_automated_when_the_customer_came_back(maker: Maker, span: Span) -> None:
    ended = {"resolved_at": span.start, "handled_by": "assistant"}
    conversation = maker.conversation(episodes=2)
    for number in (1, 2):
        maker.episode(span.start, conversation=conversation, number=number, **ended)
    found = queries.totals(queries.episodes(span, include_sample=True))
    assert (found.automated, found.ended) == (1, 2)


def test_days_before_are_compared_only_where_the_record_covers_them(
    maker: Maker, span: Span
) -> None:
    maker.episode(span.before.start + timedelta(days=1))
    assert queries.build_report(span, include_sample=True).before is None
    maker.episode(span.before.start)
    before = queries.build_report(span, include_sample=True).before
    assert before is not None
    assert before.episodes == 2


def test_days_follow_the_time_zone_when_it_is_not_utc(maker: Maker) -> None:
    zone = ZoneInfo("Pacific/Auckland")
    with timezone.override(zone):
        span = Span(date(2026, 3, 4), date(2026, 3, 5))
        for hour, day in ((23, 3), (0, 4), (23, 4), (0, 5), (23, 5), (0, 6)):
            maker.episode(datetime(2026, 3, day, hour, 30, tzinfo=zone))
        found = queries.daily(queries.episodes(span, include_sample=True), span=span)
    assert [(day.day.day, day.episodes) for day in found] == [(4, 2), (5, 2)]
