"""What was spent, on what, against which limit; and what the tools did.

Money comes from what was booked (``Reservation``, ``Spend``), so that what a stopped, failed or
superseded turn cost is in it. Made-up conversations cost nothing.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from django.db.models import (
    Count,
    F,
    FloatField,
    Max,
    Q,
    QuerySet,
    Sum,
)

from assistant.models import (
    BudgetAlarm,
    BudgetLimit,
    Effect,
    HelperRun,
    Reservation,
    Scope,
    Spend,
    ToolCall,
)
from conversations.models import Site
from reports import model_queries
from reports.model_figures import (
    HelpFigures,
    Limit,
    ModelReport,
    PurposeFigures,
    SpendDay,
    ToolFigures,
)
from reports.queries import Percentile
from reports.spans import Span

PURPOSES: Final = {
    "answer": ("Answers to customers", "Of all turns, those that were stopped or failed too."),
    "rewrite": ("Follow-up questions", "Made to stand alone, before anything is looked up."),
    "summary": ("Summaries", "Of long conversations, in the background."),
    "help": ("Help for agents and managers", "By kind in a table of its own."),
}
MOST_TOOLS = 50
Call = ToolCall.State


def limit_of(site: Site | None) -> BudgetLimit | None:
    """Return the day's limit for a website, its own before that of all; for everything of none."""
    rows = BudgetLimit.objects.filter(is_active=True)
    if site is None:
        return rows.filter(scope=Scope.TOTAL, site=None).first()
    shared = rows.filter(Q(site=site) | Q(site=None), scope=Scope.SITE)
    return shared.order_by(F("site").asc(nulls_last=True)).first()


def spend_days(span: Span, *, site: Site | None, limit: BudgetLimit | None) -> tuple[SpendDay, ...]:
    """Return what each day cost, the days without any use too; days are those of UTC."""
    scope, key = (Scope.SITE, str(site.pk)) if site else (Scope.TOTAL, "all")
    kept = Spend.objects.filter(scope=scope, scope_key=key, day__range=(span.first, span.last))
    spent = {row.day: row for row in kept}
    alarms = _alarms(span, limit=limit, key=key)
    bound = _bound(limit)
    return tuple(
        SpendDay(
            day,
            usd=spent[day].spent_usd if day in spent else Decimal(0),
            tokens=spent[day].spent_tokens if day in spent else 0,
            alarm=alarms.get(day),
            limit=bound,
        )
        for day in span.days
    )


def _bound(limit: BudgetLimit | None) -> Limit:
    return Limit(usd=limit.usd, tokens=limit.tokens) if limit else Limit()


def _alarms(span: Span, *, limit: BudgetLimit | None, key: str) -> Mapping[date, int]:
    if limit is None:
        return {}
    rows = BudgetAlarm.objects.filter(
        limit=limit, scope_key=key, day__range=(span.first, span.last)
    )
    return dict(rows.order_by().values_list("day").annotate(highest=Max("level")))


def purposes(span: Span, *, site: Site | None = None) -> tuple[PurposeFigures, ...]:
    """Return what models were used for, the dearest first.

    A settled use with tokens and without money had no price, or a price of nothing.
    """
    # What was set apart and not used, as for an answer that was given again, is no use.
    rows = Reservation.objects.filter(
        created_at__gte=span.start, created_at__lt=span.end, settled_tokens__gt=0
    )
    if site is not None:
        rows = rows.filter(scopes__contains=[[Scope.SITE.value, str(site.pk)]])
    found = (
        rows.order_by()
        .values_list("purpose")
        .annotate(
            uses=Count("pk"),
            tokens=Sum("settled_tokens", default=0),
            usd=Sum("settled_usd", default=Decimal(0)),
            unpriced=Count("pk", filter=Q(settled_usd=0)),
            lost=Count("pk", filter=Q(state=Reservation.State.LOST)),
        )
    )
    return tuple(
        PurposeFigures(*PURPOSES.get(name, (name, "")), *values)
        for name, *values in found.order_by("-usd", "purpose")
    )


def help_runs(span: Span, *, site: Site | None = None) -> tuple[HelpFigures, ...]:
    """Return what people asked of the models for themselves, by kind."""
    rows = HelperRun.objects.filter(created_at__gte=span.start, created_at__lt=span.end)
    if site is not None:
        rows = rows.filter(conversation__site=site)
    found = (
        rows.order_by()
        .values_list("kind")
        .annotate(
            runs=Count("pk"),
            done=Count("pk", filter=Q(state=HelperRun.State.DONE)),
            failed=Count("pk", filter=Q(state=HelperRun.State.FAILED)),
            tokens=Sum(F("prompt_tokens") + F("completion_tokens")),
            # Before the sum that hides the column.
            unpriced=Count("pk", filter=Q(cost__isnull=True, prompt_tokens__gt=0)),
            cost=Sum("cost", default=Decimal(0)),
        )
    )
    labels = dict(HelperRun.Kind.choices)
    return tuple(
        HelpFigures(str(labels.get(kind, kind)), *values)
        for kind, *values in found.order_by("-runs", "kind")
    )


def tools(span: Span, *, include_sample: bool, site: Site | None = None) -> tuple[ToolFigures, ...]:
    """Return the calls of each tool by what became of them, the most used first."""
    rows = ToolCall.objects.filter(created_at__gte=span.start, created_at__lt=span.end)
    if site is not None:
        rows = rows.filter(conversation__site=site)
    if not include_sample:
        rows = rows.filter(conversation__is_sample=False)
    labels = dict(Effect.choices)
    return tuple(
        ToolFigures(tool, str(labels.get(effect, effect)), *values)
        for tool, effect, *values in _by_tool(rows)
    )


def _by_tool(rows: QuerySet[ToolCall]) -> Any:
    took = Percentile("duration_ms", output_field=FloatField())
    states = {
        "done": [Call.DONE],
        "failed": [Call.FAILED],
        "refused": [Call.REFUSED],
        "dropped": [Call.CANCELLED, Call.EXPIRED],
        "unknown": [Call.UNKNOWN],
        "open": [Call.PROPOSED, Call.CONFIRMED, Call.RUNNING],
    }
    counts = {name: Count("pk", filter=Q(state__in=some)) for name, some in states.items()}
    found = rows.order_by().values_list("tool", "effect")
    counted = found.annotate(calls=Count("pk"), **counts, half_within_ms=took)
    return counted.order_by("-calls", "tool", "effect")[:MOST_TOOLS]


def build_model_report(
    span: Span, *, include_sample: bool, site: Site | None = None
) -> ModelReport:
    """Return all figures of a span."""
    of = model_queries.turns(span, include_sample=include_sample, site=site)
    rows = model_queries.kinds(of)
    limit = limit_of(site)
    return ModelReport(
        span=span,
        kinds=rows,
        all=model_queries.all_kinds(rows),
        reasons=model_queries.tier_reasons(of),
        withdrawals=model_queries.withdrawals(of),
        cache=model_queries.cache_figures(of, kinds=rows),
        limit=_bound(limit),
        days=spend_days(span, site=site, limit=limit),
        purposes=purposes(span, site=site),
        help=help_runs(span, site=site),
        tools=tools(span, include_sample=include_sample, site=site),
    )
