"""Every query of the reports: one a figure, all of them over the same episodes.

An episode counts for the day on which it began, once the customer asked something or was handed
to a person: a chat that was only opened says nothing.
"""

from collections.abc import Iterable
from typing import Any

from django.db.models import (
    Aggregate,
    Avg,
    Case,
    CharField,
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.functions import TruncDate

from conversations.models import Conversation, Episode, Rating, Site
from escalation.models import HandOff
from reports import figures
from reports.spans import FIRST_DAY, Span

COMMENTS = 12
REOPENED = "reopened"
OUTCOMES = (
    (Episode.Outcome.CONFIRMED, "Confirmed", "The customer said so: a thumb up, or 4 or 5 stars."),
    (Episode.Outcome.ASSUMED, "Assumed", "Resolved, and the customer did not say otherwise."),
    (REOPENED, "Reopened", "Ended, and then the customer came back to it."),
    (Episode.Outcome.ABANDONED, "Abandoned", "Ended unanswered, or while waiting for a person."),
    (Episode.Outcome.OPEN, "Open", "Not ended yet."),
)
# A question that the assistant answered and nobody reopened, without any person in it.
AUTOMATED = Q(
    resolved_at__isnull=False,
    handled_by=Episode.HandledBy.ASSISTANT,
    first_question_at__isnull=False,
    handed_off_at=None,
    conversation__episode=F("number"),
)
# Words that accompany a hand-off are no response: what came first was the assistant's or nobody's.
ASSISTANT_FIRST = Q(handed_off_at=None) | Q(first_response_at__lte=F("handed_off_at"))


class Percentile(Aggregate):
    """PostgreSQL's percentile, of durations too: half of all lie within that of 0.5."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(%(part)s) WITHIN GROUP (ORDER BY %(expressions)s)"

    def __init__(self, *expressions: Any, part: float = 0.5, **extra: Any) -> None:
        super().__init__(*expressions, part=part, **extra)


def episodes(span: Span, *, include_sample: bool, site: Site | None = None) -> QuerySet[Episode]:
    """Return the episodes that count for a span, of one website or of all."""
    found = Episode.objects.filter(
        Q(first_question_at__isnull=False) | Q(handed_off_at__isnull=False),
        started_at__gte=span.start,
        started_at__lt=span.end,
    )
    if site is not None:
        found = found.filter(conversation__site=site)
    return found if include_sample else found.filter(conversation__is_sample=False)


def sample_episodes(span: Span, *, site: Site | None = None) -> int:
    """Return how many made-up episodes a span has, shown or not."""
    found = episodes(span, include_sample=True, site=site)
    return found.filter(conversation__is_sample=True).count()


def has_sample() -> bool:
    """Whether there is any made-up conversation."""
    return Conversation.objects.filter(is_sample=True).exists()


def totals(of: QuerySet[Episode]) -> figures.Totals:
    """Return the figures of all episodes together."""
    wait = ExpressionWrapper(
        F("first_response_at") - F("first_question_at"), output_field=DurationField()
    )
    medians: dict[str, Any] = of.aggregate(
        assistant_first_response=Percentile(wait, filter=ASSISTANT_FIRST),
        person_first_response=Percentile(wait, filter=~ASSISTANT_FIRST),
    )
    return figures.Totals(**of.aggregate(**_counts()), **medians)


def totals_before(
    span: Span, *, include_sample: bool, site: Site | None = None
) -> figures.Totals | None:
    """Return the figures of as many days just before, if the record covers all of them."""
    earlier = Span(FIRST_DAY, span.before.first)
    if not episodes(earlier, include_sample=include_sample, site=site).exists():
        return None
    return totals(episodes(span.before, include_sample=include_sample, site=site))


def daily(of: QuerySet[Episode], *, span: Span) -> tuple[figures.DayFigures, ...]:
    """Return the figures of each day of the span, the days without episodes too."""
    rows = of.annotate(day=TruncDate("started_at")).values("day").annotate(**_counts())
    known = {row["day"]: figures.DayFigures(**row) for row in rows.order_by("day")}
    return tuple(known.get(day) or figures.DayFigures(day) for day in span.days)


def _counts() -> dict[str, Aggregate]:
    return {
        "episodes": Count("pk"),
        "ended": Count("pk", filter=Q(resolved_at__isnull=False)),
        "asked": Count("pk", filter=Q(rating_requested_at__isnull=False)),
        "rated": Count("rating"),
        "average_score": Avg("rating__score"),
        "automated": Count("pk", filter=AUTOMATED),
    }


def scores(of: QuerySet[Episode]) -> tuple[figures.Count, ...]:
    """Return how often each score was given, from 5 down to 1."""
    counts = _grouped(of.filter(rating__isnull=False), "rating__score")
    return _table([(score, f"{score}", "") for score in (5, 4, 3, 2, 1)], counts)


def handlers(of: QuerySet[Episode]) -> tuple[figures.HandlerFigures, ...]:
    """Return satisfaction by who brought the episode to its end."""
    kept = ("episodes", "asked", "rated", "average_score")
    counts = {name: value for name, value in _counts().items() if name in kept}
    found = of.order_by().values_list("handled_by").annotate(**counts)
    rows = {kind: dict(zip(counts, values, strict=True)) for kind, *values in found}
    nothing = dict.fromkeys(counts, 0) | {"average_score": None}
    labels = (
        (Episode.HandledBy.ASSISTANT, "Assistant", ""),
        (Episode.HandledBy.PERSON, "Person", ""),
        (Episode.HandledBy.NOBODY, "Nobody", "Open or abandoned."),
    )
    return tuple(
        figures.HandlerFigures(label=label, note=note, **rows.get(kind, nothing))
        for kind, label, note in labels
    )


def outcomes(of: QuerySet[Episode]) -> tuple[figures.Count, ...]:
    """Return how the episodes ended; each stands in one row only."""
    ending = Case(
        When(conversation__episode__gt=F("number"), then=Value(REOPENED)),
        default=F("outcome"),
        output_field=CharField(),
    )
    return _table(OUTCOMES, _grouped(of.annotate(ending=ending), "ending"))


def hand_off_reasons(of: QuerySet[Episode]) -> tuple[figures.Count, ...]:
    """Return why people were needed, the most frequent first; one episode may count twice."""
    counts = _grouped(of.filter(hand_offs__isnull=False), "hand_offs__reason")
    known = [(reason, label, "") for reason, label in HandOff.Reason.choices if reason in counts]
    known.sort(key=lambda row: -counts[row[0]])
    return _table(known, counts)


def recent_comments(of: QuerySet[Episode], *, limit: int = COMMENTS) -> tuple[figures.Comment, ...]:
    """Return the newest comments."""
    rows = Rating.objects.filter(episode__in=of).exclude(comment="").order_by("-created_at", "-pk")
    return tuple(
        figures.Comment(
            conversation=rating.episode.conversation.public_id,
            score=rating.score,
            text=rating.comment,
            written_at=rating.created_at,
            handled_by=rating.episode.get_handled_by_display(),
            is_sample=rating.episode.conversation.is_sample,
        )
        for rating in rows.select_related("episode__conversation")[:limit]
    )


def _grouped(of: QuerySet[Episode], column: str) -> dict[Any, int]:
    return dict(of.values_list(column).annotate(count=Count("pk")).order_by())


def _table(
    rows: Iterable[tuple[Any, str, str]], counts: dict[Any, int]
) -> tuple[figures.Count, ...]:
    whole = sum(counts.values())
    return tuple(
        figures.Count(
            label=label,
            count=counts.get(key, 0),
            share=figures.share(counts.get(key, 0), of=whole) or 0.0,
            note=note,
        )
        for key, label, note in rows
    )


def build_report(span: Span, *, include_sample: bool, site: Site | None = None) -> figures.Report:
    """Return all figures of a span."""
    of = episodes(span, include_sample=include_sample, site=site)
    return figures.Report(
        span=span,
        totals=totals(of),
        before=totals_before(span, include_sample=include_sample, site=site),
        days=daily(of, span=span),
        scores=scores(of),
        handlers=handlers(of),
        outcomes=outcomes(of),
        reasons=hand_off_reasons(of),
        comments=recent_comments(of),
        sample_episodes=sample_episodes(span, site=site),
    )
