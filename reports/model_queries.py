"""Every query over turns for the report of models and money.

A turn counts for the day on which it was queued, once it has ended: what was superseded or
cancelled gave the customer nothing. Its kind is who wrote what came of it, one kind a turn.
"""

import re
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final, get_args

from django.db.models import (
    Aggregate,
    Case,
    CharField,
    Count,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)

from assistant.cache import ENGINE as CACHE
from assistant.models import Tier, Turn
from assistant.violations import ViolationKind
from conversations.models import Episode, Message, Site
from reports.figures import share
from reports.model_figures import CacheFigures, KindFigures, TierReason, Withdrawal
from reports.queries import Percentile
from reports.spans import Span

Outcome, State = Turn.Outcome, Turn.State
EXTRACTIVE: Final = "extractive"
QUOTED, QUOTED_INSTEAD, GIVEN_AGAIN, NOTHING = "quoted", "instead", "again", "nothing"
# Of these a model was asked for the answer.
ASKED: Final = (*Tier.values, QUOTED_INSTEAD)
MOST_REASONS = 20
# Reasons differ by what was measured: so many are read to be grouped.
MOST_WORDINGS = 5_000
KINDS: Final = (
    (Tier.SMALL.value, "Small tier", ""),
    (Tier.STANDARD.value, "Standard tier", ""),
    (Tier.STRONG.value, "Strong tier", ""),
    (QUOTED, "Articles quoted", "No model was asked."),
    (QUOTED_INSTEAD, "Articles quoted instead", "A model was asked, and failed or was withdrawn."),
    (GIVEN_AGAIN, "Given again from the cache", "An earlier answer to the same question."),
    (NOTHING, "Nothing written", "Fixed words, asked back, stopped, or passed on before."),
)
VIOLATIONS: Final = {
    "canary": "It repeated its instructions",
    "instructions": "It repeated its instructions",
    "link": "A link that no source has",
    "personal": "Personal data of others",
    "promise": "A promise that only a person may give",
    "ungrounded": "Not covered by the articles",
}
# What was measured differs from turn to turn; what was decided by is the rest of the words.
MEASURED: Final = re.compile(r"\d+(?= words| questions)|(?<=confidence )\d\.\d\d")
KIND = Case(
    When(engine=CACHE, then=Value(GIVEN_AGAIN)),
    When(engine=EXTRACTIVE, tier="", then=Value(QUOTED)),
    When(engine=EXTRACTIVE, then=Value(QUOTED_INSTEAD)),
    When(tier="", then=Value(NOTHING)),
    default=F("tier"),
    output_field=CharField(),
)
WITHDRAWN = Q(error_code__in=get_args(ViolationKind))
# A model told what it used, and nobody knows its price.
UNPRICED = Q(cost__isnull=True) & (Q(prompt_tokens__gt=0) | Q(completion_tokens__gt=0))
# What the customer waited for: a turn that was stopped or failed says nothing of it.
SERVED = Q(state=State.DONE, message__isnull=False) & ~Q(outcome=Outcome.STOPPED)


def turns(span: Span, *, include_sample: bool, site: Site | None = None) -> QuerySet[Turn]:
    """Return the turns that count for a span, of one website or of all."""
    found = Turn.objects.filter(
        created_at__gte=span.start,
        created_at__lt=span.end,
        state__in=[State.DONE, State.FAILED],
    )
    if site is not None:
        found = found.filter(conversation__site=site)
    if not include_sample:
        found = found.filter(conversation__is_sample=False)
    return found


def kinds(of: QuerySet[Turn]) -> tuple[KindFigures, ...]:
    """Return the figures of each kind of turn, those that never happened left out."""
    counts = {**_sums(), **_times()}
    found = of.order_by().annotate(kind=KIND).values_list("kind").annotate(**counts)
    rows = {kind: dict(zip(counts, values, strict=True)) for kind, *values in found}
    ended = _endings(of)
    whole = sum(row["turns"] for row in rows.values())
    return tuple(
        KindFigures(
            kind=kind,
            label=label,
            note=note,
            share=share(rows[kind]["turns"], of=whole),
            confirmed=ended.get((kind, Episode.Outcome.CONFIRMED), 0),
            assumed=ended.get((kind, Episode.Outcome.ASSUMED), 0),
            **_with_cost(rows[kind]),
        )
        for kind, label, note in KINDS
        if kind in rows
    )


def all_kinds(rows: tuple[KindFigures, ...]) -> KindFigures:
    """Return the sums of all kinds; times of answers made so differently have no common one."""
    names = (
        "turns", "confirmed", "assumed", "handed_off", "helpful", "unhelpful", "withdrawn",
        "prompt_tokens", "completion_tokens", "cached_tokens", "unpriced",
    )  # fmt: skip
    costs = [row.cost for row in rows if row.cost is not None]
    return KindFigures(
        kind="",
        label="All",
        cost=sum(costs, Decimal(0)) if costs or not rows else None,
        **{name: sum(getattr(row, name) for row in rows) for name in names},
    )


def _sums() -> dict[str, Aggregate]:
    return {
        # First: from here on a sum's name hides the column that it is of.
        "unpriced": Count("pk", filter=UNPRICED),
        "turns": Count("pk"),
        "handed_off": Count("pk", filter=Q(outcome=Outcome.HANDED_OFF)),
        "helpful": Count("pk", filter=Q(message__helpful=True)),
        "unhelpful": Count("pk", filter=Q(message__helpful=False)),
        "withdrawn": Count("pk", filter=WITHDRAWN),
        "prompt_tokens": Sum("prompt_tokens"),
        "completion_tokens": Sum("completion_tokens"),
        "cached_tokens": Sum("cached_tokens"),
        "cost": Sum("cost"),
    }


def _times() -> dict[str, Aggregate]:
    wait = ExpressionWrapper(F("finished_at") - F("created_at"), output_field=DurationField())
    return {
        "half_within": Percentile(wait, part=0.5, filter=SERVED),
        "most_within": Percentile(wait, part=0.95, filter=SERVED),
    }


def _with_cost(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose cost is 0 where no model was used, and ``None`` where none has a price."""
    if row["cost"] is None and not row["unpriced"]:
        return {**row, "cost": Decimal(0)}
    return row


def _endings(of: QuerySet[Turn]) -> dict[tuple[str, str], int]:
    """Return how many episodes the assistant ended, by the kind of the last answer and outcome.

    So each episode counts once, for who gave the answer that the customer left with. One that was
    reopened does not count, however it had ended.
    """
    later = Message.objects.filter(
        conversation=OuterRef("conversation"), seq__gt=OuterRef("message__seq"), is_answer=True
    )
    last = of.filter(
        ~Exists(later),
        message__is_answer=True,
        conversation__episode=F("message__episode"),
        conversation__episodes__number=F("message__episode"),
        conversation__episodes__handled_by=Episode.HandledBy.ASSISTANT,
        conversation__episodes__outcome__in=[Episode.Outcome.CONFIRMED, Episode.Outcome.ASSUMED],
    )
    ending = F("conversation__episodes__outcome")
    found = last.order_by().annotate(kind=KIND, ending=ending).values_list("kind", "ending")
    return {(kind, end): count for kind, end, count in found.annotate(count=Count("pk"))}


def tier_reasons(of: QuerySet[Turn]) -> tuple[TierReason, ...]:
    """Return why tiers were chosen, the most frequent first; what was measured is an ellipsis."""
    given = of.exclude(tier_reason="").order_by()
    by_words = given.values_list("tier", "tier_reason").annotate(count=Count("pk"))
    rows = list(by_words.order_by("-count")[:MOST_WORDINGS])
    counts: Counter[tuple[str, str]] = Counter()
    for tier, reason, count in rows:
        counts[tier, MEASURED.sub("\u2026", reason)] += count
    whole = counts.total() if len(rows) < MOST_WORDINGS else given.count()
    labels = dict(Tier.choices)
    most = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:MOST_REASONS]
    shown = [(str(labels.get(tier, "No model")), why, count) for (tier, why), count in most]
    rest = whole - sum(count for _, _, count in shown)
    if rest:
        shown.append(("", "Other reasons", rest))
    return tuple(
        TierReason(tier, why, count, share(count, of=whole) or 0.0) for tier, why, count in shown
    )


def withdrawals(of: QuerySet[Turn]) -> tuple[Withdrawal, ...]:
    """Return what guardrails withdrew, by what was wrong and the tier that had written it."""
    rows = (
        of.filter(WITHDRAWN)
        .order_by()
        .values_list("error_code", "tier")
        .annotate(
            count=Count("pk"),
            handed_off=Count("pk", filter=Q(outcome=Outcome.HANDED_OFF)),
            quoted=Count("pk", filter=Q(engine=EXTRACTIVE, outcome=Outcome.ANSWERED)),
        )
        .order_by("-count", "error_code", "tier")
    )
    labels = dict(Tier.choices)
    return tuple(
        Withdrawal(VIOLATIONS.get(kind, kind), str(labels.get(tier, "No model")), *counts)
        for kind, tier, *counts in rows
    )


def cache_figures(of: QuerySet[Turn], *, kinds: Iterable[KindFigures]) -> CacheFigures:
    """Return how often an answer was given again, and what that saved.

    Saved is the sum, over the turns given again, of what the kept answer cost when a model wrote
    it: ``sum(turn.cached_answer.cost)``. What a kept answer cost is not known any more once it is
    forgotten (after seven days), and never was where its model has no price: such turns are
    ``unknown`` and add nothing, so what was saved is at least the sum.
    """
    turns_of = {row.kind: row.turns for row in kinds}
    found = of.filter(engine=CACHE).aggregate(
        saved=Sum("cached_answer__cost", default=Decimal(0)),
        unknown=Count("pk", filter=Q(cached_answer__cost__isnull=True)),
    )
    asked = sum(turns_of.get(kind, 0) for kind in ASKED)
    return CacheFigures(given=turns_of.get(GIVEN_AGAIN, 0), asked=asked, **found)
